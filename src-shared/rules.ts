import { z } from 'zod';
import { useCacheSchema } from './cache-config.ts';

/**
 * Rules as a user writes them: what a request must be like, and where it goes then. The first rule that matches decides. Times
 * are in ms, counts in tokens.
 */

const whole = z.number().multipleOf(1, 'must be a whole number');

/** What kind of request it is: a turn of the conversation itself, or what a client asks beside it. */
export const requestClasses = [
  'main',
  'subagent',
  'background',
  'compaction',
  'web-search',
  'title',
  'classifier',
] as const;
export type RequestClass = (typeof requestClasses)[number];

/** How the asked model's name is understood. */
export const namings = ['alias', 'provider', 'model', 'tier', 'default', 'demo', 'unknown'] as const;
export type Naming = (typeof namings)[number];

export const tiers = ['opus', 'sonnet', 'haiku', 'fable'] as const;
export type Tier = (typeof tiers)[number];

export const budgetStates = ['none', 'within', 'warning', 'exceeded'] as const;
export type BudgetState = (typeof budgetStates)[number];

export const weekDays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type WeekDay = (typeof weekDays)[number];

/** How one of several targets is chosen. */
export const strategies = [
  'priority',
  'weighted',
  'round-robin',
  'least-connections',
  'response-time',
  'cheapest',
  'learned',
] as const;
export type Strategy = (typeof strategies)[number];

const glob = z.string().min(1).max(1000);

/**
 * A text without regard to case, in which `*` stands for any characters and `?` for one; several, of which one must match; or
 * an expression, which is compiled where a configuration is checked.
 */
export const textPatternSchema = z.union(
  [
    glob,
    z.array(glob).min(1),
    z.strictObject({
      regex: z.string().min(1).max(1000).describe('A regular expression (RE2), anywhere in the text'),
    }),
  ],
  { error: 'must be a text in which * and ? stand for others, a list of such, or a section with regex' },
);
export type TextPattern = z.output<typeof textPatternSchema>;

/** Both ends belong to it. */
const rangeOf = (amount: z.ZodNumber) =>
  z.union(
    [
      amount,
      z
        .strictObject({
          min: amount.optional().describe('This or more'),
          max: amount.optional().describe('This or less'),
        })
        .refine(({ min, max }) => min !== undefined || max !== undefined, 'needs min, max or both')
        .refine(({ min, max }) => min === undefined || max === undefined || min <= max, 'has a min above its max'),
    ],
    { error: 'must be a number, or a section with min, max or both' },
  );
const countSchema = rangeOf(z.number().min(0));
const shareSchema = rangeOf(z.number().min(0).max(1));
export type Range = z.output<typeof countSchema>;

const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) => {
  const one = z.enum(values);
  return z.union([one, z.array(one).min(1)], { error: `must be one of ${values.join(', ')}, or a list of these` });
};

const clock = z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d$/, 'must be a time such as 08:30');

/** Credentials, in lower case: rules do not see them, and nothing of them is kept. */
export const credentialHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'x-cproxy-token',
  'chatgpt-account-id',
]);

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of an HTTP header');
const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be one line of Latin characters');

/** What a request must be like. Of several conditions, all must hold; one without any holds always. */
export const conditionSchema = z.strictObject({
  get all() {
    return z.array(conditionSchema).min(1).optional().describe('Conditions that must all hold');
  },
  get any() {
    return z.array(conditionSchema).min(1).optional().describe('Conditions of which one must hold');
  },
  get not() {
    return conditionSchema.optional().describe('A condition that must not hold');
  },
  class: oneOf(requestClasses)
    .optional()
    .describe('What kind of request it is; inferred where the client does not say'),
  model: textPatternSchema.optional().describe('The model as it was asked for, with or without [1m] at its end'),
  named: oneOf(namings).optional().describe("How that name is understood without rules: provider for 'provider/model'"),
  alias: textPatternSchema.optional().describe('The alias that was asked for'),
  tier: oneOf(tiers).optional().describe("Claude's model family in the asked name"),
  protocol: oneOf(['anthropic', 'openai-chat', 'openai-responses']).optional().describe('What the client speaks'),
  client: textPatternSchema.optional().describe('The program that asks, such as claude-code or codex'),
  userAgent: textPatternSchema.optional().describe('The same, as it says itself'),
  session: textPatternSchema.optional().describe("The client's session"),
  agent: textPatternSchema.optional().describe('The subagent that asks; * for any'),
  agentType: textPatternSchema.optional().describe('Its kind, such as Explore, where the client says'),
  parentAgent: textPatternSchema.optional().describe('The subagent that has begun this one'),
  project: textPatternSchema
    .optional()
    .describe('Folder that the client works in, or one above it; ~ is your home folder'),
  tools: textPatternSchema.optional().describe('A tool that is offered, such as Bash or mcp__*'),
  toolCount: countSchema.optional().describe('How many tools are offered'),
  images: z.boolean().optional().describe('Whether there are images in it'),
  documents: z.boolean().optional().describe('Whether there are PDF documents in it'),
  thinking: z.boolean().optional().describe('Whether the model is asked to think'),
  effort: textPatternSchema.optional().describe('How hard, such as low or max'),
  inputTokens: countSchema
    .optional()
    .describe('Estimate of what there is to read, in tokens; a number means just that many'),
  maxTokens: countSchema.optional().describe('The most tokens that the answer may have'),
  stream: z.boolean().optional().describe('Whether a stream is asked for'),
  time: z
    .strictObject({
      days: oneOf(weekDays).optional().describe('Days of the week'),
      from: clock.optional().describe('From this time on'),
      to: clock.optional().describe('Until this time; before from: of the next day'),
    })
    .refine(
      (time) => Object.values(time).some((part) => part !== undefined),
      'needs days, from, to or several of these',
    )
    .refine(
      ({ from, to }) => from === undefined || from.padStart(5, '0') !== to?.padStart(5, '0'),
      'ends when it begins',
    )
    .optional()
    .describe('When it is asked, by the clock of this machine'),
  budget: oneOf(budgetStates).optional().describe('How far budgets are spent'),
  subscription: shareSchema
    .optional()
    .describe('Used part (0 to 1) of the fullest window of your subscription, as its vendor last said'),
  headers: z
    .record(
      headerName,
      z.union([z.boolean(), textPatternSchema], {
        error: 'must be true, false, a text in which * and ? stand for others, a list of such, or a section with regex',
      }),
    )
    .superRefine((headers, context) => {
      for (const name of Object.keys(headers))
        if (credentialHeaders.has(name.toLowerCase()))
          context.addIssue({ code: 'custom', path: [name], message: 'is a credential, which rules do not see' });
    })
    .optional()
    .describe('Headers of the request; true and false: whether it is there'),
});
export type Condition = z.output<typeof conditionSchema>;

/** Headers that carry keys or logins, that describe the body, or that are about one connection only. */
const RESERVED: ReadonlySet<string> = new Set([
  ...['authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'cookie', 'host', 'accept', 'accept-encoding'],
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'expect'],
]);

function isReserved(name: string): boolean {
  const lower = name.toLowerCase();
  return RESERVED.has(lower) || lower.startsWith('content-') || lower.startsWith('x-cproxy-');
}

/** What a rule changes about a request, as far as its target's model takes it. */
export const changesSchema = z.strictObject({
  model: z.string().min(1).optional().describe('Ask for this model instead, before targets are looked for'),
  maxTokens: whole.positive().optional().describe('The most tokens of the answer'),
  effort: z
    .enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
    .optional()
    .describe('How hard the model thinks'),
  temperature: z.number().min(0).max(2).optional().describe('How freely it chooses words'),
  headers: z
    .record(headerName, headerValue)
    .superRefine((headers, context) => {
      for (const name of Object.keys(headers))
        if (isReserved(name))
          context.addIssue({
            code: 'custom',
            path: [name],
            message: 'cannot be set by a rule: it belongs to the connection, the login or CProxy itself',
          });
    })
    .optional()
    .describe(
      "Sent to the provider in the place of the client's of the same name; what the provider's own headers say wins",
    ),
  system: z
    .string()
    .min(1)
    .max(100_000, 'is longer than 100,000 characters')
    .optional()
    .describe('Text after the system prompt. It stays as it was in the first turn of a conversation'),
});
export type Changes = z.output<typeof changesSchema>;

const targetName = z.string().min(1);
const ruleTargetSchema = z.union(
  [
    targetName.transform((target) => ({ target, weight: 1 })),
    z.strictObject({
      target: targetName.describe('provider-id/model-id, provider-id/* for the asked model there, or an alias'),
      weight: z.number().positive().default(1).describe('How many of the requests it gets, as against the others'),
    }),
  ],
  { error: 'must be a target (provider-id/model-id), or a section with target and weight' },
);
export type RuleTarget = z.output<typeof ruleTargetSchema>;

const oneOrMoreTargets = z.union([ruleTargetSchema.transform((target) => [target]), z.array(ruleTargetSchema).min(1)], {
  error: 'must be a target (provider-id/model-id) or a list of targets',
});

export const useSchema = z.strictObject({
  targets: oneOrMoreTargets.optional().describe('Where such requests go; where the asked model leads, if absent'),
  strategy: z
    .enum(strategies)
    .optional()
    .describe('How one of them is chosen; priority, in the order given, where absent'),
  fallback: oneOrMoreTargets.optional().describe('Tried in this order when all of these have failed'),
  contentPolicy: oneOrMoreTargets.optional().describe('Tried in this order when a provider refuses the content'),
  change: changesSchema.optional().describe('What is changed about the request'),
  cache: useCacheSchema
    .optional()
    .describe('Give the same answer again to the same request, for an hour (true) or for ttlMs'),
});
export type Use = z.output<typeof useSchema>;

export const ruleSchema = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/, 'may hold only letters, digits, ".", "_" and "-"')
    .describe('An id of letters, digits, ".", "_" and "-"'),
  name: z.string().optional().describe('Shown to people'),
  enabled: z.boolean().default(true).describe('Whether it counts'),
  when: conditionSchema.default({}).describe('What a request must be like; {} for all'),
  use: useSchema.describe('Where such requests go'),
});
export type Rule = z.output<typeof ruleSchema>;
export type RuleInput = z.input<typeof ruleSchema>;

const routeSchema = z.union(
  [
    targetName.transform((target): z.output<typeof useSchema> => ({ targets: [{ target, weight: 1 }] })),
    z
      .array(ruleTargetSchema)
      .min(1)
      .transform((targets): z.output<typeof useSchema> => ({ targets })),
    useSchema,
  ],
  { error: 'must be a target (provider-id/model-id), a list of targets, or what stands under use in a rule' },
);

/** Rules that are ready made: a target is all they need. They come after your own, in this order. */
export const routesSchema = z.strictObject({
  webSearch: routeSchema.optional().describe("Claude Code's web searches"),
  compaction: routeSchema.optional().describe('Summaries of conversations that have become too long'),
  image: routeSchema.optional().describe('Requests with images in them'),
  longContext: routeSchema.optional().describe('Requests of longContextTokens and more'),
  background: routeSchema.optional().describe('Small jobs beside the conversation, titles among them'),
  subagent: routeSchema.optional().describe('What subagents ask'),
  thinking: routeSchema.optional().describe('Requests that ask the model to think'),
  longContextTokens: whole.positive().default(200_000).describe('Estimated tokens from which a context is long'),
});
export type Routes = z.output<typeof routesSchema>;
