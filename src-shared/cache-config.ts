import { z } from 'zod';

const whole = z.number().multipleOf(1, 'must be a whole number');
const MB = 1024 * 1024;

/** Answers that are given again to the same request. Rules say to which requests that happens (`use.cache`). */
export const cacheSchema = z.strictObject({
  store: z.enum(['memory', 'redis']).default('memory').describe('Where answers are kept'),
  maxBytes: whole
    .positive()
    .default(64 * MB)
    .describe('Most that they take in memory; then those not used for longest make way'),
  maxAnswerBytes: whole
    .positive()
    .default(2 * MB)
    .describe('Larger answers are not kept'),
});
export type CacheConfig = z.output<typeof cacheSchema>;

const useCacheSection = z.strictObject({
  ttlMs: whole.positive().default(3_600_000).describe('How long an answer is given again'),
  agentTurns: z
    .boolean()
    .default(false)
    .describe('Also for requests that offer tools: their answers act, and the same may be wrong the second time'),
});

/** In a rule: whether answers to such requests are kept and given again. */
export const useCacheSchema = z.union(
  [
    z.boolean().transform((on): z.output<typeof useCacheSection> | null => (on ? useCacheSection.parse({}) : null)),
    useCacheSection,
  ],
  { error: 'must be true, false, or a section' },
);
export type UseCache = z.output<typeof useCacheSection>;
