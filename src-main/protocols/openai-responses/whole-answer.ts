import type { StreamEvent } from '../canonical.ts';
import type { DecodeContext } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { errorIn } from '../openai-chat/error-envelope.ts';
import { AnswerDecoder } from './answer-decoder.ts';

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
  return decoder.take();
}
