import type { EventBus } from './events.ts';
import type { Middleware } from './middleware.ts';

/** Keeps the rows of requests and attempts, and tells the event bus of every step. The first of all middleware. */
export function accounting(bus: EventBus): Required<Pick<Middleware, 'name' | 'request' | 'attempt'>> {
  return {
    name: 'accounting',
    async request(context, next) {
      bus.emit('request.started', context.row);
      try {
        await next();
      } finally {
        context.row.endedMs = context.elapsedMs();
        bus.emit('request.finished', context.row);
      }
    },
    async attempt(context, next) {
      const { row } = context;
      const request = context.request.row;
      request.attempts.push(row);
      bus.emit('attempt.started', { request, attempt: row });
      try {
        const outcome = await next();
        row.outcome = outcome.kind;
        if (outcome.kind === 'failed') row.error = outcome.failure.error.view();
        return outcome;
      } catch (error) {
        row.outcome = 'failed';
        throw error;
      } finally {
        row.endedMs = context.request.elapsedMs();
        bus.emit('attempt.finished', { request, attempt: row, target: context.target });
      }
    },
  };
}
