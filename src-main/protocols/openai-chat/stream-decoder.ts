import { AnswerFilters } from '../answer-filters.ts';
import type { StreamEvent } from '../canonical.ts';
import type { DecodeContext, StreamDecoder } from '../codec.ts';
import { type SseFrame, SseParser } from '../sse.ts';
import { AnswerDecoder } from './answer-decoder.ts';
import { decodeError, errorEvent } from './error-envelope.ts';
import { decodeAnswer } from './whole-answer.ts';

const OPEN_BRACE = 0x7b;
const WHOLE_ANSWER_LIMIT = 32 * 1024 * 1024;

/** Reads the bytes of an answer to a request with `stream: true`. Never throws: what cannot be read is an `error` event. */
export class ChatStreamDecoder implements StreamDecoder {
  readonly #context: DecodeContext;
  readonly #newId: (() => string) | undefined;
  readonly #answer: AnswerDecoder;
  readonly #filters: AnswerFilters;
  readonly #sse = new SseParser();
  /** The bytes of an answer that is one JSON object instead of a stream: some servers ignore `stream`. */
  #whole: Uint8Array[] | null = null;
  #wholeBytes = 0;
  #empty = true;
  #ended = false;

  constructor(context: DecodeContext, newId?: () => string) {
    this.#context = context;
    this.#newId = newId;
    this.#answer = new AnswerDecoder(context, newId);
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
      return this.#decodeWhole(Buffer.concat(this.#whole).toString('utf8'));
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

  #decodeWhole(text: string): StreamEvent[] {
    try {
      return decodeAnswer(JSON.parse(text), this.#context, this.#newId);
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
    if (data === '[DONE]' || data.trim() === '[DONE]') this.#answer.end();
    else if (event === 'error') this.#fail(data);
    else if (data.trim() !== '') this.#chunk(data);
  }

  #fail(data: string): void {
    const { type, message } = errorEvent(decodeError(data));
    this.#answer.fail(type, message);
  }

  #chunk(data: string): void {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch {
      // What is left at the end is a frame that was cut in two.
      if (this.#ended) this.#answer.cut();
      else this.#answer.fail('api_error', 'a frame of the stream is not valid JSON');
      return;
    }
    this.#answer.chunk(value);
  }
}
