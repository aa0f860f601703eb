import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  isInitializeRequest,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type MessageExtraInfo,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { ProxyError } from '../../../src-shared/errors.ts';
import { EVENT_HEADERS, EventStream } from './event-stream.ts';
import { Exchange } from './exchange.ts';
import type { KeptEvents } from './kept-events.ts';

/** The first revision whose clients read an event without data, and come back when a stream ends early. */
const PRIMING_SINCE = '2025-11-25';

export interface HttpSessionOptions {
  id: string;
  /** Name of the client token that has begun it; null without one. Nobody else may go on with it. */
  client: string | null;
  kept: KeptEvents;
  /** In ms. */
  now: () => number;
}

/**
 * One session over Streamable HTTP, as the SDK's servers take a transport. Quick answers are JSON; others are streams that can be
 * taken up again. A cancelled request leaves nothing open, and one whose client is gone for good is cancelled.
 */
export class HttpSession implements Transport {
  readonly sessionId: string;
  readonly client: string | null;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: <Message extends JSONRPCMessage>(message: Message, extra?: MessageExtraInfo) => void;
  readonly #now: () => number;
  readonly #kept: KeptEvents;
  /** What the server says by itself. */
  readonly #own: EventStream;
  readonly #exchanges = new Map<RequestId, Exchange>();
  /** By the id of the stream that it has become. */
  readonly #streams = new Map<string, Exchange>();
  #streamCount = 0;
  /** Id of the request that begins the session, and the revision that is agreed upon. */
  #initialize: RequestId | null = null;
  #version: string | null = null;
  #usedAt: number;
  #isClosed = false;

  constructor({ id, client, kept, now }: HttpSessionOptions) {
    this.sessionId = id;
    this.client = client;
    this.#kept = kept;
    this.#now = now;
    this.#usedAt = now();
    this.#own = new EventStream({ session: id, id: '0' }, this.#kept, () => this.#touch());
  }

  async start(): Promise<void> {
    // Connections come with requests.
  }

  /** How long nothing has been asked or read, in ms; 0 while something is. */
  get idleMs(): number {
    return this.#own.isOpen || this.#exchanges.size > 0 ? 0 : this.#now() - this.#usedAt;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Requests under way. */
  get running(): number {
    return this.#exchanges.size;
  }

  /**
   * Messages of a client.
   * @throws ProxyError `invalid_field` where a request has the id of one that is under way.
   */
  post(messages: readonly JSONRPCMessage[], response: ServerResponse, headers: OutgoingHttpHeaders): void {
    this.#touch();
    const requests = messages.filter(isJSONRPCRequest).map(({ id }) => id);
    if (new Set(requests).size < requests.length || requests.some((id) => this.#exchanges.has(id)))
      throw ProxyError.of('invalid_field', { field: 'id', expected: 'must not be that of a request under way' });
    const told = this.#told(headers);
    if (requests.length === 0) response.writeHead(202, told).end();
    else {
      const exchange: Exchange = new Exchange({
        requests,
        response,
        headers: told,
        primes: this.#primes,
        newStream: (onCut) => this.#newStream(exchange, onCut),
        onLost: (lost) => this.#lose(lost),
        onEnded: (stream) => this.#forget(requests, stream),
      });
      for (const id of requests) this.#exchanges.set(id, exchange);
    }
    for (const message of messages) this.#deliver(message);
  }

  /** Somebody listens to what the server says by itself, or takes up a stream again. @throws ProxyError `invalid_field` */
  get(response: ServerResponse, headers: OutgoingHttpHeaders, lastEventId: string | null): void {
    this.#touch();
    const told = this.#told(headers);
    if (lastEventId === null) {
      this.#own.open(response, told, null);
      return;
    }
    const last = EventStream.parseId(lastEventId);
    if (last === null)
      throw ProxyError.of('invalid_field', { field: 'last-event-id', expected: 'is no id of an event of this server' });
    if (last.stream === this.#own.id) this.#own.open(response, told, last.number);
    else {
      const exchange = this.#streams.get(last.stream);
      if (exchange === undefined) this.#giveRest(response, told, last);
      else exchange.resume(response, told, last.number);
    }
  }

  /** What a client has missed of a stream that has ended. */
  #giveRest(response: ServerResponse, headers: OutgoingHttpHeaders, last: { stream: string; number: number }): void {
    const rest = this.#kept.after(this.sessionId, last.stream, last.number);
    // "No content" tells a reader of events not to come back (WHATWG HTML, "Server-sent events").
    if (rest.length === 0) response.writeHead(204, headers).end();
    else response.writeHead(200, { ...headers, ...EVENT_HEADERS }).end(rest.join(''));
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (this.#isClosed) return;
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) {
      // What has been cancelled, or lost its client, has no answer.
      if (message.id === this.#initialize && 'result' in message) this.#version = versionIn(message.result);
      if (message.id !== undefined) this.#exchanges.get(message.id)?.answer(message.id, message);
    } else if (options?.relatedRequestId === undefined) this.#own.push(message);
    else this.#exchanges.get(options.relatedRequestId)?.notify(message);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const exchange of new Set([...this.#exchanges.values(), ...this.#streams.values()])) exchange.close();
    this.#exchanges.clear();
    this.#streams.clear();
    this.#own.end();
    this.#kept.forget(this.sessionId);
    this.onclose?.();
  }

  get #primes(): boolean {
    return this.#version !== null && this.#version >= PRIMING_SINCE;
  }

  #touch(): void {
    this.#usedAt = this.#now();
  }

  #told(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
    return { ...headers, 'mcp-session-id': this.sessionId };
  }

  #deliver(message: JSONRPCMessage): void {
    if (!isJSONRPCRequest(message)) {
      this.onmessage?.(message);
      const cancelled = isJSONRPCNotification(message) ? cancelledBy(message) : null;
      if (cancelled !== null) this.#withdraw(cancelled);
      return;
    }
    const { id } = message;
    if (isInitializeRequest(message)) this.#initialize = id;
    if (!this.#primes) {
      this.onmessage?.(message);
      return;
    }
    this.onmessage?.(message, {
      closeSSEStream: () => this.#exchanges.get(id)?.beginStream()?.cut(),
      closeStandaloneSSEStream: () => this.#own.cut(),
    });
  }

  #newStream(exchange: Exchange, onCut: () => void): EventStream {
    this.#streamCount += 1;
    const ids = { session: this.sessionId, id: String(this.#streamCount) };
    const stream = new EventStream(ids, this.#kept, onCut);
    this.#streams.set(stream.id, exchange);
    return stream;
  }

  #withdraw(id: RequestId): void {
    const exchange = this.#exchanges.get(id);
    this.#exchanges.delete(id);
    exchange?.withdraw(id);
  }

  /** Nobody can be given what these would come to. */
  #lose(lost: readonly RequestId[]): void {
    for (const requestId of lost) {
      this.#exchanges.delete(requestId);
      const reason = 'The client is gone.';
      this.onmessage?.({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason } });
    }
  }

  #forget(requests: readonly RequestId[], stream: EventStream | null): void {
    this.#touch();
    for (const id of requests) this.#exchanges.delete(id);
    if (stream !== null) this.#streams.delete(stream.id);
  }
}

function cancelledBy({
  method,
  params,
}: {
  method: string;
  params?: Record<string, unknown> | undefined;
}): RequestId | null {
  const id = method === 'notifications/cancelled' ? params?.requestId : undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

const versionIn = ({ protocolVersion }: Record<string, unknown>): string | null =>
  typeof protocolVersion === 'string' ? protocolVersion : null;
