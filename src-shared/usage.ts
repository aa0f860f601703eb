import { z } from 'zod';
import { requestClasses } from './rules.ts';

/** By what sums are taken apart. Days and hours are those of the local calendar. */
export const usageParts = [
  'provider',
  'model',
  'route',
  'project',
  'client',
  'class',
  'session',
  'day',
  'hour',
] as const;
export type UsagePart = (typeof usageParts)[number];

const text = z.string().min(1).max(1_000);

export const usageQuerySchema = z
  .strictObject({
    /** One or two. */
    by: z
      .union([z.enum(usageParts), z.array(z.enum(usageParts)).min(1).max(2)])
      .default(['model'])
      .transform((by) => (Array.isArray(by) ? by : [by])),
    /** Unix times in ms, to a quarter of an hour: from the first, before the second. Sessions that were active then, all of them. */
    from: z.coerce.number().int().min(0).default(0),
    to: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(Number.MAX_SAFE_INTEGER),
    provider: text.optional(),
    model: text.optional(),
    route: text.optional(),
    project: text.optional(),
    client: text.optional(),
    class: z.enum(requestClasses).optional(),
    session: text.optional(),
    limit: z.coerce.number().int().min(1).max(1_000).default(200),
  })
  .refine(
    ({ by, session, from: _from, to: _to, limit: _limit, ...others }) =>
      !(by.includes('session') || session !== undefined) ||
      (by.every((part) => part === 'session') && Object.values(others).every((other) => other === undefined)),
    'sessions are summed up as a whole: not by another part as well, nor of one provider, model, project or the like',
  );
export type UsageQuery = z.output<typeof usageQuerySchema>;

/** Of requests, and of all their attempts, answered or not. Tokens, disjoint except for reasoning. */
export interface UsageSum {
  requests: number;
  attempts: number;
  /** Attempts. */
  failed: number;
  /** Attempts whose client left before their end. */
  aborted: number;
  input: number;
  cacheRead: number;
  cacheWrite: number;
  /** Part of `cacheWrite`. */
  cacheWrite1h: number;
  output: number;
  /** Part of `output`, as far as it was reported. */
  reasoning: number;
  /** US dollars, of what has a price. */
  usd: number;
  /** Attempts that used tokens and whose cost is not known: `usd` is without them. */
  costUnknown: number;
}

export interface UsageRow extends UsageSum {
  /** What it is the sum of, in the order of `by`; null: not known, such as a request without a project. */
  parts: (string | null)[];
}

/** Times are in order, the rest by what it costs, then by what it uses. */
export interface UsageView {
  by: UsagePart[];
  rows: UsageRow[];
  /** Of all, also of rows past the limit. */
  total: UsageSum;
  /** `memory`: only since the start, because nothing gets to the disk. */
  source: 'disk' | 'memory';
}

/** How far one window of a subscription is used up, as its vendor said last. */
export interface SubscriptionView {
  provider: string;
  /** The key, by name. */
  key: string;
  /** In the vendor's words: `5h`, `7d`. */
  window: string;
  /** 0 to 1. */
  used: number;
  /** Unix time in ms; null where the vendor did not say. */
  resetsAt: number | null;
}
