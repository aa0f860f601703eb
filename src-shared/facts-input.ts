import { z } from 'zod';
import { budgetStates, requestClasses, weekDays } from './rules.ts';

/** A request made by hand for the simulator: only its model must be said, the rest is that of a plain request of Claude Code. */

const text = z.string().min(1).max(1000);
const said = text.nullable().default(null);
const count = z.number().int().min(0);
const no = z.boolean().default(false);

export const factsInputSchema = z.strictObject({
  protocol: z.enum(['anthropic', 'openai-chat', 'openai-responses']).default('anthropic'),
  model: text,
  tools: z.array(text).max(1000).default([]),
  images: no,
  documents: no,
  thinking: no,
  effort: said,
  inputTokens: count.default(1000),
  maxTokens: count.nullable().default(32_000),
  stream: z.boolean().default(true),
  session: said,
  agent: said,
  agentType: said,
  parentAgent: said,
  class: z.enum(requestClasses).default('main'),
  project: said,
  client: text.nullable().default('claude-code'),
  userAgent: said,
  /** Now, where absent. */
  time: z.strictObject({ day: z.enum(weekDays), minute: count.max(1439) }).optional(),
  budget: z.enum(budgetStates).default('none'),
  subscription: z.number().min(0).max(1).nullable().default(null),
  headers: z.record(z.string().min(1).max(200), z.string().max(10_000)).default({}),
  midTurn: no,
  conversation: said,
});
export type FactsInput = z.input<typeof factsInputSchema>;
export type MadeFacts = z.output<typeof factsInputSchema>;
