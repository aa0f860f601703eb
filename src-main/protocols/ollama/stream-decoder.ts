import { AnswerFilters } from '../answer-filters.ts';
import type { StreamEvent } from '../canonical.ts';
import type { DecodeContext, StreamDecoder } from '../codec.ts';
import { parseExact } from '../exact-json.ts';
import { AnswerDecoder } from './answer-decoder.ts';
import { LineSplitter } from './line-splitter.ts';

/** Reads the bytes of an answer to a request with `stream: true`. Never throws: what cannot be read is an `error` event. */
export class OllamaStreamDecoder implements StreamDecoder {
  readonly #answer: AnswerDecoder;
  readonly #filters: AnswerFilters;
  readonly #lines = new LineSplitter();

  constructor(context: DecodeContext, newId?: () => string) {
    this.#answer = new AnswerDecoder(context, newId);
    this.#filters = new AnswerFilters(context, newId);
  }

  get finished(): boolean {
    return this.#answer.finished || this.#filters.stopped;
  }

  push(chunk: Uint8Array): StreamEvent[] {
    try {
      for (const line of this.#lines.push(chunk)) this.#read(line, false);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#answer.fail('api_error', error.message);
    }
    return this.#filters.push(this.#answer.take());
  }

  end(): StreamEvent[] {
    for (const line of this.#lines.end()) this.#read(line, true);
    this.#answer.end();
    return this.#filters.push(this.#answer.take());
  }

  /** @param last whether the line lacks its end: it may have been cut. */
  #read(line: string, last: boolean): void {
    let value: unknown;
    try {
      value = parseExact(line);
    } catch {
      if (/^(?:data|event|id|retry)?:/.test(line))
        this.#answer.fail('api_error', "the answer is a stream of server-sent events, not of Ollama's own API");
      else if (!last) this.#answer.fail('api_error', 'a line of the stream is not valid JSON');
      return;
    }
    this.#answer.line(value);
  }
}

/**
 * A whole JSON answer as the events that its stream would have given: it is read as a stream of one line.
 * @throws Error saying why it is no answer.
 */
export function decodeAnswer(body: unknown, context: DecodeContext): StreamEvent[] {
  const decoder = new AnswerDecoder(context);
  decoder.readWhole(body);
  return new AnswerFilters(context).push(decoder.take());
}
