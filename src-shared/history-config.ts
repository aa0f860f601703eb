import { z } from 'zod';

const whole = z.number().multipleOf(1, 'must be a whole number');
const MB = 1024 * 1024;

/** Bodies of requests and answers. They hold code and prompts, so the disk gets none unless asked. */
export const bodiesSchema = z.strictObject({
  memory: whole.min(0).max(1_000).default(100).describe('Of how many of the newest requests they are kept in memory'),
  memoryBytes: whole
    .positive()
    .default(24 * MB)
    .describe('Most that they take there'),
  record: z
    .enum(['off', 'errors', 'all'])
    .default('off')
    .describe(
      'What gets to the disk, with keys cut out: nothing, failed requests, or all. `cproxy record` does so for a while',
    ),
  days: whole.positive().default(7).describe('Days that they are kept on disk'),
  maxBytes: whole
    .min(MB)
    .default(512 * MB)
    .describe('Most that they take on disk; then the oldest are dropped'),
  maxBodyBytes: whole
    .min(1024)
    .default(8 * MB)
    .describe('Of a larger body, the beginning is kept'),
});

/** The log of requests and the ledger of their attempts: names, times, counts and costs, never what was said. */
export const historySchema = z.strictObject({
  keep: z.enum(['disk', 'memory']).default('disk').describe('Where; memory forgets all but the newest thousand'),
  days: whole.positive().default(180).describe('Days that a request is kept'),
  maxBytes: whole
    .min(8 * MB)
    .default(1024 * MB)
    .describe('Most that all of it takes on disk; then the oldest are dropped'),
  bodies: bodiesSchema.prefault({}).describe('What was said'),
});
export type HistoryConfig = z.output<typeof historySchema>;
