/** An answer as it is given again: to a stream as the bytes of a stream, else as a whole. */
export interface KeptAnswer {
  readonly contentType: string;
  /** Who gave it: `provider-id`, and the model's name there. */
  readonly provider: string;
  readonly model: string;
  /** Unix time in ms. */
  readonly at: number;
  /** Unix time in ms from which it is not given again. */
  readonly until: number;
  readonly bytes: Uint8Array;
}

/** Where answers are kept. What goes wrong with it costs the answers, and never a request. */
export interface AnswerStore {
  /** Why it cannot be asked just now; null while it can. */
  readonly trouble: string | null;
  /** null: there is none, or it does not say soon enough. */
  get(key: string): KeptAnswer | null | Promise<KeptAnswer | null>;
  put(key: string, answer: KeptAnswer): void;
  /** @returns how many were there. */
  clear(): Promise<number>;
  /** null: not known. */
  size(): Promise<{ answers: number; bytes: number | null } | null>;
}
