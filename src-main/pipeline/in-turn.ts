import { ProxyError } from '../../src-shared/errors.ts';
import type { EndTurn, Turns } from '../providers/concurrency.ts';
import { type AttemptOutcome, failed } from './attempt-outcome.ts';
import type { AttemptContext } from './context.ts';

/**
 * Makes an attempt when its provider has a turn for it, where it takes only so many requests at a time. The clocks of the
 * attempt start then: it is not the provider that was silent. A stream that waits is kept alive as one that is held is; where
 * another target is left, it is waited for as long as for a silent one.
 */
export async function inTurn(context: AttemptContext, attempt: () => Promise<AttemptOutcome>): Promise<AttemptOutcome> {
  const { turns } = context.target.provider;
  if (turns === null) return attempt();
  const end = turns.tryTake() ?? (await waitForTurn(context, turns));
  if (typeof end !== 'function') return end;
  try {
    return await attempt();
  } finally {
    end();
  }
}

async function waitForTurn(context: AttemptContext, turns: Turns): Promise<EndTurn | AttemptOutcome> {
  const { request, target, row, noOther } = context;
  const { provider } = target;
  const limitMs = noOther ? null : provider.timeouts.silenceMs;
  const before = turns.waiting;
  const startedMs = request.elapsedMs();
  let end: EndTurn | null;
  request.waiting.begin();
  try {
    end = await turns.take(request.request.signal, limitMs);
  } catch {
    // The client's signal is the only one that ends the wait.
    return { kind: 'aborted' };
  } finally {
    request.waiting.end();
  }
  if (end === null)
    return failed(ProxyError.of('provider_busy', { provider: provider.id, limit: turns.limit, ms: limitMs ?? 0 }));
  row.startedMs = request.elapsedMs();
  const waitedMs = row.startedMs - startedMs;
  row.queuedMs += waitedMs;
  const seconds = (waitedMs / 1000).toFixed(1);
  request.row.trace.push({
    step: 'waited',
    detail: `${seconds} s for its turn at ${provider.id}, which takes ${turns.limit} at a time; ${before} had waited for longer`,
  });
  return end;
}
