import type { Config } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { EventBus } from '../pipeline/events.ts';
import type { Logger } from './logger.ts';

/**
 * Failed requests are told of; every request only when asked for, since lines cost more than requests do.
 * @param level of the configuration in force.
 */
export function logRequests(bus: EventBus, level: () => Config['logging']['level'], log: Logger): void {
  bus.on('request.finished', (row) => {
    const isDebug = level() === 'debug';
    if (row.state === 'failed') {
      log.warn(`Request failed: ${row.error?.message ?? 'unknown'}`, {
        id: row.id,
        model: row.askedModel,
        status: row.status,
        ms: row.endedMs,
        ...(isDebug ? { trace: traceOf(row) } : {}),
      });
    } else if (isDebug) {
      const attempt = row.attempts.at(-1);
      log.debug(`Request ${row.state}`, {
        id: row.id,
        model: row.askedModel,
        provider: attempt?.provider,
        attempts: row.attempts.length,
        status: row.status,
        ms: row.endedMs,
        trace: traceOf(row),
      });
    }
  });
}

/** The way it took, step by step, with what each attempt came to. */
function traceOf({ route, trace, attempts, client, sessionId, overheadMs }: RequestRow): Record<string, unknown> {
  return {
    route,
    client,
    session: sessionId,
    overheadMs,
    steps: trace.map(({ step, detail }) => `${step}: ${detail}`),
    attempts: attempts.map(
      ({ provider, model, key, mode, outcome, status, startedMs, firstContentMs, endedMs, ...rest }) => ({
        ...{ target: `${provider}/${model}`, key, mode, outcome, status, startedMs, firstContentMs, endedMs },
        ...{ usage: rest.usage, cost: rest.cost?.usd ?? null, error: rest.error?.message ?? null },
      }),
    ),
  };
}
