import type { MessagesRequest, Tool } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import { ListCache } from '../list-cache.ts';
import { assertToolsLeft } from '../server-tools.ts';
import { encodeToolName } from '../tool-names.ts';
import { toolParameters } from '../tool-schema.ts';
import { toolDefinition } from '../typed-tools.ts';
import type { SentBlock } from './content.ts';
import type { SentMessage } from './messages.ts';

/** A list of tool definitions, translated. */
interface SentTools {
  /** JSON of the `tools` field; null where there is none. */
  json: Uint8Array | null;
  /** As they are sent. */
  names: ReadonlySet<string>;
  /** Sent name → the client's own, for those that had to change. */
  changed: ReadonlyMap<string, string>;
  /** The mark for the prompt cache that one of them carries. */
  mark: Tool['cache_control'];
  warnings: readonly string[];
}

/** What the server takes. */
interface ToolKinds {
  /** Anthropic's own tools. */
  searchesWeb: boolean;
  /** Marks for the prompt cache. */
  marks: boolean;
}

const sentLists = new ListCache<SentTools>();

/**
 * The tools of a request. `strict` is not sent: Anthropic limits how much of it one request may hold, and follows schemas
 * without it.
 * @throws ProxyError `server_tool_unsupported`
 */
export function encodeTools(request: MessagesRequest, kinds: ToolKinds, provider: string): SentTools {
  const list = request.tools ?? [];
  const variant = `${kinds.searchesWeb} ${kinds.marks}`;
  const sent = sentLists.of(list, variant, () => encodeList(list, kinds));
  assertToolsLeft(request, sent.names.size, provider);
  return sent;
}

function encodeList(list: readonly Tool[], kinds: ToolKinds): SentTools {
  const tools = new Map<string, Record<string, unknown>>();
  const changed = new Map<string, string>();
  const warnings: string[] = [];
  // A mark covers all tools before it, so one of them is enough.
  const lastMarked = kinds.marks ? list.findLast((tool) => tool.cache_control) : undefined;
  for (const tool of list) {
    const definition = encodeTool(tool, kinds, warnings);
    if (definition === null) {
      warnings.push(`Tool '${tool.name ?? tool.type}' does not run at this provider and was left out.`);
      continue;
    }
    const name = String(definition.name);
    if (tools.has(name)) {
      warnings.push(`Two tools are named '${tool.name}'; the first was sent.`);
      continue;
    }
    if (name !== tool.name) changed.set(name, tool.name);
    tools.set(name, tool === lastMarked ? { ...definition, cache_control: tool.cache_control } : definition);
  }
  return {
    json: tools.size === 0 ? null : Buffer.from(JSON.stringify([...tools.values()])),
    names: new Set(tools.keys()),
    changed,
    mark: lastMarked?.cache_control,
    warnings,
  };
}

/** Null for a tool that runs at another provider's servers. */
function encodeTool(tool: Tool, kinds: ToolKinds, warnings: string[]): Record<string, unknown> | null {
  const builtin = tool.openai?.builtin;
  if (builtin !== undefined)
    return kinds.searchesWeb && /^web_search/.test(String(builtin.type)) ? webSearch(builtin) : null;
  const { type } = tool;
  // Anthropic's own tools, which have no schema.
  if (kinds.searchesWeb && type !== undefined && type !== 'custom' && tool.input_schema === undefined) {
    const { openai: _, cache_control: __, ...own } = tool;
    return own;
  }
  const definition = toolDefinition(tool);
  if (definition === null) return null;
  const { description } = definition;
  return {
    name: encodeToolName(tool.name),
    ...(description ? { description } : {}),
    input_schema: inputSchema(toolParameters(definition.schema), tool.name, warnings),
  };
}

/** "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'" */
const PROPERTY = /^[a-zA-Z0-9_.-]{1,64}$/;

function inputSchema(schema: Record<string, unknown>, tool: string, warnings: string[]): Record<string, unknown> {
  const { properties, required } = schema;
  if (!isObject(properties)) return schema;
  const refused = Object.keys(properties).filter((name) => !PROPERTY.test(name));
  if (refused.length === 0) return schema;
  warnings.push(`Tool '${tool}' lost parameters whose names are refused: ${refused.join(', ')}.`);
  const kept = Object.entries(properties).filter(([name]) => PROPERTY.test(name));
  return {
    ...schema,
    properties: Object.fromEntries(kept),
    ...(Array.isArray(required) ? { required: required.filter((name) => PROPERTY.test(String(name))) } : {}),
  };
}

/** OpenAI's web search as Anthropic's. */
function webSearch({ filters, user_location: place }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { allowed_domains: allowed } = isObject(filters) ? filters : {};
  return {
    type: 'web_search_20250305',
    name: 'web_search',
    ...(Array.isArray(allowed) && allowed.length > 0 ? { allowed_domains: allowed } : {}),
    ...(isObject(place) ? { user_location: { ...place, type: 'approximate' } } : {}),
  };
}

/** A tool choice as it is sent, and what the model is told instead of what cannot be. */
interface SentChoice {
  choice?: { type: string; name?: string; disable_parallel_tool_use?: true };
  instruction?: string;
}

/** @param forces a certain tool, or any, can be demanded. */
export function encodeChoice(
  { tool_choice: asked, openai }: MessagesRequest,
  names: ReadonlySet<string>,
  forces: boolean,
  warnings: Set<string>,
): SentChoice {
  if (names.size === 0) return {};
  if (asked?.type === 'none') return { choice: { type: 'none' } };
  const serial =
    openai?.parallelToolCalls === false || asked?.disable_parallel_tool_use === true
      ? { disable_parallel_tool_use: true as const }
      : {};
  const auto = asked !== undefined || serial.disable_parallel_tool_use ? { type: 'auto', ...serial } : undefined;
  const among = openai?.allowedTools?.names.map(encodeToolName).filter((name) => names.has(name)) ?? [];
  // With the tools themselves left alone, what is cached of them stays.
  const limit = among.length > 0 ? `Of the tools, use only ${list(among)}.` : '';
  const allowed = (sent: SentChoice['choice'], demand = ''): SentChoice => {
    const instruction = [limit, demand].filter((sentence) => sentence !== '').join(' ');
    return { ...(sent === undefined ? {} : { choice: sent }), ...(instruction === '' ? {} : { instruction }) };
  };
  if (asked === undefined || asked.type === 'auto') return allowed(auto);
  const name = asked.type === 'tool' ? encodeToolName(asked.name) : undefined;
  if (name !== undefined && !names.has(name)) {
    warnings.add(
      `tool_choice names '${asked.type === 'tool' ? asked.name : ''}', which is not among the tools sent, and was left out.`,
    );
    return allowed(auto);
  }
  if (forces) return allowed({ type: asked.type, ...(name === undefined ? {} : { name }), ...serial });
  warnings.add('The model cannot be made to call a tool; it was told to.');
  return allowed(auto, name === undefined ? CALL_ANY : `Your next reply must call the tool ${list([name])}.`);
}

const CALL_ANY = 'Your next reply must call at least one of the tools.';

const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

/**
 * Definitions for tools that were called before and are not offered any more: "Requests which include `tool_use` or
 * `tool_result` blocks must define tools". They go with a tool choice of `none`.
 */
export function pastTools(messages: readonly SentMessage[]): Uint8Array | null {
  const names = new Set<string>();
  const called = (block: SentBlock): void => {
    if (block.type === 'tool_use') names.add(String(block.name));
  };
  for (const { role, content } of messages) if (role === 'assistant') content.forEach(called);
  if (names.size === 0) return null;
  const tools = [...names].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }));
  return Buffer.from(JSON.stringify(tools));
}
