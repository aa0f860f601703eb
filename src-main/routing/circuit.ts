import type { Config } from '../../src-shared/config.ts';
import type { CircuitState, CircuitView } from '../../src-shared/routing.ts';
import type { AttemptResult } from './attempt-result.ts';

type Settings = Config['routing']['circuit'];

/** A trial of which nothing is heard for so long has got lost. */
const TRIAL_LOST_MS = 10 * 60_000;
const MOST_RECENT = 200;
const LONGEST_REASON = 300;

/** The circuit of one target that has failed. All times are Unix times in ms. */
export class Circuit {
  readonly provider: string;
  /** null: the whole provider. */
  readonly model: string | null;
  /** Failures one after the other. */
  #inARow = 0;
  #recent: { at: number; failed: boolean }[] = [];
  #reason = '';
  #since: number;
  /** Set while it is not closed. */
  #open: { until: number; ms: number } | null = null;
  #trialAt: number | null = null;

  constructor(provider: string, model: string | null, now: number) {
    this.provider = provider;
    this.model = model;
    this.#since = now;
  }

  state(now: number): CircuitState {
    if (this.#open === null) return 'closed';
    return this.#isResting(now) || this.#isTried(now) ? 'open' : 'half-open';
  }

  beginTrial(now: number): void {
    this.#trialAt = now;
  }

  /** However it ended: what it showed is told by `failed` and `succeeded`. */
  endTrial(): void {
    this.#trialAt = null;
  }

  mayBeTried(now: number): void {
    if (this.#open !== null) this.#open.until = Math.min(this.#open.until, now);
  }

  /** @param trials circuits that the attempt was a trial of. */
  failed(
    { error, retryAfterMs, status }: AttemptResult,
    settings: Settings,
    trials: readonly Circuit[],
    now: number,
  ): void {
    this.#inARow += 1;
    this.#remember(true, settings, now);
    this.#reason = error?.message.slice(0, LONGEST_REASON) ?? '';
    const { openMs, longestOpenMs } = settings;
    if (this.#open !== null) {
      // Attempts that began before it opened say nothing new.
      if (trials.includes(this)) this.#openFor(Math.min(this.#open.ms * 2, longestOpenMs), now);
      return;
    }
    const asksForRest = (status === 503 || status === 529) && retryAfterMs !== null && retryAfterMs > 0;
    if (asksForRest) this.#openFor(Math.min(retryAfterMs, longestOpenMs), now);
    else if (this.#inARow >= settings.failures || this.#failsOften(settings)) this.#openFor(openMs, now);
  }

  /** @returns whether there is nothing left to be remembered. */
  succeeded(settings: Settings, now: number): boolean {
    this.#inARow = 0;
    if (this.#open !== null) return true;
    this.#remember(false, settings, now);
    return !this.#recent.some(({ failed }) => failed);
  }

  whyInWords(now: number): string {
    const seconds = this.#open === null ? 0 : Math.max(1, Math.ceil((this.#open.until - now) / 1000));
    const how = this.#isResting(now)
      ? `it is left alone for ${seconds} s more`
      : this.#isTried(now)
        ? 'one request is finding out whether it is well again'
        : 'it is tried again';
    const times = this.#inARow > 1 ? `, after ${this.#inARow} failures in a row` : '';
    return `${how}${times}: ${this.#reason}`;
  }

  /** null while it is closed. */
  view(now: number): CircuitView | null {
    const { provider, model } = this;
    if (this.#open === null) return null;
    return {
      provider,
      model,
      state: this.state(now),
      reason: this.#reason,
      failures: this.#inARow,
      since: this.#since,
      until: this.#isResting(now) ? this.#open.until : null,
    };
  }

  /** A clock that was set back must not make it rest for hours. */
  #isResting(now: number): boolean {
    return this.#open !== null && now < this.#open.until && this.#open.until - now <= this.#open.ms;
  }

  #isTried(now: number): boolean {
    return this.#trialAt !== null && now - this.#trialAt < TRIAL_LOST_MS && now >= this.#trialAt;
  }

  #openFor(ms: number, now: number): void {
    if (this.#open === null) this.#since = now;
    this.#open = { until: now + ms, ms };
  }

  #remember(failed: boolean, { windowMs }: Settings, now: number): void {
    this.#recent.push({ at: now, failed });
    const first = this.#recent.findIndex(({ at }) => at > now - windowMs);
    this.#recent = this.#recent.slice(Math.max(first, this.#recent.length - MOST_RECENT));
  }

  #failsOften({ failures, share }: Settings): boolean {
    const failed = this.#recent.filter((one) => one.failed).length;
    return this.#recent.length >= failures * 2 && failed / this.#recent.length >= share;
  }
}
