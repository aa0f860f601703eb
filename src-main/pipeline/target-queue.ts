import type { Config } from '../../src-shared/config.ts';
import type { ErrorCode } from '../../src-shared/errors.ts';
import { nameOf, type Plan, type Target } from '../routing/plan.ts';
import type { Failure } from './attempt-outcome.ts';
import { backoffMs } from './retry-wait.ts';

export type RetrySettings = Config['routing']['retries'];

/** One target of a request, and what has come of it. All times in ms since the request arrived. */
export interface QueuedTarget {
  readonly target: Target;
  /** How often it was asked; with several of its keys at once counts as once. */
  readonly tries: number;
  /** Its circuit is open: asked only when nothing else is left. */
  readonly isReserve: boolean;
  /** What its newest try failed with; several where its keys failed with different things. */
  readonly failures: readonly Failure[];
  /** Why it was not asked; null where it was, or may still be. */
  readonly skipped: string | null;
}

/** Who is asked next, and how long to wait before that. */
export interface Turn {
  readonly queued: QueuedTarget;
  readonly waitMs: number;
}

/** What is left beside a target that is asked now. */
export interface Left {
  /** No other target: this one may take its time. */
  readonly noOther: boolean;
  /** Nothing at all, not even to ask this target once more. */
  readonly nothing: boolean;
}

interface Entry extends QueuedTarget {
  tries: number;
  /** How often it has taken all the time that a target may take, and failed. */
  longTries: number;
  isReserve: boolean;
  failures: readonly Failure[];
  skipped: string | null;
  /** Asked, skipped or passed over: its first try is no longer to come. */
  isFresh: boolean;
  /** When it may be asked once more; null: never. */
  againAt: number | null;
}

/** Failures that have cost all the time that a target may take. */
const LONG: ReadonlySet<ErrorCode> = new Set([
  'provider_silent',
  'provider_too_slow',
  'provider_busy',
  'provider_slow',
]);
/** So often a request waits that long for the same target. */
const MOST_LONG_TRIES = 2;

/**
 * The order in which a request's targets are asked, as they fail: each of them once, without a wait between them; then, in
 * rounds, those that could do better, each after a wait of its own; then those whose circuit is open. Attempts and time are
 * bounded. Where the content is refused, the targets for that are asked and no others any more.
 */
export class TargetQueue {
  readonly #plan: Plan;
  readonly #retries: RetrySettings;
  readonly #random: () => number;
  /** Those that may be asked. */
  #entries: Entry[];
  /** Of those that may not any more: what the client is told of them. */
  readonly #left: Entry[] = [];
  #attempts = 0;
  #isRefused = false;

  /** @param random 0 (inclusive) to 1. */
  constructor(plan: Plan, retries: RetrySettings, random: () => number = Math.random) {
    this.#plan = plan;
    this.#retries = retries;
    this.#random = random;
    this.#entries = [
      ...plan.targets.map((target) => entryOf(target, false)),
      ...plan.reserves.map((target) => entryOf(target, true)),
    ];
  }

  /** All that were asked, were skipped, or are still to be, in their order. */
  get targets(): readonly QueuedTarget[] {
    return [...this.#left, ...this.#entries];
  }

  /** Null: nobody is left, or all attempts or all the time are spent. */
  next(now: number): Turn | null {
    if (!this.mayAttempt(now)) return null;
    const fresh = this.#entries.find((entry) => entry.isFresh && !entry.isReserve);
    if (fresh !== undefined) return { queued: fresh, waitMs: 0 };
    let soonest: { queued: Entry; waitMs: number } | null = null;
    for (const queued of this.#entries) {
      if (!this.#comesAgain(queued)) continue;
      const waitMs = Math.max(0, (queued.againAt ?? 0) - now);
      if (soonest === null || waitMs < soonest.waitMs) soonest = { queued, waitMs };
    }
    if (soonest !== null) return soonest;
    const reserve = this.#entries.find((entry) => entry.isFresh);
    return reserve === undefined ? null : { queued: reserve, waitMs: 0 };
  }

  /** Whether one more attempt may begin. */
  mayAttempt(now: number): boolean {
    return this.#attempts < this.#retries.attempts && now < this.#retries.deadlineMs;
  }

  /** An attempt is made, with one key of a target. */
  attempted(): void {
    this.#attempts += 1;
  }

  /**
   * What is left while a target is asked.
   * @param willSkip whether another one, that was not asked yet, would be skipped when its turn came.
   */
  leftBeside({ target }: QueuedTarget, willSkip: (target: Target) => boolean): Left {
    const entry = this.#entryOf(target);
    if (this.#attempts + 1 >= this.#retries.attempts) return { noOther: true, nothing: true };
    const others = this.#entries.filter((other) => other !== entry);
    const isFirstTime = others.some(({ isFresh, target: other }) => isFresh && !willSkip(other));
    const comesAgain = others.some((other) => this.#comesAgain(other));
    // One that has been given up once for its silence would be so for ever, if it were given up as soon again.
    const noOther = entry.longTries > 0 || (!isFirstTime && !comesAgain);
    const isLastTry = entry.isReserve || entry.tries >= this.#retries.rounds;
    return { noOther, nothing: isLastTry && !isFirstTime && !comesAgain };
  }

  /** Whether somebody else is there for content that this target refuses. */
  hasOthersForRefused({ target }: QueuedTarget): boolean {
    return this.#plan.contentPolicy.some((other) => nameOf(other) !== nameOf(target) && this.#canBeAsked(other));
  }

  /** A try has failed. */
  failed({ target }: QueuedTarget, failures: readonly Failure[], now: number): void {
    const entry = this.#entryOf(target);
    entry.isFresh = false;
    entry.tries += 1;
    entry.failures = failures;
    if (failures.some(({ error }) => LONG.has(error.code))) entry.longTries += 1;
    entry.againAt = this.#againAt(entry, now);
  }

  /** It is not asked in this request. @param failures what the client is told of it, where that is an error of its own. */
  skip({ target }: QueuedTarget, why: string, failures: readonly Failure[] = []): void {
    const entry = this.#entryOf(target);
    entry.isFresh = false;
    entry.againAt = null;
    entry.skipped = why;
    if (failures.length > 0) entry.failures = failures;
  }

  /** Its circuit has opened: it waits behind all others, and is not asked again where it was. */
  circuitOpened({ target }: QueuedTarget): void {
    const entry = this.#entryOf(target);
    entry.isReserve = true;
    entry.againAt = null;
  }

  /** The content was refused. @returns whether somebody is left for it. */
  refused(): boolean {
    if (!this.#isRefused) {
      this.#isRefused = true;
      const before = this.#entries;
      this.#entries = this.#plan.contentPolicy.map(
        (target) => before.find((entry) => nameOf(entry.target) === nameOf(target)) ?? entryOf(target, false),
      );
      this.#left.push(...before.filter((entry) => !entry.isFresh && !this.#entries.includes(entry)));
    }
    return this.#plan.contentPolicy.some((target) => this.#canBeAsked(target));
  }

  #canBeAsked(target: Target): boolean {
    const entry = this.#entries.find((one) => nameOf(one.target) === nameOf(target));
    return entry === undefined ? !this.#isRefused : entry.isFresh || this.#comesAgain(entry);
  }

  #comesAgain({ againAt }: Entry): boolean {
    return againAt !== null && againAt < this.#retries.deadlineMs;
  }

  #againAt(entry: Entry, now: number): number | null {
    const { rounds, longestWaitMs } = this.#retries;
    if (entry.isReserve || entry.tries > rounds || entry.longTries >= MOST_LONG_TRIES) return null;
    const asked = entry.failures.flatMap(({ error }) => (error.retryable ? (error.retryAfter ?? 0) * 1000 : []));
    const shortest = Math.min(...asked);
    if (asked.length === 0 || shortest > longestWaitMs) return null;
    return now + Math.max(shortest, backoffMs(entry.tries, this.#retries, this.#random()));
  }

  #entryOf(target: Target): Entry {
    const name = nameOf(target);
    const entry = this.#entries.find((one) => nameOf(one.target) === name);
    if (entry === undefined) throw new Error(`${name} is none of the request's targets`);
    return entry;
  }
}

const entryOf = (target: Target, isReserve: boolean): Entry => ({
  target,
  tries: 0,
  longTries: 0,
  isReserve,
  failures: [],
  skipped: null,
  isFresh: true,
  againAt: null,
});
