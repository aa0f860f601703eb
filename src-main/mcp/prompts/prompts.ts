import { codeReview } from './code-review.ts';
import { compareAndDecide } from './compare-and-decide.ts';
import { diagnoseRouting } from './diagnose-routing.ts';
import type { McpPrompt } from './prompt.ts';
import { secondOpinion } from './second-opinion.ts';

/** All prompts, in the order in which they are listed. */
export const prompts: readonly McpPrompt[] = [secondOpinion, codeReview, compareAndDecide, diagnoseRouting];
