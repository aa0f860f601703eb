/** What the drop of a session's cache hits most likely comes from; `prefix`: what the conversation begins with has changed. */
export type CacheAlertReason = 'provider' | 'model' | 'key' | 'silence' | 'prefix';

/** A session whose input came from the provider's cache no longer does, twice in a row. */
export interface CacheAlertView {
  /** Unix time in ms. */
  at: number;
  session: string;
  /** The request with which it was noticed. */
  request: string;
  provider: string;
  model: string;
  /** Part of the input that came from the cache, 0 to 1: as it usually was, and of the last two turns. */
  before: number;
  after: number;
  /** Input tokens of those two turns that did not come from the cache. */
  uncached: number;
  reason: CacheAlertReason;
  /** In words, with what to do. */
  text: string;
}
