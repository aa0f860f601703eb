import type { AnswerEncoder, ClientCodec } from '../codec.ts';
import { encodeOpenaiError, openaiErrorBody } from '../openai-error.ts';
import { answerOptions } from './answer-options.ts';
import { changedChat } from './changed-body.ts';
import { decodeChatRequest } from './client-request.ts';
import { encodeAnswer } from './encode-answer.ts';
import { ChatStreamEncoder, PING } from './stream-encoder.ts';

function answerEncoder(body: () => Readonly<Record<string, unknown>>): AnswerEncoder {
  const options = answerOptions(body());
  return {
    createStream: () => new ChatStreamEncoder(options),
    encodeAnswer: (message) => encodeAnswer(message, options),
  };
}

/** The front door of OpenAI's Chat Completions. */
export const openaiChatClientCodec: ClientCodec = {
  protocol: 'openai-chat',
  requestIdHeader: 'x-request-id',
  decodeRequest: decodeChatRequest,
  changed: changedChat,
  answerEncoder,
  encodeError: encodeOpenaiError,
  // No [DONE] follows: the answer is not done.
  encodeStreamError: (error) => `data: ${JSON.stringify(openaiErrorBody(error))}\n\n`,
  ping: PING,
};
