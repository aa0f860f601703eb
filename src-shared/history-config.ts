import { z } from 'zod';

const whole = z.number().multipleOf(1, 'must be a whole number');
const MB = 1024 * 1024;

/** The log of requests and the ledger of their attempts: names, times, counts and costs, never what was said. */
export const historySchema = z.strictObject({
  keep: z.enum(['disk', 'memory']).default('disk').describe('Where; memory forgets all but the newest thousand'),
  days: whole.positive().default(180).describe('Days that a request is kept'),
  maxBytes: whole
    .min(8 * MB)
    .default(1024 * MB)
    .describe('Most that all of it takes on disk; then the oldest are dropped'),
});
export type HistoryConfig = z.output<typeof historySchema>;
