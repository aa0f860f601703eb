const WINDOW_MS = 5 * 60_000;
const MOST = 100;
/** Weight of the newest value in what is now, and in what is usual. */
const NOW_WEIGHT = 0.3;
const USUAL_WEIGHT = 0.05;
/** Before so many answers, nothing is usual. */
const ENOUGH = 10;

/** Which attempts of the last minutes failed. */
export class RecentAttempts {
  #attempts: { at: number; failed: boolean }[] = [];

  /** @param now Unix time in ms. */
  add(failed: boolean, now: number): void {
    this.#attempts.push({ at: now, failed });
    if (this.#attempts.length > MOST) this.#attempts.shift();
  }

  clear(): void {
    this.#attempts = [];
  }

  /** @param now Unix time in ms. */
  counts(now: number): { attempts: number; failures: number } {
    const first = this.#attempts.findIndex(({ at }) => at > now - WINDOW_MS);
    if (first !== 0) this.#attempts = first === -1 ? [] : this.#attempts.slice(first);
    return {
      attempts: this.#attempts.length,
      failures: this.#attempts.filter(({ failed }) => failed).length,
    };
  }
}

/** A value as it is now, by an exponentially weighted moving average, and as it usually is, by a slower one. */
export class MovingAverage {
  #now: number | null = null;
  #usual: number | null = null;
  #count = 0;

  add(value: number): void {
    this.#now = mixed(this.#now, value, NOW_WEIGHT);
    this.#usual = mixed(this.#usual, value, USUAL_WEIGHT);
    this.#count += 1;
  }

  get value(): number | null {
    return this.#now;
  }

  /** null while too little is known. */
  get usual(): number | null {
    return this.#count < ENOUGH ? null : this.#usual;
  }
}

const mixed = (before: number | null, value: number, weight: number): number =>
  before === null ? value : before + weight * (value - before);
