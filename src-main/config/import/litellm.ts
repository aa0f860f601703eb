import type { ProviderKind } from '../../../src-shared/config.ts';
import { vendorOf } from '../../../src-shared/vendors.ts';
import { isSection } from '../overlay.ts';
import { Draft } from './draft.ts';
import { readKeyText } from './key-reference.ts';
import { type Dialect, type ProviderPlace, providerAt } from './provider-at.ts';
import type { Imported } from './report.ts';
import { countOf, defined, listOf, numberOf, sectionOf, textOf, textsOf } from './values.ts';

type Section = Record<string, unknown>;

/** Whether a file is a config.yaml of LiteLLM's proxy. */
export function isLiteLlm(value: unknown): boolean {
  const file = sectionOf(value);
  const hasModels = listOf(file.model_list).some((item) => isSection(sectionOf(item).litellm_params));
  return hasModels || (isSection(file.litellm_settings) && isSection(file.general_settings));
}

/**
 * Carries a config.yaml of LiteLLM's proxy over (docs.litellm.ai, "Proxy config.yaml"): deployments become providers and
 * their models, model names become aliases, and names with several deployments or fallbacks rules as well.
 */
export function importLiteLlm(value: unknown, env: NodeJS.ProcessEnv): Imported {
  const file = sectionOf(value);
  const draft = new Draft({ source: 'LiteLLM, config.yaml', head: 'Made from the configuration of LiteLLM.', env });
  const groups = addDeployments(draft, listOf(file.model_list).map(sectionOf), env);
  addAliases(draft, groups);
  addGroupRules(draft, groups, file);
  addServer(draft, file);
  leaveOthers(draft, file);
  return draft.finish();
}

interface Deployment {
  target: string;
  weight: number;
  order: number;
}
/** Deployments by the name that clients ask for. */
type Groups = Map<string, Deployment[]>;

// ---- deployments

function addDeployments(draft: Draft, list: readonly Section[], env: NodeJS.ProcessEnv): Groups {
  const groups: Groups = new Map();
  const ids = new Map<string, string>();
  for (const item of list) {
    const name = textOf(item.model_name);
    const params = sectionOf(item.litellm_params);
    const full = textOf(params.model);
    if (name === undefined || full === undefined) {
      draft.left('an entry of model_list without model_name or litellm_params.model');
      continue;
    }
    const info = sectionOf(item.model_info);
    const mode = textOf(info.mode);
    if (mode !== undefined && !['chat', 'completion', 'responses'].includes(mode)) {
      draft.left(`'${name}': its mode is ${mode}, and CProxy serves conversations`);
      continue;
    }
    const end = endOf(full, params, env);
    if (typeof end === 'string') {
      draft.left(`'${name}' (${full}): ${end}`);
      continue;
    }
    const { id, isNew } = providerOf(draft, ids, { end, params, name });
    addModel(draft, id, end.model, factsOf(info, params));
    if (isNew) for (const note of end.notes) draft.changed(`provider '${id}': ${note}`);
    if (name.includes('*')) addWildcard(draft, name, { id, model: end.model });
    else groups.set(name, [...(groups.get(name) ?? []), deploymentOf(`${id}/${end.model}`, params)]);
    leaveParameters(draft, name, params);
  }
  return groups;
}

/** `openai/*` stands for every model there; a pattern for one model is a rule. */
function addWildcard(draft: Draft, name: string, { id, model }: { id: string; model: string }): void {
  if (model.includes('*')) {
    draft.changed(`'${name}': the provider '${id}' serves whatever it lists itself, named ${id}/MODEL`);
    return;
  }
  draft.addRule({ id: name, when: { model: name }, use: { targets: `${id}/${model}` } });
  draft.carried(`'${name}' → rule (${id}/${model})`);
}

function deploymentOf(target: string, params: Section): Deployment {
  const weight = numberOf(params.weight) ?? numberOf(params.rpm) ?? numberOf(params.tpm) ?? 1;
  return { target, weight: weight > 0 ? weight : 1, order: numberOf(params.order) ?? 1 };
}

/** LiteLLM's names of providers that CProxy has under another, or that are servers of their own. */
const KINDS: Readonly<Record<string, ProviderKind>> = {
  openai: 'openai',
  'text-completion-openai': 'openai',
  anthropic: 'anthropic',
  openrouter: 'openrouter',
  gemini: 'gemini',
  deepseek: 'deepseek',
  mistral: 'mistral',
  groq: 'groq',
  xai: 'xai',
  together_ai: 'together',
  fireworks_ai: 'fireworks',
  cerebras: 'cerebras',
  nvidia_nim: 'nvidia',
  moonshot: 'kimi',
  zai: 'glm',
  minimax: 'minimax',
  dashscope: 'qwen',
  huggingface: 'huggingface',
  vercel_ai_gateway: 'vercel',
  meta_llama: 'meta',
  xiaomi_mimo: 'xiaomi',
  ollama: 'ollama',
  ollama_chat: 'ollama',
  lm_studio: 'lmstudio',
  azure: 'azure-openai',
  azure_ai: 'azure-openai',
};

/** Whatever speaks OpenAI's Chat Completions at the address that is given with it. */
const COMPATIBLE: ReadonlySet<string> = new Set([
  ...['openai', 'hosted_vllm', 'vllm', 'openai_like', 'custom_openai', 'llamafile', 'litellm_proxy', 'xinference'],
  ...['text-completion-openai', 'nscale', 'perplexity', 'deepinfra', 'novita', 'hyperbolic', 'sambanova', 'nebius'],
]);

/** Addresses that LiteLLM knows and CProxy has no name for (each vendor's own documentation). */
const ADDRESSES: Readonly<Record<string, string>> = {
  perplexity: 'https://api.perplexity.ai',
  deepinfra: 'https://api.deepinfra.com/v1/openai',
  novita: 'https://api.novita.ai/v3/openai',
  hyperbolic: 'https://api.hyperbolic.xyz/v1',
  sambanova: 'https://api.sambanova.ai/v1',
  nebius: 'https://api.studio.nebius.ai/v1',
};

interface End extends ProviderPlace {
  /** LiteLLM's name for the vendor, of which the id is made. */
  kind: string;
  model: string;
}

/** @returns the reason in words where CProxy cannot ask there */
function endOf(full: string, params: Section, env: NodeJS.ProcessEnv): End | string {
  const said = textOf(params.custom_llm_provider);
  const slash = full.indexOf('/');
  const first = slash === -1 ? undefined : full.slice(0, slash);
  const isKind = (name: string | undefined) =>
    name !== undefined && (Object.hasOwn(KINDS, name) || COMPATIBLE.has(name) || UNKNOWN.has(name));
  const address = textOf(params.api_base) ?? textOf(params.base_url);
  const kind = said ?? (isKind(first) ? first : undefined) ?? guessedKind(full, address);
  const rest = first === kind && first !== undefined ? full.slice(slash + 1) : full;
  if (kind === undefined) return 'CProxy does not know its provider';
  // `openai/responses/gpt-5` asks the Responses API (docs.litellm.ai, "/responses").
  const isResponses = /^responses\//.test(rest);
  const model = rest.replace(/^(responses|chat)\//, '');
  if (model === '') return 'it names no model';

  const variable = address === undefined ? null : readVariable(address);
  const base = variable === null ? address : env[variable]?.trim();
  if (variable !== null && !base) return `its address is in the variable ${variable}, which is not set here`;
  const wellKnown = base ?? ADDRESSES[kind];
  if (wellKnown !== undefined) {
    const place = providerAt(wellKnown, isResponses ? 'openai-responses' : dialectOf(kind));
    if (typeof place === 'string') return place;
    return { ...place, kind, model };
  }
  const type = KINDS[kind];
  if (type === undefined) return COMPATIBLE.has(kind) ? 'it has no api_base' : `CProxy has no provider of type ${kind}`;
  if (type === 'azure-openai') return 'it has no api_base';
  const protocols = isResponses ? { protocols: ['openai-responses'] } : {};
  return { type, ...protocols, kind, model, notes: [] };
}

/** Those that people use with LiteLLM and that CProxy cannot ask. */
const UNKNOWN: ReadonlySet<string> = new Set([
  ...[
    'bedrock',
    'bedrock_converse',
    'sagemaker',
    'sagemaker_chat',
    'vertex_ai',
    'vertex_ai_beta',
    'palm',
    'cohere',
    'cohere_chat',
  ],
  ...[
    'replicate',
    'databricks',
    'watsonx',
    'cloudflare',
    'github',
    'github_copilot',
    'voyage',
    'jina_ai',
    'predibase',
    'oci',
  ],
  ...[
    'ai21',
    'nlp_cloud',
    'aleph_alpha',
    'baseten',
    'petals',
    'triton',
    'snowflake',
    'deepgram',
    'elevenlabs',
    'assemblyai',
  ],
]);

function guessedKind(model: string, address: string | undefined): string | undefined {
  if (/^(gpt-|o\d|chatgpt-)/.test(model)) return 'openai';
  if (/^claude-/.test(model)) return 'anthropic';
  return address === undefined ? undefined : 'openai';
}

const dialectOf = (kind: string): Dialect =>
  kind === 'anthropic' || kind === 'minimax' ? 'anthropic' : kind.startsWith('ollama') ? 'ollama' : 'openai-chat';

function readVariable(text: string): string | null {
  const read = readKeyText(text);
  return read.kind === 'variable' ? read.name : null;
}

// ---- providers

interface ProviderInput {
  end: End;
  params: Section;
  name: string;
}

/** One for each end and key: deployments of one account are one provider. */
function providerOf(
  draft: Draft,
  ids: Map<string, string>,
  { end, params, name }: ProviderInput,
): { id: string; isNew: boolean } {
  const { type, baseUrl, protocols, kind } = end;
  const key = textOf(params.api_key);
  const known = JSON.stringify([type, baseUrl, protocols, key, params.extra_headers, params.organization]);
  const there = ids.get(known);
  if (there !== undefined) return { id: there, isNew: false };
  const id = draft.freeId(idOf(type, kind, baseUrl));
  ids.set(known, id);
  const isHere = type === 'ollama' || type === 'lmstudio';
  const headers = { ...sectionOf(params.headers), ...sectionOf(params.extra_headers) };
  const organization = textOf(params.organization);
  const usual = vendorOf(type)?.keyVariable;
  draft.providers.push({
    id,
    type,
    ...defined({
      baseUrl,
      protocols,
      // Where none is written, LiteLLM takes the vendor's usual variable, and so does CProxy.
      key: draft.keyReference({ id, type }, key, !isHere && usual === undefined),
      headers: draft.headers(`'${name}'`, {
        ...headers,
        ...(organization === undefined || /^os\.environ\//.test(organization)
          ? {}
          : { 'OpenAI-Organization': organization }),
      }),
      timeouts: timeoutsOf(params),
    }),
  });
  draft.carried(`provider '${id}' (${type})`);
  return { id, isNew: true };
}

function idOf(type: string, kind: string, baseUrl: string | undefined): string {
  if (!type.endsWith('-compatible')) return type;
  if (kind !== 'openai' || baseUrl === undefined || !URL.canParse(baseUrl)) return kind;
  const { hostname, port } = new URL(baseUrl);
  return /^[\d.:[\]]+$|^localhost$/.test(hostname) ? `local-${port || '80'}` : hostname.replace(/^api\./, '');
}

function timeoutsOf(params: Section): Section | undefined {
  const seconds = numberOf(params.timeout) ?? numberOf(params.request_timeout);
  const stream = numberOf(params.stream_timeout);
  const limits = defined({
    totalMs: seconds === undefined || seconds <= 0 ? undefined : Math.round(seconds * 1000),
    silenceMs: stream === undefined || stream <= 0 ? undefined : Math.round(stream * 1000),
  });
  return Object.keys(limits).length === 0 ? undefined : limits;
}

function factsOf(info: Section, params: Section): Section {
  const perMillion = (value: unknown): number | undefined => {
    const price = numberOf(value);
    return price === undefined || price < 0 ? undefined : Number((price * 1e6).toPrecision(12));
  };
  const input = perMillion(info.input_cost_per_token ?? params.input_cost_per_token);
  const output = perMillion(info.output_cost_per_token ?? params.output_cost_per_token);
  const vision = typeof info.supports_vision === 'boolean' ? { vision: info.supports_vision } : {};
  const tools = typeof info.supports_function_calling === 'boolean' ? { tools: info.supports_function_calling } : {};
  const capabilities = { ...vision, ...tools };
  return defined({
    contextWindow: countOf(info.max_input_tokens),
    maxOutput: countOf(info.max_output_tokens) ?? countOf(params.max_tokens),
    capabilities: Object.keys(capabilities).length === 0 ? undefined : capabilities,
    price:
      input === undefined || output === undefined
        ? undefined
        : defined({
            input,
            output,
            cacheRead: perMillion(info.cache_read_input_token_cost),
            cacheWrite: perMillion(info.cache_creation_input_token_cost),
          }),
  });
}

function addModel(draft: Draft, id: string, model: string, facts: Section): void {
  const provider = draft.providers.find((one) => one.id === id);
  if (provider === undefined || model.includes('*')) return;
  const models = Array.isArray(provider.models) ? provider.models : [];
  if (!models.some((known) => (isSection(known) ? known.id : known) === model))
    models.push(Object.keys(facts).length === 0 ? model : { id: model, ...facts });
  provider.models = models;
}

/** What of litellm_params a provider has no field for. */
const PARAMETERS = new Set([
  ...[
    'model',
    'api_key',
    'api_base',
    'base_url',
    'api_version',
    'custom_llm_provider',
    'rpm',
    'tpm',
    'weight',
    'order',
  ],
  ...['timeout', 'stream_timeout', 'request_timeout', 'headers', 'extra_headers', 'organization', 'max_tokens'],
  ...['input_cost_per_token', 'output_cost_per_token', 'drop_params', 'max_retries', 'num_retries'],
]);

function leaveParameters(draft: Draft, name: string, params: Section): void {
  const others = Object.keys(params).filter((parameter) => !PARAMETERS.has(parameter));
  if (others.length > 0) draft.left(`'${name}': ${others.join(', ')}, for CProxy adds no fields to requests`);
  if (params.rpm !== undefined || params.tpm !== undefined)
    draft.changed(`'${name}': rpm and tpm are taken as weights; for limits write keys with requestsPerMinute`);
}

// ---- names

function addAliases(draft: Draft, groups: Groups): void {
  for (const [name, deployments] of groups) {
    const ordered = deployments.toSorted((a, b) => a.order - b.order);
    draft.aliases[name] = [...new Set(ordered.map(({ target }) => target))];
  }
  if (groups.size > 0) draft.carried(`${groups.size} model ${groups.size === 1 ? 'name' : 'names'} → aliases`);
}

const STRATEGIES: Readonly<Record<string, string>> = {
  'simple-shuffle': 'weighted',
  'least-busy': 'least-connections',
  'latency-based-routing': 'response-time',
  'cost-based-routing': 'cheapest',
  'usage-based-routing': 'weighted',
  'usage-based-routing-v2': 'weighted',
};

/** A rule for each name that has several deployments of the same order, or fallbacks. */
function addGroupRules(draft: Draft, groups: Groups, file: Section): void {
  const router = sectionOf(file.router_settings);
  const settings = sectionOf(file.litellm_settings);
  const asked = textOf(router.routing_strategy) ?? 'simple-shuffle';
  const strategy = STRATEGIES[asked] ?? 'weighted';
  if (STRATEGIES[asked] === undefined || asked.startsWith('usage'))
    draft.changed(`routing_strategy ${asked}: requests are shared out by weight`);
  const resolve = (names: readonly string[]): string[] => names.flatMap((name) => nameHere(draft, groups, name) ?? []);
  const all = (field: string): Map<string, string[]> =>
    new Map(
      [...listOf(settings[field]), ...listOf(router[field])].flatMap((item) =>
        Object.entries(sectionOf(item)).map(([name, chain]): [string, string[]] => [name, textsOf(chain)]),
      ),
    );
  const fallbacks = all('fallbacks');
  const windows = all('context_window_fallbacks');
  const policies = all('content_policy_fallbacks');
  addGroupAliases(draft, groups, router);
  for (const [name, deployments] of groups) {
    const ordered = deployments.toSorted((a, b) => a.order - b.order);
    const sameOrder = new Set(ordered.map(({ order }) => order)).size === 1;
    const fallback = [...new Set([...resolve(fallbacks.get(name) ?? []), ...resolve(windows.get(name) ?? [])])];
    const contentPolicy = resolve(policies.get(name) ?? []);
    const isShared = ordered.length > 1 && sameOrder;
    if (!isShared && fallback.length === 0 && contentPolicy.length === 0) continue;
    const isWeighing = isShared && (strategy === 'weighted' || strategy === 'least-connections');
    const targets = ordered.map(({ target, weight }) => (isWeighing && weight !== 1 ? { target, weight } : target));
    draft.addRule({
      id: name,
      when: { alias: patternOf(name) },
      use: {
        targets: targets.length === 1 ? targets[0] : targets,
        ...(isShared ? { strategy } : {}),
        ...(fallback.length === 0 ? {} : { fallback }),
        ...(contentPolicy.length === 0 ? {} : { contentPolicy }),
      },
    });
    const parts = [
      isShared ? `${ordered.length} deployments, ${strategy}` : null,
      fallback.length > 0 ? `then ${fallback.join(', ')}` : null,
      contentPolicy.length > 0 ? `where the content is refused ${contentPolicy.join(', ')}` : null,
    ].filter((part) => part !== null);
    draft.carried(`'${name}' → rule (${parts.join('; ')})`);
  }
  if (windows.size > 0)
    draft.changed('context_window_fallbacks: targets whose window is too small are passed over, and fallbacks tried');
  addDefaultFallbacks(draft, resolve(textsOf(settings.default_fallbacks ?? router.default_fallbacks)));
}

const patternOf = (name: string): string | Section =>
  /[*?]/.test(name) ? { regex: `^${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$` } : name;

function addDefaultFallbacks(draft: Draft, fallback: readonly string[]): void {
  if (fallback.length === 0) return;
  draft.addRule({ id: 'default-fallbacks', when: {}, use: { fallback: [...fallback] } });
  draft.carried(`default_fallbacks → rule 'default-fallbacks' (${fallback.join(', ')})`);
}

/** `model_group_alias: { gpt-4: gpt-4o }`, or with a section that hides it. */
function addGroupAliases(draft: Draft, groups: Groups, router: Section): void {
  for (const [name, given] of Object.entries(sectionOf(router.model_group_alias))) {
    const target = textOf(given) ?? textOf(sectionOf(given).model);
    const targets = target === undefined ? undefined : draft.aliases[target];
    if (targets === undefined || groups.has(name)) {
      draft.left(`model_group_alias '${name}': there is no such model`);
      continue;
    }
    draft.aliases[name] = [...targets];
    draft.carried(`model_group_alias '${name}' → alias`);
  }
}

/** A name of the model list as a target here. */
function nameHere(draft: Draft, groups: Groups, name: string): string | null {
  if (groups.has(name)) return name;
  const [first = '', ...rest] = name.split('/');
  const provider = draft.providers.find(({ id }) => id === first);
  if (provider !== undefined && rest.length > 0) return name;
  draft.left(`fallback '${name}': it is not in model_list`);
  return null;
}

// ---- settings

/** LiteLLM's budget is the proxy's as a whole; without a duration it never begins anew, which none does here. */
function addBudget(draft: Draft, settings: Section): void {
  const usd = numberOf(settings.max_budget);
  if (usd === undefined || usd <= 0) return;
  const duration = textOf(settings.budget_duration);
  const per = duration === undefined ? undefined : PERIODS[duration];
  if (per === undefined) {
    draft.left(
      `max_budget ${usd}${duration === undefined ? '' : ` for ${duration}`}: a budget is for a day or a month here`,
    );
    return;
  }
  draft.set('limits', 'budgets', [{ id: 'all', per, usd, whenSpent: 'refuse' }]);
  draft.carried(`max_budget ${usd} for ${duration} → limits.budgets 'all', of the calendar's ${per}`);
}

const PERIODS: Readonly<Record<string, 'day' | 'month'>> = {
  ...{ '1d': 'day', '24h': 'day' },
  ...{ '30d': 'month', '31d': 'month', '1mo': 'month' },
};

function addServer(draft: Draft, file: Section): void {
  const settings = sectionOf(file.litellm_settings);
  const router = sectionOf(file.router_settings);
  const general = sectionOf(file.general_settings);
  const retries = numberOf(settings.num_retries ?? router.num_retries);
  if (retries !== undefined && Number.isInteger(retries) && retries >= 0) {
    draft.set('routing', 'retries', { rounds: Math.min(retries, 10) });
    draft.carried('num_retries → routing.retries.rounds');
  }
  const seconds = numberOf(settings.request_timeout ?? router.timeout);
  if (seconds !== undefined && seconds > 0) {
    for (const provider of draft.providers)
      provider.timeouts = { totalMs: Math.round(seconds * 1000), ...sectionOf(provider.timeouts) };
    draft.carried('request_timeout → timeouts.totalMs of each provider');
  }
  addBudget(draft, settings);
  if (settings.set_verbose === true || settings.debug === true) {
    draft.set('logging', 'level', 'debug');
    draft.carried('set_verbose → logging.level debug');
  }
  const port = countOf(general.port);
  if (port !== undefined && port <= 65_535) {
    draft.set('server', 'port', port);
    draft.carried(`port ${port}`);
  } else draft.changed('port: CProxy listens on 4777, where LiteLLM took 4000; server.port sets it');
  if (general.master_key !== undefined)
    draft.changed('master_key: clients need a token of CProxy instead; `cproxy token new NAME` makes one');
}

const LEFT: readonly (readonly [section: string, fields: readonly string[], reason: string])[] = [
  [
    'general_settings',
    ['database_url', 'database_connection_pool_limit', 'store_model_in_db'],
    'CProxy needs no database server',
  ],
  ['general_settings', ['alerting', 'alerting_threshold', 'alert_types'], 'CProxy sends no alerts'],
  ['general_settings', ['custom_auth', 'enable_jwt_auth', 'litellm_jwtauth'], 'CProxy has tokens of its own'],
  ['litellm_settings', ['cache', 'cache_params'], 'CProxy keeps no answers'],
  ['litellm_settings', ['callbacks', 'success_callback', 'failure_callback'], 'CProxy does not run code of others'],
  ['litellm_settings', ['default_internal_user_params', 'default_team_settings'], 'CProxy has one user'],
  [
    'router_settings',
    ['redis_host', 'redis_port', 'redis_password', 'redis_url'],
    'CProxy is one process and shares nothing',
  ],
  ['router_settings', ['allowed_fails', 'cooldown_time'], 'routing.circuit says when targets are left alone'],
];

function leaveOthers(draft: Draft, file: Section): void {
  for (const [section, fields, reason] of LEFT) {
    const there = fields.filter((field) => sectionOf(file[section])[field] !== undefined);
    if (there.length > 0) draft.left(`${section}: ${there.join(', ')}, for ${reason}`);
  }
  const variables = Object.keys(sectionOf(file.environment_variables));
  if (variables.length > 0) draft.left(`environment_variables (${variables.join(', ')}): set them where CProxy starts`);
  for (const [name, reason] of [
    ['guardrails', 'CProxy has none'],
    ['mcp_servers', 'CProxy calls none'],
    ['vector_store_registry', 'CProxy has none'],
    ['include', 'import the other files on their own'],
    ['pass_through_endpoints', 'CProxy serves the endpoints of models alone'],
    ['credential_list', 'write the keys to the models'],
  ] as const)
    if (file[name] !== undefined) draft.left(`${name}: ${reason}`);
}
