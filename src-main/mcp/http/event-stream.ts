import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { KeptEvents } from './kept-events.ts';

/** What a reader may leave unread; then it is cut off, and may come back. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;
/** When a client whose connection has ended is to come back. */
const RETRY_MS = 1_000;

/** Headers of an answer that is a stream: nothing between us and the client may hold it back. */
export const EVENT_HEADERS: OutgoingHttpHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * A stream of messages to a client, over one connection after another: each event has an id, with which a client whose connection
 * was cut gets those that it has missed.
 */
export class EventStream {
  readonly id: string;
  readonly #session: string;
  readonly #kept: KeptEvents;
  readonly #onCut: () => void;
  #response: ServerResponse | null = null;
  #keepAlive: NodeJS.Timeout | null = null;
  /** Of the newest event. */
  #number = 0;
  #delivered = 0;

  /** @param onCut told when a connection has ended before the stream has. */
  constructor({ session, id }: { session: string; id: string }, kept: KeptEvents, onCut: () => void) {
    this.#session = session;
    this.id = id;
    this.#kept = kept;
    this.#onCut = onCut;
  }

  /** Somebody reads it. */
  get isOpen(): boolean {
    return this.#response !== null;
  }

  /** The stream's and the event's part of an id; null for what is none of ours. */
  static parseId(eventId: string): { stream: string; number: number } | null {
    const parts = /^(\d{1,9})-(\d{1,9})$/.exec(eventId);
    return parts?.[1] === undefined ? null : { stream: parts[1], number: Number(parts[2]) };
  }

  /**
   * Goes on over this connection, in the place of another.
   * @param after the number of the event that the client has had last; null: all that nobody has had.
   * @param primes whether it begins with an id, so that even a client that got nothing can come back. Older ones cannot read that.
   */
  open(response: ServerResponse, headers: OutgoingHttpHeaders, after: number | null, primes = false): void {
    const before = this.#response;
    this.#detach();
    before?.end();
    this.#response = response;
    response.once('close', () => {
      if (this.#response !== response) return;
      this.#detach();
      this.#onCut();
    });
    response.writeHead(200, { ...headers, ...EVENT_HEADERS });
    response.flushHeaders();
    if (primes) response.write(`id: ${this.id}-${this.#number}\nretry: ${RETRY_MS}\ndata: \n\n`);
    for (const text of this.#kept.after(this.#session, this.id, after ?? this.#delivered)) response.write(text);
    this.#delivered = this.#number;
    this.#keepAlive = setInterval(() => response.write(': keep-alive\n\n'), KEEP_ALIVE_MS);
    this.#keepAlive.unref();
  }

  push(message: JSONRPCMessage): void {
    this.#number += 1;
    const text = `event: message\nid: ${this.id}-${this.#number}\ndata: ${JSON.stringify(message)}\n\n`;
    this.#kept.add(this.#session, this.id, this.#number, text);
    const response = this.#response;
    if (response === null) return;
    this.#delivered = this.#number;
    response.write(text);
    if (response.writableLength > MOST_UNREAD_BYTES) response.destroy();
  }

  /** Ends the connection, not the stream: the client is to come back for the rest. */
  cut(): void {
    const response = this.#response;
    if (response === null) return;
    this.#detach();
    response.end();
    this.#onCut();
  }

  /** Nothing more will come. */
  end(): void {
    const response = this.#response;
    this.#detach();
    response?.end();
  }

  #detach(): void {
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
    this.#keepAlive = null;
    this.#response = null;
  }
}
