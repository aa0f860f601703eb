import type { AskedServer } from './ask-json.ts';

/** A model that is to be there before it is asked for. */
export interface ModelToLoad {
  model: string;
  /** Tokens to make room for; null: the server's own default. */
  window: number | null;
  /** How long to keep it after its last use, in ms; -1: for ever; null: the server's own default. */
  keepAliveMs: number | null;
  signal: AbortSignal;
}

/**
 * How a kind of server is made to load a model. Resolves when it is loaded.
 * @throws ProxyError in words that a user can act on.
 */
export type LoadModel = (server: AskedServer, request: ModelToLoad) => Promise<void>;
