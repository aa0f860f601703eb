import type { Citation } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import { readFragment, type ToolFragment } from './tool-calls.ts';

/** What one `delta` adds; what is absent is '' or empty. */
interface Delta {
  thinking: string;
  text: string;
  refusal: string;
  tools: readonly ToolFragment[];
  /** OpenRouter's `reasoning_details`, as they are. */
  details: readonly JsonObject[];
  citations: readonly Citation[];
}

type JsonObject = Record<string, unknown>;

const NO_TOOLS: readonly ToolFragment[] = [];
const NO_DETAILS: readonly JsonObject[] = [];
const NO_CITATIONS: readonly Citation[] = [];
/** A legacy `function_call` has neither index nor id, and there is one at most. */
const LEGACY_INDEX = -1;

const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Reads a `delta`, or a whole `message`. Read by hand, not as a schema: it is on the path of every chunk, and servers differ
 * in all of it.
 */
export function readDelta(delta: JsonObject): Delta {
  const { content, tool_calls: calls, function_call: legacy, annotations } = delta;
  const details = Array.isArray(delta.reasoning_details) ? delta.reasoning_details.filter(isObject) : NO_DETAILS;
  let thinking = thinkingOf(delta, details);
  let text = '';
  let refusal = stringOf(delta.refusal);
  if (typeof content === 'string') text = content;
  else if (Array.isArray(content)) {
    // Mistral sends parts instead of a string once its models think.
    for (const part of content.filter(isObject)) {
      if (part.type === 'thinking') thinking += partsText(part.thinking);
      else if (part.type === 'refusal') refusal += stringOf(part.refusal);
      else text += stringOf(part.text);
    }
  }
  let tools = NO_TOOLS;
  if (Array.isArray(calls)) tools = calls.filter(isObject).map(readFragment);
  else if (isObject(legacy)) tools = [readFragment({ index: LEGACY_INDEX, function: legacy })];
  const citations = Array.isArray(annotations) ? annotations.filter(isObject).flatMap(readAnnotation) : NO_CITATIONS;
  return { thinking, text, refusal, tools, details, citations };
}

/** Servers have different names for it, and some send the same text under several: the first that is given counts. */
function thinkingOf(delta: JsonObject, details: readonly JsonObject[]): string {
  const plain = stringOf(delta.reasoning_content) || stringOf(delta.reasoning);
  if (plain !== '' || details.length === 0) return plain;
  return details.map((detail) => stringOf(detail.text) || stringOf(detail.summary)).join('');
}

function partsText(parts: unknown): string {
  if (!Array.isArray(parts)) return stringOf(parts);
  return parts.map((part) => (isObject(part) ? stringOf(part.text) : '')).join('');
}

/** OpenRouter gives what was quoted as `content`; OpenAI gives places in the answer, which have no counterpart. */
function readAnnotation({ url_citation: citation }: JsonObject): Citation[] {
  if (!isObject(citation) || typeof citation.url !== 'string') return [];
  return [
    {
      type: 'web_search_result_location',
      url: citation.url,
      title: typeof citation.title === 'string' ? citation.title : null,
      cited_text: stringOf(citation.content),
      encrypted_index: '',
    },
  ];
}
