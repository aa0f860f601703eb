import type { Config } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import { nearNames } from '../../src-shared/near-names.ts';
import type { TraceStep } from '../../src-shared/requests.ts';
import type { BaseProvider } from '../providers/base-provider.ts';
import type { Plan, Target } from './plan.ts';

/** A name that clients may ask for, as `/v1/models` lists it. */
export interface ListedModel {
  id: string;
  displayName: string;
  /** Id of the provider; null for an alias, whose targets may lie with several. */
  provider: string | null;
  /** Tokens it reads and writes, null where that is not known; of an alias what any of its targets takes. */
  contextWindow: number | null;
  maxOutput: number | null;
}

const TIERS = ['opus', 'sonnet', 'haiku', 'fable'] as const;

/**
 * Turns the model a request asks for into an ordered list of targets. Immutable: another configuration makes another
 * router, and requests in flight keep theirs.
 */
export class ProviderRouter {
  /** What in the configuration leads nowhere, for people. */
  readonly warnings: readonly string[];
  readonly #routing: Config['routing'];
  /** Enabled ones in order of preference; the built-in demo comes last and is not among them. */
  readonly #providers: readonly BaseProvider[];
  readonly #byId: ReadonlyMap<string, BaseProvider>;
  readonly #demo: BaseProvider;
  readonly #aliases = new Map<string, readonly Target[]>();
  readonly #tiers = new Map<string, readonly Target[]>();

  /** @param demo the built-in provider: asked for by name always, and by default only while no other exists. */
  constructor(config: Pick<Config, 'aliases' | 'routing'>, providers: readonly BaseProvider[], demo: BaseProvider) {
    this.#routing = config.routing;
    this.#providers = providers.filter(({ enabled }) => enabled).sort((a, b) => a.priority - b.priority);
    this.#byId = new Map([[demo.id, demo], ...providers.map((provider) => [provider.id, provider] as const)]);
    this.#demo = this.#byId.get(demo.id) ?? demo;
    const warnings: string[] = [];
    const resolveAll = (what: string, names: readonly string[]): Target[] =>
      names.flatMap((name) => {
        const targets = this.#byName(name)?.targets ?? [];
        if (targets.length === 0) warnings.push(`${what} leads to '${name}', which no enabled provider has.`);
        return targets;
      });
    for (const [alias, names] of Object.entries(config.aliases)) {
      const targets = resolveAll(`The alias '${alias}'`, names);
      if (targets.length > 0) this.#aliases.set(alias, targets);
    }
    for (const tier of TIERS) {
      const targets = resolveAll(`The tier '${tier}'`, config.routing.tiers[tier] ?? []);
      if (targets.length > 0) this.#tiers.set(tier, targets);
    }
    this.warnings = warnings;
  }

  /** @throws ProxyError `unknown_model`, naming near matches. */
  plan(asked: string): Plan {
    const trace: TraceStep[] = [];
    const found = this.#resolve(this.#withoutWindowMark(asked, trace), trace);
    if (found === null) {
      const names = this.list().map(({ id }) => id);
      throw ProxyError.of('unknown_model', { model: asked, near: nearNames(asked, names) });
    }
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
    const providers = this.#providers.length > 0 ? this.#providers : [this.#demo];
    return [
      ...[...this.#aliases].map(([id, targets]) => ({ id, displayName: id, provider: null, ...limitsOf(targets) })),
      ...providers.flatMap((provider) =>
        provider.models.map((model) => ({
          id: `${provider.id}/${model}`,
          displayName: `${model} (${provider.name})`,
          provider: provider.id,
          ...limitsOf([{ provider, model }]),
        })),
      ),
    ];
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
    const alias = this.#aliases.get(asked);
    if (alias !== undefined) {
      trace.push({ step: 'model', detail: `'${asked}' is an alias` });
      return { route: `alias ${asked}`, targets: alias };
    }
    const named = this.#byName(asked);
    if (named !== null) {
      trace.push({ step: 'model', detail: named.detail });
      return { route: named.route, targets: named.targets };
    }
    const lower = asked.toLowerCase();
    for (const [tier, targets] of this.#tiers) {
      if (!lower.includes(tier)) continue;
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
    if (provider?.enabled) {
      const model = name.slice(slash + 1);
      if (model !== '')
        return {
          route: `provider ${provider.id}`,
          targets: [{ provider, model }],
          detail: `'${name}' names the provider '${provider.id}'`,
        };
    }
    const serving = this.#providers.filter((candidate) => candidate.serves(name));
    if (serving.length === 0 && this.#demo.serves(name)) serving.push(this.#demo);
    if (serving.length === 0) return null;
    return {
      route: `model ${name}`,
      targets: serving.map((candidate) => ({ provider: candidate, model: name })),
      detail: `'${name}' is served by ${serving.map(({ id }) => id).join(', ')}`,
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

/** The least of what the targets are known to take: a request may reach any of them. */
function limitsOf(targets: readonly Target[]): Pick<ListedModel, 'contextWindow' | 'maxOutput'> {
  const facts = targets.map(({ provider, model }) => provider.factsOf(model));
  return {
    contextWindow: least(facts.map((of) => of.contextWindow)),
    maxOutput: least(facts.map((of) => of.maxOutput)),
  };
}

function least(numbers: readonly (number | null)[]): number | null {
  const known = numbers.filter((number) => number !== null);
  return known.length === 0 ? null : Math.min(...known);
}
