/** What the response cache holds, and what it has saved since the start. */
export interface CacheView {
  store: 'memory' | 'redis';
  /** null: not known. */
  answers: number | null;
  bytes: number | null;
  maxBytes: number;
  maxAnswerBytes: number;
  /** Requests that were given a kept answer. */
  hits: number;
  /** Requests that were given the answer of another that was under way. */
  shared: number;
  /** Requests that might have been, and for which a model was asked. */
  misses: number;
  /** Answers that were kept. */
  stored: number;
}
