import { AnswerFilters } from './answer-filters.ts';
import type { StreamEvent } from './canonical.ts';
import type { DecodeContext, StreamDecoder } from './codec.ts';
import { parseExact } from './exact-json.ts';
import { type SseFrame, SseParser } from './sse.ts';
import { decodeError, errorEvent } from './upstream-error.ts';

const OPEN_BRACE = 0x7b;
const WHOLE_ANSWER_LIMIT = 32 * 1024 * 1024;

/** What a dialect makes of the events of one answer. */
export interface SseAnswer {
  /** As a decoder is (codec.ts). */
  readonly finished: boolean;
  /**
   * Reads what stands in a frame, decoded. Whatever is no event of the dialect becomes an `error` event.
   * @param event the frame's `event:` line.
   */
  read(value: unknown, event: string | null): void;
  /** The provider's answer has ended: closes it, or says that it was cut. */
  end(): void;
  /** Ends it with an `error` event. */
  fail(type: string, message: string): void;
  /** The canonical events since the last call. */
  take(): StreamEvent[];
}

/**
 * Reads the bytes of a `text/event-stream`, or of one JSON object instead: some servers ignore `stream`. Never throws: what
 * cannot be read is an `error` event.
 */
export class SseStreamDecoder implements StreamDecoder {
  readonly #answer: SseAnswer;
  readonly #decodeWhole: (body: unknown) => StreamEvent[];
  readonly #unread: ReadonlySet<string> | null;
  readonly #filters: AnswerFilters;
  readonly #sse = new SseParser();
  /** The bytes of an answer that is no stream. */
  #whole: Uint8Array[] | null = null;
  #wholeBytes = 0;
  #empty = true;
  #ended = false;

  /**
   * @param decodeWhole throws an Error that says why a decoded answer is none.
   * @param unread events that need not be decoded.
   * @param newId makes ids for what the provider gave none (answer-events.ts).
   */
  constructor(
    answer: SseAnswer,
    decodeWhole: (body: unknown) => StreamEvent[],
    context: DecodeContext,
    { unread = null, newId }: { unread?: ReadonlySet<string> | null; newId?: (() => string) | undefined } = {},
  ) {
    this.#answer = answer;
    this.#decodeWhole = decodeWhole;
    this.#unread = unread;
    this.#filters = new AnswerFilters(context, newId);
  }

  get finished(): boolean {
    return this.#answer.finished || this.#filters.stopped;
  }

  push(chunk: Uint8Array): StreamEvent[] {
    if (this.#empty && chunk.length > 0) {
      this.#empty = false;
      if (chunk[0] === OPEN_BRACE) this.#whole = [];
    }
    if (this.#whole !== null) this.#keep(chunk, this.#whole);
    else this.#read(() => this.#sse.push(chunk));
    return this.#filters.push(this.#answer.take());
  }

  end(): StreamEvent[] {
    if (this.#whole !== null && !this.#answer.finished)
      return this.#readWhole(Buffer.concat(this.#whole).toString('utf8'));
    this.#ended = true;
    this.#read(() => this.#sse.end());
    this.#answer.end();
    return this.#filters.push(this.#answer.take());
  }

  #keep(chunk: Uint8Array, whole: Uint8Array[]): void {
    this.#wholeBytes += chunk.length;
    if (this.#wholeBytes <= WHOLE_ANSWER_LIMIT) whole.push(chunk);
    else this.#answer.fail('api_error', 'the answer is larger than 32 MB');
  }

  #readWhole(text: string): StreamEvent[] {
    try {
      return this.#decodeWhole(parseExact(text));
    } catch (error) {
      // The text of a SyntaxError quotes the answer, which belongs in no log.
      const reason = error instanceof SyntaxError || !(error instanceof Error) ? 'it is not valid JSON' : error.message;
      this.#answer.fail('api_error', `the answer cannot be read: ${reason}`);
      return this.#answer.take();
    }
  }

  #read(frames: () => SseFrame[]): void {
    try {
      for (const frame of frames()) this.#frame(frame);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#answer.fail('api_error', error.message);
    }
  }

  #frame({ event, data }: SseFrame): void {
    if (event !== null && this.#unread?.has(event)) return;
    if (event === 'error') this.#fail(data);
    else if (data.charCodeAt(0) === OPEN_BRACE) this.#decode(data, event);
    else {
      const text = data.trim();
      // Chat Completions' end mark, which some servers send in other dialects, too.
      if (text === '[DONE]') this.#answer.end();
      else if (text !== '') this.#decode(text, event);
    }
  }

  #fail(text: string): void {
    const { type, message } = errorEvent(decodeError(text));
    this.#answer.fail(type, message);
  }

  #decode(text: string, event: string | null): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // What is left at the end is a frame that was cut in two.
      if (!this.#ended) this.#answer.fail('api_error', 'a frame of the stream is not valid JSON');
      return;
    }
    this.#answer.read(value, event);
  }
}
