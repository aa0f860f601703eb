import type { CompleteRequestParams, CompleteResult } from '@modelcontextprotocol/sdk/types.js';
import type { McpEngine } from './mcp-engine.ts';
import { prompts } from './prompts/prompts.ts';
import { resourceTemplates } from './resources/resources.ts';
import { rpcCodes } from './rpc-codes.ts';
import { RpcError } from './rpc-error.ts';

/** As many as MCP allows. */
const MOST = 100;

/** What an argument of a prompt, or the variable of an address, may go on with. @throws RpcError for what is not there */
export async function complete(
  engine: McpEngine,
  { ref, argument }: Pick<CompleteRequestParams, 'ref' | 'argument'>,
): Promise<CompleteResult> {
  const find = ref.type === 'ref/prompt' ? completionOf(ref.name, argument.name) : templateCompletion(ref.uri);
  const found = find === undefined ? [] : [...new Set(await find(engine, argument.value))];
  return { completion: { values: found.slice(0, MOST), total: found.length, hasMore: found.length > MOST } };
}

function completionOf(name: string, argument: string) {
  const prompt = prompts.find((one) => one.name === name);
  if (prompt === undefined) throw new RpcError(rpcCodes.invalidParams, `There is no prompt '${name}'.`);
  const known = prompt.arguments.find((one) => one.name === argument);
  if (known === undefined)
    throw new RpcError(rpcCodes.invalidParams, `The prompt '${name}' has no argument '${argument}'.`);
  return known.complete;
}

function templateCompletion(uri: string) {
  const template = resourceTemplates.find(({ uriTemplate }) => uriTemplate === uri);
  if (template === undefined) throw new RpcError(rpcCodes.invalidParams, `There is no resource template '${uri}'.`);
  return template.complete;
}
