import type { Config } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import { nearNames } from '../../src-shared/near-names.ts';
import type { TraceStep } from '../../src-shared/requests.ts';
import { type ModelFacts, unknownModel } from '../protocols/codec.ts';
import type { BaseProvider } from '../providers/base-provider.ts';
import type { Plan, Target } from './plan.ts';

/** A name that clients may ask for, as `/v1/models` lists it. Of an alias, the facts are what holds for all of its targets. */
export interface ListedModel {
  id: string;
  displayName: string;
  /** Id of the provider; null for an alias, whose targets may lie with several. */
  provider: string | null;
  facts: ModelFacts;
}

const TIERS = ['opus', 'sonnet', 'haiku', 'fable'] as const;

/**
 * Turns the model a request asks for into an ordered list of targets. Another configuration makes another router, and
 * requests in flight keep theirs; the providers' lists of models change while it lives.
 */
export class ProviderRouter {
  readonly #routing: Config['routing'];
  /** Enabled ones in order of preference; the built-in demo comes last and is not among them. */
  readonly #providers: readonly BaseProvider[];
  readonly #byId: ReadonlyMap<string, BaseProvider>;
  readonly #demo: BaseProvider;
  readonly #aliases: ReadonlyMap<string, readonly string[]>;

  /** @param demo the built-in provider: asked for by name always, and by default only while no other exists. */
  constructor(config: Pick<Config, 'aliases' | 'routing'>, providers: readonly BaseProvider[], demo: BaseProvider) {
    this.#routing = config.routing;
    this.#providers = providers.filter(({ enabled }) => enabled).sort((a, b) => a.priority - b.priority);
    this.#byId = new Map([[demo.id, demo], ...providers.map((provider) => [provider.id, provider] as const)]);
    this.#demo = this.#byId.get(demo.id) ?? demo;
    this.#aliases = new Map(Object.entries(config.aliases));
  }

  /** What in the configuration leads nowhere, for people. Names that a list might have which is not there yet are none of it. */
  get warnings(): readonly string[] {
    if (this.#providers.some(isUnlisted)) return [];
    const dead = (what: string, names: readonly string[]): string[] =>
      names
        .filter((name) => this.#byName(name) === null)
        .map((name) => `${what} leads to '${name}', which no enabled provider has.`);
    return [
      ...[...this.#aliases].flatMap(([alias, names]) => dead(`The alias '${alias}'`, names)),
      ...TIERS.flatMap((tier) => dead(`The tier '${tier}'`, this.#routing.tiers[tier] ?? [])),
    ];
  }

  /** @throws ProxyError `unknown_model`, naming near matches. */
  plan(asked: string): Plan {
    const trace: TraceStep[] = [];
    const found = this.#resolve(this.#withoutWindowMark(asked, trace), trace);
    if (found === null)
      throw ProxyError.of('unknown_model', {
        model: asked,
        near: nearNames(asked, this.#names()),
        unlisted: this.#providers.filter(isUnlisted).map((provider) => {
          const { error } = provider.modelsView();
          return { provider: provider.id, reason: error };
        }),
      });
    const { failover } = this.#routing.loadBalancing;
    const targets = failover ? found.targets : found.targets.slice(0, 1);
    trace.push({
      step: 'targets',
      detail: `${targets.map(({ provider, model }) => `${provider.id}/${model}`).join(', then ')}${failover ? '' : ' (failover is off)'}`,
    });
    return { route: found.route, targets, trace };
  }

  /** Everything that can be asked for and routed, aliases first. */
  list(): ListedModel[] {
    const listed: ListedModel[] = [];
    for (const [alias, names] of this.#aliases) {
      const targets = this.#targetsOf(names);
      if (targets.length > 0)
        listed.push({ id: alias, displayName: alias, provider: null, facts: sharedFacts(targets) });
    }
    for (const provider of this.#listing())
      for (const model of provider.models) listed.push(listedModel(provider, model));
    return listed;
  }

  /**
   * A name that can be asked for, listed or not.
   * @throws ProxyError `unknown_model`
   */
  find(asked: string): ListedModel {
    const { targets } = this.plan(asked);
    const [target] = targets;
    if (target !== undefined && asked === `${target.provider.id}/${target.model}`)
      return listedModel(target.provider, target.model);
    return { id: asked, displayName: asked, provider: null, facts: sharedFacts(targets) };
  }

  /** Those whose models are offered. */
  #listing(): readonly BaseProvider[] {
    return this.#providers.length > 0 ? this.#providers : [this.#demo];
  }

  *#names(): Generator<string> {
    for (const [alias, names] of this.#aliases) if (this.#targetsOf(names).length > 0) yield alias;
    for (const provider of this.#listing()) for (const model of provider.models) yield `${provider.id}/${model}`;
  }

  #targetsOf(names: readonly string[]): Target[] {
    return names.flatMap((name) => this.#byName(name)?.targets ?? []);
  }

  /** `claude-opus-5-5[1m]` is how Claude Code writes "with the window of a million tokens"; the name is what stands before it. */
  #withoutWindowMark(asked: string, trace: TraceStep[]): string {
    if (!asked.endsWith('[1m]')) return asked;
    if (this.#aliases.has(asked) || this.#providers.some(({ models }) => models.includes(asked))) return asked;
    const bare = asked.slice(0, -'[1m]'.length);
    trace.push({ step: 'model', detail: `'${asked}' is '${bare}' with a window of 1M tokens` });
    return bare;
  }

  #resolve(asked: string, trace: TraceStep[]): { route: string; targets: readonly Target[] } | null {
    const aliased = this.#targetsOf(this.#aliases.get(asked) ?? []);
    if (aliased.length > 0) {
      trace.push({ step: 'model', detail: `'${asked}' is an alias` });
      return { route: `alias ${asked}`, targets: aliased };
    }
    const named = this.#byName(asked);
    if (named !== null) {
      trace.push({ step: 'model', detail: named.detail });
      return { route: named.route, targets: named.targets };
    }
    const lower = asked.toLowerCase();
    for (const tier of TIERS) {
      if (!lower.includes(tier)) continue;
      const targets = this.#targetsOf(this.#routing.tiers[tier] ?? []);
      if (targets.length === 0) continue;
      trace.push({ step: 'model', detail: `no provider lists '${asked}'; its name belongs to the tier '${tier}'` });
      return { route: `tier ${tier}`, targets };
    }
    const fallback = this.#default();
    if (fallback === null) return null;
    trace.push({ step: 'model', detail: `no provider lists '${asked}'; ${fallback.detail}` });
    return fallback;
  }

  /** `provider-id/model-id`, or a bare model id that enabled providers serve. */
  #byName(name: string): { route: string; targets: Target[]; detail: string } | null {
    // Provider ids hold no slash, model ids may: the first slash divides them.
    const slash = name.indexOf('/');
    const provider = slash === -1 ? undefined : this.#byId.get(name.slice(0, slash));
    // What is meant for one that is off goes to no other.
    if (provider?.enabled === false) return null;
    if (provider !== undefined) {
      const model = name.slice(slash + 1);
      if (model !== '')
        return {
          route: `provider ${provider.id}`,
          targets: [{ provider, model }],
          detail: `'${name}' names the provider '${provider.id}'`,
        };
    }
    const servedBy = (candidate: BaseProvider): Target[] => {
      const model = candidate.nameOf(name);
      return model === null ? [] : [{ provider: candidate, model }];
    };
    const targets = this.#providers.flatMap(servedBy);
    if (targets.length === 0) targets.push(...servedBy(this.#demo));
    if (targets.length === 0) return null;
    return {
      route: `model ${name}`,
      targets,
      detail: `'${name}' is served by ${targets.map(({ provider: { id } }) => id).join(', ')}`,
    };
  }

  #default(): { route: string; targets: Target[]; detail: string } | null {
    const id = this.#routing.defaultProvider;
    const chosen = id === undefined ? undefined : this.#byId.get(id);
    if (chosen?.enabled) {
      const model = chosen.models[0];
      if (model !== undefined)
        return {
          route: `default ${chosen.id}`,
          targets: [{ provider: chosen, model }],
          detail: `routing.defaultProvider is '${chosen.id}'`,
        };
    }
    if (this.#providers.length > 0) return null;
    const model = this.#demo.models[0] ?? 'demo';
    return {
      route: 'demo',
      targets: [{ provider: this.#demo, model }],
      detail: 'no provider is configured, so the built-in demo answers',
    };
  }
}

/** Whether its models are its own to say, and it has not said yet. */
const isUnlisted = (provider: BaseProvider): boolean => provider.listsModels && provider.modelsView().source === 'none';

const listedModel = (provider: BaseProvider, model: string): ListedModel => ({
  id: `${provider.id}/${model}`,
  displayName: `${provider.displayNameOf(model)} (${provider.name})`,
  provider: provider.id,
  facts: provider.factsOf(model),
});

/** What holds for all of the targets, since a request may reach any of them: the least of their limits that are known. */
function sharedFacts(targets: readonly Target[]): ModelFacts {
  const [first = unknownModel, ...others] = targets.map(({ provider, model }) => provider.factsOf(model));
  return others.reduce((shared, facts) => bothFacts(shared, facts), first);
}

function bothFacts(one: ModelFacts, other: ModelFacts): ModelFacts {
  const both = (name: Ability): boolean | null =>
    one[name] === false || other[name] === false ? false : one[name] === null ? null : other[name];
  return {
    contextWindow: least(one.contextWindow, other.contextWindow),
    maxOutput: least(one.maxOutput, other.maxOutput),
    efforts: other.efforts === null ? null : (one.efforts?.filter((effort) => other.efforts?.includes(effort)) ?? null),
    reasoning: both('reasoning'),
    images: both('images'),
    documents: both('documents'),
    tools: both('tools'),
    parallelTools: both('parallelTools'),
    structuredOutput: both('structuredOutput'),
    promptCaching: both('promptCaching'),
    streaming: both('streaming'),
  };
}

type Ability = { [Name in keyof ModelFacts]: ModelFacts[Name] extends boolean | null ? Name : never }[keyof ModelFacts];

const least = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? (one ?? other) : Math.min(one, other);
