import { parseExact } from '../exact-json.ts';
import { isObject } from '../is-object.ts';
import type { MarkedCall } from './format.ts';

/** Null for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return null;
  }
}

/** `{"name", "arguments"}`, or `parameters` as Llama has it. */
export function readJsonCall(value: unknown): MarkedCall | null {
  if (!isObject(value) || typeof value.name !== 'string') return null;
  const input = readArguments(value.arguments ?? value.parameters ?? {});
  if (input === null) return null;
  return typeof value.id === 'string' ? { name: value.name, input, id: value.id } : { name: value.name, input };
}

/** Some models write the arguments' JSON as a string. */
export function readArguments(value: unknown): Record<string, unknown> | null {
  const read = typeof value === 'string' ? parseJson(value) : value;
  return isObject(read) ? read : null;
}

/** Whether JSON that was cut was cut inside a string. */
export function endsInString(json: string): boolean {
  let inString = false;
  for (let index = 0; index < json.length; index += 1) {
    const character = json[index];
    if (character === '"') inString = !inString;
    else if (character === '\\' && inString) index += 1;
  }
  return inString;
}
