import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';
import type { EventStream } from './event-stream.ts';

/** What takes longer is answered as a stream, which can be taken up again when its connection breaks. */
const QUICK_MS = 1_000;
/** How long a client whose connection was cut may take to come back. */
export const RETURN_MS = 60_000;

export interface ExchangeOptions {
  requests: readonly RequestId[];
  response: ServerResponse;
  headers: OutgoingHttpHeaders;
  /** Whether a stream begins with an id (event-stream.ts). */
  primes: boolean;
  newStream: (onCut: () => void) => EventStream;
  /** The client is gone, and these requests are still under way. */
  onLost: (requests: readonly RequestId[]) => void;
  /** Nothing of it is left to be done. */
  onEnded: (stream: EventStream | null) => void;
}

/**
 * Requests that came with one POST, and its answer: JSON where that is all there is to say and it comes soon, else a stream.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #waiting: Set<RequestId>;
  readonly #answers: JSONRPCMessage[] = [];
  readonly #isSingle: boolean;
  #stream: EventStream | null = null;
  #timer: NodeJS.Timeout | null;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#waiting = new Set(options.requests);
    this.#isSingle = options.requests.length === 1;
    this.#timer = setTimeout(() => this.beginStream(), QUICK_MS);
    options.response.once('close', () => {
      if (this.#stream === null && this.#waiting.size > 0) this.#lose();
    });
  }

  /** A request is answered. */
  answer(id: RequestId, message: JSONRPCMessage): void {
    this.#waiting.delete(id);
    if (this.#stream === null) this.#answers.push(message);
    else this.#stream.push(message);
    this.#endIfDone();
  }

  /** Something is said on the way to an answer. */
  notify(message: JSONRPCMessage): void {
    this.beginStream()?.push(message);
  }

  /** A request will have no answer. */
  withdraw(id: RequestId): void {
    if (this.#waiting.delete(id)) this.#endIfDone();
  }

  /** @returns the stream; null where the client is gone. */
  beginStream(): EventStream | null {
    if (this.#stream !== null) return this.#stream;
    const { response, headers, primes, newStream } = this.#options;
    if (this.#waiting.size === 0) return null;
    this.#stopTimer();
    const stream = newStream(() => this.#cut());
    this.#stream = stream;
    stream.open(response, headers, null, primes);
    for (const message of this.#answers.splice(0)) stream.push(message);
    return stream;
  }

  /** The client has come back. */
  resume(response: ServerResponse, headers: OutgoingHttpHeaders, after: number): void {
    this.#stopTimer();
    this.#stream?.open(response, headers, after);
  }

  /** The session ends. */
  close(): void {
    this.#stopTimer();
    this.#waiting.clear();
    const { response, headers } = this.#options;
    if (this.#stream !== null) this.#stream.end();
    else if (!response.headersSent) response.writeHead(404, headers).end();
  }

  #endIfDone(): void {
    if (this.#waiting.size > 0) return;
    const { response, headers, onEnded } = this.#options;
    if (this.#stream !== null) this.#stream.end();
    else if (this.#answers.length === 0) response.writeHead(202, headers).end();
    else {
      const body = JSON.stringify(this.#isSingle ? this.#answers[0] : this.#answers);
      response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(body);
    }
    this.#stopTimer();
    onEnded(this.#stream);
  }

  #cut(): void {
    this.#stopTimer();
    this.#timer = setTimeout(() => this.#lose(), RETURN_MS);
    this.#timer.unref();
  }

  #lose(): void {
    this.#stopTimer();
    const lost = [...this.#waiting];
    this.#waiting.clear();
    this.#options.onLost(lost);
    this.#stream?.end();
    this.#options.onEnded(this.#stream);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
