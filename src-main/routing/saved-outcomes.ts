import { z } from 'zod';
import { requestClasses } from '../../src-shared/rules.ts';

const amount = z.number().nonnegative();
const mean = z.object({ weight: amount, sum: amount });
const experience = z.object({
  at: amount,
  success: mean,
  firstContentMs: mean,
  tokensPerSecond: mean,
  cacheRead: mean,
  cacheWrite: mean,
  output: mean,
});

/** What was learned of targets, as it is kept from one start to the next. It names models, and nothing of what was said. */
export const savedOutcomesSchema = z.object({
  version: z.literal(1),
  targets: z.array(
    z.object({
      /** `provider-id/model-id`. */
      target: z.string().min(1),
      all: experience,
      byClass: z.partialRecord(z.enum(requestClasses), experience),
    }),
  ),
});
export type SavedOutcomes = z.output<typeof savedOutcomesSchema>;
