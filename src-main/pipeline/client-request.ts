import type { ClientCodec } from '../protocols/codec.ts';
import type { RequestBody } from '../protocols/request-body.ts';

/** A request as a front door hands it over: authenticated and bounded. */
export interface ClientRequest {
  readonly id: string;
  readonly codec: ClientCodec;
  /** Path of the front door, without query. */
  readonly path: string;
  /** Query with its question mark, or empty. */
  readonly query: string;
  /** Alternating names and values, as they arrived. */
  readonly rawHeaders: readonly string[];
  /** First value of a header, by its lower-case name. */
  header(name: string): string | null;
  readonly body: RequestBody;
  /** Alternating names and values of credentials that are the client's own, not ours. */
  readonly clientCredentials: readonly string[];
  /** Name of the client token that let it in; null without one. */
  readonly client: string | null;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** `performance.now()` at arrival, in ms. */
  readonly arrivedAt: number;
  /** Id of the request that it repeats; absent: it comes from a client. */
  readonly replayOf?: string;
}

export type AnswerHeaders = Record<string, string | string[]>;

/** The client's side of the connection. */
export interface ClientReply {
  /** Sends status and headers; called once. */
  begin(status: number, headers: AnswerHeaders): void;
  /** Returns false when the client reads slower than we write: wait for `onDrain`. */
  write(bytes: Uint8Array | string): boolean;
  onDrain(callback: () => void): void;
  end(bytes?: Uint8Array | string): void;
  /** Closes the connection, whatever is still to be sent. */
  abandon(): void;
  /** Once everything has been handed to the network, or the client is gone; at once where that is so already. */
  onClosed(callback: () => void): void;
}
