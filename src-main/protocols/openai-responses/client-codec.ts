import type { AnswerMessage, StreamEvent } from '../canonical.ts';
import type { ClientCodec } from '../codec.ts';
import { messageEvents } from '../message-events.ts';
import { encodeOpenaiError } from '../openai-error.ts';
import { changedResponses } from './changed-body.ts';
import { nativeItemId } from './client-reasoning.ts';
import { decodeResponsesRequest } from './client-request.ts';
import { encodeFailure } from './frames.ts';
import { type Echo, echoOf } from './response-object.ts';
import { PING, ResponsesStreamEncoder } from './stream-encoder.ts';

/** The same state machine as the stream's, fed at once. */
function encodeAnswer(message: AnswerMessage, echo: Echo): string {
  const encoder = new ResponsesStreamEncoder(echo);
  for (const event of messageEvents(message)) encoder.encode(asStreamed(event, message));
  return encoder.response;
}

/** Of a whole answer more is known than its events tell: which id OpenAI's state is bound to. */
function asStreamed(event: StreamEvent, { content }: AnswerMessage): StreamEvent {
  if (event.type === 'content_block_start' && event.content_block.type === 'thinking') {
    const whole = content[event.index];
    const id = whole?.type === 'thinking' ? nativeItemId(whole.signature) : null;
    return id === null ? event : { ...event, content_block: { ...event.content_block, openai: { id } } };
  }
  return event;
}

/** The front door of OpenAI's Responses API, without what its server keeps: every request brings the whole conversation. */
export const openaiResponsesClientCodec: ClientCodec = {
  protocol: 'openai-responses',
  requestIdHeader: 'x-request-id',
  decodeRequest: decodeResponsesRequest,
  changed: changedResponses,
  answerEncoder: (body) => {
    const echo = echoOf(body());
    return {
      createStream: () => new ResponsesStreamEncoder(echo),
      encodeAnswer: (message) => encodeAnswer(message, echo),
    };
  },
  encodeError: encodeOpenaiError,
  encodeStreamError: encodeFailure,
  ping: PING,
};
