import type { RateConfig } from '../../src-shared/limits-config.ts';
import type { RateCounterView } from '../../src-shared/rates.ts';
import { type EndTurn, Turns } from '../providers/concurrency.ts';
import type { RateCounter, Taken } from './rate-counter.ts';

export type RateFigures = Pick<RateConfig, 'requestsPerMinute' | 'tokensPerMinute' | 'concurrent' | 'wait'>;

export interface RateCounters {
  /** null: any number. */
  readonly requests: RateCounter | null;
  readonly tokens: RateCounter | null;
}

/** Who wants to pass. */
export interface Passing {
  /** Aborted when it leaves. */
  signal: AbortSignal;
  /** Estimate; used only where tokens are counted. */
  tokens: number;
  mayWait: boolean;
  /** Told that it waits, with how many before it. */
  onWait: (before: number) => void;
}

export interface Passed {
  readonly kind: 'passed';
  /** It is over. @param tokens that it took; null: not known, so that the estimate stays. */
  end(tokens: number | null): void;
  /** It does not happen: nothing of it counts. */
  undo(): void;
}

/** Which figure keeps one from passing. */
export type RateFigure = 'requestsPerMinute' | 'tokensPerMinute' | 'concurrent';

export interface Refused {
  readonly kind: 'refused';
  readonly figure: RateFigure;
  /** Unix time in ms at which it may pass; null: not known. */
  readonly at: number | null;
  /** `now`: it may not wait. `full`: as many wait as may. `too-long`: its turn has not come, or will not come, in time. */
  readonly why: 'now' | 'full' | 'too-long';
}

/**
 * Where those pass that are counted together: so many at a time, and so many in a minute. Who waits passes in the order in which
 * they came: the first of them stands before the others until all figures let it pass.
 */
export class RateGate {
  readonly #who: string;
  readonly #counters: () => RateCounters;
  #figures: RateFigures;
  readonly #running: Turns;
  readonly #line = new Turns(1);
  /** What keeps the first of those who wait; null: none waits. */
  #held: RateFigure | null = null;
  /** Aborted when the figures change. */
  #changed = new AbortController();
  /** Until when something of it may be counted, Unix time in ms. */
  #countsUntil = 0;

  constructor(who: string, figures: RateFigures, counters: () => RateCounters) {
    this.#who = who;
    this.#figures = figures;
    this.#counters = counters;
    this.#running = new Turns(figures.concurrent ?? Number.POSITIVE_INFINITY);
  }

  get waiting(): number {
    return this.#line.waiting + (this.#held === null ? 0 : 1);
  }

  /** Nobody would notice if it were made anew. */
  get isIdle(): boolean {
    return this.#running.running === 0 && this.#line.running === 0 && Date.now() > this.#countsUntil;
  }

  /** Other figures hold, at once and for those who wait as well. */
  follow(figures: RateFigures): void {
    this.#figures = figures;
    this.#running.limit = figures.concurrent ?? Number.POSITIVE_INFINITY;
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** Something is counted since before the start. @param until Unix time in ms. */
  countsUntil(until: number): void {
    this.#countsUntil = Math.max(this.#countsUntil, until);
  }

  async view(): Promise<Omit<RateCounterView, 'who'>> {
    const { requests, tokens } = this.#counters();
    const [requestsView = null, tokensView = null] = await Promise.all([
      requests?.look(this.#who),
      tokens?.look(this.#who),
    ]);
    return {
      requests: requestsView,
      tokens: tokensView,
      running: this.#running.running,
      waiting: this.waiting,
    };
  }

  /** @throws the signal's reason. */
  pass(passing: Passing): Promise<Passed | Refused> {
    const { wait } = this.#figures;
    return wait === undefined || !passing.mayWait ? this.#atOnce(passing) : this.#inLine(passing, wait);
  }

  async #atOnce(passing: Passing): Promise<Passed | Refused> {
    const turn = this.#running.tryTake();
    if (turn === null) return { kind: 'refused', figure: 'concurrent', at: null, why: 'now' };
    return this.#counted(turn, passing);
  }

  async #inLine(passing: Passing, { most, ms }: NonNullable<RateFigures['wait']>): Promise<Passed | Refused> {
    const deadline = performance.now() + ms;
    const { waiting } = this;
    let place = this.#line.tryTake();
    if (place === null) {
      const figure = this.#held ?? 'concurrent';
      if (waiting >= most) return { kind: 'refused', figure, at: null, why: 'full' };
      passing.onWait(waiting);
      place = await this.#line.take(passing.signal, ms);
      if (place === null) return { kind: 'refused', figure: this.#held ?? figure, at: null, why: 'too-long' };
    }
    try {
      return await this.#asFirst(passing, deadline);
    } finally {
      this.#held = null;
      place();
    }
  }

  /** @param deadline by performance.now(). */
  async #asFirst(passing: Passing, deadline: number): Promise<Passed | Refused> {
    const { signal } = passing;
    for (;;) {
      let turn = this.#running.tryTake();
      if (turn === null) {
        this.#hold('concurrent', passing);
        turn = await this.#running.take(signal, Math.max(0, deadline - performance.now()));
        if (turn === null) return { kind: 'refused', figure: 'concurrent', at: null, why: 'too-long' };
      }
      const counted = await this.#counted(turn, passing);
      if (counted.kind === 'passed') return counted;
      const waitMs = Math.max(1, (counted.at ?? 0) - Date.now());
      if (performance.now() + waitMs > deadline) return { ...counted, why: 'too-long' };
      this.#hold(counted.figure, passing);
      await sleep(waitMs, AbortSignal.any([signal, this.#changed.signal]));
      signal.throwIfAborted();
    }
  }

  #hold(figure: RateFigure, { onWait }: Passing): void {
    if (this.#held === null) onWait(0);
    this.#held = figure;
  }

  /** Counts one that has a turn, which is given back where it may not pass. */
  async #counted(turn: EndTurn, { tokens, signal }: Passing): Promise<Passed | Refused> {
    const counters = this.#counters();
    const taken: Taken[] = [];
    const undo = (): void => {
      turn();
      for (const one of taken) if (one.kind === 'taken') one.correct(0);
    };
    try {
      const requests = (await counters.requests?.take(this.#who, 1)) ?? null;
      if (requests !== null) taken.push(requests);
      if (requests?.kind === 'refused') return this.#over(undo, 'requestsPerMinute', requests.resetsAt);
      const ofTokens = (await counters.tokens?.take(this.#who, tokens)) ?? null;
      if (ofTokens !== null) taken.push(ofTokens);
      if (ofTokens?.kind === 'refused') return this.#over(undo, 'tokensPerMinute', ofTokens.resetsAt);
      signal.throwIfAborted();
      this.#countsUntil = Date.now() + 60_000;
      return {
        kind: 'passed',
        undo,
        end: (used) => {
          turn();
          if (used !== null && ofTokens?.kind === 'taken') ofTokens.correct(used);
        },
      };
    } catch (error) {
      undo();
      throw error;
    }
  }

  #over(undo: () => void, figure: RateFigure, at: number): Refused {
    undo();
    return { kind: 'refused', figure, at, why: 'now' };
  }
}

/** Until then, or until the signal comes. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake);
    if (signal.aborted) wake();
  });
}
