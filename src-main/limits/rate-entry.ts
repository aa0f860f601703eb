import type { ProxyError } from '../../src-shared/errors.ts';
import type { AttemptRow, TraceStep } from '../../src-shared/requests.ts';
import type { RequestContext } from '../pipeline/context.ts';
import type { Passed, Refused } from './rate-gate.ts';
import type { RateLimit } from './rate-limit.ts';
import { rateLimited } from './rate-refusal.ts';
import { tokensOf } from './rate-who.ts';

/** One rate, and the one who is counted by it. */
export interface Counted {
  readonly limit: RateLimit;
  readonly who: string | null;
}

export interface Entering {
  readonly counted: readonly Counted[];
  readonly request: RequestContext;
  readonly mayWait: boolean;
  /** Aborted when CProxy stops. */
  readonly stopping: AbortSignal;
}

export type Entered =
  /** `end`: it is over, with these attempts. */
  | { readonly kind: 'passed'; end(attempts: readonly AttemptRow[]): void; readonly waitedMs: number }
  | {
      readonly kind: 'refused';
      readonly by: Counted;
      readonly refused: Refused;
      readonly error: ProxyError;
      readonly waitedMs: number;
    };

/**
 * Passes the gates of all rates, in the order of the configuration, or none.
 * @returns null where the client has left.
 * @throws the reason of `stopping`, where it waits when that comes.
 */
export async function enter({ counted, request, mayWait, stopping }: Entering): Promise<Entered | null> {
  const { signal: left } = request.request;
  const signal = AbortSignal.any([left, stopping]);
  const hasTokens = counted.some(({ limit }) => limit.config.tokensPerMinute !== undefined);
  const tokens = hasTokens ? request.facts.inputTokens : 0;
  const startedMs = request.elapsedMs();
  let hasWaited = false;
  const waitedMs = (): number => (hasWaited ? request.elapsedMs() - startedMs : 0);
  const passed: Passed[] = [];
  request.waiting.begin();
  try {
    for (const by of counted) {
      const { limit, who } = by;
      const onWait = (before: number): void => {
        if (!hasWaited) request.row.trace.push(waits(by, before));
        hasWaited = true;
      };
      const end = await limit.gate(who).pass({ signal, tokens, mayWait, onWait });
      if (end.kind === 'refused') {
        limit.refused += 1;
        for (const one of passed) one.undo();
        const error = rateLimited(limit.config, who, end);
        return { kind: 'refused', by, refused: end, error, waitedMs: waitedMs() };
      }
      passed.push(end);
    }
  } catch (error) {
    for (const one of passed) one.undo();
    if (left.aborted) return null;
    throw error;
  } finally {
    request.waiting.end();
  }
  const end = (attempts: readonly AttemptRow[]): void => {
    const used = tokensOf(attempts);
    for (const one of passed) one.end(used);
  };
  return { kind: 'passed', end, waitedMs: waitedMs() };
}

function waits({ limit, who }: Counted, before: number): TraceStep {
  const { id, each } = limit.config;
  const of = each === undefined || who === null ? '' : ` of ${each} '${who}'`;
  return { step: 'waited', detail: `for limit '${id}'${of}; ${before} had waited for longer` };
}
