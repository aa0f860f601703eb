import { AnswerFilters } from '../answer-filters.ts';
import type { StreamEvent } from '../canonical.ts';
import type { DecodeContext, StreamDecoder } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { SseStreamDecoder } from '../sse-stream-decoder.ts';
import { errorIn } from '../upstream-error.ts';
import { AnswerDecoder, firstChoice } from './answer-decoder.ts';

/** Reads the bytes of an answer to a request with `stream: true`. */
export function createStreamDecoder(context: DecodeContext, newId?: () => string): StreamDecoder {
  const decodeWhole = (body: unknown) => decodeAnswer(body, context, newId);
  return new SseStreamDecoder(new AnswerDecoder(context, newId), decodeWhole, context, { newId });
}

/**
 * A whole JSON answer as the events that its stream would have given: it is read as a stream of one chunk.
 * @throws Error saying why it is no answer.
 */
export function decodeAnswer(body: unknown, context: DecodeContext, newId?: () => string): StreamEvent[] {
  if (!isObject(body)) throw new Error('the answer is not a JSON object');
  const decoder = new AnswerDecoder(context, newId);
  decoder.read(errorIn(body) === null ? asChunk(body) : body);
  decoder.end();
  return new AnswerFilters(context, newId).push(decoder.take());
}

function asChunk(body: Record<string, unknown>): Record<string, unknown> {
  const choice = firstChoice(body.choices);
  if (choice === null) throw new Error('the answer has no choices');
  if (errorIn(choice) !== null) return body;
  const message = choice.message;
  if (!isObject(message)) throw new Error('the answer has no message');
  const calls = message.tool_calls;
  const delta = Array.isArray(calls) ? { ...message, tool_calls: calls.map(withIndex) } : message;
  // A JSON value that parsed was not cut: some servers leave the reason out.
  return { ...body, choices: [{ ...choice, delta, finish_reason: choice.finish_reason || 'stop' }] };
}

/** In a whole answer, every entry is a call of its own. */
const withIndex = (call: unknown, index: number): unknown => (isObject(call) ? { ...call, index } : call);
