import type { KeyLease } from './key-pool.ts';
import type { ReceivedHeaders } from './received-headers.ts';

/** A question that costs nothing: of lists, health and accounts. */
export interface JsonQuestion {
  /** Below the base, as in ProviderCall: `/models`, or `//api/tags` of an API without versions. */
  path: string;
  /** Sent as JSON with POST; GET where absent. */
  body?: unknown;
  /** Replaces what the pool would choose. */
  key?: KeyLease;
  signal: AbortSignal;
}

export interface JsonAnswer {
  status: number;
  headers: ReceivedHeaders;
  /** undefined where the body is no JSON. */
  json: unknown;
  /** The beginning of the body. */
  text: string;
}

/** Asks a provider; any HTTP status is an answer. @throws ProxyError where none comes, or one that is too large. */
export type AskJson = (question: JsonQuestion) => Promise<JsonAnswer>;

/** A server that questions are put to. */
export interface AskedServer {
  /** Id of the provider, for errors. */
  provider: string;
  ask: AskJson;
}
