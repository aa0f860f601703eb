import type { ProviderCodec } from '../codec.ts';
import { decodeError } from '../openai-chat/error-envelope.ts';
import { responsesPassThrough } from './pass-through.ts';
import { encodeRequest } from './request.ts';
import { ResponsesStreamDecoder } from './stream-decoder.ts';
import { decodeAnswer } from './whole-answer.ts';

/** OpenAI's Responses API, as OpenAI and the servers that imitate it speak it; stateless. */
export const openaiResponsesCodec: ProviderCodec = {
  protocol: 'openai-responses',
  path: '/responses',
  passThrough: responsesPassThrough,
  encodeRequest,
  createStreamDecoder: (context) => new ResponsesStreamDecoder(context),
  decodeAnswer: (body, context) => decodeAnswer(body, context),
  decodeError,
};
