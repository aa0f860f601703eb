import { type Config, isLoopbackHost, type ProviderConfig, presetOf } from '../../src-shared/config.ts';
import type { ModelView } from '../../src-shared/control.ts';

/** One model that is tried. */
export interface TrialTarget {
  provider: string;
  model: string;
  /** As it is written in the configuration. */
  config: ProviderConfig;
  facts: ModelView;
  /** Why it was chosen, in words. */
  why: string;
}

/** A provider with the models that it is known to have. */
export interface KnownProvider {
  config: ProviderConfig;
  models: readonly ModelView[];
}

export interface Selection {
  targets: TrialTarget[];
  /** Providers of which nothing is tried, and why. */
  left: { provider: string; reason: string }[];
}

/** Nothing is known of it. */
const unknown = (id: string): ModelView => ({
  id,
  displayName: id,
  contextWindow: null,
  maxOutput: null,
  reasoning: null,
  efforts: null,
  images: null,
  documents: null,
  tools: null,
  parallelTools: null,
  structuredOutput: null,
  promptCaching: null,
  streaming: null,
  price: null,
});

/**
 * Which models are tried: of each provider the one that the configuration names most often, else its first; or those whose name a
 * pattern meets.
 * @param pattern `all`, or a name in which `*` stands for anything; of the model, or with its provider and a slash before it.
 */
export function selectTargets(
  providers: readonly KnownProvider[],
  config: Config,
  { ids, pattern }: { ids: readonly string[]; pattern: string | null },
): Selection {
  const selection: Selection = { targets: [], left: [] };
  const named = namedTargets(config);
  for (const { config: provider, models } of providers) {
    const { id } = provider;
    if (ids.length > 0 && !ids.includes(id)) continue;
    const leave = (reason: string): void => void selection.left.push({ provider: id, reason });
    if (provider.type === 'demo') leave('it is no language model');
    else if (!provider.enabled) leave('it is switched off (enabled: false)');
    else if (provider.key === 'client')
      leave("it takes the client's own login, which only the client has; `cproxy claude` shows whether it answers");
    else {
      const chosen = pattern === null ? mostUsed(id, models, named) : matching(id, models, pattern);
      if (chosen.length === 0)
        leave(pattern === null ? 'no model of it is known' : `none of its ${models.length} models is called so`);
      for (const { model, why } of chosen)
        selection.targets.push({
          provider: id,
          model,
          config: provider,
          facts: models.find((known) => known.id === model) ?? unknown(model),
          why,
        });
    }
  }
  return selection;
}

function matching(id: string, models: readonly ModelView[], pattern: string): { model: string; why: string }[] {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  const matches = new RegExp(`^${escaped}$`, 'i');
  return models
    .filter(({ id: model }) => pattern === 'all' || matches.test(model) || matches.test(`${id}/${model}`))
    .map(({ id: model }) => ({ model, why: 'asked for' }));
}

/** Of models that are named as often, the one that is named first. */
function mostUsed(
  id: string,
  models: readonly ModelView[],
  named: readonly string[],
): { model: string; why: string }[] {
  const listed = new Set(models.map((model) => model.id));
  const counts = new Map<string, number>();
  for (const name of named) {
    const model = name.startsWith(`${id}/`) ? name.slice(id.length + 1) : listed.has(name) ? name : null;
    // `provider-id/*` stands for whatever is asked for.
    if (model !== null && model !== '*') counts.set(model, (counts.get(model) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, one], [, other]) => other - one);
  if (most !== undefined) return [{ model: most[0], why: 'the configuration names it' }];
  const [first] = models;
  return first === undefined
    ? []
    : [{ model: first.id, why: models.length === 1 ? 'its only model' : `the first of its ${models.length} models` }];
}

/** Every target that aliases, tiers and rules name, as often as they do. */
function namedTargets({ aliases, routing }: Config): string[] {
  const { longContextTokens: _, ...uses } = routing.routes;
  const rules = [...routing.rules.filter(({ enabled }) => enabled).map(({ use }) => use), ...Object.values(uses)];
  return [
    ...Object.values(aliases).flat(),
    ...Object.values(routing.tiers).flatMap((names) => names ?? []),
    ...rules.flatMap((use) =>
      [...(use?.targets ?? []), ...(use?.fallback ?? []), ...(use?.contentPolicy ?? [])].map(({ target }) => target),
    ),
  ];
}

const OWN_SERVERS: readonly string[] = ['ollama', 'lmstudio', 'llamacpp', 'vllm'];

/** Whether it is a server of one's own, which has but one machine to answer with. */
export function isLocal({ type, baseUrl }: ProviderConfig): boolean {
  return OWN_SERVERS.includes(type) || (baseUrl !== undefined && isLoopbackHost(new URL(baseUrl).hostname));
}

/** Whether it speaks Anthropic's dialect first. */
export function speaksAnthropic({ type, protocols }: ProviderConfig): boolean {
  if (protocols !== undefined) return protocols[0] === 'anthropic';
  return type === 'anthropic' || type === 'anthropic-compatible' || presetOf(type)?.type === 'anthropic-compatible';
}
