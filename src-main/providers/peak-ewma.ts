/** What has been seen counts half as much after 83 s. */
const TAU_MS = 120_000;
/** Counts for what has not been seen, where something is under way there already. */
const UNSEEN_MS = 5_000;

/**
 * How long something takes now: a moving average that believes bad news at once and good news slowly, and forgets both while
 * nothing comes, so that what was slow is tried again (Finagle's "Peak EWMA"). Times in ms.
 */
export class PeakEwma {
  #ms = 0;
  #at: number | null = null;

  /** @param now Unix time. */
  add(ms: number, now: number): void {
    if (this.#at === null || ms >= this.#ms) this.#ms = ms;
    else {
      const weight = this.#left(now);
      this.#ms = this.#ms * weight + ms * (1 - weight);
    }
    this.#at = now;
  }

  /** null: nothing has been seen. @param now Unix time. */
  at(now: number): number | null {
    return this.#at === null ? null : this.#ms * this.#left(now);
  }

  /** What one more would wait, by what is under way there. What was never seen, and has nothing under way, is to be tried: 0. */
  load(underWay: number, now: number): number {
    const ms = this.at(now);
    if (ms === null) return UNSEEN_MS * underWay;
    return ms * (underWay + 1);
  }

  #left(now: number): number {
    return this.#at === null ? 0 : Math.exp(-Math.max(0, now - this.#at) / TAU_MS);
  }
}
