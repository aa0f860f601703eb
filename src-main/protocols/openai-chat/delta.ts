import { isObject } from '../is-object.ts';
import { readFragment, type ToolFragment } from './tool-calls.ts';

/** What one `delta` adds; what is absent is '' or empty. */
export interface Delta {
  thinking: string;
  text: string;
  refusal: string;
  tools: readonly ToolFragment[];
}

type JsonObject = Record<string, unknown>;

const NO_TOOLS: readonly ToolFragment[] = [];
/** A legacy `function_call` has neither index nor id, and there is one at most. */
const LEGACY_INDEX = -1;

const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Reads a `delta`, or a whole `message`. Read by hand, not as a schema: it is on the path of every chunk, and servers differ
 * in all of it.
 */
export function readDelta(delta: JsonObject): Delta {
  const { content, tool_calls: calls, function_call: legacy } = delta;
  let thinking = thinkingOf(delta);
  let text = '';
  if (typeof content === 'string') text = content;
  else if (Array.isArray(content)) {
    // Mistral sends parts instead of a string once its models think.
    for (const part of content.filter(isObject)) {
      if (part.type === 'thinking') thinking += partsText(part.thinking);
      else text += stringOf(part.text);
    }
  }
  let tools = NO_TOOLS;
  if (Array.isArray(calls)) tools = calls.filter(isObject).map(readFragment);
  else if (isObject(legacy)) tools = [readFragment({ index: LEGACY_INDEX, function: legacy })];
  return { thinking, text, refusal: stringOf(delta.refusal), tools };
}

/** Servers have different names for it, and some send the same text under several: the first that is given counts. */
function thinkingOf(delta: JsonObject): string {
  const plain = stringOf(delta.reasoning_content) || stringOf(delta.reasoning);
  if (plain !== '') return plain;
  const details = delta.reasoning_details;
  if (!Array.isArray(details)) return '';
  return details
    .filter(isObject)
    .map((detail) => stringOf(detail.text) || stringOf(detail.summary))
    .join('');
}

function partsText(parts: unknown): string {
  if (!Array.isArray(parts)) return stringOf(parts);
  return parts.map((part) => (isObject(part) ? stringOf(part.text) : '')).join('');
}
