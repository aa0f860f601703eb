import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Guard } from './guarded.ts';
import type { McpEngine } from './mcp-engine.ts';
import { pageOf } from './page.ts';
import { progressOf } from './progress.ts';
import { rpcCodes } from './rpc-codes.ts';
import { RpcError } from './rpc-error.ts';
import type { Tool } from './tools/tool.ts';
import { tools } from './tools/tools.ts';

const IS_OFF =
  'This tool changes CProxy, which is not allowed. Its user can allow it with mcp.allowChanges: true in the configuration (`cproxy config path` says where that is).';

/** Lists and calls tools; those that change something only while that is allowed. @param client name of the client token. */
export function serveTools(server: Server, engine: McpEngine, client: string | null, guarded: Guard): void {
  const inUse = (): Tool[] => tools.filter(({ changes }) => !changes || engine.settings().allowChanges);

  server.setRequestHandler(
    ListToolsRequestSchema,
    guarded(async ({ params }) => {
      const { page, ...next } = pageOf(inUse(), params?.cursor);
      return { tools: page.map((tool) => tool.listed()), ...next };
    }),
  );
  server.setRequestHandler(
    CallToolRequestSchema,
    guarded(async ({ params }, extra) => {
      const tool = tools.find(({ name }) => name === params.name);
      if (tool === undefined) throw new RpcError(rpcCodes.invalidParams, `There is no tool '${params.name}'.`);
      if (!inUse().includes(tool)) return { isError: true, content: [{ type: 'text', text: IS_OFF }] };
      const { signal } = extra;
      const userAgent = userAgentOf(server, engine);
      return await tool.run(params.arguments, { engine, signal, client, userAgent, progress: progressOf(extra) });
    }),
  );
}

/** The client says who it is; a header holds ASCII, and no more than is of use. */
function userAgentOf(server: Server, { version: own }: McpEngine): string {
  const { name = 'unknown', version = '' } = server.getClientVersion() ?? {};
  const said = `${name} ${version}`.replace(/[^\x20-\x7e]|[()]/g, '').trim();
  return `cproxy-mcp/${own} (${said.slice(0, 100)})`;
}
