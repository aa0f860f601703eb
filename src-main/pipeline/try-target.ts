import { ProxyError } from '../../src-shared/errors.ts';
import type { AttemptRow, TokenUsage } from '../../src-shared/requests.ts';
import type { RoutingFacts } from '../../src-shared/routing.ts';
import { limitOfPrompt, promptTooLong } from '../protocols/context-overflow.ts';
import type { KeyFault } from '../providers/key-fault.ts';
import type { AttemptResult } from '../routing/attempt-result.ts';
import type { Target } from '../routing/plan.ts';
import { hasAnotherKey, isReplaced, triedKeys } from './attempt-key.ts';
import type { AttemptOutcome, Failure } from './attempt-outcome.ts';
import { requestFor } from './changed-request.ts';
import { type AttemptChances, type AttemptContext, attemptContext } from './context.ts';
import { failuresOfKeys } from './failures-of-keys.ts';
import type { TooLarge, WindowCheck } from './window-check.ts';

/** What came of one target and its keys. */
export type TryEnd =
  | { readonly kind: 'answered' | 'aborted' }
  /** Nothing was asked: its circuit has opened since the request was planned. */
  | { readonly kind: 'circuit-open' }
  /** `isFinal`: nobody else could do better, or the client has seen content. */
  | { readonly kind: 'failed'; readonly failures: readonly Failure[]; readonly isFinal: boolean };

export interface TryParts {
  /** The router's word that an attempt begins; null where the target's circuit has opened. */
  begin: (facts: RoutingFacts, target: Target, isReserve: boolean) => ((result: AttemptResult) => void) | null;
  windows: WindowCheck;
  /** Makes one attempt. */
  attempt: (attempt: AttemptContext) => Promise<AttemptOutcome>;
  /** What is left beside the attempt that is now made. */
  chances: () => AttemptChances;
  /** Whether one more attempt may be made. */
  mayAttempt: () => boolean;
}

/** Asks one target: with another of its keys, where it is the key that is refused. */
export async function tryTarget(first: AttemptContext, isReserve: boolean, parts: TryParts): Promise<TryEnd> {
  const { request, target } = first;
  const failures: Failure[] = [];
  for (let made: AttemptContext | null = first; made !== null; ) {
    const end = parts.begin(request.facts, target, isReserve);
    if (end === null) {
      if (failures.length === 0) return { kind: 'circuit-open' };
      break;
    }
    made.row.startedMs = request.elapsedMs();
    const outcome = await attempted(made, end, parts);
    if (made.row.usage !== null) learn(made, made.row.usage, parts.windows);
    if (outcome.kind !== 'failed') return { kind: outcome.kind };
    const failure: Failure = outcome.answering
      ? outcome.failure
      : await withNumbers(outcome.failure, made, parts.windows);
    request.row.trace.push({ step: 'attempt failed', detail: failure.error.message });
    if (outcome.answering || !failure.tryNext) return { kind: 'failed', failures: [failure], isFinal: true };
    failures.push(failure);
    const { keyFault } = failure;
    made = keyFault === undefined || !parts.mayAttempt() ? null : await withAnotherKey(made, keyFault, parts);
  }
  return { kind: 'failed', failures: failuresOfKeys(target.provider.id, failures), isFinal: false };
}

async function attempted(
  made: AttemptContext,
  end: (result: AttemptResult) => void,
  { attempt }: TryParts,
): Promise<AttemptOutcome> {
  let outcome: AttemptOutcome | null = null;
  try {
    outcome = await attempt(made);
    return outcome;
  } finally {
    // A bug of ours is nothing that the target has done.
    end(resultOf(made.row, outcome ?? { kind: 'aborted' }));
  }
}

/** What routing learns of an attempt. */
function resultOf(row: AttemptRow, outcome: AttemptOutcome): AttemptResult {
  const error = outcome.kind === 'failed' ? outcome.failure.error : null;
  const { startedMs, firstContentMs, endedMs } = row;
  return {
    outcome: outcome.kind,
    error: error?.view() ?? null,
    status: row.status,
    retryAfterMs: error?.retryAfter === undefined ? null : error.retryAfter * 1000,
    firstContentMs: firstContentMs === null ? null : firstContentMs - startedMs,
    totalMs: (endedMs ?? startedMs) - startedMs,
    usage: row.usage,
  };
}

function learn(made: AttemptContext, usage: TokenUsage, windows: WindowCheck): void {
  const { target, key } = made;
  windows.learn(requestFor(made), target, usage);
  if (key !== null) target.provider.keys.used(key, usage.input + usage.cacheRead + usage.cacheWrite + usage.output);
}

/** The next attempt at a target that has refused one of its keys; null where it has no other that is ready. */
async function withAnotherKey(
  attempt: AttemptContext,
  { kind }: KeyFault,
  { chances }: TryParts,
): Promise<AttemptContext | null> {
  const { request, target, key } = attempt;
  const { provider, model } = target;
  const changed = (detail: string): void => void request.row.trace.push({ step: 'key changed', detail });
  if (kind === 'refused' && (await isReplaced(attempt))) {
    changed(
      key?.kind === 'none'
        ? `${provider.id} wants a key, and there is one by now: asked with that`
        : `key '${key?.id}' of ${provider.id} was refused, and has been replaced where it is kept: asked with that`,
    );
    return attemptContext(request, target, chances(), attempt.triedKeys);
  }
  if (key === null || request.request.signal.aborted || !hasAnotherKey(attempt)) return null;
  const why = provider.keys.whyResting(key.id, model) ?? 'cannot be used';
  changed(`key '${key.id}' of ${provider.id} ${why}: asked with another of its keys`);
  return attemptContext(request, target, chances(), triedKeys(attempt));
}

/**
 * A prompt that its target calls too long, with numbers where that gave none: by them Claude Code cuts what it asks a summary
 * of to fit at once, while without it tries size after size.
 */
async function withNumbers(failure: Failure, attempt: AttemptContext, windows: WindowCheck): Promise<Failure> {
  const { code, message } = failure.error;
  if (code !== 'context_overflow' || limitOfPrompt(message) !== null) return failure;
  const size = await windows.measure(attempt);
  return size === null ? failure : { ...failure, error: overflow(attempt.target, size), original: null };
}

/** A prompt that does not fit its target, as an error. */
export const overflow = ({ provider }: Target, { tokens, limit }: TooLarge): ProxyError =>
  ProxyError.of('context_overflow', { provider: provider.id, wording: promptTooLong(tokens, limit) });
