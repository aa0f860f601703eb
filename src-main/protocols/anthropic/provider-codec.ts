import { AnswerFilters } from '../answer-filters.ts';
import type { AnswerMessage, StreamEvent } from '../canonical.ts';
import type { DecodeContext, PassThrough, ProviderCodec, StreamDecoder } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { type SseFrame, SseParser } from '../sse.ts';
import { AnthropicAnswerDecoder } from './answer-decoder.ts';
import { decodeError, readError } from './error-envelope.ts';
import { foreignThinking } from './foreign-thinking.ts';
import { messageEvents } from './message-events.ts';
import { encodeRequest } from './provider-request.ts';
import { AnthropicStreamTap } from './stream-tap.ts';
import { mergeUsage } from './usage.ts';

/**
 * Anthropic's own dialect on the provider's side. Its answers are decoded for clients of other dialects, and where an answer
 * must be seen as events, or in another form than the client asked for. Else bytes are passed through.
 */

class AnthropicStreamDecoder implements StreamDecoder {
  readonly #parser = new SseParser();
  readonly #answer: AnthropicAnswerDecoder;
  readonly #filters: AnswerFilters;

  constructor(context: DecodeContext) {
    this.#answer = new AnthropicAnswerDecoder(context);
    this.#filters = new AnswerFilters(context);
  }

  get finished(): boolean {
    return this.#answer.finished || this.#filters.stopped;
  }

  push(chunk: Uint8Array): StreamEvent[] {
    this.#read(this.#parser.push(chunk));
    return this.#filters.push(this.#answer.take());
  }

  end(): StreamEvent[] {
    this.#read(this.#parser.end());
    this.#answer.end();
    return this.#filters.push(this.#answer.take());
  }

  #read(frames: readonly SseFrame[]): void {
    for (const { event, data } of frames) {
      // OpenAI's end mark, which some servers send here as well.
      if (this.#answer.closed || data === '[DONE]') continue;
      let value: unknown;
      try {
        value = JSON.parse(data);
      } catch {
        this.#answer.fail('api_error', 'an event of the stream is not JSON');
        return;
      }
      if (!isObject(value)) continue;
      if (value.type === undefined && event !== null) value.type = event;
      this.#answer.read(value);
    }
  }
}

/** @throws Error with what is wrong */
function decodeAnswer(body: unknown, context: DecodeContext): StreamEvent[] {
  const answer = new AnthropicAnswerDecoder(context);
  if (isObject(body) && Array.isArray(body.content)) {
    const message = { ...body, content: body.content.filter(isObject) } as unknown as AnswerMessage;
    for (const event of messageEvents(message)) answer.read({ ...event });
    answer.end();
  } else {
    const error = readError(body);
    if (error === null) throw new Error('its JSON is not a message: it has no content');
    answer.fail(error.code ?? 'api_error', error.message);
  }
  return new AnswerFilters(context).push(answer.take());
}

const passThrough: PassThrough = {
  foreignState: foreignThinking,
  createTap: () => new AnthropicStreamTap(),
  readAnswer: (body) => {
    if (!Array.isArray(body.content)) {
      const error = readError(body);
      if (error === null) throw new Error('its JSON is not a message: it has no content');
      return { error, usage: null, stopReason: null };
    }
    const stopReason = typeof body.stop_reason === 'string' ? body.stop_reason : null;
    return { error: null, usage: mergeUsage(null, body.usage), stopReason };
  },
};

export const anthropicProviderCodec: ProviderCodec = {
  protocol: 'anthropic',
  path: '/messages',
  passThrough,
  encodeRequest,
  createStreamDecoder: (context) => new AnthropicStreamDecoder(context),
  decodeAnswer,
  decodeError,
};
