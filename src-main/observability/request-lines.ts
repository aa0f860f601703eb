import type { Config } from '../../src-shared/config.ts';
import type { EventBus } from '../pipeline/events.ts';
import type { Logger } from './logger.ts';

/**
 * Failed requests are told of; every request only when asked for, since lines cost more than requests do.
 * @param level of the configuration in force.
 */
export function logRequests(bus: EventBus, level: () => Config['logging']['level'], log: Logger): void {
  bus.on('request.finished', (row) => {
    if (row.state === 'failed') {
      log.warn(`Request failed: ${row.error?.message ?? 'unknown'}`, {
        id: row.id,
        model: row.askedModel,
        status: row.status,
        ms: row.endedMs,
      });
    } else if (level() === 'debug') {
      const attempt = row.attempts.at(-1);
      log.debug(`Request ${row.state}`, {
        id: row.id,
        model: row.askedModel,
        provider: attempt?.provider,
        attempts: row.attempts.length,
        status: row.status,
        ms: row.endedMs,
      });
    }
  });
}
