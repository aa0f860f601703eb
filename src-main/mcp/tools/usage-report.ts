import { z } from 'zod';
import { inputOf } from '../../../src-shared/costs.ts';
import { type UsageSum, type UsageView, usageParts } from '../../../src-shared/usage.ts';
import { amount, clock, cost, count, list, paragraphs } from '../words.ts';
import { defineTool } from './tool.ts';

const DAY_MS = 24 * 60 * 60_000;

const sumShape = {
  requests: z.number().int(),
  failed_attempts: z.number().int(),
  input_tokens: z.number().describe('All that was read'),
  cached_tokens: z.number().describe('What of it came from caches'),
  output_tokens: z.number(),
  cost_usd: z.number().describe('US dollars, of what has a price'),
  cost_unknown: z.number().int().describe('Attempts whose cost is not known, and is not in it'),
};
const sumSchema = z.object(sumShape);

export const periods = ['today', 'yesterday', 'week', 'month', 'all'] as const;

/** Unix times in ms, by the calendar of this machine: from the first, before the second. */
export function periodOf(name: (typeof periods)[number], now: number): { from: number; to: number } {
  const today = new Date(now);
  today.setHours(0, 0, 0, 0);
  const begins = today.getTime();
  switch (name) {
    case 'today':
      return { from: begins, to: now + DAY_MS };
    case 'yesterday':
      return { from: new Date(begins - DAY_MS / 2).setHours(0, 0, 0, 0), to: begins };
    case 'week':
      return { from: begins - 6 * DAY_MS, to: now + DAY_MS };
    case 'month':
      return { from: begins - 29 * DAY_MS, to: now + DAY_MS };
    case 'all':
      return { from: 0, to: now + DAY_MS };
  }
}

export const usageReport = defineTool({
  name: 'usage_report',
  title: 'Usage and cost',
  description:
    'What was used and what it cost, by model, provider, day and the like; and how far subscriptions are used.',
  input: z.strictObject({
    period: z.enum(periods).default('today').describe('week and month: the last 7 and 30 days'),
    by: z.enum(usageParts).default('model'),
    provider: z.string().min(1).max(1_000).optional(),
    model: z.string().min(1).max(1_000).optional(),
    client: z.string().min(1).max(1_000).optional().describe('Name of the client token'),
    project: z.string().min(1).max(1_000).optional().describe('Folder'),
    limit: z.number().int().min(1).max(1_000).default(50),
  }),
  output: z.object({
    rows: z.array(z.object({ part: z.string().nullable().describe('null: not known'), ...sumShape })),
    total: sumSchema,
    subscriptions: z.array(
      z.object({
        provider: z.string(),
        window: z.string(),
        used: z.number().describe('0 to 1'),
        resets_at: z.string().nullable().describe('ISO 8601'),
      }),
    ),
    source: z.enum(['disk', 'memory']).describe('memory: only since the start'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async call({ period, by, limit, ...filter }, { engine }) {
    const control = await engine.control();
    const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
    const usage = await control.usage.sums({ by: [by], limit, ...periodOf(period, Date.now()), ...given });
    const subscriptions = await control.usage.subscriptions();
    return {
      value: {
        rows: usage.rows.map(({ parts, ...sum }) => ({ part: parts[0] ?? null, ...sumOf(sum) })),
        total: sumOf(usage.total),
        subscriptions: subscriptions.map(({ provider, window, used, resetsAt }) => ({
          provider,
          window,
          used,
          resets_at: resetsAt === null ? null : new Date(resetsAt).toISOString(),
        })),
        source: usage.source,
      },
      text: paragraphs(
        usageInWords(usage),
        subscriptions.length === 0
          ? null
          : `Subscriptions:\n${list(
              subscriptions.map(
                ({ provider, window, used, resetsAt }) =>
                  `${provider}, ${window}: ${Math.round(used * 100)} % used${resetsAt === null ? '' : `, begins anew ${clock(resetsAt)}`}`,
              ),
            )}`,
      ),
    };
  },
});

export const sumOf = (sum: UsageSum): z.output<typeof sumSchema> => ({
  requests: sum.requests,
  failed_attempts: sum.failed,
  input_tokens: inputOf(sum),
  cached_tokens: sum.cacheRead,
  output_tokens: sum.output,
  cost_usd: sum.usd,
  cost_unknown: sum.costUnknown,
});

function usageInWords({ rows, total, by, source }: UsageView): string {
  if (rows.length === 0) return 'Nothing has been used in that time.';
  const line = (name: string, sum: UsageSum): string =>
    `${name}: ${amount(sum.requests, 'request')}, ${count(inputOf(sum))} tokens read, ${count(sum.output)} written, ${
      sum.usd === 0 && sum.costUnknown > 0 ? 'cost unknown' : cost(sum.usd)
    }`;
  return paragraphs(
    `By ${by.join(' and ')}:\n${list(rows.map(({ parts, ...sum }) => line(parts.map((part) => part ?? '(none)').join(', '), sum)))}`,
    line('All', total),
    total.costUnknown === 0 ? null : `Not in it: ${amount(total.costUnknown, 'attempt')} whose price is not known.`,
    source === 'memory' ? 'Only what has happened since the start.' : null,
  );
}
