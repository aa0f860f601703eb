import type { MessagesRequest, Tool } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { ListCache } from '../list-cache.ts';
import { parallelCalls, toolChoice } from '../openai-fields.ts';
import { assertToolsLeft } from '../server-tools.ts';
import { encodeToolName } from '../tool-names.ts';
import { toolParameters } from '../tool-schema.ts';
import { toolDefinition } from '../typed-tools.ts';

/** How a tool is named in `tool_choice`. */
type ToolReference = { type: 'function' | 'custom'; name: string } | { type: string };

type ToolChoice =
  | 'auto'
  | 'required'
  | 'none'
  | ToolReference
  | { type: 'allowed_tools'; mode: 'auto' | 'required'; tools: ToolReference[] };

/** The fields of a request that concern tools; absent ones are undefined and vanish in JSON. */
interface ToolFields {
  /** JSON of the `tools` field; null where there is none. */
  tools: Uint8Array | null;
  choice: { tool_choice: ToolChoice | undefined; parallel_tool_calls: boolean | undefined };
  /** The provider searches the web for the client, whose dialect tells what was found. */
  searches: boolean;
}

/** A list of tool definitions, translated. */
interface EncodedTools {
  json: Uint8Array;
  /** By the client's names. */
  references: ReadonlyMap<string, ToolReference>;
  /** Sent name → the client's own, for those that had to change. */
  changed: ReadonlyMap<string, string>;
  searches: boolean;
  warnings: readonly string[];
}

const encodedLists = new ListCache<EncodedTools>();

function encodeList(list: readonly Tool[], target: EncodeTarget): EncodedTools {
  const { isOpenai, searchesWeb, toolSchema, toolLimit } = target.quirks;
  const kind = `${isOpenai} ${searchesWeb} ${toolSchema} ${toolLimit}`;
  return encodedLists.of(list, kind, () => translateList(list, target));
}

function translateList(list: readonly Tool[], target: EncodeTarget): EncodedTools {
  const { toolLimit } = target.quirks;
  const tools: Record<string, unknown>[] = [];
  const references = new Map<string, ToolReference>();
  const changed = new Map<string, string>();
  const warnings: string[] = [];
  let searches = false;
  for (const tool of list) {
    const encoded = encodeTool(tool, target, warnings);
    if (encoded === null) continue;
    if (toolLimit !== null && tools.length === toolLimit) {
      warnings.push(`Only the first ${toolLimit} tools were sent.`);
      break;
    }
    const { definition, reference } = encoded;
    tools.push(definition);
    references.set(tool.name, reference);
    searches ||= reference.type.startsWith('web_search');
    if ('name' in reference && reference.name !== tool.name) changed.set(reference.name, tool.name);
  }
  return { json: Buffer.from(JSON.stringify(tools)), references, changed, searches, warnings };
}

interface EncodedTool {
  definition: Readonly<Record<string, unknown>>;
  reference: ToolReference;
}

/** Null where the target has no counterpart. */
function encodeTool(tool: Tool, { quirks }: EncodeTarget, warnings: string[]): EncodedTool | null {
  const { custom, builtin, strict } = tool.openai ?? {};
  const described = tool.description === undefined ? {} : { description: tool.description };
  if (builtin !== undefined && quirks.isOpenai)
    return { definition: builtin, reference: { type: String(builtin.type) } };
  const name = encodeToolName(tool.name ?? tool.type ?? '');
  if (custom !== undefined) {
    const format = custom.format === undefined ? {} : { format: custom.format };
    const reference = { type: 'custom' as const, name };
    return { definition: { ...reference, ...described, ...format }, reference };
  }
  if (isWebSearch(tool) && quirks.searchesWeb)
    return { definition: webSearch(tool, warnings), reference: { type: 'web_search' } };
  const known = toolDefinition(tool);
  if (known === null) {
    const vendor = builtin === undefined ? 'Anthropic' : 'OpenAI';
    warnings.push(`Tool '${tool.name ?? tool.type}' runs at ${vendor}'s servers and was left out.`);
    return null;
  }
  const { description, schema } = known;
  const reference = { type: 'function' as const, name };
  const definition = {
    ...reference,
    ...(description === undefined ? {} : { description }),
    parameters: toolParameters(schema, quirks.toolSchema),
    // Left to itself, OpenAI tries its strict mode, whose rules few schemas were written for.
    strict: strict === undefined ? false : strict,
  };
  return { definition, reference };
}

const isWebSearch = ({ type, input_schema }: Tool): boolean =>
  input_schema === undefined && type !== undefined && /^web_search_\d+$/.test(type);

/** Anthropic's `web_search_*` as OpenAI's. */
function webSearch(tool: Tool, warnings: string[]): Record<string, unknown> {
  const given = tool as unknown as Readonly<Record<string, unknown>>;
  if (typeof given.max_uses === 'number')
    warnings.push("The web search's max_uses has no counterpart and was left out.");
  if (Array.isArray(given.blocked_domains))
    warnings.push("The web search's blocked_domains has no counterpart and was left out.");
  const { allowed_domains, user_location } = given;
  return {
    type: 'web_search',
    ...(Array.isArray(allowed_domains) ? { filters: { allowed_domains } } : {}),
    ...(isObject(user_location) ? { user_location } : {}),
  };
}

/**
 * Tools, the choice among them and how many may be called at once. Names that had to change are noted in `toolNames` (sent
 * name → the client's own).
 *
 * @throws ProxyError `server_tool_unsupported` where the request's only tools run at another vendor's servers.
 */
export function encodeTools(
  request: MessagesRequest,
  target: EncodeTarget,
  toolNames: Map<string, string>,
  warnings: Set<string>,
): ToolFields {
  const encoded = encodeList(request.tools ?? [], target);
  for (const [sent, own] of encoded.changed) toolNames.set(sent, own);
  for (const warning of encoded.warnings) warnings.add(warning);
  const { references, searches } = encoded;
  assertToolsLeft(request, references.size, target.provider);
  // Without tools, OpenAI refuses an empty list, a choice and parallel_tool_calls alike.
  if (references.size === 0)
    return { tools: null, choice: { tool_choice: undefined, parallel_tool_calls: undefined }, searches };
  return {
    tools: encoded.json,
    choice: {
      tool_choice: encodeChoice(request, references, warnings),
      parallel_tool_calls: parallelCalls(request),
    },
    searches,
  };
}

function encodeChoice(
  { tool_choice: choice, openai }: MessagesRequest,
  references: ReadonlyMap<string, ToolReference>,
  warnings: Set<string>,
): ToolChoice | undefined {
  const allowed = openai?.allowedTools;
  if (allowed !== undefined) {
    const tools = allowed.names.flatMap((name) => references.get(name) ?? []);
    if (tools.length > 0) return { type: 'allowed_tools', mode: allowed.mode, tools };
    warnings.add('tool_choice allows none of the tools sent, and was left out.');
    return undefined;
  }
  return toolChoice(choice, (own) => references.get(own), warnings);
}
