import type { ProviderCodec } from '../codec.ts';
import { decodeError } from './error-envelope.ts';
import { chatPassThrough } from './pass-through.ts';
import { encodeRequest } from './request.ts';
import { ChatStreamDecoder } from './stream-decoder.ts';
import { decodeAnswer } from './whole-answer.ts';

/** OpenAI's Chat Completions, as OpenAI and the many servers that imitate it speak it. */
export const openaiChatCodec: ProviderCodec = {
  protocol: 'openai-chat',
  path: '/chat/completions',
  passThrough: chatPassThrough,
  encodeRequest,
  createStreamDecoder: (context) => new ChatStreamDecoder(context),
  decodeAnswer: (body, context) => decodeAnswer(body, context),
  decodeError,
};
