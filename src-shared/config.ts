import { z } from 'zod';
import { cacheSchema } from './cache-config.ts';
import { historySchema } from './history-config.ts';
import { limitsSchema } from './limits-config.ts';
import { mcpSchema } from './mcp-config.ts';
import { type Preset, presetIds, presets } from './presets.ts';
import { redisSchema } from './redis-config.ts';
import type { ProviderProtocol } from './requests.ts';
import { routesSchema, ruleSchema, strategies } from './rules.ts';
import { telemetrySchema } from './telemetry-config.ts';

/**
 * The configuration a user writes, as one zod schema: types, defaults and the JSON Schema all derive from it. Times are in
 * ms, sizes in bytes. Objects are strict, so that a misspelt field is reported instead of ignored.
 */

const identifier = z
  .string()
  .regex(/^[A-Za-z0-9._-]+$/, 'may hold only letters, digits, ".", "_" and "-"')
  .describe('An id of letters, digits, ".", "_" and "-"');

// Not `.int()`: that ends the checking there and then, and problems elsewhere would go unreported.
const whole = z.number().multipleOf(1, 'must be a whole number');

const milliseconds = whole.positive();

/** A reference to a secret. Keys themselves never stand in the file. */
export const keyReferenceSchema = z
  .string()
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keychain:.+|client)$/, {
    error: 'must be env:NAME, file:PATH, keychain:NAME or client; a key itself does not belong in this file',
  })
  .describe(
    "Where the API key is kept: env:NAME, file:PATH, keychain:NAME, or client (the client's own Anthropic login)",
  );

/** Provider types. Adding one is a file in src-main/providers/types, its line in provider-types.ts, and its name here. */
export const providerTypes = [
  'anthropic',
  'anthropic-compatible',
  'openai',
  'openai-compatible',
  'openrouter',
  'gemini',
  'ollama',
  'lmstudio',
  'llamacpp',
  'vllm',
  'demo',
] as const;
/** What a user may write as type: one of those, or a vendor by name (presets.ts). */
export const providerTypeSchema = z.enum([...providerTypes, ...presetIds]);

const protocolSchema = z.enum([
  'anthropic',
  'openai-chat',
  'openai-responses',
  'ollama',
]) satisfies z.ZodType<ProviderProtocol>;

export const timeoutsSchema = z.strictObject({
  connectMs: milliseconds.default(10_000).describe('To open a connection'),
  silenceMs: milliseconds
    .default(60_000)
    .describe('Without a byte before the first content, while another target is left to try'),
  idleMs: milliseconds.default(300_000).describe('Without a byte otherwise'),
  totalMs: milliseconds.optional().describe('For a whole answer, from its request to its end; no limit where absent'),
});

/** Ways in which this server differs from what its type and its address expect. */
export const quirksSchema = z.strictObject({
  maxTokensField: z
    .enum(['max_tokens', 'max_completion_tokens'])
    .optional()
    .describe('Name of the field that limits the length of an answer'),
  reasoningFormat: z
    .enum(['none', 'reasoning_effort', 'reasoning', 'thinking', 'enable_thinking', 'chat_template_kwargs'])
    .optional()
    .describe(
      "How Chat Completions is told how hard to think: reasoning_effort, OpenRouter's reasoning object, thinking with a type (DeepSeek, GLM, Kimi), enable_thinking (Qwen's own API), the same in chat_template_kwargs (vLLM, llama.cpp), or not at all",
    ),
  returnsReasoningContent: z
    .boolean()
    .optional()
    .describe('Give the model its earlier thinking back as reasoning_content, as DeepSeek, Kimi and GLM require'),
  returnsReasoningDetails: z
    .boolean()
    .optional()
    .describe('Give the model its own reasoning_details back, as OpenRouter requires'),
  asksStreamUsage: z.boolean().optional().describe('Ask for token counts in streams (stream_options)'),
  takesSystemAnywhere: z
    .boolean()
    .optional()
    .describe('Takes system messages in mid conversation; elsewhere they become a part of the user message'),
  takesUserAfterTool: z
    .boolean()
    .optional()
    .describe(
      "Takes a user's message right after tool results; else a word of the assistant is put between, as Mistral wants",
    ),
  takesPrefill: z.boolean().optional().describe('Goes on with an answer whose beginning the conversation ends with'),
  toolSchema: z
    .enum(['full', 'gemini', 'grammar'])
    .optional()
    .describe(
      "What of JSON Schema tools may use: nearly all, Gemini's subset, or what grammars are built of (llama.cpp)",
    ),
  toolIds: z
    .enum(['any', 'mistral'])
    .optional()
    .describe('Ids of tool calls: any, or nine letters and digits as Mistral requires'),
  toolLimit: whole.positive().nullable().optional().describe('How many tools it takes; null: any number'),
  takesNamedTool: z
    .boolean()
    .optional()
    .describe(
      'Takes the name of the tool that must be called; else that one alone is offered, and some tool must be called',
    ),
  cacheMarks: z
    .enum(['none', 'cache_control', 'prompt_cache_breakpoint'])
    .optional()
    .describe('How places for the prompt cache are marked'),
  takesNullContent: z
    .boolean()
    .optional()
    .describe("Takes null as the content of a message that only calls tools; else '' is sent"),
  readsMarkup: z
    .boolean()
    .optional()
    .describe('Read thinking and tool calls that the model writes as marked-up text (<think>, <tool_call>)'),
  takesEmptySignature: z
    .boolean()
    .optional()
    .describe("Takes thinking blocks with an empty signature back, which Anthropic's own API refuses"),
  searchesWeb: z
    .boolean()
    .optional()
    .describe("Searches the web itself: a client's web_search becomes the provider's own"),
  isOpenai: z
    .boolean()
    .optional()
    .describe(
      "Is OpenAI's API, or one that takes all it takes (verbosity, store, prompt_cache_key, free-text tools) and refuses what it refuses (temperature while a model thinks)",
    ),
});

export const capabilitiesSchema = z.strictObject({
  streaming: z.boolean().optional().describe('Can stream answers'),
  tools: z.boolean().optional().describe('Can call tools'),
  parallelTools: z.boolean().optional().describe('Can call several tools in one answer'),
  reasoning: z.boolean().optional().describe('Can think before it answers'),
  vision: z.boolean().optional().describe('Can read images'),
  documents: z.boolean().optional().describe('Can read PDF documents'),
  promptCaching: z.boolean().optional().describe('Keeps the beginning of a prompt for the next request'),
  structuredOutput: z.boolean().optional().describe('Can be held to a JSON Schema'),
});

const rate = z.number().min(0);

const ratesSchema = z.strictObject({
  input: rate.describe('What it reads'),
  output: rate.describe('What it writes'),
  cacheRead: rate.optional().describe('What it reads from its cache; as input where absent'),
  cacheWrite: rate.optional().describe('What it puts into its cache; as input where absent'),
  cacheWrite1h: rate.optional().describe('The same for an hour and longer; as cacheWrite where absent'),
});

export const priceSchema = ratesSchema.extend({
  before: z
    .array(
      ratesSchema.extend({
        until: z
          .union([z.iso.date(), z.iso.datetime({ offset: true })], { error: 'must be a date, such as 2026-12-01' })
          .transform((date) => Date.parse(date))
          .describe('The day, or the moment, from which it did not hold any more (UTC)'),
      }),
    )
    .optional()
    .describe('What it cost before, so that older requests keep their price'),
});

/** A model with what is known of it; a name alone stands for one of which nothing is said. */
const modelSchema = z.union(
  [
    z.string().min(1),
    z.strictObject({
      id: z.string().min(1).describe('Its name at the provider'),
      contextWindow: whole.positive().optional().describe('Tokens it has room for'),
      maxOutput: whole.positive().optional().describe('Most tokens of an answer'),
      capabilities: capabilitiesSchema.optional().describe('What it can do'),
      price: priceSchema
        .optional()
        .describe('US dollars for a million tokens, where the model catalogue does not say, or is wrong'),
    }),
  ],
  { error: 'must be the id of a model, or a section with its id' },
);

/** One of several keys; a reference alone stands for one of which nothing else is said. */
const providerKeySection = z.strictObject({
  key: keyReferenceSchema,
  name: identifier.optional().describe('Shown to people instead of its number'),
  weight: z.number().positive().default(1).describe('How many of the conversations it gets, as against the others'),
  requestsPerMinute: whole.positive().optional().describe('Most requests it is used for in a minute'),
  tokensPerMinute: whole.positive().optional().describe('Most tokens, read and written, it is used for in a minute'),
});

const providerKeySchema = z.union(
  [
    keyReferenceSchema.transform((key): z.output<typeof providerKeySection> => ({ key, weight: 1 })),
    providerKeySection,
  ],
  {
    error: 'must be a reference to a key (env:NAME, file:PATH, keychain:NAME), or a section with one as key',
  },
);

/** A proxy: its address, a variable that holds one with a login, what the system says, or none. */
const proxySchema = z.string().regex(/^(system|none|env:[A-Za-z_][A-Za-z0-9_]*|(https?|socks5h?):\/\/[^@\s]+)$/, {
  error:
    'must be system, none, env:NAME, or the address of a proxy (http://, https://, socks5://) without user name and password; one with a login belongs in a variable',
});

const headerName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of an HTTP header');
const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be one line of Latin characters');

/** A base URL that says where, and nothing else: no login, which would be a secret, and no query, which would be lost. */
const baseUrl = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }).refine((text) => {
  if (!URL.canParse(text)) return true;
  const { username, password, search, hash } = new URL(text);
  return username + password + search + hash === '';
}, 'must be without user name, password, query and fragment');

/** How the key of a conversation that has none yet is chosen, and of a request without one. */
export const keyStrategies = ['weighted', 'priority', 'round-robin', 'least-connections', 'response-time'] as const;
export type KeyStrategy = (typeof keyStrategies)[number];

const providerFields = z.strictObject({
  id: identifier,
  name: z.string().min(1).optional().describe('Shown to people; the id where absent'),
  type: providerTypeSchema.describe('What it speaks, and where it is unless baseUrl says'),
  baseUrl: baseUrl
    .optional()
    .describe('With or without a trailing slash or version segment; /v1 is added where there is none'),
  models: z.array(modelSchema).optional().describe('Models it serves; where absent, those that it lists itself'),
  protocols: z
    .array(protocolSchema)
    .min(1)
    .optional()
    .describe('What it speaks, the preferred first; by its type and address where absent'),
  contextWindow: whole
    .positive()
    .optional()
    .describe(
      "Tokens its models have room for, else by the model's name. Ollama is told to make room for that many, else for 65,536",
    ),
  capabilities: capabilitiesSchema
    .optional()
    .describe('What its models can do, where neither it nor the model catalogue says so, or where they are wrong'),
  priority: whole.min(0).default(100).describe('Order of preference, 1 first'),
  weight: z
    .number()
    .positive()
    .default(1)
    .describe(
      'How many of the requests it gets with the strategy weighted, as against others that have the same model',
    ),
  enabled: z.boolean().default(true).describe('Whether requests may go there'),
  key: keyReferenceSchema.optional(),
  keys: z
    .array(providerKeySchema)
    .min(1)
    .optional()
    .describe('Several keys instead of one: each conversation stays with one of them while that can be used'),
  keyStrategy: z
    .enum(keyStrategies)
    .default('weighted')
    .describe(
      'How one of several keys is chosen for a conversation that is new: weighted, priority (the first that can be used), round-robin, least-connections, or response-time',
    ),
  headers: z.record(headerName, headerValue).default({}).describe('Sent with every request'),
  timeouts: timeoutsSchema.prefault({}).describe('How long it is waited for'),
  proxy: proxySchema
    .default('system')
    .describe(
      'The way to it: system (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY), none, the address of a proxy, or env:NAME for one with a login. Servers on this machine are asked directly with system',
    ),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with certificates (PEM) that are trusted besides the usual ones, such as those of a company; system for those that the system trusts',
    ),
  http2: z
    .boolean()
    .optional()
    .describe(
      'true: HTTP/2 where the server offers it, with up to 100 answers in one connection; else each has one of its own',
    ),
  maxConcurrent: whole
    .positive()
    .optional()
    .describe(
      'Most requests at a time; others wait for their turn. For servers on this machine; no limit where absent',
    ),
  warmUp: z
    .array(z.string().min(1))
    .default([])
    .describe('Models that a server on this machine loads when CProxy starts, so that the first request need not wait'),
  keepAliveMs: whole
    .min(-1)
    .optional()
    .describe(
      'How long a server on this machine keeps a model after its last use; -1 for ever, absent its own default',
    ),
  quirks: quirksSchema.optional().describe('How it differs from what its type and address expect'),
});

/** What is about a server elsewhere. */
const DEMO_TAKES_NO = ['baseUrl', 'protocols', 'quirks', 'contextWindow', 'key', 'keys', 'ca', 'http2'] as const;

export const providerSchema = providerFields.superRefine((provider, context) => {
  const problem = (field: keyof typeof provider, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message });
  const needsAddress = provider.type.endsWith('-compatible') || presetOf(provider.type)?.baseUrl === null;
  if (needsAddress && provider.baseUrl === undefined) problem('baseUrl', `is needed for type ${provider.type}`);
  if (provider.type === 'demo')
    for (const field of DEMO_TAKES_NO)
      if (provider[field] !== undefined)
        problem(field, 'means nothing for type demo, which answers from CProxy itself');
  if (provider.key !== undefined && provider.keys !== undefined)
    problem('keys', 'stands beside key; write one of the two');
  if (provider.keys?.some(({ key }) => key === 'client') === true)
    problem('keys', 'client is no key of ours, so it stands alone: key: client');
  if (provider.key === 'client' && provider.type !== 'anthropic')
    problem('key', 'client passes an Anthropic login on, so it works only with type anthropic');
  if (provider.id === 'demo' && provider.type !== 'demo')
    problem('id', 'demo is the name of the built-in provider; choose another');
});

const oneOrMore = z.union(
  [
    z
      .string()
      .min(1)
      .transform((target) => [target]),
    z.array(z.string().min(1)).min(1),
  ],
  { error: 'must be a target (provider-id/model-id) or a list of targets' },
);

export const retriesSchema = z.strictObject({
  rounds: whole
    .min(0)
    .max(10)
    .default(2)
    .describe('How often targets that could do better are tried again, after all have failed'),
  waitMs: milliseconds
    .default(500)
    .describe('Before the first of these rounds; then twice as long, with some chance in it'),
  longestWaitMs: milliseconds
    .default(10_000)
    .describe('A provider that asks to be left alone for longer is not tried again'),
  attempts: whole.min(1).max(100).default(12).describe('Most attempts of one request'),
  deadlineMs: milliseconds.default(600_000).describe('After this, no attempt is begun'),
});

export const circuitSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether targets are ever left alone'),
  failures: whole.min(1).default(5).describe('So many failures in a row open the circuit'),
  share: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe('Or this part of the attempts within windowMs, of at least twice as many as failures'),
  windowMs: milliseconds.default(60_000).describe('How far back attempts count'),
  openMs: milliseconds.default(15_000).describe('How long it is left alone at first; then twice as long'),
  longestOpenMs: milliseconds.default(300_000).describe('And at most'),
});

export const affinitySchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether conversations stay with their target while that can be used'),
  idleMs: milliseconds.default(3_600_000).describe('Silence after which a conversation has no home any more'),
  cacheMs: milliseconds.default(300_000).describe('Silence after which its prompt cache is taken to be gone'),
  returnAfterMs: milliseconds
    .default(300_000)
    .describe(
      'How long the preferred target must have been well before a conversation that had to leave it returns with its next turn',
    ),
});

export const slowStreamsSchema = z.strictObject({
  tokensPerSecond: z
    .number()
    .positive()
    .default(3)
    .describe('Slower answers count against the health of their provider'),
  holdMs: milliseconds
    .optional()
    .describe(
      'Hold the beginning of each stream for so long, and try another target where it is slower; not where absent',
    ),
});

export const learnedSchema = z.strictObject({
  explore: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe(
      'The part of the requests in which another target than the best is tried first, to see how it does now; never in a conversation that is at home somewhere',
    ),
});

export const routingSchema = z.strictObject({
  defaultProvider: identifier.optional().describe('Where requests go that nothing else matches'),
  loadBalancing: z
    .strictObject({
      strategy: z
        .enum(strategies)
        .default('priority')
        .describe(
          'How one of the providers that have the same model is chosen: priority (the first that can be used), weighted, round-robin, least-connections, response-time, cheapest, or learned (from how earlier requests went)',
        ),
      healthCheck: z
        .boolean()
        .default(true)
        .describe('Ask providers now and then, without cost, whether they are there and take their keys'),
      failover: z.boolean().default(true).describe('Try other targets when one fails'),
    })
    .prefault({})
    .describe('Several providers for one model'),
  tiers: z
    .strictObject({
      opus: oneOrMore.optional().describe('For names with opus in them'),
      sonnet: oneOrMore.optional().describe('For names with sonnet in them'),
      haiku: oneOrMore.optional().describe('For names with haiku in them'),
      fable: oneOrMore.optional().describe('For names with fable in them'),
    })
    .prefault({})
    .describe("Targets for Claude's model families, by a word in the asked name"),
  rules: z
    .array(ruleSchema)
    .default([])
    .describe('Where requests go, by what they are like: the first that matches decides'),
  routes: routesSchema.prefault({}).describe('Rules that are ready made, after your own'),
  retries: retriesSchema.prefault({}).describe('How often a request is tried'),
  circuit: circuitSchema.prefault({}).describe('When a target that fails is left alone'),
  affinity: affinitySchema.prefault({}).describe('Conversations stay where they are, for the prompt cache is there'),
  slowStreams: slowStreamsSchema.prefault({}).describe('Answers that come too slowly'),
  learned: learnedSchema.prefault({}).describe('The strategy learned'),
  holdMs: milliseconds
    .default(60_000)
    .describe('How long nothing reaches the client while targets are tried; then pings keep it waiting'),
});

export const serverSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  port: whole.min(0).max(65_535).default(4777).describe('0 takes any that is free'),
  auth: z.enum(['token', 'none']).default('token').describe('none opens the model endpoints to anyone on this machine'),
  allowedHosts: z
    .array(z.string().min(1))
    .default([])
    .describe('Names besides loopback that the Host header may carry'),
  allowedOrigins: z.array(z.string().min(1)).default([]).describe('Web origins that may call (CORS)'),
  bodyLimitBytes: whole
    .positive()
    .default(32 * 1024 * 1024)
    .describe('Largest request body that is taken'),
  pingMs: milliseconds.default(15_000).describe('Silence after which a stream is kept alive with a ping'),
  graceMs: milliseconds.default(30_000).describe('How long answers in flight may take to finish at shutdown'),
});

export const loggingSchema = z.strictObject({
  level: z.enum(['error', 'warn', 'info', 'debug']).default('info').describe('Least important lines that are written'),
  format: z.enum(['pretty', 'json']).default('pretty').describe('For people, or one JSON object a line for programs'),
  file: z.boolean().default(false).describe('Whether they go to a file in the folder for logs as well'),
  maxBytes: whole.min(10_000).default(5_000_000).describe('Length at which that file is ended and another begun'),
  maxFiles: whole.min(1).max(100).default(5).describe('How many of these files are kept'),
});

export const conversationsSchema = z.strictObject({
  keep: z
    .enum(['disk', 'memory', 'nothing'])
    .default('disk')
    .describe('Where; memory forgets all of it when CProxy ends'),
  days: whole.positive().default(30).describe('Days after its last use that a conversation is forgotten'),
  maxBytes: whole
    .min(8 * 1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe('Most that it takes on disk; then the conversations that were not used for longest are forgotten'),
});

export const secretsSchema = z.strictObject({
  store: z
    .enum(['keychain', 'file'])
    .default('keychain')
    .describe(
      "Where `cproxy keys set` keeps keys, and keychain: finds them: the system's keychain, or, where there is none, a file that only its owner can read, but that is not encrypted",
    ),
});

export const healthSchema = z.strictObject({
  intervalMs: milliseconds
    .default(60_000)
    .describe('Between two probes of a provider; one that has just answered is not probed'),
  timeoutMs: milliseconds.default(5_000).describe('How long a probe waits'),
});

export const modelListsSchema = z.strictObject({
  fetch: z.boolean().default(true).describe('Ask providers without models of their own in the file which they have'),
  refreshMs: milliseconds.default(6 * 3_600_000).describe('Age at which a list is fetched again'),
});

const bodyShape = {
  server: serverSchema.prefault({}).describe('The listener'),
  logging: loggingSchema.prefault({}).describe('Lines on standard error'),
  providers: z.array(providerSchema).default([]).describe('Who answers'),
  aliases: z
    .record(z.string().min(1), oneOrMore)
    .default({})
    .describe('Model names of your own: each a target or a list in order of preference'),
  routing: routingSchema.prefault({}).describe('Where requests go'),
  secrets: secretsSchema.prefault({}).describe('Keys that CProxy keeps'),
  health: healthSchema.prefault({}).describe('Probes, where routing.loadBalancing.healthCheck has them done'),
  modelLists: modelListsSchema.prefault({}).describe("Providers' own lists of models"),
  conversations: conversationsSchema
    .prefault({})
    .describe('What is remembered of conversations, so that models get their own reasoning back where clients lose it'),
  history: historySchema.prefault({}).describe('The log of requests, and what they used and cost'),
  limits: limitsSchema.prefault({}).describe('Budgets and rates'),
  cache: cacheSchema.prefault({}).describe('Answers that are given again; rules say when'),
  redis: redisSchema.prefault({}).describe('A Redis, where limits or the cache use one'),
  telemetry: telemetrySchema.prefault({}).describe('OpenTelemetry'),
  mcp: mcpSchema.prefault({}).describe('CProxy as an MCP server'),
};

export const environmentNames = ['development', 'staging', 'production'] as const;

/** Number of the form in which configurations are written. Older ones are migrated (src-main/config/schema-versions.ts). */
export const CONFIG_VERSION = 1;

/**
 * What the checks across fields look at, read leniently: they run beside the checks of single fields, so that one reading
 * reports every problem of a file.
 */
const acrossFields = z.object({
  providers: z.array(z.object({ id: z.string() }).nullable().catch(null)).catch([]),
  routing: z
    .object({
      defaultProvider: z.string().optional().catch(undefined),
      rules: z.array(z.object({ id: z.string() }).nullable().catch(null)).catch([]),
    })
    .catch({ rules: [] }),
  limits: z
    .object({
      budgets: z.array(z.object({ id: z.string() }).nullable().catch(null)).catch([]),
      rates: z.array(z.object({ id: z.string() }).nullable().catch(null)).catch([]),
    })
    .catch({ budgets: [], rates: [] }),
  server: z.object({ host: z.string().catch(''), auth: z.string().catch('') }).catch({ host: '', auth: '' }),
});

export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Address of a JSON Schema, for editors; not read'),
    version: whole
      .refine((version) => version === CONFIG_VERSION, {
        error: ({ input }) =>
          typeof input === 'number' && input > CONFIG_VERSION
            ? `${input} is of a newer CProxy; this one reads version ${CONFIG_VERSION}. Update CProxy`
            : `must be ${CONFIG_VERSION}`,
      })
      .optional()
      .describe(`Of the form in which this is written; ${CONFIG_VERSION} where absent`),
    ...bodyShape,
    environments: z
      .partialRecord(z.enum(environmentNames), z.record(z.string(), z.unknown()))
      .default({})
      .describe('Overlays chosen by --env or CPROXY_ENV'),
  })
  .superRefine(
    (config, context) => {
      const read = acrossFields.safeParse(config);
      if (!read.success) return;
      const { providers, routing, limits, server } = read.data;
      /** @returns all of them. */
      const namedOnce = (what: string, path: string[], entries: readonly ({ id: string } | null)[]): Set<string> => {
        const seen = new Set<string>();
        entries.forEach((entry, index) => {
          if (entry === null) return;
          if (seen.has(entry.id))
            context.addIssue({
              code: 'custom',
              path: [...path, index, 'id'],
              message: `another ${what} has the id '${entry.id}' already`,
            });
          seen.add(entry.id);
        });
        return seen;
      };
      const seen = namedOnce('provider', ['providers'], providers);
      namedOnce('rule', ['routing', 'rules'], routing.rules);
      namedOnce('budget', ['limits', 'budgets'], limits.budgets);
      namedOnce('rate', ['limits', 'rates'], limits.rates);
      const chosen = routing.defaultProvider;
      if (chosen !== undefined && chosen !== 'demo' && !providers.includes(null) && !seen.has(chosen))
        context.addIssue({
          code: 'custom',
          path: ['routing', 'defaultProvider'],
          message: `no provider has the id '${chosen}'`,
        });
      if (server.auth === 'none' && server.host !== '' && !isLoopbackHost(server.host))
        context.addIssue({
          code: 'custom',
          path: ['server', 'auth'],
          message: 'none is allowed only while server.host is loopback (127.0.0.1, ::1 or localhost)',
        });
    },
    { when: () => true },
  );

export type Config = z.output<typeof configSchema>;
/** What a user may write: everything with a default left out. */
export type ConfigInput = z.input<typeof configSchema>;
export type ProviderConfig = z.output<typeof providerSchema>;
/** A type proper. */
export type ProviderType = (typeof providerTypes)[number];
/** What may be written as type: a vendor's name stands for a type and an address. */
export type ProviderKind = z.output<typeof providerTypeSchema>;
export type ModelConfig = Exclude<NonNullable<ProviderConfig['models']>[number], string>;
export type Capabilities = z.output<typeof capabilitiesSchema>;
export type Timeouts = z.output<typeof timeoutsSchema>;

/** The vendor that a type names; null for a type proper. */
export function presetOf(type: ProviderKind): Preset | null {
  const all: Partial<Record<ProviderKind, Preset>> = presets;
  return all[type] ?? null;
}

/** Whether a host name can only mean this machine. */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name);
}
