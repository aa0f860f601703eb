import type { ProviderCodec } from '../codec.ts';
import { decodeError } from '../upstream-error.ts';
import { createStreamDecoder, decodeAnswer } from './decode-answer.ts';
import { withoutReasoning } from './foreign-reasoning.ts';
import { inputTokens } from './input-tokens.ts';
import { responsesPassThrough } from './pass-through.ts';
import { encodeRequest } from './request.ts';

/** OpenAI's Responses API, as OpenAI and the servers that imitate it speak it; stateless. */
export const openaiResponsesCodec: ProviderCodec = {
  protocol: 'openai-responses',
  path: '/responses',
  passThrough: responsesPassThrough,
  counting: inputTokens,
  encodeRequest,
  withoutReasoning: (body) => withoutReasoning(body),
  createStreamDecoder: (context) => createStreamDecoder(context),
  decodeAnswer: (body, context) => decodeAnswer(body, context),
  decodeError,
};
