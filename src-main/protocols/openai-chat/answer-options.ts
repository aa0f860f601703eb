import { isObject } from '../is-object.ts';

/** What an answer needs to know of the request it answers. */
export interface AnswerOptions {
  /** The stream ends with a chunk of usage. */
  includeUsage: boolean;
  /** Names of the free-text tools. */
  customTools: ReadonlySet<string>;
  /** The client offers `functions`, as before there were tools: it reads one `function_call`, no `tool_calls`. */
  legacyFunctions: boolean;
}

const NONE: ReadonlySet<string> = new Set();

export function answerOptions(body: Readonly<Record<string, unknown>>): AnswerOptions {
  const { stream_options: stream, tools, functions } = body;
  return {
    includeUsage: isObject(stream) && stream.include_usage === true,
    customTools: Array.isArray(tools) ? customNames(tools) : NONE,
    legacyFunctions: Array.isArray(functions) && functions.length > 0 && !Array.isArray(tools),
  };
}

function customNames(tools: readonly unknown[]): ReadonlySet<string> {
  const names = tools.flatMap((tool) =>
    isObject(tool) && tool.type === 'custom' && isObject(tool.custom) && typeof tool.custom.name === 'string'
      ? tool.custom.name
      : [],
  );
  return names.length === 0 ? NONE : new Set(names);
}
