import type { Cost } from '../../src-shared/requests.ts';
import { costOf } from '../providers/model-prices.ts';
import type { AttemptContext } from './context.ts';
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
        const { row, facts } = context;
        row.endedMs = context.elapsedMs();
        facts.settle();
        row.class = facts.class;
        row.project = facts.project;
        row.stopReason = row.attempts.at(-1)?.stopReason ?? null;
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
        row.cost ??= costByPrices(context);
        bus.emit('attempt.finished', { request, attempt: row, target: context.target });
      }
    },
  };
}

/** By the prices that held when it began. null: the provider reported nothing, or the price is not known. */
function costByPrices({ row, target, request }: AttemptContext): Cost | null {
  if (row.usage === null) return null;
  const price = target.provider.priceOf(target.model);
  if (price === null) return null;
  return { usd: costOf(price, row.usage, request.row.startedAt + row.startedMs), source: 'prices' };
}
