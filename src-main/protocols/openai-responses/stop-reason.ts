import type { StopDetails, StopReason } from '../canonical.ts';

/** How a response ends, by its `status`. */
export type ResponseEnd = 'completed' | 'incomplete' | 'failed';

/** What the answer turned out to hold. */
interface AnswerFacts {
  toolUsed: boolean;
  /** The model's own words for a refusal; '' where there are none. */
  refusal: string;
}

/**
 * Why an answer stopped, in Anthropic's terms. This API has no reason for what is complete: the items tell. What is
 * incomplete for a reason other than its filter was cut, and a call in it must not be taken for a whole one.
 */
export function decodeStop(
  end: 'completed' | 'incomplete',
  reason: unknown,
  { toolUsed, refusal }: AnswerFacts,
): { stop_reason: StopReason; stop_sequence: null; stop_details?: StopDetails } {
  const filtered = end === 'incomplete' && reason === 'content_filter';
  if (end === 'incomplete' && !filtered) return { stop_reason: 'max_tokens', stop_sequence: null };
  if (filtered || refusal !== '') {
    const stop_details: StopDetails = { type: 'refusal', category: null, explanation: refusal || null };
    return { stop_reason: 'refusal', stop_sequence: null, stop_details };
  }
  return { stop_reason: toolUsed ? 'tool_use' : 'end_turn', stop_sequence: null };
}
