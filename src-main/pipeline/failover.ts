import { limitOfPrompt } from '../protocols/context-overflow.ts';
import { nameOf, type Plan, type Target } from '../routing/plan.ts';
import type { Failure } from './attempt-outcome.ts';
import { type AttemptChances, attemptContext, type RequestContext } from './context.ts';
import { failureOfAll, type Spent } from './failure-of-all.ts';
import { pause } from './retry-wait.ts';
import { type QueuedTarget, type RetrySettings, TargetQueue, type Turn } from './target-queue.ts';
import { overflow, type TryEnd, type TryParts, tryTarget } from './try-target.ts';

export interface FailoverParts extends Pick<TryParts, 'attempt' | 'begin' | 'windows'> {
  retries: RetrySettings;
  /** 0 (inclusive) to 1. */
  random?: () => number;
}

/** How a request ended. */
export type FailoverEnd =
  | { readonly kind: 'answered' | 'aborted' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Asks the targets of one request in turn, until one has answered, the client has left, or nobody is left to ask.
 * @param plan of this request.
 */
export function failOver(request: RequestContext, plan: Plan, parts: FailoverParts): Promise<FailoverEnd> {
  return new Failover(request, plan, parts).run();
}

class Failover {
  readonly #request: RequestContext;
  readonly #plan: Plan;
  readonly #parts: FailoverParts;
  readonly #queue: TargetQueue;
  /** The largest window that has been too small. */
  #tooSmall = 0;

  constructor(request: RequestContext, plan: Plan, parts: FailoverParts) {
    this.#request = request;
    this.#plan = plan;
    this.#parts = parts;
    this.#queue = new TargetQueue(plan, parts.retries, parts.random);
  }

  async run(): Promise<FailoverEnd> {
    const { signal } = this.#request.request;
    for (;;) {
      const turn = this.#queue.next(this.#request.elapsedMs());
      if (turn === null)
        return { kind: 'failed', failure: failureOfAll(this.#plan, this.#queue.targets, this.#spent()) };
      if (!(await this.#wait(turn))) return { kind: 'aborted' };
      const { queued } = turn;
      // Who has left meanwhile is refused nothing; the attempt notices it.
      if (queued.tries === 0 && !(await this.#fits(queued)) && !signal.aborted) continue;
      const end = await this.#ask(queued);
      if (end.kind === 'circuit-open') this.#circuitOpened(queued);
      else if (end.kind !== 'failed') return { kind: end.kind };
      else {
        this.#queue.failed(queued, end.failures, this.#request.elapsedMs());
        for (const { error } of end.failures)
          if (error.code === 'context_overflow')
            this.#tooSmall = Math.max(this.#tooSmall, limitOfPrompt(error.message) ?? 0);
        const [failure] = end.failures;
        if (end.isFinal && failure !== undefined && !this.#goesToOthers(failure)) return { kind: 'failed', failure };
      }
    }
  }

  #ask(queued: QueuedTarget): Promise<TryEnd> {
    const { target, isReserve } = queued;
    const chances = (): AttemptChances => this.#chances(queued);
    const { attempt, begin, windows } = this.#parts;
    return tryTarget(attemptContext(this.#request, target, chances()), isReserve, {
      begin,
      windows,
      chances,
      attempt: (made) => {
        this.#queue.attempted();
        return attempt(made);
      },
      mayAttempt: () => this.#queue.mayAttempt(this.#request.elapsedMs()),
    });
  }

  /** Before a target is asked once more. @returns false where the client has left. */
  async #wait({ queued, waitMs }: Turn): Promise<boolean> {
    const { request, row, waiting } = this.#request;
    if (queued.tries > 0)
      row.trace.push({
        step: 'asked again',
        detail: `${nameOf(queued.target)}, after ${(waitMs / 1000).toFixed(1)} s (try ${queued.tries + 1})`,
      });
    if (waitMs === 0) return true;
    waiting.begin();
    try {
      return await pause(waitMs, request.signal);
    } finally {
      waiting.end();
    }
  }

  #circuitOpened(queued: QueuedTarget): void {
    const why = 'its circuit has opened meanwhile';
    this.#trace('target skipped', `${nameOf(queued.target)}: ${why}`);
    this.#queue.circuitOpened(queued);
  }

  /** Whether there are targets for content that was refused. Only they are asked from then on. */
  #goesToOthers({ error }: Failure): boolean {
    if (error.code !== 'content_refused' || !this.#queue.refused()) return false;
    this.#trace('content refused', 'from now on the targets are asked that the rule names for that (contentPolicy)');
    return true;
  }

  #trace(step: string, detail: string): void {
    this.#request.row.trace.push({ step, detail });
  }

  /** Whether the request fits the window of a target; one that it does not fit is skipped. */
  async #fits(queued: QueuedTarget): Promise<boolean> {
    const { target } = queued;
    const { windows } = this.#parts;
    const attempt = attemptContext(this.#request, target, this.#chances(queued));
    const isSmall = (windows.windowOf(this.#request.request, target) ?? Infinity) <= this.#tooSmall;
    if (isSmall && !(await windows.surelyFits(attempt))) {
      this.#skip(queued, 'its window is not larger');
      return false;
    }
    const tooLarge = await windows.check(attempt);
    if (tooLarge === null || this.#request.request.signal.aborted) return true;
    const { tokens, window } = tooLarge;
    this.#skip(queued, `about ${inWords(tokens)} tokens are more than its window of ${inWords(window)}`, [
      { error: overflow(target, tooLarge), original: null, tryNext: true },
    ]);
    this.#tooSmall = Math.max(this.#tooSmall, window);
    return false;
  }

  #skip(queued: QueuedTarget, why: string, failures: readonly Failure[] = []): void {
    this.#trace('target skipped', `${nameOf(queued.target)}: ${why}`);
    this.#queue.skip(queued, why, failures);
  }

  #chances(queued: QueuedTarget): AttemptChances {
    const { noOther, nothing } = this.#queue.leftBeside(queued, (other) => this.#willNotFit(other));
    return { noOther, isFinal: nothing, othersForRefused: this.#queue.hasOthersForRefused(queued) };
  }

  /** By what is known without counting. */
  #willNotFit(target: Target): boolean {
    const window = this.#parts.windows.windowOf(this.#request.request, target);
    if (window === null) return false;
    if (window <= this.#tooSmall) return true;
    const mostTokens = this.#request.request.body.raw.length / LEAST_BYTES_PER_TOKEN;
    return mostTokens > window && this.#request.facts.inputTokens > window;
  }

  /** What ends the search while targets are left. */
  #spent(): Spent | null {
    const { attempts, deadlineMs } = this.#parts.retries;
    const now = this.#request.elapsedMs();
    if (this.#queue.mayAttempt(now)) return null;
    return now >= deadlineMs
      ? `the time for it was over (routing.retries.deadlineMs: ${deadlineMs})`
      : `all attempts were made (routing.retries.attempts: ${attempts})`;
  }
}

/** The estimate takes about four. */
const LEAST_BYTES_PER_TOKEN = 3;

const inWords = (tokens: number): string => tokens.toLocaleString('en-US');
