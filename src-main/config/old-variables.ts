import type { ConfigPath } from './schema-shape.ts';

/** The set-up of the old `cproxy` (github.com/pnocera/cproxy, src/index.ts), which had environment variables and no file. */
export interface OldSetUp {
  /** The configuration that does what the old one did. */
  config: Record<string, unknown>;
  /** Which variable set which place. */
  applied: { path: ConfigPath; variable: string }[];
  /** The variable by which it was recognised. */
  because: string;
  warnings: string[];
}

/** What the old one took where nothing was set (its src/types.ts). */
export const OLD_PORT = 3000;
const OLD_MODEL = 'google/gemini-2.0-pro-exp-02-05:free';

/**
 * The old set-up, where the environment unmistakably is one: ANTHROPIC_PROXY_BASE_URL, which nothing else uses; or a model of
 * the old ones together with OPENROUTER_API_KEY, without which the old one refused to ask OpenRouter; or MCP_PROVIDER_URL, of
 * the planned variables. OPENROUTER_API_KEY alone is how people keep that key today, and PORT alone is set by many hosts:
 * neither may open the door without a token.
 * @returns null where it is none
 */
export function oldSetUp(env: NodeJS.ProcessEnv): OldSetUp | null {
  const set = (name: string) => env[name]?.trim() || undefined;
  if (set('ANTHROPIC_PROXY_BASE_URL') !== undefined) return proxySetUp(env, 'ANTHROPIC_PROXY_BASE_URL');
  const model = ['REASONING_MODEL', 'COMPLETION_MODEL'].find((name) => set(name) !== undefined);
  if (model !== undefined && set('OPENROUTER_API_KEY') !== undefined) return proxySetUp(env, model);
  return set('MCP_PROVIDER_URL') === undefined ? null : plannedSetUp(env);
}

/** One provider, and the model that the request's thinking asks for, whatever the client names. */
function proxySetUp(env: NodeJS.ProcessEnv, because: string): OldSetUp {
  const read = reader(env);
  const port = read.number('PORT', ['server', 'port']);
  const address = read.text('ANTHROPIC_PROXY_BASE_URL', ['providers', 0, 'baseUrl']);
  const reasoning = read.text('REASONING_MODEL', ['routing', 'rules', 0, 'use', 'targets']) ?? OLD_MODEL;
  const completion = read.text('COMPLETION_MODEL', ['routing', 'rules', 1, 'use', 'targets']) ?? OLD_MODEL;
  const id = address === undefined ? 'openrouter' : 'upstream';
  const end =
    address === undefined
      ? { type: 'openrouter', key: 'env:OPENROUTER_API_KEY' }
      : { type: 'openai-compatible', baseUrl: address };
  const unset = (['REASONING_MODEL', 'COMPLETION_MODEL'] as const).filter((name) => !env[name]?.trim());
  return {
    config: {
      server: { port: port ?? OLD_PORT, auth: 'none' },
      ...debugLogging(env),
      providers: [{ id, ...end, models: [...new Set([reasoning, completion])] }],
      routing: {
        rules: [
          { id: 'reasoning-model', when: { thinking: true }, use: { targets: `${id}/${reasoning}` } },
          { id: 'completion-model', when: {}, use: { targets: `${id}/${completion}` } },
        ],
      },
    },
    applied: read.applied,
    because,
    warnings: [
      setUpNotice(
        because,
        `port ${port ?? OLD_PORT}, no token is needed on this machine, and the models are those of its variables`,
      ),
      ...unset.map((name) => `${name} is not set, so ${OLD_MODEL} is asked for there, as the old cproxy did.`),
      ...(address !== undefined && env.OPENROUTER_API_KEY?.trim()
        ? ['OPENROUTER_API_KEY is not sent to ANTHROPIC_PROXY_BASE_URL, as the old cproxy did.']
        : []),
      ...mcpMode(env),
    ],
  };
}

const STRATEGIES: Readonly<Record<string, string>> = {
  'round-robin': 'round-robin',
  'least-load': 'least-connections',
  priority: 'priority',
};

/** The variables that were planned for its MCP server (its README-MCP.md). It never had them, so clients still need a token. */
function plannedSetUp(env: NodeJS.ProcessEnv): OldSetUp {
  const read = reader(env);
  const name = env.MCP_PROVIDER_NAME?.trim().replace(/[^A-Za-z0-9._-]+/g, '-') || 'default';
  const baseUrl = read.text('MCP_PROVIDER_URL', ['providers', 0, 'baseUrl']);
  const key = read.text('MCP_PROVIDER_API_KEY', ['providers', 0, 'key']);
  const idleMs = read.number('MCP_PROVIDER_TIMEOUT', ['providers', 0, 'timeouts', 'idleMs']);
  const rounds = read.number('MCP_PROVIDER_RETRIES', ['routing', 'retries', 'rounds']);
  const strategy = read.text('MCP_ROUTING_STRATEGY', ['routing', 'loadBalancing', 'strategy']);
  const failover = read.boolean('MCP_ROUTING_FALLBACK', ['routing', 'loadBalancing', 'failover']);
  const healthCheck = read.boolean('MCP_HEALTH_CHECK_ENABLED', ['routing', 'loadBalancing', 'healthCheck']);
  const intervalMs = read.number('MCP_HEALTH_CHECK_INTERVAL', ['health', 'intervalMs']);
  const timeoutMs = read.number('MCP_HEALTH_CHECK_TIMEOUT', ['health', 'timeoutMs']);
  const level = read.text('MCP_LOG_LEVEL', ['logging', 'level']);
  const config = {
    server: {
      port: read.number('MCP_SERVER_PORT', ['server', 'port']) ?? 3001,
      host: read.text('MCP_SERVER_HOST', ['server', 'host']),
    },
    logging: { level },
    providers: [
      {
        id: name,
        type: 'openai-compatible',
        baseUrl,
        key: key === undefined ? undefined : 'env:MCP_PROVIDER_API_KEY',
        timeouts: { idleMs },
      },
    ],
    routing: {
      defaultProvider: name,
      loadBalancing: {
        strategy: strategy === undefined ? undefined : (STRATEGIES[strategy] ?? strategy),
        failover,
        healthCheck,
      },
      retries: { rounds },
    },
    health: { intervalMs, timeoutMs },
  };
  return {
    config: withoutUnset(config) as Record<string, unknown>,
    applied: read.applied,
    because: 'MCP_PROVIDER_URL',
    warnings: [
      setUpNotice('MCP_PROVIDER_URL', 'what its variables say holds; clients need a token'),
      ...(['MCP_LOG_FORMAT', 'MCP_LOG_FILE', 'MCP_SERVER_NAME', 'MCP_SERVER_VERSION'] as const)
        .filter((variable) => env[variable]?.trim())
        .map((variable) => `${variable} has no counterpart and is not read.`),
      ...mcpMode(env),
    ],
  };
}

const setUpNotice = (because: string, what: string): string =>
  `There is no configuration file and ${because} is set, so CProxy does as the old cproxy did: ${what}. \`cproxy config migrate --write\` makes a file of it.`;

/** It was set, so verbose lines were wished for: what of libraries reads DEBUG looks for names. */
const debugLogging = (env: NodeJS.ProcessEnv): { logging?: { level: string } } =>
  env.DEBUG?.trim() ? { logging: { level: 'debug' } } : {};

const mcpMode = (env: NodeJS.ProcessEnv): string[] =>
  env.MCP_MODE?.trim() === 'true'
    ? [
        'MCP_MODE is read only where no command is named: then `cproxy` is `cproxy mcp`, the MCP server on standard input and output.',
      ]
    : [];

/** Variables of the old one alone, which a file makes needless. */
const OLD_ONLY = /^(ANTHROPIC_PROXY_BASE_URL|REASONING_MODEL|COMPLETION_MODEL|MCP_MODE|MCP_PROVIDER_URL)$/;
const PLANNED = /^MCP_(SERVER|ROUTING|HEALTH_CHECK|LOG|PROVIDER)_[A-Z_]+$/;

/** Names that others use, too: named only where it is clear that the old one's are meant. */
const SHARED = ['PORT', 'DEBUG'] as const;

/**
 * What is said of old variables where they are not read.
 * @param reason why they are not, as in `because there is a configuration file`
 */
export function oldVariableNotices(env: NodeJS.ProcessEnv, reason: string): string[] {
  const isPlanned = Boolean(env.MCP_PROVIDER_URL?.trim());
  const own = Object.keys(env).filter(
    (name) => (OLD_ONLY.test(name) || (isPlanned && PLANNED.test(name))) && env[name]?.trim(),
  );
  const shared = own.length === 0 ? [] : SHARED.filter((name) => env[name]?.trim());
  return [...own.toSorted(), ...shared].map((name) => {
    if (name === 'MCP_MODE') return mcpMode(env)[0] ?? 'MCP_MODE is not read.';
    const instead = name === 'PORT' ? ' CPROXY_SERVER__PORT and --port set the port.' : '';
    return `${name} is a variable of the old cproxy and is not read, ${reason}.${instead}`;
  });
}

/** Reads variables and keeps account of which place they set. */
function reader(env: NodeJS.ProcessEnv) {
  const applied: OldSetUp['applied'] = [];
  const read = <T>(variable: string, path: ConfigPath, convert: (text: string) => T): T | undefined => {
    const text = env[variable]?.trim();
    if (!text) return undefined;
    applied.push({ path, variable });
    return convert(text);
  };
  return {
    applied,
    text: (variable: string, path: ConfigPath) => read(variable, path, (text) => text),
    // What is no number is left as it is, so that the check of the configuration says so.
    number: (variable: string, path: ConfigPath) =>
      read(variable, path, (text) => (/^-?\d+$/.test(text) ? Number(text) : text)),
    boolean: (variable: string, path: ConfigPath) =>
      read(variable, path, (text) => (/^(true|false)$/i.test(text) ? /^true$/i.test(text) : text)),
  };
}

/** Without the fields that no variable set, and the sections that are empty then. */
function withoutUnset(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUnset);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value)
    .map(([name, field]) => [name, withoutUnset(field)] as const)
    .filter(([, field]) => field !== undefined);
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}
