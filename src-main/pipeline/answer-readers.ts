import { ProxyError } from '../../src-shared/errors.ts';
import type { StreamEvent, Usage } from '../protocols/canonical.ts';
import type { AnswerEncoder, PassThrough, StreamEncoder, StreamTap, UpstreamError } from '../protocols/codec.ts';
import { parseExact } from '../protocols/exact-json.ts';
import { isObject } from '../protocols/is-object.ts';
import { MessageCollector } from '../protocols/message-collector.ts';
import type { RecordedTurn, TurnRecorder } from '../protocols/turn-recorder.ts';
import type { AnswerWatcher } from './answer-watcher.ts';

/** Reads one provider answer and makes the client's bytes of it. */
export interface AnswerReader {
  /** First good content has been seen. */
  readonly started: boolean;
  /** The answer came to its proper end. */
  readonly finished: boolean;
  /** The provider has said why the answer ends; only usage may still follow. */
  readonly finishing: boolean;
  /** The protocol's own end has been seen: nothing more will come, whether the connection closes or not. */
  readonly complete: boolean;
  /** An error the provider reported inside the answer. */
  readonly error: UpstreamError | null;
  /** Whether the client has been given that error already, in the provider's own bytes. */
  readonly errorPassedOn: boolean;
  readonly usage: Usage | null;
  readonly stopReason: string | null;
  /** The provider has refused to answer, before any content. */
  readonly refused: boolean;
  /** The vendor's own signatures and encrypted contents in it, as far as it has come. */
  readonly signatures: readonly string[];
  /** What is to be remembered of it, as far as it has come; null: nothing. */
  readonly turn: RecordedTurn | null;
  /** How an error ends the stream that has begun, where the client's dialect ties it to what went before. */
  readonly encodeError?: StreamEncoder['encodeError'];
  /** The client's bytes that follow from a chunk; empty where none do yet. */
  push(chunk: Buffer): Uint8Array | string;
  /** The provider's answer has ended. @throws ProxyError `provider_garbage` where it cannot be read at all. */
  end(): Uint8Array | string;
}

/** Same protocol on both sides: the provider's bytes, watched. */
export class PassThroughStreamReader implements AnswerReader {
  readonly #provider: string;
  readonly #tap: StreamTap;
  readonly #watcher: AnswerWatcher | null;

  /** @param watcher null where nothing of the answer is to be remembered. */
  constructor(provider: string, tap: StreamTap, watcher: AnswerWatcher | null) {
    this.#provider = provider;
    this.#tap = tap;
    this.#watcher = watcher;
  }

  get started(): boolean {
    return this.#tap.started;
  }
  get finished(): boolean {
    return this.#tap.finished;
  }
  get finishing(): boolean {
    return this.#tap.finished;
  }
  get complete(): boolean {
    return this.#tap.complete;
  }
  get error(): UpstreamError | null {
    return this.#tap.error;
  }
  get errorPassedOn(): boolean {
    return this.#tap.error !== null;
  }
  get usage(): Usage | null {
    return this.#tap.usage;
  }
  get stopReason(): string | null {
    return this.#tap.stopReason;
  }
  get refused(): boolean {
    return this.#tap.refused;
  }
  get signatures(): readonly string[] {
    return this.#tap.signatures;
  }
  get turn(): RecordedTurn | null {
    return this.#watcher?.turn ?? null;
  }
  get encodeError(): StreamEncoder['encodeError'] {
    return this.#tap.encodeError?.bind(this.#tap);
  }
  push(chunk: Buffer): Buffer {
    this.#watcher?.push(chunk);
    try {
      return this.#tap.push(chunk);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw ProxyError.of('provider_garbage', { provider: this.#provider, reason: error.message }, { cause: error });
    }
  }
  end(): string {
    this.#watcher?.end();
    return this.#tap.end();
  }
}

/** Bodies of answers that are not streams; larger ones are no language model's. */
const LARGEST_ANSWER_BYTES = 256 * 1024 * 1024;

/** Keeps a whole body, for answers that are read at their end. */
class WholeBody {
  readonly #provider: string;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(provider: string) {
    this.#provider = provider;
  }

  add(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > LARGEST_ANSWER_BYTES)
      throw ProxyError.of('provider_garbage', {
        provider: this.#provider,
        reason: `it is larger than ${LARGEST_ANSWER_BYTES / 1024 / 1024} MB`,
      });
    this.#chunks.push(chunk);
  }

  bytes(): Buffer {
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
  }

  /** @throws ProxyError `provider_empty`, `provider_garbage` */
  json(): Record<string, unknown> {
    const bytes = this.bytes();
    if (bytes.length === 0) throw ProxyError.of('provider_empty', { provider: this.#provider });
    let value: unknown;
    try {
      value = parseExact(bytes.toString());
    } catch (error) {
      throw ProxyError.of(
        'provider_garbage',
        { provider: this.#provider, reason: `no JSON but ${describe(bytes)}` },
        { cause: error },
      );
    }
    if (!isObject(value))
      throw ProxyError.of('provider_garbage', { provider: this.#provider, reason: 'its JSON is not an object' });
    return value;
  }
}

/** Said of what came instead of an answer. */
export const WEB_PAGE =
  "an HTML page. Does baseUrl lead to the API, and not to its website or to a network's login page?";

/** What bytes look like, without quoting what they say. */
function describe(bytes: Buffer): string {
  const start = bytes.toString('latin1', 0, 200).trimStart().toLowerCase();
  return start.startsWith('<') ? WEB_PAGE : `${bytes.length} bytes of something else`;
}

/** Same protocol on both sides, not streamed: the body as it is, once it has proved to be a message. */
export class PassThroughJsonReader implements AnswerReader {
  readonly #provider: string;
  readonly #read: PassThrough['readAnswer'];
  readonly #watcher: AnswerWatcher | null;
  readonly #body: WholeBody;
  started = false;
  finished = false;
  readonly finishing = false;
  readonly complete = false;
  error: UpstreamError | null = null;
  readonly errorPassedOn = false;
  usage: Usage | null = null;
  stopReason: string | null = null;
  refused = false;
  signatures: readonly string[] = [];

  /** @param watcher null where nothing of the answer is to be remembered. */
  constructor(provider: string, read: PassThrough['readAnswer'], watcher: AnswerWatcher | null) {
    this.#provider = provider;
    this.#read = read;
    this.#watcher = watcher;
    this.#body = new WholeBody(provider);
  }

  get turn(): RecordedTurn | null {
    return this.#watcher?.turn ?? null;
  }

  push(chunk: Buffer): string {
    this.#body.add(chunk);
    return '';
  }

  end(): Buffer | string {
    const body = this.#body.json();
    const { error, usage, stopReason, refused, signatures } = readable(this.#provider, () => this.#read(body));
    this.error = error;
    if (error !== null) return '';
    this.usage = usage;
    this.stopReason = stopReason;
    this.refused = refused;
    this.signatures = signatures;
    this.started = true;
    this.finished = true;
    this.#watcher?.take(body);
    return this.#body.bytes();
  }
}

/** @throws ProxyError `provider_garbage` with what was wrong. */
function readable<Value>(provider: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw ProxyError.of('provider_garbage', { provider, reason }, { cause: error });
  }
}

/** How the events of a translated answer reach the client. */
interface EventSink {
  take(event: StreamEvent): string;
  end(): string;
  /** Ends what has begun with an error; absent where the dialect's errors need nothing of what went before. */
  encodeError?: StreamEncoder['encodeError'];
}

/** The client asked for a stream. */
export function streamSink(answer: AnswerEncoder): EventSink {
  const encoder = answer.createStream();
  return {
    take: (event) => encoder.encode(event),
    end: () => '',
    encodeError: encoder.encodeError?.bind(encoder),
  };
}

/** The client asked for one JSON answer: the same events, collected. */
export function messageSink(answer: AnswerEncoder): EventSink {
  const collector = new MessageCollector();
  return {
    take: (event) => {
      collector.push(event);
      return '';
    },
    end: () => (collector.message === null ? '' : answer.encodeAnswer(collector.message)),
  };
}

/** How the provider's bytes become events. */
interface EventSource {
  readonly finished?: boolean;
  push(chunk: Buffer): StreamEvent[];
  end(): StreamEvent[];
}

/** A whole JSON answer, read at its end. @param decode throws an Error saying what is wrong with it. */
export function jsonSource(provider: string, decode: (body: unknown) => StreamEvent[]): EventSource {
  const body = new WholeBody(provider);
  return {
    push: (chunk) => {
      body.add(chunk);
      return [];
    },
    end: () => {
      const value = body.json();
      return readable(provider, () => decode(value));
    },
  };
}

/** Different protocols, or someone wants to see the events: decode, let middleware look, encode. */
export class TranslatingReader implements AnswerReader {
  readonly #source: EventSource;
  readonly #sink: EventSink;
  readonly #middleware: ((event: StreamEvent) => readonly StreamEvent[]) | null;
  readonly #recorder: TurnRecorder;
  started = false;
  complete = false;
  error: UpstreamError | null = null;
  readonly errorPassedOn = false;
  usage: Usage | null = null;
  stopReason: string | null = null;
  refused = false;

  constructor(
    source: EventSource,
    sink: EventSink,
    middleware: ((event: StreamEvent) => readonly StreamEvent[]) | null,
    recorder: TurnRecorder,
  ) {
    this.#source = source;
    this.#sink = sink;
    this.#middleware = middleware;
    this.#recorder = recorder;
  }

  get signatures(): readonly string[] {
    return this.#recorder.signatures;
  }

  get turn(): RecordedTurn | null {
    return this.#recorder.turn;
  }

  get finished(): boolean {
    return this.complete;
  }

  get encodeError(): StreamEncoder['encodeError'] {
    return this.#sink.encodeError;
  }

  get finishing(): boolean {
    return this.#source.finished === true;
  }

  push(chunk: Buffer): string {
    return this.#takeAll(this.#source.push(chunk));
  }

  end(): string {
    const rest = this.#takeAll(this.#source.end());
    return this.complete && this.error === null ? rest + this.#sink.end() : rest;
  }

  #takeAll(events: readonly StreamEvent[]): string {
    let bytes = '';
    for (const event of events) {
      this.#recorder.take(event);
      if (this.#middleware === null) bytes += this.#take(event);
      else for (const changed of this.#middleware(event)) bytes += this.#take(changed);
    }
    return bytes;
  }

  #take(event: StreamEvent): string {
    switch (event.type) {
      case 'error':
        // Encoded by the answer, which knows whether its headers are out. A cut is no error the provider reported.
        if (event.cut !== true) this.error ??= { message: event.error.message, code: event.error.type };
        return '';
      case 'message_start':
        if (event.estimated !== true) this.usage = event.message.usage;
        break;
      case 'content_block_start':
        this.started = true;
        break;
      case 'message_delta':
        this.stopReason = event.delta.stop_reason;
        this.refused = !this.started && this.stopReason === 'refusal';
        // An estimate is good for the client's meter, not for the ledger.
        this.usage = event.estimated === true ? null : event.usage;
        break;
      case 'message_stop':
        this.complete = true;
        break;
    }
    return this.error === null ? this.#sink.take(event) : '';
  }
}
