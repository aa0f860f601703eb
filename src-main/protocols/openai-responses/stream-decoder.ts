import type { StreamEvent } from '../canonical.ts';
import type { DecodeContext, StreamDecoder } from '../codec.ts';
import { decodeError, errorEvent } from '../openai-chat/error-envelope.ts';
import { type SseFrame, SseParser } from '../sse.ts';
import { AnswerDecoder } from './answer-decoder.ts';
import { decodeAnswer } from './whole-answer.ts';

const OPEN_BRACE = 0x7b;
const WHOLE_ANSWER_LIMIT = 32 * 1024 * 1024;

/** Events that say nothing new. Some are large (a response echoes its instructions and tools), so they are not parsed. */
const UNREAD = new Set([
  'response.queued',
  'response.in_progress',
  'response.content_part.added',
  'response.output_text.done',
  'response.refusal.done',
  'response.reasoning_summary_part.added',
  'response.reasoning_summary_part.done',
  'response.reasoning_summary_text.done',
  'response.reasoning_text.done',
]);

/** Reads the bytes of an answer to a request with `stream: true`. Never throws: what cannot be read is an `error` event. */
export class ResponsesStreamDecoder implements StreamDecoder {
  readonly #context: DecodeContext;
  readonly #newId: (() => string) | undefined;
  readonly #answer: AnswerDecoder;
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
  }

  get finished(): boolean {
    return this.#answer.finished;
  }

  push(chunk: Uint8Array): StreamEvent[] {
    if (this.#empty && chunk.length > 0) {
      this.#empty = false;
      if (chunk[0] === OPEN_BRACE) this.#whole = [];
    }
    if (this.#whole !== null) this.#keep(chunk, this.#whole);
    else this.#read(() => this.#sse.push(chunk));
    return this.#answer.take();
  }

  end(): StreamEvent[] {
    if (this.#whole !== null && !this.finished) return this.#decodeWhole(Buffer.concat(this.#whole).toString('utf8'));
    this.#ended = true;
    this.#read(() => this.#sse.end());
    this.#answer.cut();
    return this.#answer.take();
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
    if (event !== null && UNREAD.has(event)) return;
    if (event === 'error') {
      const { type, message } = errorEvent(decodeError(data));
      this.#answer.fail(type, message);
      return;
    }
    // This API has no end mark, but some servers send that of Chat Completions.
    const text = data.trim();
    if (text !== '' && text !== '[DONE]') this.#event(text);
  }

  #event(data: string): void {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch {
      // What is left at the end is a frame that was cut in two.
      if (this.#ended) this.#answer.cut();
      else this.#answer.fail('api_error', 'a frame of the stream is not valid JSON');
      return;
    }
    this.#answer.event(value);
  }
}
