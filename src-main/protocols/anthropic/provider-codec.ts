import { type AnswerMessage, cutEvent, type StreamEvent, type Usage } from '../canonical.ts';
import type { PassThrough, ProviderCodec, StreamDecoder, UpstreamError } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { SseParser } from '../sse.ts';
import { messageEvents } from './message-events.ts';
import { AnthropicStreamTap, mergeUsage } from './stream-tap.ts';

/**
 * Anthropic's own dialect on the provider's side. The canonical form is Anthropic's, so there is little to do; it is used
 * where an answer must be seen as events, or in another form than the client asked for. Else bytes are passed through.
 */

/** Anthropic's error envelope, wherever it stands; null where it is something else. */
export function readError(value: unknown): UpstreamError | null {
  if (!isObject(value) || !isObject(value.error)) return null;
  const { message, type } = value.error;
  if (typeof message !== 'string') return null;
  return { message, code: typeof type === 'string' ? type : null };
}

const errorEvent = ({ message, code }: UpstreamError): StreamEvent => ({
  type: 'error',
  error: { type: code ?? 'api_error', message },
});

/** @throws Error with what is wrong */
function readMessage(value: unknown): AnswerMessage {
  if (!isObject(value) || !Array.isArray(value.content))
    throw new Error('its JSON is not a message: it has no content');
  const usage = mergeUsage(null, value.usage) ?? noUsage();
  // Fields beyond those we read stay as the provider sent them.
  return {
    stop_sequence: null,
    ...value,
    usage: { ...(isObject(value.usage) ? value.usage : {}), ...usage },
  } as AnswerMessage;
}

const noUsage = (): Usage => ({
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
});

class AnthropicStreamDecoder implements StreamDecoder {
  readonly #parser = new SseParser();
  #usage: Usage | null = null;
  #stopped = false;
  #ended = false;

  get finished(): boolean {
    return this.#stopped || this.#ended;
  }

  push(chunk: Uint8Array): StreamEvent[] {
    return this.#events(this.#parser.push(chunk));
  }

  end(): StreamEvent[] {
    const events = this.#events(this.#parser.end());
    // Some servers leave the last event out; an answer that has said why it stops is whole.
    if (!this.#ended) events.push(this.#stopped ? { type: 'message_stop' } : cutEvent);
    this.#ended = true;
    return events;
  }

  #events(frames: { data: string }[]): StreamEvent[] {
    const events: StreamEvent[] = [];
    for (const { data } of frames) {
      if (this.#ended) break;
      let value: unknown;
      try {
        value = JSON.parse(data);
      } catch {
        events.push({ type: 'error', error: { type: 'api_error', message: 'an event of the stream is not JSON' } });
        this.#ended = true;
        break;
      }
      if (!isObject(value)) continue;
      const event = this.#read(value);
      if (event !== null) events.push(event);
    }
    return events;
  }

  #read(value: Record<string, unknown>): StreamEvent | null {
    switch (value.type) {
      case 'message_start':
        if (isObject(value.message)) this.#usage = mergeUsage(this.#usage, value.message.usage);
        break;
      case 'message_delta':
        this.#usage = mergeUsage(this.#usage, value.usage);
        if (isObject(value.delta) && typeof value.delta.stop_reason === 'string') this.#stopped = true;
        // Counts of a stream are cumulative, and what the last event leaves out stands in an earlier one.
        return {
          ...value,
          usage: { ...(isObject(value.usage) ? value.usage : {}), ...(this.#usage ?? noUsage()) },
        } as StreamEvent;
      case 'message_stop':
        this.#ended = true;
        break;
      case 'error': {
        this.#ended = true;
        return errorEvent(readError(value) ?? { message: 'an error without a message', code: null });
      }
      case 'content_block_start':
      case 'content_block_delta':
      case 'content_block_stop':
      case 'ping':
        break;
      default:
        return null;
    }
    return value as unknown as StreamEvent;
  }
}

const passThrough: PassThrough = {
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
  encodeRequest: (request, { model }) => ({
    body: Buffer.from(JSON.stringify({ ...request, model })),
    toolNames: new Map(),
    warnings: [],
  }),
  createStreamDecoder: () => new AnthropicStreamDecoder(),
  decodeAnswer: (body) => {
    const error = isObject(body) && Array.isArray(body.content) ? null : readError(body);
    return error === null ? messageEvents(readMessage(body)) : [errorEvent(error)];
  },
  decodeError: (body) => {
    try {
      const error = readError(JSON.parse(body));
      if (error !== null) return error;
    } catch {
      // Not JSON: what it says is shown as it is.
    }
    const text = body.trim();
    return { message: text.startsWith('<') ? 'an HTML page' : text.slice(0, 500) || 'no message', code: null };
  },
};
