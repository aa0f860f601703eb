import { ProxyError } from '../../src-shared/errors.ts';
import { limitOfPrompt } from '../protocols/context-overflow.ts';
import { FAILOVER_IS_OFF, nameOf, type Plan } from '../routing/plan.ts';
import type { Failure } from './attempt-outcome.ts';
import type { QueuedTarget } from './target-queue.ts';
import { isFaultOfOneTarget } from './upstream-failure.ts';

/** Why targets that were left were not asked, in words. */
export type Spent = string;

/** A vendor's error page may be long, and there may be many targets. */
const LONGEST_REASON = 240;

/**
 * What the client is told when nobody has answered: of one target its own words, which clients read; of prompts that are too
 * long for all the largest window; else one error that says of each target what came of it.
 * @param spent null where all that could be asked were asked.
 */
export function failureOfAll(plan: Plan, targets: readonly QueuedTarget[], spent: Spent | null): Failure {
  const failures = targets.flatMap((target) => target.failures);
  const [first, ...others] = failures;
  const unable = plan.explain().candidates.filter(({ place, why }) => place === 'skipped' && why !== FAILOVER_IS_OFF);
  const told = targets.flatMap((target) => whatCameOf(target, spent));
  if (first !== undefined && others.length === 0 && told.length + unable.length === 1) return first;
  const { code } = first?.error ?? {};
  if (first !== undefined && code === 'context_overflow' && failures.every(({ error }) => error.code === code))
    return others.reduce((largest, next) => (limitIn(next) > limitIn(largest) ? next : largest), first);
  const errors = failures.map(({ error }) => error);
  const names = [...told, ...unable.map(({ provider, model, why }) => `${provider}/${model} was not asked: ${why}`)];
  return { error: combinedFailure(names, errors), original: null, tryNext: false };
}

/**
 * One error of several targets; it can be retried when one of them can, and as soon as one of them can.
 * @param targets what came of each, beginning with its name. @param errors of those that failed.
 */
export function combinedFailure(targets: readonly string[], errors: readonly ProxyError[]): ProxyError {
  const last = errors.at(-1);
  if (last !== undefined && isFaultOfOneTarget(last) && errors.every(({ code }) => code === last.code)) return last;
  const retryable = errors.filter((error) => error.retryable);
  // One that names no time may be asked at once. Claude Code gives up where it is told to wait for more than a minute.
  const soonest = Math.min(...retryable.map(({ retryAfter }) => retryAfter ?? 0));
  const overloaded =
    retryable.length > 0 && retryable.every(({ kind }) => kind === 'overloaded_error' || kind === 'rate_limit_error');
  const wait = retryable.length > 0 && soonest > 0 ? soonest : undefined;
  return ProxyError.of(
    'all_targets_failed',
    { targets, advice: adviceFor(retryable.length > 0, wait) },
    {
      retryable: retryable.length > 0,
      ...(overloaded ? { status: 529, kind: 'overloaded_error' as const } : {}),
      ...(wait === undefined ? {} : { retryAfter: wait }),
    },
  );
}

function adviceFor(isRetryable: boolean, waitSeconds: number | undefined): string {
  if (!isRetryable) return 'Asking again does not help until one of these is put right.';
  return waitSeconds === undefined
    ? 'What has failed may pass: ask again.'
    : `What has failed may pass: ask again in ${waitSeconds} s.`;
}

function whatCameOf({ target, tries, failures, skipped, isReserve }: QueuedTarget, spent: Spent | null): string[] {
  const name = nameOf(target);
  if (skipped !== null && tries === 0) return [`${name} was not asked: ${skipped}`];
  const circuit = isReserve ? 'its circuit is open' : null;
  if (tries === 0) return [`${name} was not asked: ${[circuit, spent].filter((why) => why !== null).join(', and ')}`];
  const said = new Set(failures.map(({ error }) => short(withoutName(error.message, target.provider.id))));
  const often = tries === 1 ? '' : tries === 2 ? ' (asked twice)' : ` (asked ${tries} times)`;
  return [`${name}${[...said].join(';')}${often}${circuit === null ? '' : ` (${circuit})`}`];
}

/** The name stands before it. */
function withoutName(message: string, provider: string): string {
  const beginning = `Provider '${provider}' `;
  return message.startsWith(beginning) ? ` ${message.slice(beginning.length)}` : `: ${message}`;
}

const short = (text: string): string =>
  text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON).trimEnd()}…` : text;

const limitIn = ({ error }: Failure): number => limitOfPrompt(error.message) ?? 0;
