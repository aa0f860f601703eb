import { AnswerFilters } from '../answer-filters.ts';
import type { AnswerMessage, StreamEvent } from '../canonical.ts';
import type { DecodeContext, ForeignState, PassThrough, ProviderCodec, StreamDecoder } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { messageEvents } from '../message-events.ts';
import { SseStreamDecoder } from '../sse-stream-decoder.ts';
import { decodeError, errorEvent, errorIn } from '../upstream-error.ts';
import { AnthropicAnswerDecoder } from './answer-decoder.ts';
import { countTokens } from './count-tokens.ts';
import { foreignSearch } from './foreign-search.ts';
import { foreignThinking, nativeSignature, withoutThinking } from './foreign-thinking.ts';
import { encodeRequest } from './provider-request.ts';
import { restoration } from './restoration.ts';
import { AnthropicStreamTap } from './stream-tap.ts';
import { mergeUsage } from './usage.ts';

const NO_CONTENT = 'its JSON is not a message: it has no content';

const createStreamDecoder = (context: DecodeContext): StreamDecoder =>
  new SseStreamDecoder(new AnthropicAnswerDecoder(context), (body) => decodeAnswer(body, context), context);

/** @throws Error with what is wrong */
function decodeAnswer(body: unknown, context: DecodeContext): StreamEvent[] {
  const answer = new AnthropicAnswerDecoder(context);
  if (!isObject(body)) throw new Error(NO_CONTENT);
  if (Array.isArray(body.content)) {
    const message = { ...body, content: body.content.filter(isObject) } as unknown as AnswerMessage;
    for (const event of messageEvents(message)) answer.read({ ...event });
    answer.end();
  } else {
    const error = errorIn(body);
    if (error === null) throw new Error(NO_CONTENT);
    const { type, message } = errorEvent(error);
    answer.fail(type, message);
  }
  return new AnswerFilters(context).push(answer.take());
}

const foreignState: ForeignState = {
  mayBeIn: (raw, target) => foreignThinking.mayBeIn(raw, target) || foreignSearch.mayBeIn(raw, target),
  remove: (body, target, warnings) => foreignSearch.remove(foreignThinking.remove(body, target, warnings), target),
};

const passThrough: PassThrough = {
  foreignState,
  restoration,
  createTap: () => new AnthropicStreamTap(),
  readAnswer: (body) => {
    if (!Array.isArray(body.content)) {
      const error = errorIn(body);
      if (error === null) throw new Error(NO_CONTENT);
      return { error, usage: null, stopReason: null, refused: false, signatures: [] };
    }
    const stopReason = typeof body.stop_reason === 'string' ? body.stop_reason : null;
    const signatures = body.content.map(nativeSignature).filter((signature) => signature !== null);
    const refused = stopReason === 'refusal' && body.content.length === 0;
    return { error: null, usage: mergeUsage(null, body.usage), stopReason, refused, signatures };
  },
};

/**
 * Anthropic's own dialect on the provider's side. Its answers are decoded for clients of other dialects, and where an answer
 * must be seen as events, or in another form than the client asked for. Else bytes are passed through.
 */
export const anthropicProviderCodec: ProviderCodec = {
  protocol: 'anthropic',
  path: '/messages',
  passThrough,
  counting: countTokens,
  encodeRequest,
  withoutReasoning: (body, refusal) => withoutThinking(body, refusal.startsWith('no-')),
  createStreamDecoder,
  decodeAnswer,
  decodeError,
};
