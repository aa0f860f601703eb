import { anthropicProviderCodec } from '../protocols/anthropic/provider-codec.ts';
import type { AnswerMessage, StreamEvent } from '../protocols/canonical.ts';
import type { StreamDecoder } from '../protocols/codec.ts';
import { isObject } from '../protocols/is-object.ts';
import { MessageCollector } from '../protocols/message-collector.ts';
import { defaultQuirks } from '../providers/quirks.ts';
import type { Completion } from './mcp-engine.ts';

/** An error answer is a few lines; what is longer is none of ours. */
const LONGEST_ERROR_BYTES = 1024 * 1024;

/** Reads what `/v1/messages` answers with: a stream, or an error in its place. */
export class AnswerReader {
  readonly #onEvent: (event: StreamEvent) => void;
  readonly #decoder: StreamDecoder;
  readonly #collector = new MessageCollector();
  readonly #bytes: Uint8Array[] = [];
  #length = 0;
  #error: { type: string; message: string } | null = null;
  #isWhole = false;

  /** @param model as it was asked for. */
  constructor(model: string, onEvent: (event: StreamEvent) => void = () => undefined) {
    this.#onEvent = onEvent;
    this.#decoder = anthropicProviderCodec.createStreamDecoder({
      model,
      target: { provider: 'cproxy', model },
      quirks: { ...defaultQuirks, readsMarkup: false },
      estimatedInputTokens: 0,
      toolNames: new Map(),
      offeredTools: new Map(),
      usedToolIds: new Set(),
      stopSequences: [],
    });
  }

  /** A piece of a body. @param isStream by its content type. */
  push(bytes: Uint8Array, isStream: boolean): void {
    if (isStream) this.#take(this.#decoder.push(bytes));
    else if (this.#length < LONGEST_ERROR_BYTES) {
      this.#bytes.push(bytes);
      this.#length += bytes.length;
    }
  }

  /** The body has ended. @param status HTTP; null where no answer came. */
  end(status: number | null, isStream: boolean): Pick<Completion, 'message' | 'error'> {
    if (isStream) this.#take(this.#decoder.end());
    else this.#error = errorIn(Buffer.concat(this.#bytes).toString());
    if (this.#error === null && this.#isWhole) return { message: this.#message, error: null };
    const error = this.#error ?? { type: 'api_error', message: 'There is no answer.' };
    return { message: null, error: { ...error, status: status ?? 499 } };
  }

  get #message(): AnswerMessage | null {
    return this.#collector.message;
  }

  #take(events: readonly StreamEvent[]): void {
    for (const event of events) {
      this.#collector.push(event);
      if (event.type === 'error') this.#error ??= event.error;
      if (event.type === 'message_stop') this.#isWhole = true;
      this.#onEvent(event);
    }
  }
}

/** Anthropic's envelope, which all of our errors have here. */
function errorIn(text: string): { type: string; message: string } {
  try {
    const body: unknown = JSON.parse(text);
    const error = isObject(body) && isObject(body.error) ? body.error : {};
    if (typeof error.message === 'string' && typeof error.type === 'string')
      return { type: error.type, message: error.message };
  } catch {
    // Said below.
  }
  return { type: 'api_error', message: text === '' ? 'There is no answer.' : 'The answer cannot be read.' };
}
