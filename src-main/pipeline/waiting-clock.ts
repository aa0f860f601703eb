/**
 * How long a request has waited for others: for a provider's answer, for its turn, for a pause before a retry. What is left of the
 * time it took is CProxy's own. One wait at a time; to begin one that has begun, or to end one that has ended, does nothing.
 */
export class WaitingClock {
  readonly #now: () => number;
  #since: number | null = null;
  #waitedMs = 0;

  /** @param now in ms, of any clock. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  begin(): void {
    this.#since ??= this.#now();
  }

  end(): void {
    if (this.#since === null) return;
    this.#waitedMs += this.#now() - this.#since;
    this.#since = null;
  }

  /** With the wait that goes on. */
  get waitedMs(): number {
    return this.#waitedMs + (this.#since === null ? 0 : this.#now() - this.#since);
  }
}
