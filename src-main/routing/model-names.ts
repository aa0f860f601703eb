import type { Config } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import { nearNames } from '../../src-shared/near-names.ts';
import { type Naming, type Tier, tiers } from '../../src-shared/rules.ts';
import { type ModelFacts, unknownModel } from '../protocols/codec.ts';
import type { BaseProvider } from '../providers/base-provider.ts';
import { discoveryName, plainName } from './discovery-names.ts';
import { nameOf, type Target } from './plan.ts';

/** A name that clients may ask for, as `/v1/models` lists it. Of an alias, the facts are what holds for all of its targets. */
export interface ListedModel {
  id: string;
  /** Its name in Claude Code's list of models; null where something else is really called so. */
  discoveryId: string | null;
  displayName: string;
  /** Id of the provider; null for an alias, whose targets may lie with several. */
  provider: string | null;
  facts: ModelFacts;
}

/** What a name means without any rule. */
export interface Understood {
  as: Naming;
  alias: string | null;
  /** Whose word is in the name, whether it decides or not. */
  tier: Tier | null;
  /** As in `x-cproxy-route`. */
  route: string;
  /** In the order of preference; empty only where it is `unknown`. */
  targets: readonly Target[];
  /** Several providers serve one model, so that which of them is first is for a strategy to say. */
  isShared: boolean;
  /** How it was understood, in words. */
  steps: readonly string[];
}

interface Found {
  as: Naming;
  route: string;
  targets: readonly Target[];
  detail: string;
}

/**
 * What the names of models mean: aliases, `provider-id/model-id`, names that providers list, Claude's families, and what is left.
 * The providers' lists of models change while it lives.
 */
export class ModelNames {
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
    if (this.mayGrow) return [];
    const dead = (what: string, names: readonly string[]): string[] =>
      names
        .filter((name) => this.#configured(name).length === 0)
        .map((name) => `${what} leads to '${name}', which no enabled provider has.`);
    return [
      ...[...this.#aliases].flatMap(([alias, names]) => dead(`The alias '${alias}'`, names)),
      ...tiers.flatMap((tier) => dead(`The tier '${tier}'`, this.#routing.tiers[tier] ?? [])),
    ];
  }

  /** Whether a list of models is still to come, so that a name that means nothing yet may soon. */
  get mayGrow(): boolean {
    return this.#providers.some(isUnlisted);
  }

  /** What a client's name means. */
  understand(asked: string): Understood {
    const steps: string[] = [];
    const name = this.#plain(asked, steps);
    const lower = name.toLowerCase();
    const tier = tiers.find((one) => lower.includes(one)) ?? null;
    const found = this.#find(name, tier);
    if (found === null) return { as: 'unknown', alias: null, tier, route: 'none', targets: [], isShared: false, steps };
    steps.push(found.detail);
    const { as, route, targets } = found;
    const isShared = as === 'model' && targets.length > 1;
    return { as, alias: as === 'alias' ? name : null, tier, route, targets, isShared, steps };
  }

  /**
   * What a name means that a rule asks for in the place of the client's. What nobody has leads nowhere: that anyone else answers
   * is not what the rule wants.
   */
  understandInstead(name: string): Understood {
    const found = this.understand(name);
    const bare = this.#plain(name, []);
    const isMeant =
      found.as === 'tier' ? !bare.includes('/') : found.as === 'demo' || this.targetsOf(bare, '').length > 0;
    return isMeant ? found : { ...found, as: 'unknown', alias: null, route: 'none', targets: [], isShared: false };
  }

  /**
   * The targets that a name in the configuration leads to: an alias, `provider-id/model-id`, `provider-id/*` for what was asked
   * for, or a name that providers list. Empty where it leads nowhere.
   */
  targetsOf(name: string, asked: string): readonly Target[] {
    const alias = this.#aliases.get(name);
    if (alias !== undefined) return this.#targetsOf(alias);
    if (name.endsWith('/*')) {
      const provider = this.#byId.get(name.slice(0, -'/*'.length));
      if (provider?.enabled) {
        const name = this.#withoutListing(asked, []);
        const own = name.slice(name.startsWith(`${provider.id}/`) ? provider.id.length + 1 : 0);
        const model = provider.nameOf(provider.models.includes(own) ? own : withoutMark(own));
        return model === null ? [] : [{ provider, model }];
      }
    }
    return this.#configured(name);
  }

  /** The error for a name that means nothing: `unknown_model`, naming near matches. */
  unknown(asked: string): ProxyError {
    return ProxyError.of('unknown_model', {
      model: asked,
      near: nearNames(asked, this.#names()),
      unlisted: this.#providers.filter(isUnlisted).map((provider) => {
        const { error } = provider.modelsView();
        return { provider: provider.id, reason: error };
      }),
    });
  }

  /** Everything that can be asked for and routed, aliases first. */
  list(): ListedModel[] {
    const listed: ListedModel[] = [];
    for (const [alias, names] of this.#aliases) {
      const targets = this.#targetsOf(names);
      if (targets.length > 0)
        listed.push(this.#listed({ id: alias, displayName: alias, provider: null, facts: sharedFacts(targets) }));
    }
    for (const provider of this.#listing())
      for (const model of provider.models) listed.push(this.#listed(modelOf(provider, model)));
    return listed;
  }

  /**
   * A name that can be asked for, listed or not.
   * @throws ProxyError `unknown_model`
   */
  find(asked: string): ListedModel {
    const { targets } = this.understand(asked);
    const [target] = targets;
    if (target === undefined) throw this.unknown(asked);
    if (this.#withoutListing(asked, []) === nameOf(target))
      return this.#listed({ ...modelOf(target.provider, target.model), id: asked });
    return this.#listed({ id: asked, displayName: asked, provider: null, facts: sharedFacts(targets) });
  }

  #listed(model: Omit<ListedModel, 'discoveryId'>): ListedModel {
    const discoveryId = discoveryName(model.id);
    return { ...model, discoveryId: discoveryId !== model.id && this.#isReal(discoveryId) ? null : discoveryId };
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
    return names.flatMap((name) => this.#configured(name));
  }

  /** A provider may be named for a reason: where it is gone, none with a similar model takes its place. */
  #configured(name: string): readonly Target[] {
    const slash = name.indexOf('/');
    if (slash !== -1 && !this.#byId.has(name.slice(0, slash)))
      return this.#providers
        .filter(({ models }) => models.includes(name))
        .map((provider) => ({ provider, model: name }));
    return this.#targetsByName(name);
  }

  #plain(asked: string, steps: string[]): string {
    return this.#withoutWindowMark(this.#withoutListing(asked, steps), steps);
  }

  /** `claude:x` is how `x` stands in Claude Code's list of models, where nothing is really called so. */
  #withoutListing(asked: string, steps: string[]): string {
    const plain = plainName(asked);
    if (plain === asked || this.#isReal(asked) || this.#isReal(withoutMark(asked))) return asked;
    steps.push(`'${asked}' is '${plain}' as Claude Code's list of models has it`);
    return plain;
  }

  /** `claude-opus-5-5[1m]` is how Claude Code writes "with the window of a million tokens"; the name is what stands before it. */
  #withoutWindowMark(asked: string, steps: string[]): string {
    const bare = withoutMark(asked);
    if (bare === asked) return asked;
    if (this.#isReal(asked)) return asked;
    steps.push(`'${asked}' is '${bare}' with a window of 1M tokens`);
    return bare;
  }

  /** Whether an alias or a model is called exactly so. */
  #isReal(name: string): boolean {
    return this.#aliases.has(name) || this.#providers.some(({ models }) => models.includes(name));
  }

  #find(asked: string, tier: Tier | null): Found | null {
    const aliased = this.#targetsOf(this.#aliases.get(asked) ?? []);
    if (aliased.length > 0)
      return { as: 'alias', route: `alias ${asked}`, targets: aliased, detail: `'${asked}' is an alias` };
    const named = this.#byName(asked);
    if (named !== null) return named;
    const ofTier = tier === null ? [] : this.#targetsOf(this.#routing.tiers[tier] ?? []);
    if (ofTier.length > 0)
      return {
        as: 'tier',
        route: `tier ${tier}`,
        targets: ofTier,
        detail: `no provider lists '${asked}'; its name belongs to the tier '${tier}'`,
      };
    const fallback = this.#default();
    return fallback === null ? null : { ...fallback, detail: `no provider lists '${asked}'; ${fallback.detail}` };
  }

  /** `provider-id/model-id`, or a bare model id that enabled providers serve. */
  #byName(name: string): Found | null {
    const named = this.#ofProvider(name);
    if (named === null) return null;
    if (named !== undefined) {
      const { id } = named.provider;
      return {
        as: 'provider',
        route: `provider ${id}`,
        targets: [named],
        detail: `'${name}' names the provider '${id}'`,
      };
    }
    const targets = this.#servedBy(name);
    if (targets.length === 0) return null;
    return {
      as: 'model',
      route: `model ${name}`,
      targets,
      detail: `'${name}' is served by ${targets.map(({ provider: { id } }) => id).join(', ')}`,
    };
  }

  /** The same without words: rules name many targets for each request. */
  #targetsByName(name: string): readonly Target[] {
    const named = this.#ofProvider(name);
    if (named === undefined) return this.#servedBy(name);
    return named === null ? [] : [named];
  }

  /** The target of `provider-id/model-id`; null: what is meant for a provider that is off goes to no other; undefined: none is named. */
  #ofProvider(name: string): Target | null | undefined {
    // Provider ids hold no slash, model ids may: the first slash divides them.
    const slash = name.indexOf('/');
    const provider = slash === -1 ? undefined : this.#byId.get(name.slice(0, slash));
    if (provider === undefined) return undefined;
    if (!provider.enabled) return null;
    const model = name.slice(slash + 1);
    return model === '' ? undefined : { provider, model };
  }

  #servedBy(name: string): Target[] {
    const servedBy = (provider: BaseProvider): Target[] => {
      const model = provider.nameOf(name);
      return model === null ? [] : [{ provider, model }];
    };
    const targets = this.#providers.flatMap(servedBy);
    return targets.length > 0 ? targets : servedBy(this.#demo);
  }

  #default(): Found | null {
    const id = this.#routing.defaultProvider;
    const chosen = id === undefined ? undefined : this.#byId.get(id);
    if (chosen?.enabled) {
      const model = chosen.models[0];
      if (model !== undefined)
        return {
          as: 'default',
          route: `default ${chosen.id}`,
          targets: [{ provider: chosen, model }],
          detail: `routing.defaultProvider is '${chosen.id}'`,
        };
    }
    if (this.#providers.length > 0) return null;
    const model = this.#demo.models[0] ?? 'demo';
    return {
      as: 'demo',
      route: 'demo',
      targets: [{ provider: this.#demo, model }],
      detail: 'no provider is configured, so the built-in demo answers',
    };
  }
}

const WINDOW_MARK = '[1m]';

const withoutMark = (name: string): string => (name.endsWith(WINDOW_MARK) ? name.slice(0, -WINDOW_MARK.length) : name);

/** Whether its models are its own to say, and it has not said yet. */
const isUnlisted = (provider: BaseProvider): boolean => provider.listsModels && provider.modelsView().source === 'none';

const modelOf = (provider: BaseProvider, model: string): Omit<ListedModel, 'discoveryId'> => ({
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
