import { isLoopbackHost } from '../../../src-shared/config.ts';
import { isSection } from '../overlay.ts';
import { Draft } from './draft.ts';
import { type Dialect, hostOf, providerAt } from './provider-at.ts';
import type { Imported } from './report.ts';
import { booleanOf, countOf, defined, listOf, numberOf, sectionOf, textOf, textsOf } from './values.ts';

type Section = Record<string, unknown>;

/** Where each provider of the old file is now, by its name there. */
type Ids = ReadonlyMap<string, string>;

const DEFAULT_PORT = 3456;
const DEFAULT_TIMEOUT_MS = 600_000;
/** `Router.longContextThreshold` where it is not set (README of 2.0, "Router"). */
const LONG_CONTEXT = 60_000;
/** In the versions with OPENAI_BASE_URL it was fixed. */
const LONG_CONTEXT_V1 = 32_000;

/** Whether a file is claude-code-router's, of any version. */
export function isClaudeCodeRouter(value: unknown): boolean {
  const file = sectionOf(value);
  const names = ['Providers', 'Router', 'OPENAI_BASE_URL', 'modelProviders', 'usePlugin', 'CUSTOM_ROUTER_PATH'];
  return names.some((name) => file[name] !== undefined);
}

/**
 * Carries a config.json of claude-code-router over: of version 1 (OPENAI_BASE_URL, modelProviders), 2 (Providers, Router) and 3
 * (providers with credentials and capabilities, rules), which share most names.
 */
export function importClaudeCodeRouter(value: unknown, env: NodeJS.ProcessEnv): Imported {
  const file = sectionOf(value);
  const router = sectionOf(file.Router);
  const isV3 = Array.isArray(router.rules) || isSection(file.gateway) || isSection(file.profile);
  const isV1 = !isV3 && (file.OPENAI_BASE_URL !== undefined || isSection(file.modelProviders));
  const version = isV3 ? 3 : isV1 ? 1 : 2;
  const draft = new Draft({
    source: `claude-code-router, config.json of version ${version}`,
    head: `Made from the configuration of claude-code-router (version ${version}).`,
    env,
  });
  const ids = addProviders(draft, file);
  addServer(draft, file);
  addProxies(draft, file);
  addTimeouts(draft, file);
  const used = new Set(isV3 ? addV3Routing(draft, file, ids) : addRouter(draft, { file, router, ids, isV1 }));
  listMissingModels(draft, used);
  leaveOthers(draft, file, version);
  return draft.finish();
}

// ---- providers

function addProviders(draft: Draft, file: Section): Ids {
  const ids = new Map<string, string>();
  const providers = [...listOf(file.Providers ?? file.providers), ...namedProviders(file.modelProviders)];
  const main = defaultProviderOfV1(file);
  if (main !== null) providers.unshift(main);
  for (const item of providers) {
    const given = sectionOf(item);
    const name = textOf(given.name) ?? textOf(given.id);
    if (name === undefined) {
      draft.left('a provider without a name');
      continue;
    }
    const id = addProvider(draft, name, given);
    if (id === null) continue;
    for (const known of [name, textOf(given.id), textOf(given.provider)])
      if (known !== undefined && !ids.has(known.toLowerCase())) ids.set(known.toLowerCase(), id);
  }
  return ids;
}

const namedProviders = (providers: unknown): unknown[] =>
  Object.entries(sectionOf(providers)).map(([name, given]) => ({ name, ...sectionOf(given) }));

function defaultProviderOfV1(file: Section): Section | null {
  const address = textOf(file.OPENAI_BASE_URL);
  if (address === undefined) return null;
  const model = textOf(file.OPENAI_MODEL);
  return {
    name: 'default',
    api_base_url: address,
    api_key: file.OPENAI_API_KEY,
    models: model === undefined ? [] : [model],
  };
}

/** @returns its id here; null where it cannot be carried. */
function addProvider(draft: Draft, name: string, given: Section): string | null {
  const chain = transformersOf(given);
  const { address, dialect } = endOf(given, chain);
  if (address === undefined) {
    draft.left(`provider '${name}': it has no address`);
    return null;
  }
  const place = providerAt(address, dialect);
  if (typeof place === 'string') {
    draft.left(`provider '${name}': ${place}`);
    return null;
  }
  const { notes, ...where } = place;
  const id = draft.freeId(name, hostOf(address));
  const provider = { id, ...where };
  if (id !== name) notes.push(`it is called ${id} here`);
  const keys = keysOf(draft, provider, given);
  const models = modelsOf(draft, name, given, chain);
  draft.providers.push({
    ...provider,
    ...defined({
      name: id === name ? undefined : name,
      models: models.length === 0 ? undefined : models,
      headers: draft.headers(`provider '${name}'`, sectionOf(given.extraHeaders)),
      enabled: given.enabled === false ? false : undefined,
      quirks: chain.some((one) => one.name === 'cleancache') ? { cacheMarks: 'none' } : undefined,
    }),
    ...keys,
  });
  for (const note of notes) draft.changed(`provider '${name}': ${note}`);
  if (given.extraBody !== undefined) draft.left(`provider '${name}': extraBody, for CProxy adds no fields to requests`);
  leaveTransformers(draft, name, chain);
  draft.carried(
    `provider '${name}' (${where.type}${models.length === 0 ? '' : `, ${models.length} ${models.length === 1 ? 'model' : 'models'}`})`,
  );
  return id;
}

const DIALECTS: Readonly<Record<string, Dialect>> = {
  openai_responses: 'openai-responses',
  openai: 'openai-chat',
  openai_chat: 'openai-chat',
  openai_chat_completions: 'openai-chat',
  anthropic: 'anthropic',
  anthropic_messages: 'anthropic',
  gemini: 'gemini',
  gemini_generate_content: 'gemini',
};

/** Version 3 may know several ends of a provider: the one that Claude Code's requests need least translation for comes first. */
function endOf(given: Section, chain: readonly Transformer[]): { address: string | undefined; dialect: Dialect } {
  const capabilities = listOf(given.capabilities).flatMap((item) => {
    const { type, protocol, baseUrl, baseurl, api_base_url } = sectionOf(item);
    const dialect = DIALECTS[(textOf(type) ?? textOf(protocol) ?? '').toLowerCase()];
    const address = textOf(baseUrl) ?? textOf(baseurl) ?? textOf(api_base_url);
    return dialect === undefined || address === undefined ? [] : [{ dialect, address }];
  });
  for (const wanted of ['anthropic', 'openai-chat', 'openai-responses'] as const) {
    const found = capabilities.find(({ dialect }) => dialect === wanted);
    if (found !== undefined) return found;
  }
  const address = textOf(given.api_base_url) ?? textOf(given.baseUrl) ?? textOf(given.baseurl);
  const said = DIALECTS[(textOf(given.type) ?? textOf(given.protocol) ?? '').toLowerCase()];
  return { address, dialect: said ?? dialectOf(address ?? '', chain) };
}

function dialectOf(address: string, chain: readonly Transformer[]): Dialect {
  const uses = (name: string) => chain.some((one) => one.name === name && one.model === null);
  if (uses('anthropic') || /\/messages\/?$/.test(address)) return 'anthropic';
  if (uses('gemini') || uses('vertex-gemini')) return 'gemini';
  if (/\/api\/(chat|generate)\/?$/.test(address)) return 'ollama';
  return /\/responses\/?$/.test(address) ? 'openai-responses' : 'openai-chat';
}

function keysOf(draft: Draft, provider: { id: string; type: string }, given: Section): Section {
  const isHere = ['ollama', 'lmstudio', 'llamacpp', 'vllm'].includes(provider.type);
  const several = listOf(given.credentials ?? given.keys ?? given.apiKeys)
    .map(sectionOf)
    .filter(({ enabled }) => enabled !== false);
  const keys = several.flatMap((item) => {
    const key = draft.keyReference(provider, keyTextOf(item) ?? textOf(item.key) ?? textOf(item.token), false);
    const weight = numberOf(item.weight);
    if (isSection(item.limits)) draft.left(`provider '${provider.id}': limits of single keys`);
    if (key === undefined) return [];
    return [defined({ key, weight: weight !== undefined && weight > 0 && weight !== 1 ? weight : undefined })];
  });
  const [first, ...others] = keys;
  if (first !== undefined) return others.length === 0 ? { key: first.key } : { keys };
  const key = draft.keyReference(provider, keyTextOf(given), !isHere);
  return key === undefined ? {} : { key };
}

const keyTextOf = ({ api_key, apiKey, apikey }: Section): string | undefined =>
  textOf(api_key) ?? textOf(apiKey) ?? textOf(apikey);

function modelsOf(draft: Draft, name: string, given: Section, chain: readonly Transformer[]): (string | Section)[] {
  const metadata = sectionOf(given.modelMetadata ?? given.model_metadata);
  const forAll = limitOf(chain, null);
  const models = [...new Set(textsOf(given.models))];
  if (models.length > 0 && (forAll !== undefined || models.some((id) => limitOf(chain, id) !== undefined)))
    draft.changed(`provider '${name}': maxtoken, which is the most that models write here (maxOutput)`);
  return models.map((id) => {
    const { contextWindow, maxContextWindow, maxOutputTokens, capabilities, pricing } = sectionOf(metadata[id]);
    const facts = defined({
      contextWindow: countOf(contextWindow) ?? countOf(maxContextWindow),
      maxOutput: limitOf(chain, id) ?? forAll ?? countOf(maxOutputTokens),
      capabilities: visionOf(capabilities),
      price: priceOf(pricing),
    });
    return Object.keys(facts).length === 0 ? id : { id, ...facts };
  });
}

function visionOf(capabilities: unknown): Section | undefined {
  const vision = booleanOf(sectionOf(capabilities).imageInput);
  return vision === undefined ? undefined : { vision };
}

function priceOf(pricing: unknown): Section | undefined {
  const given = sectionOf(pricing);
  const input = numberOf(given.inputUsdPerMillionTokens);
  const output = numberOf(given.outputUsdPerMillionTokens);
  if (input === undefined || output === undefined) return undefined;
  const cacheWrite = given.cacheWrite5mUsdPerMillionTokens ?? given.cacheWriteUsdPerMillionTokens;
  return defined({
    input,
    output,
    cacheRead: numberOf(given.cacheReadUsdPerMillionTokens),
    cacheWrite: numberOf(cacheWrite),
  });
}

// ---- transformers

interface Transformer {
  name: string;
  options: Section;
  /** null: for all models of the provider. */
  model: string | null;
}

/** `transformer: { use: ['openrouter', ['maxtoken', { max_tokens: 1 }]], 'model-id': { use: [...] } }` */
function transformersOf({ transformer }: Section): Transformer[] {
  const chainOf = (use: unknown, model: string | null): Transformer[] =>
    listOf(use).flatMap((item) => {
      const [name, options] = Array.isArray(item) ? item : [item, {}];
      const known = textOf(name)?.toLowerCase();
      return known === undefined ? [] : [{ name: known, options: sectionOf(options), model }];
    });
  const given = sectionOf(transformer);
  return Object.entries(given).flatMap(([place, chain]) =>
    place === 'use' ? chainOf(chain, null) : chainOf(sectionOf(chain).use, place),
  );
}

function limitOf(chain: readonly Transformer[], model: string | null): number | undefined {
  const found = chain.find((one) => one.name === 'maxtoken' && one.model === model);
  return countOf(found?.options.max_tokens);
}

/** What CProxy does by itself, from a provider's type and address. */
const NEEDLESS: ReadonlySet<string> = new Set([
  ...['anthropic', 'deepseek', 'gemini', 'openrouter', 'groq', 'openai', 'cerebras', 'reasoning', 'maxtoken'],
  ...['maxcompletiontokens', 'cleancache', 'streamoptions', 'enhancetool', 'openai-responses', 'forcereasoning'],
]);

const REASONS: Readonly<Record<string, string>> = {
  tooluse: 'CProxy leaves it to the model when to call a tool',
  sampling: 'CProxy passes on what the client asks for',
  customparams: 'CProxy adds no fields to requests',
  extrathinktag: '`quirks.readsMarkup` reads thinking that stands in the text',
};

function leaveTransformers(draft: Draft, provider: string, chain: readonly Transformer[]): void {
  for (const { name, options, model } of chain) {
    const where = `provider '${provider}'${model === null ? '' : `, ${model}`}`;
    if (name === 'openrouter' && isSection(options.provider))
      draft.left(
        `${where}: OpenRouter's choice of providers (openrouter → provider), for CProxy adds no fields to requests`,
      );
    if (NEEDLESS.has(name)) continue;
    draft.left(`${where}: the transformer ${name}: ${REASONS[name] ?? 'CProxy does not run code of others'}`);
  }
}

// ---- the server

function addServer(draft: Draft, file: Section): void {
  const gateway = sectionOf(file.gateway);
  const host = textOf(file.HOST) ?? textOf(gateway.host);
  const port = countOf(file.PORT) ?? countOf(gateway.port);
  if (port !== undefined && port !== DEFAULT_PORT && port <= 65_535) {
    draft.set('server', 'port', port);
    draft.carried(`port ${port}`);
  } else {
    draft.changed(
      `port: CProxy listens on 4777, so that both can run; server.port: ${DEFAULT_PORT} takes the old one's place`,
    );
  }
  if (host !== undefined && !isLoopbackHost(host)) {
    draft.set('server', 'host', host);
    draft.comment(['server', 'host'], 'Others in the network can reach CProxy here; each needs a client token.');
    draft.carried(`host ${host}`);
  }
  const level = textOf(file.LOG_LEVEL)?.toLowerCase();
  const known = { fatal: 'error', error: 'error', warn: 'warn', info: 'info', debug: 'debug', trace: 'debug' }[
    level ?? ''
  ];
  if (known !== undefined) {
    draft.set('logging', 'level', known);
    draft.carried(`LOG_LEVEL (${known})`);
  }
  if (file.LOG !== undefined) draft.left('LOG, for CProxy writes to standard error and keeps no log files of requests');
  if (textOf(file.APIKEY) !== undefined || listOf(file.APIKEYS).length > 0)
    draft.changed('APIKEY: clients need a token of CProxy instead; `cproxy token new NAME` makes one');
}

function addProxies(draft: Draft, file: Section): void {
  const upstream = sectionOf(sectionOf(file.proxy).upstream);
  const custom = sectionOf(upstream.custom);
  const proxy =
    textOf(file.PROXY_URL) ?? (upstream.mode === 'custom' ? (textOf(custom.url) ?? textOf(custom.server)) : undefined);
  if (proxy === undefined) return;
  if (!/^(https?|socks5h?):\/\/[^@\s]+$/.test(proxy)) {
    draft.left('PROXY_URL: put an address with a login into HTTPS_PROXY, which CProxy reads, or write proxy: env:NAME');
    return;
  }
  const remote = draft.providers.filter(({ type }) => !['ollama', 'lmstudio'].includes(type));
  for (const provider of remote) provider.proxy = proxy;
  draft.carried('PROXY_URL, as the proxy of each provider that is not on this machine');
}

function addTimeouts(draft: Draft, file: Section): void {
  const totalMs = countOf(file.API_TIMEOUT_MS);
  if (totalMs === undefined || totalMs === DEFAULT_TIMEOUT_MS) return;
  for (const provider of draft.providers) provider.timeouts = { totalMs };
  draft.carried('API_TIMEOUT_MS, as timeouts.totalMs of each provider');
}

// ---- Router of versions 1 and 2

interface RouterInput {
  file: Section;
  router: Section;
  ids: Ids;
  isV1: boolean;
}

const CLIENT_CHOICE = { named: ['provider', 'alias'] };

/** In the order in which claude-code-router asks (src/utils/router.ts); a model that the client names with its provider wins. */
function addRouter(draft: Draft, { file, router, ids, isV1 }: RouterInput): string[] {
  const used: string[] = [];
  const fallbacks = sectionOf(file.fallback);
  const threshold = isV1 ? LONG_CONTEXT_V1 : (countOf(router.longContextThreshold) ?? LONG_CONTEXT);
  const cases: { field: string; id: string; when: Section; note?: string }[] = [
    { field: 'longContext', id: 'long-context', when: { inputTokens: { min: threshold + 1 } } },
    {
      field: 'background',
      id: 'background',
      when: { any: [{ class: ['background', 'title'] }, { model: '*claude*haiku*' }] },
      note: 'What Claude Code asks beside the conversation, and everything that asks for a Haiku, as before.',
    },
    { field: 'webSearch', id: 'web-search', when: { class: 'web-search' } },
    { field: 'image', id: 'image', when: { images: true } },
    {
      field: 'think',
      id: 'think',
      when: { thinking: true },
      note: 'Newer versions of Claude Code ask for thinking in nearly every request of the conversation.',
    },
    { field: 'default', id: 'default', when: {} },
  ];
  const fallbackOf = (field: string) =>
    textsOf(fallbacks[field]).flatMap((name) => targetOf(draft, `fallback.${field}`, name, ids) ?? []);
  for (const { field, id, when, note } of cases) {
    const given = field === 'default' ? (router.default ?? (isV1 ? v1Default(file) : undefined)) : router[field];
    if (textOf(given) === undefined) continue;
    const target = targetOf(draft, `Router.${field}`, given, ids);
    if (target === null) continue;
    const fallback = fallbackOf(field);
    used.push(target, ...fallback);
    const index = draft.rules.length;
    draft.addRule({
      id,
      when: { not: CLIENT_CHOICE, ...when },
      use: { targets: target, ...(fallback.length === 0 ? {} : { fallback }) },
    });
    if (note !== undefined) draft.comment(['routing', 'rules', index], note);
    draft.carried(
      `Router.${field} → rule '${id}' (${target}${fallback.length === 0 ? '' : `, then ${fallback.join(', ')}`})`,
    );
  }
  if (used.length > 0)
    draft.changed('models are named provider/model here: `/model openrouter/x`, where it was `/model openrouter,x`');
  if (textOf(router.image) !== undefined)
    draft.changed('Router.image: requests with images go there as they are; there is no agent that describes them');
  return used;
}

const v1Default = ({ OPENAI_BASE_URL, OPENAI_MODEL }: Section): string | undefined => {
  const model = textOf(OPENAI_MODEL);
  return textOf(OPENAI_BASE_URL) === undefined || model === undefined ? undefined : `default,${model}`;
};

/**
 * `openrouter,anthropic/claude` (versions 1 and 2) or `OpenRouter/anthropic/claude` (version 3) as a target here.
 * @returns null where no carried provider has that name, which is reported.
 */
function targetOf(draft: Draft, where: string, given: unknown, ids: Ids): string | null {
  const text = textOf(given) ?? '';
  for (const separator of [',', '/']) {
    const at = text.indexOf(separator);
    const id = at === -1 ? undefined : ids.get(text.slice(0, at).trim().toLowerCase());
    const model = text.slice(at + 1).trim();
    if (id !== undefined && model !== '') return `${id}/${model}`;
  }
  // Some wrote the model alone.
  const lists = draft.providers.find(
    ({ models }) => Array.isArray(models) && models.some((known) => modelIdOf(known) === text),
  );
  if (lists !== undefined) return `${lists.id}/${text}`;
  draft.left(`${where} (${text}): there is no such provider`);
  return null;
}

const modelIdOf = (model: unknown): unknown => (isSection(model) ? model.id : model);

/** A provider that lists its models serves no others: those that routes name belong to them. */
function listMissingModels(draft: Draft, used: ReadonlySet<string>): void {
  for (const target of used) {
    const provider = draft.providers.find(({ id }) => target.startsWith(`${id}/`));
    const models = provider?.models;
    if (provider === undefined || !Array.isArray(models)) continue;
    const model = target.slice(provider.id.length + 1);
    if (models.some((known) => modelIdOf(known) === model)) continue;
    models.push(model);
    draft.changed(`provider '${provider.id}': ${model} is added to its models, for a route leads there`);
  }
}

// ---- version 3

function addV3Routing(draft: Draft, file: Section, ids: Ids): string[] {
  const used: string[] = [];
  const router = sectionOf(file.Router);
  const chain = (given: unknown, where: string): string[] => {
    const { mode, models } = sectionOf(given);
    if (mode === 'retry') draft.changed(`${where}: CProxy tries again by itself (routing.retries)`);
    if (mode !== 'model-chain') return [];
    return textsOf(models).flatMap((name) => targetOf(draft, where, name, ids) ?? []);
  };
  const all = chain(router.fallback, 'Router.fallback');
  const withFallback = (own: readonly string[], target: string): Section => {
    const fallback = (own.length > 0 ? own : all).filter((one) => one !== target);
    return fallback.length === 0 ? {} : { fallback };
  };
  used.push(...all);

  for (const [index, item] of listOf(router.rules).entries()) {
    const rule = sectionOf(item);
    const name = textOf(rule.name) ?? textOf(rule.id) ?? `rule ${index + 1}`;
    const when = conditionOf(rule);
    if (typeof when === 'string') {
      draft.left(`rule '${name}': ${when}`);
      continue;
    }
    const model = modelOfRule(rule);
    const target = model === undefined ? null : targetOf(draft, `rule '${name}'`, model, ids);
    if (target === null) {
      if (model === undefined) draft.left(`rule '${name}': it changes the request without saying where it goes`);
      continue;
    }
    if (rewritesMore(rule)) draft.left(`rule '${name}': what it changes about the request besides its model`);
    const own = chain(rule.fallback, `rule '${name}'`);
    used.push(target, ...own);
    draft.addRule({
      id: textOf(rule.id) ?? name,
      name,
      ...(rule.enabled === false ? { enabled: false } : {}),
      when,
      use: { targets: target, ...withFallback(own, target) },
    });
    draft.carried(`rule '${name}' → ${target}`);
  }
  used.push(...addProfile(draft, file, ids));
  if (all.length > 0) {
    draft.addRule({ id: 'fallback', when: { not: CLIENT_CHOICE }, use: { fallback: all } });
    draft.carried(`Router.fallback → rule 'fallback' (${all.join(', ')})`);
  }
  const preferred = ids.get((textOf(file.preferredProvider) ?? '').toLowerCase());
  if (preferred !== undefined) {
    draft.set('routing', 'defaultProvider', preferred);
    draft.carried(`preferredProvider → routing.defaultProvider (${preferred})`);
  }
  return used;
}

/** The models that a profile gives Claude Code, as targets of Claude's model families. */
function addProfile(draft: Draft, file: Section, ids: Ids): string[] {
  const { profiles, claudeCode } = sectionOf(file.profile);
  const all = [...listOf(profiles).map(sectionOf), sectionOf(claudeCode)];
  const isClaude = ({ agent, enabled }: Section) =>
    enabled !== false && (agent === undefined || agent === 'claude-code');
  const fields = ['opusModel', 'sonnetModel', 'haikuModel', 'fableModel', 'smallFastModel', 'model'] as const;
  const profile = all.find((one) => isClaude(one) && fields.some((field) => textOf(one[field]) !== undefined));
  if (profile === undefined) return [];
  const targets = Object.fromEntries(
    fields.map((field) => [
      field,
      textOf(profile[field]) === undefined ? null : targetOf(draft, `profile, ${field}`, profile[field], ids),
    ]),
  );
  const tiers = defined({
    opus: targets.opusModel ?? targets.model ?? undefined,
    sonnet: targets.sonnetModel ?? targets.model ?? undefined,
    haiku: targets.haikuModel ?? targets.smallFastModel ?? undefined,
    fable: targets.fableModel ?? targets.model ?? undefined,
  });
  if (Object.keys(tiers).length === 0) return [];
  draft.set('routing', 'tiers', tiers);
  draft.carried("the models of Claude Code's profile → routing.tiers");
  return Object.values(tiers).flatMap((target) => textOf(target) ?? []);
}

/** @returns the reason in words where CProxy cannot ask for it */
function conditionOf(rule: Section): Section | string {
  if (rule.type === 'script') return 'it is a script, and CProxy does not run code of others';
  const given = sectionOf(rule.condition ?? rule);
  const prefix = textOf(rule.pattern);
  const left = textOf(given.left) ?? (prefix === undefined ? undefined : 'request.body.model');
  const operator = textOf(given.operator) ?? (prefix === undefined ? undefined : 'starts-with');
  const right = given.right === undefined ? prefix : String(given.right).trim();
  if (left === undefined || operator === undefined || right === undefined) return 'its condition is not known';
  const known = knownCondition(left.replace(/^request\./, ''), operator, unquoted(right));
  return known ?? `CProxy has no condition for ${left} ${operator}`;
}

const unquoted = (text: string): string => text.replace(/^"(.*)"$/, '$1');

function knownCondition(left: string, operator: string, right: string): Section | null {
  const not = (condition: Section | null): Section | null => (condition === null ? null : { not: condition });
  if (operator === '!=') return not(knownCondition(left, '==', right));
  if (operator === 'not-contains') return not(knownCondition(left, 'contains', right));
  const header = /^headers?\.(.+)$/.exec(left)?.[1];
  const pattern = patternOf(operator, right);
  if (header !== undefined) {
    if (pattern === null) return null;
    return header.toLowerCase() === 'user-agent' ? { userAgent: pattern } : { headers: { [header]: pattern } };
  }
  if (left === 'body.model') return pattern === null ? null : { model: pattern };
  if (left === 'sessionId' || left === 'session_id') return pattern === null ? null : { session: pattern };
  if (left === 'tokenCount' || left === 'token_count') return rangeOf('inputTokens', operator, right);
  if (left === 'body.max_tokens') return rangeOf('maxTokens', operator, right);
  if (left === 'body.stream' && operator === '==') return { stream: right === 'true' };
  if (left === 'body.thinking.type' && operator === '==')
    return ['enabled', 'adaptive'].includes(right)
      ? { thinking: true }
      : right === 'disabled'
        ? { thinking: false }
        : null;
  if (left === 'body.tools' && operator.startsWith('contains'))
    return right.startsWith('web_search') ? { class: 'web-search' } : { tools: right };
  return null;
}

function patternOf(operator: string, text: string): string | Section | null {
  if (text === '' || text.length > 900) return null;
  const isPlain = !/[*?]/.test(text);
  const exact = text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  if (operator === '==') return isPlain ? text : { regex: `^${exact}$` };
  if (operator === 'starts-with') return isPlain ? `${text}*` : { regex: `^${exact}` };
  return operator === 'contains' || operator === 'contains-deep' ? (isPlain ? `*${text}*` : { regex: exact }) : null;
}

function rangeOf(field: string, operator: string, text: string): Section | null {
  const amount = numberOf(text);
  if (amount === undefined || amount < 0) return null;
  if (operator === '==') return { [field]: amount };
  if (operator === '>') return { [field]: { min: Math.floor(amount) + 1 } };
  if (operator === '>=') return { [field]: { min: Math.ceil(amount) } };
  if (operator === '<' && amount > 0) return { [field]: { max: Math.ceil(amount) - 1 } };
  return operator === '<=' ? { [field]: { max: Math.floor(amount) } } : null;
}

const MODEL = /^(request\.)?(body\.)?model$/;

function rewritesOf(rule: Section): Section[] {
  return [...listOf(rule.rewrites), rule.rewrite].map(sectionOf).filter(({ key }) => textOf(key) !== undefined);
}

function modelOfRule(rule: Section): string | undefined {
  const set = rewritesOf(rule).find(
    ({ key, operation }) => MODEL.test(textOf(key) ?? '') && (operation ?? 'set') === 'set',
  );
  return textOf(set?.value) ?? textOf(rule.target);
}

const rewritesMore = (rule: Section): boolean => rewritesOf(rule).some(({ key }) => !MODEL.test(textOf(key) ?? ''));

// ---- the rest

const LEFT: Readonly<Record<string, string>> = {
  CUSTOM_ROUTER_PATH: 'CProxy does not run code of others; write rules instead (routing.rules)',
  transformers: 'CProxy does not run code of others',
  customTransformers: 'CProxy does not run code of others',
  plugins: 'CProxy does not run code of others',
  providerPlugins: 'CProxy does not run code of others',
  usePlugin: 'CProxy does not run code of others',
  REWRITE_SYSTEM_PROMPT: 'a rule can add to the system prompt (use.change.system), but does not rewrite it',
  NON_INTERACTIVE_MODE: 'it is about `ccr code`, which CProxy is not',
  CLAUDE_PATH: 'it is about `ccr code`, which CProxy is not',
  StatusLine: "it is about Claude Code's status line",
  forceUseImageAgent: 'there is no agent that describes images',
  virtualModelProfiles: 'there are no virtual models; aliases and rules may do',
  agent: 'CProxy starts no MCP servers',
  mcpServers: 'CProxy starts no MCP servers',
  toolHub: 'CProxy adds no tools',
  mediaTools: 'CProxy makes no images and videos',
  botGateway: 'CProxy has no bots',
  contextArchive: 'CProxy keeps no archive of conversations',
};

function leaveOthers(draft: Draft, file: Section, version: number): void {
  for (const [name, reason] of Object.entries(LEFT)) if (isUsed(file[name])) draft.left(`${name}: ${reason}`);
  if (version === 3) draft.left("what is about claude-code-router's window, tray, profiles of agents and logs");
  draft.left(
    '<CCR-SUBAGENT-MODEL> in prompts, which CProxy does not look for; a rule with class: subagent or agentType may do',
  );
}

/** Version 3 writes down what is switched off, too. */
function isUsed(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (!isSection(value)) return true;
  if (typeof value.enabled === 'boolean') return value.enabled;
  return Object.values(value).some(isUsed);
}
