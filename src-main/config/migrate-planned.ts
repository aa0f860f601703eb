import { isLoopbackHost } from '../../src-shared/config.ts';
import { Draft } from './import/draft.ts';
import { providerAt } from './import/provider-at.ts';
import type { Imported } from './import/report.ts';
import { countOf, defined, listOf, numberOf, sectionOf, textOf, textsOf } from './import/values.ts';
import { isSection } from './overlay.ts';

type Section = Record<string, unknown>;

const hasOne = (section: unknown, names: readonly string[]): boolean =>
  names.some((name) => sectionOf(section)[name] !== undefined);

/**
 * Whether a configuration is in the form that the old cproxy planned (its config/proxy-config.example.json and
 * mcp-config.example.json). Two of its sections must show it: a single field that is no field today is a mistake to be told.
 */
export function isPlannedConfig(value: unknown): boolean {
  const file = sectionOf(value);
  const providers = listOf(file.providers);
  const routing = sectionOf(file.routing);
  const signs = [
    hasOne(file.server, ['name', 'description', 'debug']),
    providers.some((one) =>
      hasOne(one, ['apiKey', 'rateLimits', 'healthCheck', 'timeout', 'retryAttempts', 'retries']),
    ),
    hasOne(routing, ['fallbackProvider', 'modelMapping', 'strategy', 'fallback']) ||
      listOf(routing.rules).some((rule) => hasOne(rule, ['condition', 'target'])),
    hasOne(file.logging, ['format', 'requests', 'responses', 'file']),
    isSection(file.cache),
    isSection(file.security),
    isSection(file.monitoring),
  ];
  return signs.filter((sign) => sign).length >= 2;
}

/** Version 0 → 1. */
export function migratePlannedConfig(value: unknown, env: NodeJS.ProcessEnv): Imported {
  const file = sectionOf(value);
  const draft = new Draft({
    source: 'the configuration planned for the old cproxy (version 0)',
    head: 'Made from a configuration of the old cproxy.',
    env,
  });
  addServer(draft, file);
  for (const item of listOf(file.providers)) addProvider(draft, sectionOf(item));
  addRouting(draft, sectionOf(file.routing));
  addProbes(draft, file);
  leaveOthers(draft, file);
  return draft.finish();
}

function addServer(draft: Draft, file: Section): void {
  const server = sectionOf(file.server);
  const host = textOf(server.host);
  const port = countOf(server.port);
  if (port !== undefined) {
    draft.set('server', 'port', port);
    draft.carried(`server.port (${port})`);
  }
  if (host !== undefined && !isLoopbackHost(host)) {
    draft.set('server', 'host', host);
    draft.carried(`server.host (${host})`);
  }
  const origins = textsOf(sectionOf(sectionOf(file.security).cors).origins).filter((origin) => origin !== '*');
  if (origins.length > 0) {
    draft.set('server', 'allowedOrigins', origins);
    draft.carried('security.cors.origins → server.allowedOrigins');
  }
  const level = server.debug === true ? 'debug' : textOf(sectionOf(file.logging).level);
  if (level !== undefined && ['error', 'warn', 'info', 'debug'].includes(level)) {
    draft.set('logging', 'level', level);
    draft.carried(`logging.level (${level})`);
  }
  draft.changed('clients need a token (server.auth: token); `cproxy token new NAME` makes one');
}

const OWN_TYPES: ReadonlySet<string> = new Set(['openrouter', 'anthropic', 'openai']);

function addProvider(draft: Draft, given: Section): void {
  const name = textOf(given.id) ?? textOf(given.name) ?? 'provider';
  const where = `provider '${name}'`;
  const type = textOf(given.type);
  const address = textOf(given.baseUrl);
  const own = type !== undefined && OWN_TYPES.has(type) ? type : undefined;
  const place = address === undefined ? null : providerAt(address, type === 'anthropic' ? 'anthropic' : 'openai-chat');
  if (typeof place === 'string' || (place === null && own === undefined)) {
    draft.left(`${where}: ${typeof place === 'string' ? place : 'it has no address'}`);
    return;
  }
  const id = draft.freeId(name);
  const end = place === null ? { type: own ?? 'openai' } : defined({ type: place.type, baseUrl: place.baseUrl });
  const kind = String(end.type);
  for (const note of place?.notes ?? []) draft.changed(`${where}: ${note}`);

  const key = draft.keyReference({ id, type: kind }, given.apiKey, !['ollama', 'lmstudio'].includes(kind));
  const limits = sectionOf(given.rateLimits);
  const perMinute = defined({
    requestsPerMinute: countOf(limits.requestsPerMinute),
    tokensPerMinute: countOf(limits.tokensPerMinute),
  });
  const isLimited = key !== undefined && Object.keys(perMinute).length > 0;
  if (isLimited) draft.changed(`${where}: rateLimits are those of its key (keys)`);
  else if (Object.keys(perMinute).length > 0)
    draft.left(`${where}: rateLimits, for it has no key; maxConcurrent may do`);
  if (limits.requestsPerDay !== undefined || limits.tokensPerDay !== undefined)
    draft.left(`${where}: limits of a day, which CProxy does not have`);

  const idleMs = countOf(given.timeout);
  if (idleMs !== undefined) draft.changed(`${where}: timeout is how long it may be silent (timeouts.idleMs)`);
  const weight = numberOf(given.weight);
  const priority = numberOf(given.priority);
  const label = textOf(given.name);
  draft.providers.push({
    id,
    ...(label === undefined || label === id ? {} : { name: label }),
    ...end,
    type: kind,
    ...defined({
      models: textsOf(given.models).length === 0 ? undefined : textsOf(given.models),
      capabilities: capabilitiesOf(draft, where, sectionOf(given.capabilities)),
      priority: priority !== undefined && Number.isInteger(priority) && priority >= 0 ? priority : undefined,
      weight: weight !== undefined && weight > 0 ? weight : undefined,
      enabled: typeof given.enabled === 'boolean' ? given.enabled : undefined,
      key: isLimited ? undefined : key,
      keys: isLimited ? [{ key, ...perMinute }] : undefined,
      headers: draft.headers(where, sectionOf(given.headers)),
      timeouts: idleMs === undefined ? undefined : { idleMs },
    }),
  });
  if (given.healthCheck !== undefined)
    draft.left(`${where}: healthCheck, for CProxy knows how to ask each provider without cost; \`health\` is for all`);
  if (given.retryAttempts !== undefined || given.retryDelay !== undefined || given.retries !== undefined)
    draft.left(`${where}: its retries, for routing.retries is for all`);
  draft.carried(`${where} (${kind})`);
}

function capabilitiesOf(draft: Draft, where: string, given: Section): Section | undefined {
  const kept = defined({
    streaming: booleanIn(given.streaming),
    tools: booleanIn(given.tools),
    reasoning: booleanIn(given.reasoning),
    vision: booleanIn(given.multimodal),
  });
  if (given.maxTokens !== undefined || given.contextWindow !== undefined)
    draft.left(
      `${where}: maxTokens and contextWindow for all its models; each model's own are known, or stand in models`,
    );
  return Object.keys(kept).length === 0 ? undefined : kept;
}

const booleanIn = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined);

const STRATEGIES: Readonly<Record<string, string>> = {
  weighted: 'weighted',
  'round-robin': 'round-robin',
  'least-connections': 'least-connections',
  'least-load': 'least-connections',
  'response-time': 'response-time',
  priority: 'priority',
  random: 'weighted',
};

function addRouting(draft: Draft, routing: Section): void {
  const isThere = (id: string | undefined): id is string => draft.providers.some((one) => one.id === id);
  const balancing = sectionOf(routing.loadBalancing);
  const asked = textOf(balancing.strategy) ?? textOf(routing.strategy);
  const strategy = STRATEGIES[asked ?? ''];
  if (asked !== undefined && strategy !== asked)
    draft.changed(`the strategy ${asked} is ${strategy ?? 'priority'} here`);
  const probes = booleanIn(balancing.healthCheck) ?? booleanIn(sectionOf(routing.healthCheck).enabled);
  const failover = booleanIn(balancing.failover) ?? booleanIn(routing.fallback);
  const loadBalancing = defined({ strategy, healthCheck: probes, failover });
  if (Object.keys(loadBalancing).length > 0) {
    draft.set('routing', 'loadBalancing', loadBalancing);
    draft.carried('routing.loadBalancing');
  }
  const rounds = numberOf(balancing.maxRetries);
  const retries = defined({
    rounds: rounds !== undefined && Number.isInteger(rounds) && rounds >= 0 ? Math.min(rounds, 10) : undefined,
    waitMs: countOf(balancing.retryDelay),
  });
  if (Object.keys(retries).length > 0) {
    draft.set('routing', 'retries', retries);
    draft.carried('maxRetries and retryDelay → routing.retries');
  }
  const chosen = textOf(routing.defaultProvider);
  const first = isThere(chosen) ? chosen : draft.providers[0]?.id;
  if (isThere(chosen)) {
    draft.set('routing', 'defaultProvider', chosen);
    draft.carried(`routing.defaultProvider (${chosen})`);
  } else if (chosen !== undefined) draft.left(`routing.defaultProvider (${chosen}): there is no such provider`);

  for (const rule of listOf(routing.rules)) addRule(draft, sectionOf(rule), isThere);
  addMapping(draft, sectionOf(routing.modelMapping), first);
  const fallback = textOf(routing.fallbackProvider);
  if (fallback === undefined) return;
  const provider = draft.providers.find(({ id }) => id === fallback);
  if (provider === undefined || provider.enabled === false) {
    draft.left(
      `routing.fallbackProvider (${fallback}): it is ${provider === undefined ? 'not there' : 'switched off'}`,
    );
    return;
  }
  draft.addRule({ id: 'fallback', when: {}, use: { fallback: [`${fallback}/*`] } });
  draft.carried(`routing.fallbackProvider → rule 'fallback' (${fallback}/*)`);
}

function addRule(draft: Draft, rule: Section, isThere: (id: string | undefined) => id is string): void {
  const id = textOf(rule.id) ?? textOf(rule.name) ?? 'rule';
  const target = sectionOf(rule.target);
  const provider = textOf(target.providerId);
  const when = conditionOf(sectionOf(rule.condition));
  if (typeof when === 'string') {
    draft.left(`rule '${id}': ${when}`);
    return;
  }
  if (!isThere(provider)) {
    draft.left(`rule '${id}': there is no provider '${provider ?? ''}'`);
    return;
  }
  const fallback = textsOf(target.fallback).filter(isThere);
  draft.addRule({
    id,
    ...defined({ name: textOf(rule.name), enabled: rule.enabled === false ? false : undefined }),
    when,
    use: {
      targets: `${provider}/*`,
      ...(fallback.length === 0 ? {} : { fallback: fallback.map((one) => `${one}/*`) }),
    },
  });
  draft.carried(`rule '${id}'`);
}

/** What capabilities a request needs, as what it is like. */
const NEEDS: Readonly<Record<string, Section>> = {
  streaming: { stream: true },
  tools: { toolCount: { min: 1 } },
  reasoning: { thinking: true },
  multimodal: { images: true },
};

/** @returns the reason in words where there is no such condition */
function conditionOf(condition: Section): Section | string {
  const { reasoning, ...metadata } = sectionOf(condition.metadata);
  const [unknown] = Object.keys(metadata);
  if (unknown !== undefined) return `requests carry no ${unknown} here; write it anew (when: …)`;
  const models = typeof condition.model === 'string' ? [condition.model] : textsOf(condition.model);
  const providers = typeof condition.provider === 'string' ? [condition.provider] : textsOf(condition.provider);
  const needs = textsOf(condition.capabilities);
  const strange = needs.find((need) => NEEDS[need] === undefined);
  if (strange !== undefined) return `there is no condition for the capability ${strange}`;
  const names = [...models, ...providers.map((id) => `${id}/*`)];
  const model = models.length > 0 && providers.length > 0 ? undefined : names;
  const when: Section = Object.assign({}, ...needs.map((need) => NEEDS[need]));
  if (model === undefined) when.all = [{ model: models }, { model: providers.map((id) => `${id}/*`) }];
  else if (model.length > 0) when.model = model.length === 1 ? model[0] : model;
  if (typeof reasoning === 'boolean') when.thinking = reasoning;
  return Object.keys(when).length === 0 ? 'it asks for nothing' : when;
}

/** `claude-3-opus: anthropic/claude-3-opus` names a model of whichever provider lists it, else of the default one. */
function addMapping(draft: Draft, mapping: Section, first: string | undefined): void {
  for (const [name, given] of Object.entries(mapping)) {
    const model = textOf(given);
    const lists = draft.providers.find(({ models }) => Array.isArray(models) && models.includes(model));
    const named = draft.providers.find(
      ({ id, models }) =>
        model?.startsWith(`${id}/`) === true && Array.isArray(models) && models.includes(model.slice(id.length + 1)),
    );
    const target =
      lists !== undefined
        ? `${lists.id}/${model}`
        : named !== undefined
          ? model
          : first && model && `${first}/${model}`;
    if (!target) {
      draft.left(`routing.modelMapping '${name}': there is no provider for it`);
      continue;
    }
    if (name === 'default') {
      draft.addRule({ id: 'default-model', when: { named: ['tier', 'default', 'unknown'] }, use: { targets: target } });
      draft.carried(`routing.modelMapping 'default' → rule 'default-model' (${target})`);
    } else {
      draft.aliases[name] = [target];
      draft.carried(`routing.modelMapping '${name}' → alias (${target})`);
    }
  }
}

function addProbes(draft: Draft, file: Section): void {
  const own = sectionOf(sectionOf(file.routing).healthCheck);
  const intervalMs = countOf(sectionOf(file.monitoring).healthCheckInterval) ?? countOf(own.interval);
  const timeoutMs = countOf(own.timeout);
  if (intervalMs !== undefined) draft.set('health', 'intervalMs', intervalMs);
  if (timeoutMs !== undefined) draft.set('health', 'timeoutMs', timeoutMs);
  if (intervalMs !== undefined || timeoutMs !== undefined) draft.carried('the time between health checks → health');
}

function leaveOthers(draft: Draft, file: Section): void {
  const security = sectionOf(file.security);
  if (sectionOf(file.cache).enabled === true) draft.left('cache: CProxy keeps no answers');
  if (sectionOf(security.rateLimiting).enabled === true)
    draft.left('security.rateLimiting: CProxy does not limit its clients');
  if (textsOf(sectionOf(security.cors).origins).includes('*'))
    draft.left("security.cors.origins '*': web pages may call only where server.allowedOrigins names them");
  if (hasOne(file.logging, ['format', 'requests', 'responses', 'file', 'performance', 'errors']))
    draft.left('logging: all but the level, for lines go to standard error');
  if (sectionOf(file.monitoring).metricsInterval !== undefined)
    draft.left('monitoring.metricsInterval: nothing is counted by time');
  if (hasOne(file.server, ['name', 'version', 'description']))
    draft.left("server: its name and version are CProxy's own");
}
