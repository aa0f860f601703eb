import type { MessagesRequest, Tool } from '../canonical.ts';
import type { EncodeTarget, Quirks } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { ListCache } from '../list-cache.ts';
import { parallelCalls, toolChoice } from '../openai-fields.ts';
import { assertToolsLeft } from '../server-tools.ts';
import { encodeToolName } from '../tool-names.ts';
import { toolParameters } from '../tool-schema.ts';
import { toolDefinition } from '../typed-tools.ts';
import { type CacheMark, cacheControl, takesMarks } from './cache-marks.ts';

type SentTool = (
  | {
      type: 'function';
      function: { name: string; description?: string; parameters?: Record<string, unknown>; strict?: boolean };
    }
  | { type: 'custom'; custom: { name: string; description?: string; format?: unknown } }
) &
  CacheMark;

type NamedTool = { type: 'function'; function: { name: string } } | { type: 'custom'; custom: { name: string } };

type ToolChoice =
  | 'auto'
  | 'required'
  | 'none'
  | NamedTool
  | { type: 'allowed_tools'; allowed_tools: { mode: 'auto' | 'required'; tools: NamedTool[] } };

/** The fields of a request that concern tools. */
interface ToolFields {
  /** JSON of the `tools` field; null where there is none. */
  tools: Uint8Array | null;
  choice: ToolChoice | undefined;
  parallel: boolean | undefined;
  /** Web search in the provider's own way; undefined values vanish in JSON. */
  search: { plugins?: unknown[]; web_search_options?: unknown };
  /** Cache marks that the tools carry. */
  marks: number;
}

/** A list of tool definitions, translated. */
interface EncodedTools {
  json: Uint8Array;
  /** As they are sent: name → kind. */
  names: ReadonlyMap<string, SentTool['type']>;
  /** Sent name → the client's own, for those that had to change. */
  changed: ReadonlyMap<string, string>;
  search: ToolFields['search'];
  marks: number;
  warnings: readonly string[];
}

/** A tool's name as the provider takes it. Gemini's begin with a letter or an underscore. */
export function sentName(name: string, { toolSchema }: Quirks): string {
  return encodeToolName(toolSchema === 'gemini' && /^[^a-zA-Z_]/.test(name) ? `_${name}` : name);
}

const encodedLists = new ListCache<EncodedTools>();

function encodeList(list: readonly Tool[], target: EncodeTarget): EncodedTools {
  const { toolSchema, toolLimit, searchesWeb, isOpenai } = target.quirks;
  const kind = [toolSchema, toolLimit, marksTools(target), searchesWeb, isOpenai, isSearchModel(target)].join();
  return encodedLists.of(list, kind, () => encodeAnew(list, target));
}

/** OpenAI has marks in messages only. */
const marksTools = (target: EncodeTarget): boolean =>
  target.quirks.cacheMarks === 'cache_control' && takesMarks(target);

/** OpenAI's models that search and take `web_search_options`, such as `gpt-4o-search-preview`. */
const isSearchModel = ({ quirks, model }: EncodeTarget): boolean => quirks.isOpenai && model.includes('-search');

function encodeAnew(list: readonly Tool[], target: EncodeTarget): EncodedTools {
  const { quirks } = target;
  const limit = quirks.toolLimit ?? Number.POSITIVE_INFINITY;
  const tools: SentTool[] = [];
  const names = new Map<string, SentTool['type']>();
  const changed = new Map<string, string>();
  const warnings: string[] = [];
  let search: ToolFields['search'] = {};
  let beyond = 0;
  let marked: { tool: SentTool; control: Tool['cache_control'] } | null = null;
  for (const tool of list) {
    const web = webSearch(tool, target);
    if (web !== null) {
      search = web;
      continue;
    }
    const name = sentName(tool.name ?? '', quirks);
    const sent = encodeTool(tool, name, quirks);
    if (sent === null) {
      const owner = tool.type === 'openai_builtin' ? "its vendor's" : "Anthropic's";
      warnings.push(`Tool '${tool.name ?? tool.type}' runs on ${owner} servers and was left out.`);
    } else if (tools.length >= limit) beyond += 1;
    else {
      if (name !== tool.name) changed.set(name, tool.name);
      tools.push(sent);
      names.set(name, sent.type);
      if (tool.cache_control) marked = { tool: sent, control: tool.cache_control };
    }
  }
  if (beyond > 0) warnings.push(`The provider takes ${limit} tools; the last ${beyond} of the request were left out.`);
  // Tools stand before all else: the last mark covers those before it.
  const marks = marked?.control && marksTools(target) ? 1 : 0;
  if (marked?.control && marks > 0) marked.tool.cache_control = cacheControl(marked.control);
  return { json: Buffer.from(JSON.stringify(tools)), names, changed, search, marks, warnings };
}

/** Anthropic's web search, or OpenAI's, as the provider has it; null where it has none, and for other tools. */
function webSearch(tool: Tool, target: EncodeTarget): ToolFields['search'] | null {
  const builtin = tool.type === 'openai_builtin' ? tool.openai?.builtin?.type : tool.type;
  if (typeof builtin !== 'string' || !/^web_search(_|$)/.test(builtin)) return null;
  if (isSearchModel(target)) {
    const { user_location: place } = tool as Tool & { user_location?: unknown };
    if (!isObject(place)) return { web_search_options: {} };
    const { type: _, ...approximate } = place;
    return { web_search_options: { user_location: { type: 'approximate', approximate } } };
  }
  return target.quirks.searchesWeb && !target.quirks.isOpenai ? { plugins: [{ id: 'web' }] } : null;
}

/** Null for a tool that does not run at the client. `strict` is set only for those who ask for it in OpenAI's own words. */
function encodeTool(tool: Tool, name: string, { toolSchema, isOpenai }: Quirks): SentTool | null {
  const described = tool.description === undefined ? { name } : { name, description: tool.description };
  if (tool.openai?.custom !== undefined && isOpenai) {
    const format = nestedFormat(tool.openai.custom.format);
    return { type: 'custom', custom: format === undefined ? described : { ...described, format } };
  }
  const definition = toolDefinition(tool);
  if (definition === null) return null;
  const { description, schema } = definition;
  const parameters = toolParameters(schema, toolSchema);
  const strict = tool.openai?.strict;
  return {
    type: 'function',
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      // "parameters.properties: should be non-empty for OBJECT type"
      ...(toolSchema === 'gemini' && Object.keys(parameters.properties ?? {}).length === 0 ? {} : { parameters }),
      ...(isOpenai && typeof strict === 'boolean' ? { strict } : {}),
    },
  };
}

/** Chat Completions has a grammar's parts one level deeper than Responses, whose form is the canonical one. */
function nestedFormat(format: unknown): unknown {
  if (!isObject(format) || format.type !== 'grammar' || format.grammar !== undefined) return format;
  const { type, ...grammar } = format;
  return { type, grammar };
}

/**
 * Tools, tool choice and their limits. Names that had to change are noted in `toolNames` (sent name → the client's own).
 * @throws ProxyError `server_tool_unsupported`
 */
export function encodeTools(
  request: MessagesRequest,
  target: EncodeTarget,
  toolNames: Map<string, string>,
  warnings: Set<string>,
): ToolFields {
  const encoded = encodeList(offeredTools(request, target), target);
  const { names, search, marks } = encoded;
  assertToolsLeft(request, names.size + Object.keys(search).length, target.provider);
  for (const [sent, own] of encoded.changed) toolNames.set(sent, own);
  for (const warning of encoded.warnings) warnings.add(warning);
  // Without tools, OpenAI refuses an empty list, a choice and parallel_tool_calls alike.
  if (names.size === 0) return { tools: null, choice: undefined, parallel: undefined, search, marks };
  const choice = encodeChoice(request, target, names, warnings);
  return { tools: encoded.json, choice, parallel: parallelCalls(request), search, marks };
}

/** Only OpenAI can be told which of the tools are allowed, and not all which must be called; they get no more than those. */
function offeredTools(
  { tools, tool_choice: choice, openai }: MessagesRequest,
  { quirks }: EncodeTarget,
): readonly Tool[] {
  const only = choice?.type === 'tool' && !quirks.takesNamedTool ? [choice.name] : undefined;
  const names = openai?.allowedTools?.names ?? only;
  if (!tools || names === undefined || quirks.isOpenai) return tools ?? [];
  const allowed = tools.filter(({ name }) => names.includes(name));
  return allowed.length > 0 ? allowed : tools;
}

function encodeChoice(
  { tool_choice: choice, openai }: MessagesRequest,
  { quirks }: EncodeTarget,
  names: EncodedTools['names'],
  warnings: Set<string>,
): ToolChoice | undefined {
  const named = (own: string): NamedTool | undefined => {
    const name = sentName(own, quirks);
    const type = names.get(name);
    if (type === undefined) return undefined;
    return type === 'custom' ? { type, custom: { name } } : { type, function: { name } };
  };
  if (openai?.allowedTools !== undefined) {
    const { mode } = openai.allowedTools;
    if (!quirks.isOpenai) return mode;
    const tools = openai.allowedTools.names.flatMap((name) => named(name) ?? []);
    return { type: 'allowed_tools', allowed_tools: { mode, tools } };
  }
  const encoded = toolChoice(choice, named, warnings);
  return typeof encoded === 'object' && !quirks.takesNamedTool ? 'required' : encoded;
}
