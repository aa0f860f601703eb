import type { MessagesRequest, OpenaiExtras, Tool, ToolChoice } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import { ListCache } from '../list-cache.ts';
import {
  arrayAt,
  invalid,
  objectAt,
  optionalBoolean,
  optionalObject,
  optionalString,
  stringAt,
} from '../openai-checks.ts';
import { customTool } from '../openai-settings.ts';

/** How a client of this dialect calls a tool that is canonically known by another name, or as free text. */
export interface ToolForm {
  name: string;
  /** Group of tools that it belongs to; null for a tool of its own. */
  namespace: string | null;
  /** Its calls are free text (`custom_tool_call`). */
  custom: boolean;
}

/** Other dialects have no groups of tools: the group's name becomes the beginning of the tool's. */
export function flatName(namespace: string | null | undefined, name: string): string {
  if (!namespace) return name;
  return `${namespace}${namespace.endsWith('__') ? '' : '__'}${name}`;
}

const decodedLists = new ListCache<readonly Tool[]>();

/** @throws ProxyError `invalid_field` */
export function decodeTools(given: unknown, field: string): readonly Tool[] {
  const list = arrayAt(given, field);
  const decoded = (tool: unknown, index: number) =>
    toolsOf(objectAt(tool, `${field}[${index}]`), `${field}[${index}]`, null);
  // Frozen, so that others need to translate them only once, too.
  return decodedLists.of(list, field, () => Object.freeze(list.flatMap(decoded)));
}

const WEB_SEARCH = /^web_search(_preview)?(_\d|$)/;

function toolsOf(tool: Record<string, unknown>, field: string, namespace: string | null): Tool[] {
  const type = stringAt(tool.type, `${field}.type`);
  switch (type) {
    case 'function':
      return [functionTool(tool, field, namespace)];
    case 'custom': {
      const name = flatName(namespace, stringAt(tool.name, `${field}.name`));
      return [customTool(name, optionalString(tool.description, `${field}.description`), tool.format ?? undefined)];
    }
    case 'namespace': {
      const name = stringAt(tool.name, `${field}.name`);
      return arrayAt(tool.tools, `${field}.tools`).flatMap((inner, index) =>
        toolsOf(objectAt(inner, `${field}.tools[${index}]`), `${field}.tools[${index}]`, name),
      );
    }
    default:
      return [
        WEB_SEARCH.test(type)
          ? webSearch(tool)
          : { name: builtinName(tool), type: 'openai_builtin', openai: { builtin: tool } },
      ];
  }
}

/** Of several MCP servers each is a tool of its own. */
const builtinName = (tool: Record<string, unknown>): string => String(tool.server_label ?? tool.name ?? tool.type);

function functionTool(tool: Record<string, unknown>, field: string, namespace: string | null): Tool {
  const description = optionalString(tool.description, `${field}.description`);
  const strict = tool.strict === null ? null : optionalBoolean(tool.strict, `${field}.strict`);
  return {
    name: flatName(namespace, stringAt(tool.name, `${field}.name`)),
    ...(description === undefined ? {} : { description }),
    input_schema: optionalObject(tool.parameters, `${field}.parameters`) ?? { type: 'object', properties: {} },
    ...(strict === undefined ? {} : { openai: { strict } }),
  };
}

/** Anthropic's web search as far as OpenAI's says the same, with OpenAI's own beside it. */
function webSearch(tool: Record<string, unknown>): Tool {
  const { filters, user_location: location } = tool;
  const search = {
    name: 'web_search',
    type: 'web_search_20250305',
    ...(isObject(filters) && Array.isArray(filters.allowed_domains)
      ? { allowed_domains: filters.allowed_domains }
      : {}),
    ...(isObject(location) ? { user_location: { ...location, type: 'approximate' } } : {}),
    openai: { builtin: tool },
  };
  return search;
}

/** How each tool is called, by its canonical name; only those whose form is not a function of the same name. */
export function toolForms(list: unknown): ReadonlyMap<string, ToolForm> {
  const forms = new Map<string, ToolForm>();
  const add = (tool: unknown, namespace: string | null): void => {
    if (!isObject(tool) || typeof tool.name !== 'string') return;
    const { name, type } = tool;
    if (type === 'namespace' && Array.isArray(tool.tools)) for (const inner of tool.tools) add(inner, name);
    else if (type === 'custom' || (type === 'function' && namespace !== null))
      forms.set(flatName(namespace, name), { name, namespace, custom: type === 'custom' });
  };
  if (Array.isArray(list)) for (const tool of list) add(tool, null);
  return forms;
}

type ChoiceFields = Pick<MessagesRequest, 'tool_choice'> & Pick<OpenaiExtras, 'parallelToolCalls' | 'allowedTools'>;

/**
 * `tool_choice` and `parallel_tool_calls`. Nothing of a choice where there are no tools, which other APIs refuse.
 * @throws ProxyError `invalid_field`
 */
export function decodeToolChoice(body: Readonly<Record<string, unknown>>, hasTools: boolean): ChoiceFields {
  const parallel = optionalBoolean(body.parallel_tool_calls, 'parallel_tool_calls');
  const fields: ChoiceFields = parallel === undefined ? {} : { parallelToolCalls: parallel };
  const given = body.tool_choice;
  let choice: ToolChoice | undefined;
  if (given !== undefined && given !== null) {
    if (isObject(given) && given.type === 'allowed_tools') {
      const names = arrayAt(given.tools, 'tool_choice.tools').map((tool, index) =>
        toolName(objectAt(tool, `tool_choice.tools[${index}]`), `tool_choice.tools[${index}]`),
      );
      const mode = given.mode === 'required' ? 'required' : 'auto';
      fields.allowedTools = { mode, names };
      choice = { type: mode === 'required' ? 'any' : 'auto' };
    } else {
      choice = simpleChoice(given);
    }
  }
  if (!hasTools) return fields;
  if (parallel === false && choice?.type !== 'none')
    choice = { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true };
  return choice === undefined ? fields : { ...fields, tool_choice: choice };
}

function simpleChoice(given: unknown): ToolChoice {
  switch (given) {
    case 'auto':
    case 'none':
      return { type: given };
    case 'required':
      return { type: 'any' };
  }
  if (!isObject(given)) invalid('tool_choice', "must be 'none', 'auto', 'required' or an object");
  return { type: 'tool', name: toolName(given, 'tool_choice') };
}

/** A function by its name; a tool that runs at OpenAI mostly by its type. */
function toolName(choice: Record<string, unknown>, field: string): string {
  const type = stringAt(choice.type, `${field}.type`);
  if (type === 'function' || type === 'custom')
    return flatName(optionalString(choice.namespace, `${field}.namespace`), stringAt(choice.name, `${field}.name`));
  return WEB_SEARCH.test(type) ? 'web_search' : builtinName(choice);
}
