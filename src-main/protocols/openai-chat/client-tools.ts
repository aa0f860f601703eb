import type { MessagesRequest, OpenaiExtras, Tool, ToolChoice } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import { ListCache } from '../list-cache.ts';
import {
  arrayAt,
  invalid,
  objectAt,
  optionalArray,
  optionalBoolean,
  optionalObject,
  optionalString,
  stringAt,
} from '../openai-checks.ts';
import { cacheMark, customTool } from '../openai-settings.ts';

type Body = Readonly<Record<string, unknown>>;

const decodedLists = new ListCache<readonly Tool[]>();

/** The fields of a request that concern tools. @throws ProxyError `invalid_field` */
export function decodeTools(body: Body): Pick<MessagesRequest, 'tools' | 'tool_choice'> & { openai: OpenaiExtras } {
  const tools = toolsOf(body);
  const parallel = optionalBoolean(body.parallel_tool_calls, 'parallel_tool_calls');
  const choice = choiceOf(body);
  const openai: OpenaiExtras = {
    ...(parallel === undefined ? {} : { parallelToolCalls: parallel }),
    ...(choice.allowed === undefined ? {} : { allowedTools: choice.allowed }),
  };
  if (tools.length === 0) return { openai };
  // A legacy `function_call` holds one call only.
  const serial = parallel === false || (body.functions !== undefined && body.tools === undefined);
  const tool_choice = serial ? serially(choice.canonical) : choice.canonical;
  return { tools: tools as Tool[], ...(tool_choice === undefined ? {} : { tool_choice }), openai };
}

function serially(choice: ToolChoice | undefined): ToolChoice {
  if (choice?.type === 'none') return choice;
  return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true };
}

function toolsOf(body: Body): readonly Tool[] {
  const given = optionalArray(body.tools, 'tools') ?? [];
  const functions = optionalArray(body.functions, 'functions') ?? [];
  const search = optionalObject(body.web_search_options, 'web_search_options');
  // Frozen, so that others need to translate them only once, too.
  const tools = decodedLists.of(given, '', () =>
    Object.freeze(given.map((value, index) => decodeTool(value, `tools[${index}]`))),
  );
  if (functions.length === 0 && search === undefined) return tools;
  return [
    ...tools,
    ...functions.map((value, index) => functionTool(value, `functions[${index}]`)),
    ...(search === undefined ? [] : [webSearchTool(search)]),
  ];
}

function decodeTool(value: unknown, field: string): Tool {
  const tool = objectAt(value, field);
  const mark = cacheMark(tool);
  const decoded = toolOf(tool, field);
  return mark === undefined ? decoded : { ...decoded, cache_control: mark };
}

function toolOf(tool: Record<string, unknown>, field: string): Tool {
  const type = stringAt(tool.type, `${field}.type`);
  if (type === 'function') return functionTool(tool.function, `${field}.function`);
  // Tools of the provider's own, such as OpenRouter's: for who knows them.
  if (type !== 'custom') return { name: type, type: 'openai_builtin', openai: { builtin: tool } };
  const custom = objectAt(tool.custom, `${field}.custom`);
  const name = stringAt(custom.name, `${field}.custom.name`);
  const description = optionalString(custom.description, `${field}.custom.description`);
  return customTool(name, description, flatFormat(custom.format, `${field}.custom.format`));
}

/** `{type: 'grammar', grammar: {syntax, definition}}` as Responses has it, without the inner object. */
function flatFormat(value: unknown, field: string): unknown {
  const format = optionalObject(value, field);
  return isObject(format?.grammar) ? { type: 'grammar', ...format.grammar } : format;
}

function functionTool(value: unknown, field: string): Tool {
  const definition = objectAt(value, field);
  const name = stringAt(definition.name, `${field}.name`);
  const description = optionalString(definition.description, `${field}.description`);
  const input_schema = optionalObject(definition.parameters, `${field}.parameters`);
  const strict = optionalBoolean(definition.strict, `${field}.strict`);
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: input_schema ?? { type: 'object', properties: {} },
    ...(strict === undefined ? {} : { openai: { strict } }),
  };
}

/** Anthropic's web search takes the place of the user as OpenAI's does, one level higher. */
function webSearchTool({ user_location: location }: Record<string, unknown>): Tool {
  const tool: Tool = { type: 'web_search_20250305', name: 'web_search' };
  const place = isObject(location) ? location.approximate : undefined;
  return isObject(place) ? Object.assign(tool, { user_location: { type: 'approximate', ...place } }) : tool;
}

interface Choice {
  canonical?: ToolChoice;
  allowed?: OpenaiExtras['allowedTools'];
}

/** `tool_choice`, or the legacy `function_call`. */
function choiceOf({ tool_choice: choice, function_call: legacy }: Body): Choice {
  if (choice === undefined || choice === null) return legacyChoice(legacy);
  if (typeof choice === 'string') return { canonical: { type: modeOf(choice, 'tool_choice') } };
  const { type, ...rest } = objectAt(choice, 'tool_choice');
  switch (type) {
    case 'function':
    case 'custom':
      return { canonical: { type: 'tool', name: nameOf(rest[type], `tool_choice.${type}`) } };
    case 'allowed_tools':
      return allowedTools(objectAt(rest.allowed_tools, 'tool_choice.allowed_tools'));
    default:
      return invalid('tool_choice.type', "must be 'function', 'custom' or 'allowed_tools'");
  }
}

function modeOf(mode: string, field: string): 'auto' | 'any' | 'none' {
  if (mode === 'auto' || mode === 'none') return mode;
  return mode === 'required' ? 'any' : invalid(field, "must be 'none', 'auto', 'required' or an object");
}

const nameOf = (value: unknown, field: string): string => stringAt(objectAt(value, field).name, `${field}.name`);

/** Only a demand for one certain tool can be said in Anthropic's words; a choice among some of them cannot. */
function allowedTools({ mode, tools }: Record<string, unknown>): Choice {
  const field = 'tool_choice.allowed_tools';
  if (mode !== 'auto' && mode !== 'required') invalid(`${field}.mode`, "must be 'auto' or 'required'");
  const names = arrayAt(tools, `${field}.tools`).map((value, index) => {
    const place = `${field}.tools[${index}]`;
    const tool = objectAt(value, place);
    return tool.type === 'custom' ? nameOf(tool.custom, `${place}.custom`) : nameOf(tool.function, `${place}.function`);
  });
  const [only, ...others] = names;
  const canonical: ToolChoice =
    mode === 'auto'
      ? { type: 'auto' }
      : only !== undefined && others.length === 0
        ? { type: 'tool', name: only }
        : { type: 'any' };
  return { canonical, allowed: { mode, names } };
}

function legacyChoice(choice: unknown): Choice {
  if (choice === undefined || choice === null) return {};
  if (typeof choice === 'string') return { canonical: { type: modeOf(choice, 'function_call') } };
  return { canonical: { type: 'tool', name: nameOf(choice, 'function_call') } };
}
