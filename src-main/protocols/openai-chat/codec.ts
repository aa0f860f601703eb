import type { ProviderCodec } from '../codec.ts';
import { decodeError } from '../upstream-error.ts';
import { createStreamDecoder, decodeAnswer } from './decode-answer.ts';
import { chatPassThrough } from './pass-through.ts';
import { encodeRequest } from './request.ts';
import { withoutReasoning } from './without-reasoning.ts';

/** OpenAI's Chat Completions, as OpenAI and the many servers that imitate it speak it. */
export const openaiChatCodec: ProviderCodec = {
  protocol: 'openai-chat',
  path: '/chat/completions',
  passThrough: chatPassThrough,
  encodeRequest,
  withoutReasoning,
  createStreamDecoder: (context) => createStreamDecoder(context),
  decodeAnswer: (body, context) => decodeAnswer(body, context),
  decodeError,
};
