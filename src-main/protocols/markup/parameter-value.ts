import type { Tool } from '../canonical.ts';
import { asWritten } from '../exact-json.ts';
import { isObject } from '../is-object.ts';
import { parseJson } from './json-call.ts';

/**
 * The value of a parameter that was written without quotes: what the tool's schema has there decides whether `5` is a number
 * or a text. Text it is wherever that is allowed and nothing else fits, and where the schema says nothing.
 */
export function parameterValue(raw: string, name: string, tool: Tool | undefined): unknown {
  const properties = tool?.input_schema?.properties;
  const types = new Set<string>();
  collectTypes(isObject(properties) ? properties[name] : undefined, types);
  if (types.size === 0) return raw;
  const trimmed = raw.trim();
  // Python's words, which models mix in.
  if (types.has('boolean') && /^(?:true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === 'true';
  if (types.has('null') && /^(?:null|none)$/i.test(trimmed)) return null;
  const value = parseJson(trimmed);
  const fits =
    (typeof value === 'number' && (types.has('number') || (types.has('integer') && Number.isInteger(value)))) ||
    (Array.isArray(value) && types.has('array')) ||
    (isObject(value) && types.has('object')) ||
    // Quotes that stand where no text is wanted without them.
    (typeof value === 'string' && !types.has('string'));
  if (!fits) return raw;
  return typeof value === 'number' ? asWritten(value, trimmed) : value;
}

function collectTypes(schema: unknown, types: Set<string>): void {
  if (!isObject(schema)) return;
  for (const type of [schema.type].flat()) if (typeof type === 'string') types.add(type);
  for (const branch of [schema.anyOf, schema.oneOf, schema.allOf].flat()) collectTypes(branch, types);
}
