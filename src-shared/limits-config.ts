import { z } from 'zod';

const whole = z.number().multipleOf(1, 'must be a whole number');
const identifier = z
  .string()
  .regex(/^[A-Za-z0-9._-]+$/, 'may hold only letters, digits, ".", "_" and "-"')
  .describe('An id of letters, digits, ".", "_" and "-"');

/** Whose requests something counts: those that fit all that is said; all requests where nothing is. */
const scopeSchema = z.strictObject({
  provider: identifier.optional().describe('What this provider is asked'),
  project: z.string().min(1).optional().describe('What is asked in this folder or below it; ~ is your home folder'),
  client: z.string().min(1).optional().describe('What comes with the client token of this name'),
});
export type LimitScope = z.output<typeof scopeSchema>;

/** What may be spent in a day or a month of the local calendar. */
export const budgetSchema = z
  .strictObject({
    id: identifier,
    name: z.string().min(1).optional().describe('Shown to people; the id where absent'),
    enabled: z.boolean().default(true).describe('Whether it counts'),
    of: scopeSchema.prefault({}).describe('Whose requests it counts; all where empty'),
    per: z.enum(['day', 'month']).describe('Begins anew at midnight, or on the first of the month, local time'),
    usd: z.number().positive().optional().describe('US dollars'),
    tokens: whole.positive().optional().describe('Tokens, read and written'),
    warnAt: z.number().gt(0).max(1).default(0.8).describe('The part of it from which a warning is given'),
    whenSpent: z
      .enum(['warn', 'downgrade', 'refuse'])
      .default('warn')
      .describe('When it is spent: go on and say so, use other targets, or refuse requests'),
    use: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Targets (provider-id/model-id, or an alias) in order of preference, for downgrade'),
  })
  .superRefine((budget, context) => {
    if (budget.usd === undefined && budget.tokens === undefined)
      context.addIssue({ code: 'custom', path: ['usd'], message: 'is needed, or tokens' });
    if (budget.whenSpent === 'downgrade' && budget.use === undefined)
      context.addIssue({ code: 'custom', path: ['use'], message: 'is needed for downgrade: where requests go then' });
    if (budget.whenSpent !== 'downgrade' && budget.use !== undefined)
      context.addIssue({ code: 'custom', path: ['use'], message: 'means nothing without whenSpent: downgrade' });
  });
export type BudgetConfig = z.output<typeof budgetSchema>;

/** How fast, and how many at a time. */
export const rateSchema = z
  .strictObject({
    id: identifier,
    enabled: z.boolean().default(true).describe('Whether it counts'),
    of: scopeSchema.prefault({}).describe('Whose requests it counts; all where empty'),
    each: z
      .enum(['provider', 'key', 'client', 'project'])
      .optional()
      .describe('Counts each of them by itself, instead of all together'),
    requestsPerMinute: whole.positive().optional().describe('Most requests in a minute'),
    tokensPerMinute: whole.positive().optional().describe('Most tokens, read and written, in a minute'),
    concurrent: whole.positive().optional().describe('Most requests at a time'),
    wait: z
      .strictObject({
        most: whole.positive().default(100).describe('How many may wait; others are refused'),
        ms: whole.positive().default(60_000).describe('How long one waits at most'),
      })
      .optional()
      .describe('Let requests wait for their turn; refused at once, or sent elsewhere, where absent'),
  })
  .superRefine((rate, context) => {
    const { requestsPerMinute, tokensPerMinute, concurrent } = rate;
    if (requestsPerMinute === undefined && tokensPerMinute === undefined && concurrent === undefined)
      context.addIssue({
        code: 'custom',
        path: [],
        message: 'limits nothing: set requestsPerMinute, tokensPerMinute or concurrent',
      });
  });
export type RateConfig = z.output<typeof rateSchema>;

export const limitsSchema = z.strictObject({
  budgets: z.array(budgetSchema).default([]).describe('What may be spent'),
  rates: z.array(rateSchema).default([]).describe('How fast requests may come, and how many at a time'),
  store: z
    .enum(['memory', 'redis'])
    .default('memory')
    .describe('Where rates are counted; with redis, several CProxies count together'),
});
export type LimitsConfig = z.output<typeof limitsSchema>;
