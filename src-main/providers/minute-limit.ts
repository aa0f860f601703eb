const MINUTE_MS = 60_000;

/** One use of what is limited. */
export interface Use {
  readonly at: number;
  tokens: number;
}

/** Requests and tokens of the last minute, against limits that are never to be exceeded. Times in ms of one clock. */
export class MinuteLimit {
  readonly #requests: number;
  readonly #tokens: number;
  #uses: Use[] = [];

  /** @param requests and tokens: most in a minute; null: any number. */
  constructor(requests: number | null, tokens: number | null) {
    this.#requests = requests ?? Number.POSITIVE_INFINITY;
    this.#tokens = tokens ?? Number.POSITIVE_INFINITY;
  }

  /** When a use of so many tokens fits: now or later; null: never, it alone is more than a minute may have. */
  fitsAt(tokens: number, now: number): number | null {
    this.#forget(now);
    if (tokens > this.#tokens) return null;
    let requests = this.#uses.length;
    let sum = this.#uses.reduce((total, use) => total + use.tokens, 0);
    let at = now;
    for (const use of this.#uses) {
      if (requests < this.#requests && sum + tokens <= this.#tokens) break;
      requests -= 1;
      sum -= use.tokens;
      at = use.at + MINUTE_MS;
    }
    return at;
  }

  /** Counts a use; its tokens may be corrected when they are known. */
  use(tokens: number, now: number): Use {
    const use = { at: now, tokens };
    this.#uses.push(use);
    return use;
  }

  #forget(now: number): void {
    // A clock that was set back would keep uses for ever.
    if ((this.#uses.at(-1)?.at ?? now) > now) this.#uses = this.#uses.filter(({ at }) => at <= now);
    const first = this.#uses.findIndex(({ at }) => at > now - MINUTE_MS);
    if (first !== 0) this.#uses.splice(0, first === -1 ? this.#uses.length : first);
  }
}
