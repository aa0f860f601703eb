import type { Citation, StopReason, Usage } from '../canonical.ts';

/** Fields that streams and whole answers have in common. */

/** Since when an answer exists: Unix time in seconds. */
export const unixSeconds = (): number => Math.floor(Date.now() / 1000);

/** The id of an answer; clients tell OpenAI's answers by its beginning. */
export const completionId = (id: string): string => `chatcmpl-${id.replace(/^(?:chatcmpl-|msg_|answer_)/, '')}`;

interface AnswerFacts {
  /** The refusal is in the model's own words, which OpenAI counts as an answer. */
  saidRefusal: boolean;
  legacyFunctions: boolean;
}

export function finishReason(reason: StopReason | null, { saidRefusal, legacyFunctions }: AnswerFacts): string {
  switch (reason) {
    case 'tool_use':
      return legacyFunctions ? 'function_call' : 'tool_calls';
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'refusal':
      return saidRefusal ? 'stop' : 'content_filter';
    default:
      return 'stop';
  }
}

/** OpenAI's counts: what was read from or written to the cache is part of the prompt, thinking part of the completion. */
export function encodeUsage(usage: Usage): Record<string, unknown> {
  const { input_tokens, output_tokens, cache_read_input_tokens: read, cache_creation_input_tokens: written } = usage;
  const prompt = input_tokens + read + written;
  return {
    prompt_tokens: prompt,
    completion_tokens: output_tokens,
    total_tokens: prompt + output_tokens,
    prompt_tokens_details: { cached_tokens: read, cache_write_tokens: written },
    completion_tokens_details: { reasoning_tokens: usage.output_tokens_details?.thinking_tokens ?? 0 },
  };
}

export interface Annotation {
  /** OpenAI's SDK for Python puts the pieces of a list together by it. */
  index: number;
  type: 'url_citation';
  url_citation: { start_index: number; end_index: number; url: string; title: string };
}

/**
 * What a text quotes from the web, as annotations of its place in the whole content; other citations have no counterpart.
 * @param first index of the first one.
 */
export function annotationsOf(
  citations: readonly Citation[],
  place: { start: number; end: number },
  first: number,
): Annotation[] {
  return citations
    .filter((citation) => typeof citation.url === 'string')
    .map(({ url = '', title }, offset) => ({
      index: first + offset,
      type: 'url_citation',
      url_citation: { start_index: place.start, end_index: place.end, url, title: title ?? '' },
    }));
}
