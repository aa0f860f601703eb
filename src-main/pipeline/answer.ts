import type { ProxyError } from '../../src-shared/errors.ts';
import type { StreamEncoder } from '../protocols/codec.ts';
import type { Failure } from './attempt-outcome.ts';
import type { AnswerHeaders, ClientReply } from './client-request.ts';
import type { RequestContext } from './context.ts';

export interface AnswerTimes {
  /** Until then nothing reaches the client of a stream; after it pings keep it waiting. */
  holdMs: number;
  /** Silence after which a ping is sent. */
  pingMs: number;
}

/** Is given what the client gets, as it goes out; pings are no part of it. */
export interface AnswerTap {
  /** The headers that the client gets: with the first content, with a ping before it, or with an error. */
  head?(headers: AnswerHeaders): void;
  /** The first content follows. */
  begin?(status: number, headers: AnswerHeaders): void;
  /** @returns whether others want more, however slowly this client reads. */
  write(bytes: Uint8Array | string): boolean;
  /** Nothing more will come. */
  end(bytes: Uint8Array | string | undefined): void;
}

/** Takes the place of a client that is gone, while others want the rest of its answer. */
const NOBODY: ClientReply = {
  begin: () => undefined,
  write: () => true,
  onDrain: () => undefined,
  end: () => undefined,
  abandon: () => undefined,
  onClosed: (callback) => callback(),
};

/** Headers of a stream of ours: nothing between us and the client may hold it back. */
const STREAM_HEADERS: AnswerHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

/** A header holds ASCII only, while models and aliases may be named in any script. */
export const headerText = (text: string): string =>
  text.toWellFormed().replace(/[^\x20-\x7e]+/g, (foreign) => encodeURIComponent(foreign));

/**
 * The client's side of one request. Holds everything back until an attempt has good content, so that failing over stays
 * unseen; a stream that waits longer than `holdMs` gets its headers and pings.
 */
export class Answer {
  readonly #context: RequestContext;
  #reply: ClientReply;
  readonly #times: AnswerTimes;
  readonly #onAnswering: () => void;
  #state: 'held' | 'waiting' | 'answering' | 'ended' = 'held';
  #holdTimer: NodeJS.Timeout | null = null;
  #pingTimer: NodeJS.Timeout | null = null;
  #encodeError: StreamEncoder['encodeError'];
  readonly #taps: AnswerTap[] = [];
  #told: AnswerHeaders = {};
  #onDrained: (() => void) | null = null;

  /** @param onAnswering told when the first good content goes out. */
  constructor(context: RequestContext, reply: ClientReply, times: AnswerTimes, onAnswering: () => void) {
    this.#context = context;
    this.#onAnswering = onAnswering;
    this.#reply = reply;
    this.#times = times;
    if (context.request.body.stream) this.#holdTimer = setTimeout(() => this.#stopHolding(), times.holdMs);
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** From now on it is told of all that goes out. */
  tap(tap: AnswerTap): void {
    this.#taps.push(tap);
  }

  /** Headers that go with whatever is sent, beside those told before; while none has been. */
  tell(headers: AnswerHeaders): void {
    this.#told = { ...this.#told, ...headers };
  }

  /** The client is gone, but others want the rest. */
  letGo(): void {
    this.#reply = NOBODY;
    this.goOn();
  }

  /** Whoever waits for a slow reader waits no longer. */
  goOn(): void {
    const drained = this.#onDrained;
    this.#onDrained = null;
    drained?.();
  }

  /** The first good content is there: from here on the answer is this attempt's. */
  begin(
    status: number,
    headers: AnswerHeaders,
    stream: boolean,
    encodeError: StreamEncoder['encodeError'] = undefined,
  ): void {
    this.#encodeError = encodeError;
    if (this.#state === 'held') this.#sendHeaders(status, stream ? { ...STREAM_HEADERS, ...headers } : headers, stream);
    this.#clearHold();
    this.#state = 'answering';
    this.#context.row.firstContentMs = this.#context.elapsedMs();
    this.#context.row.overheadMs ??= this.#context.overheadMs();
    for (const tap of this.#taps) tap.begin?.(status, headers);
    this.#onAnswering();
  }

  /** Returns false when the client reads slower than we write. */
  write(bytes: Uint8Array | string): boolean {
    this.#pingTimer?.refresh();
    this.#context.row.answerBytes += bytes.length;
    let othersWant = false;
    for (const tap of this.#taps) if (tap.write(bytes)) othersWant = true;
    return this.#reply.write(bytes) || othersWant;
  }

  onDrain(callback: () => void): void {
    this.#onDrained = callback;
    this.#reply.onDrain(() => this.goOn());
  }

  end(bytes?: Uint8Array | string): void {
    if (this.#state === 'ended') return;
    this.release();
    this.#context.row.answerBytes += bytes?.length ?? 0;
    for (const tap of this.#taps) tap.end(bytes);
    this.#reply.end(bytes);
  }

  /** Ends with an error: as an HTTP answer while nothing was sent, else as an event of the stream. */
  fail(error: ProxyError, original: Failure['original'] = null): void {
    if (this.#state === 'ended') return;
    const { codec, id } = this.#context.request;
    if (this.#state !== 'held') {
      this.end((this.#encodeError ?? codec.encodeStreamError)(error, id));
      return;
    }
    const { status, headers, body } = original ?? codec.encodeError(error, id);
    this.#sendHeaders(status, headers, false);
    this.end(body);
  }

  /** The client is gone, or as good as gone: its connection is closed. */
  abandon(): void {
    this.release();
    this.#reply.abandon();
  }

  /** Nothing more is sent. */
  release(): void {
    this.#clearHold();
    if (this.#pingTimer !== null) clearTimeout(this.#pingTimer);
    this.#pingTimer = null;
    this.#state = 'ended';
  }

  #clearHold(): void {
    if (this.#holdTimer !== null) clearTimeout(this.#holdTimer);
    this.#holdTimer = null;
  }

  #stopHolding(): void {
    if (this.#state !== 'held') return;
    this.#state = 'waiting';
    this.#sendHeaders(200, STREAM_HEADERS, true);
    this.#reply.write(this.#context.request.codec.ping);
  }

  #sendHeaders(status: number, headers: AnswerHeaders, stream: boolean): void {
    const { row, plan, request } = this.#context;
    // A provider's own id, where it has given one, is what its support asks for.
    const told: AnswerHeaders = { [request.codec.requestIdHeader]: request.id, ...headers };
    Object.assign(told, this.#told);
    told['x-cproxy-request-id'] = request.id;
    const attempt = row.attempts.at(-1);
    // Between attempts, or while an attempt may still fail, who will answer is not known.
    if (attempt !== undefined && this.#state === 'held') {
      told['x-cproxy-provider'] = attempt.provider;
      told['x-cproxy-model'] = headerText(attempt.model);
    }
    if (this.#state === 'held') {
      row.overheadMs = this.#context.overheadMs();
      told['x-cproxy-overhead-ms'] = row.overheadMs.toFixed(2);
    }
    if (plan !== null) told['x-cproxy-route'] = headerText(plan.route);
    if (row.attempts.length > 0) told['x-cproxy-attempts'] = String(row.attempts.length);
    row.status = status;
    this.#reply.begin(status, told);
    for (const tap of this.#taps) tap.head?.(told);
    if (stream) this.#pingTimer = setTimeout(() => this.#sendPing(), this.#times.pingMs);
  }

  #sendPing(): void {
    this.#reply.write(this.#context.request.codec.ping);
    this.#pingTimer?.refresh();
  }
}
