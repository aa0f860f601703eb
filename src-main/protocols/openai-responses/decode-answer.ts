import { AnswerFilters } from '../answer-filters.ts';
import type { StreamEvent } from '../canonical.ts';
import type { DecodeContext, StreamDecoder } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { SseStreamDecoder } from '../sse-stream-decoder.ts';
import { errorIn } from '../upstream-error.ts';
import { AnswerDecoder } from './answer-decoder.ts';

/** Events that say nothing new. Some are large (a response echoes its instructions and tools), so they are not parsed. */
const UNREAD = new Set([
  'response.queued',
  'response.in_progress',
  'response.content_part.added',
  'response.output_text.done',
  'response.refusal.done',
  'response.reasoning_summary_part.added',
  'response.reasoning_summary_part.done',
  'response.reasoning_summary_text.done',
  'response.reasoning_text.done',
]);

/** Reads the bytes of an answer to a request with `stream: true`. */
export function createStreamDecoder(context: DecodeContext, newId?: () => string): StreamDecoder {
  const decodeWhole = (body: unknown) => decodeAnswer(body, context, newId);
  return new SseStreamDecoder(new AnswerDecoder(context, newId), decodeWhole, context, { unread: UNREAD, newId });
}

/**
 * A whole JSON response as the events that its stream would have given.
 * @throws Error saying why it is no answer.
 */
export function decodeAnswer(body: unknown, context: DecodeContext, newId?: () => string): StreamEvent[] {
  if (!isObject(body)) throw new Error('the answer is not a JSON object');
  if (!Array.isArray(body.output) && typeof body.status !== 'string' && errorIn(body) === null)
    throw new Error('the answer has no output');
  const decoder = new AnswerDecoder(context, newId);
  decoder.response(body);
  return new AnswerFilters(context, newId).push(decoder.take());
}
