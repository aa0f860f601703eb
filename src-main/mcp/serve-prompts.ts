import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { GetPromptRequestSchema, ListPromptsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Guard } from './guarded.ts';
import { pageOf } from './page.ts';
import { prompts } from './prompts/prompts.ts';
import { rpcCodes } from './rpc-codes.ts';
import { RpcError } from './rpc-error.ts';

/** Lists prompts, and fills them in. */
export function servePrompts(server: Server, guarded: Guard): void {
  server.setRequestHandler(
    ListPromptsRequestSchema,
    guarded(async ({ params }) => {
      const { page, ...next } = pageOf(prompts, params?.cursor);
      const listed = page.map(({ name, title, description, arguments: all }) => ({
        ...{ name, title, description },
        arguments: all.map((one) => ({ name: one.name, description: one.description, required: one.required })),
      }));
      return { prompts: listed, ...next };
    }),
  );
  server.setRequestHandler(
    GetPromptRequestSchema,
    guarded(async ({ params: { name, arguments: given = {} } }) => {
      const prompt = prompts.find((one) => one.name === name);
      if (prompt === undefined) throw new RpcError(rpcCodes.invalidParams, `There is no prompt '${name}'.`);
      const missing = prompt.arguments.find((one) => one.required && !given[one.name]);
      if (missing !== undefined)
        throw new RpcError(rpcCodes.invalidParams, `The prompt '${name}' needs the argument '${missing.name}'.`);
      // An argument that was left empty is none.
      const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));
      const content = { type: 'text' as const, text: prompt.text(said) };
      return { description: prompt.description, messages: [{ role: 'user' as const, content }] };
    }),
  );
}
