import type { ToolUseBlock } from './canonical.ts';
import { parseExact } from './exact-json.ts';
import { isObject } from './is-object.ts';

/**
 * A tool's input from its JSON. A model may have written something else, or have been cut: then the input is
 * `{"_raw": "…"}` with the text as it came. It stays an object, as Anthropic's API has it, and the client's own check of the
 * input refuses it and tells the model.
 */
export function toolInput(json: string): Record<string, unknown> {
  try {
    const input = parseExact(json);
    if (isObject(input)) return input;
  } catch {
    // Not JSON: kept as text below.
  }
  return { _raw: json };
}

/**
 * A call's input from its `arguments`, and these themselves where they are written otherwise than we would (spaces, `1.0`,
 * keys that are numbers), for providers that have them as a text, too. '' is an empty input.
 */
export function givenArguments(json: string): Pick<ToolUseBlock, 'input' | 'openai'> {
  if (json.trim() === '') return { input: {} };
  const input = toolInput(json);
  const isOurs = Object.hasOwn(input, '_raw') || json === JSON.stringify(input);
  return isOurs ? { input } : { input, openai: { arguments: json } };
}

/** The `arguments` of a call. */
export const sentArguments = ({ input, openai }: ToolUseBlock): string =>
  openai?.arguments ?? JSON.stringify(input ?? {});

/** What the model wrote as a tool's input: JSON, or the text it wrote instead. */
export function inputText(input: unknown): string {
  return isObject(input) && typeof input._raw === 'string' ? input._raw : JSON.stringify(input ?? {});
}

/** An input that a client sends back, as an object whatever it is: Anthropic and Ollama want one. */
export function inputObject(input: unknown): Record<string, unknown> {
  if (isObject(input)) return input;
  return input === undefined || input === null ? {} : { _raw: input };
}

/** Whether a text is the JSON of an object: what a tool's input is once it is whole. */
export function isObjectJson(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}
