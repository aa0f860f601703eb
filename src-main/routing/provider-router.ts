import type { Config } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { TraceStep } from '../../src-shared/requests.ts';
import type { CandidatePlace, RouteView, RoutingFacts } from '../../src-shared/routing.ts';
import type { Changes, RuleTarget, Strategy } from '../../src-shared/rules.ts';
import type { BaseProvider } from '../providers/base-provider.ts';
import type { AttemptResult } from './attempt-result.ts';
import { unfit } from './fitness.ts';
import { type ListedModel, ModelNames, type Understood } from './model-names.ts';
import { FAILOVER_IS_OFF, nameOf, type Plan, type Target } from './plan.ts';
import { RequestFacts } from './request-facts.ts';
import type { RoutingState } from './routing-state.ts';
import { type MatchedRule, RuleSet } from './rule-set.ts';
import { type BudgetEffect, budgetEffect, spentInWords } from './spent-budgets.ts';
import { type Choice, rank, type Why } from './strategies.ts';

/** A target that a request could go to, and what becomes of it. */
interface Candidate extends Choice {
  place: CandidatePlace;
  score: number | null;
  why: Why;
}

/** What was decided, as the plan and its explanation are made of it. */
interface Decision {
  facts: RoutingFacts;
  /** What the client's name means, by which rules go. */
  asked: Understood;
  /** The same, or what the name means that a rule asks for instead. */
  naming: Understood;
  rule: MatchedRule | null;
  route: string;
  strategy: { name: Strategy; why: string };
  affinity: string | null;
  changes: Changes | null;
  budgets: BudgetEffect;
  /** Those that are tried first, in their order. */
  candidates: readonly Candidate[];
}

export interface RouterOptions {
  config: Pick<Config, 'aliases' | 'routing'>;
  providers: readonly BaseProvider[];
  /** The built-in provider: asked for by name always, and by default only while no other exists. */
  demo: BaseProvider;
  /** What is known of targets from earlier requests. It outlives the router. */
  state: RoutingState;
  /** 0 (inclusive) to 1. */
  random?: () => number;
}

/**
 * Turns the facts of a request into an ordered list of targets: names and rules say which come into question, their abilities
 * and circuits which of them can be used, a strategy and the conversation's home in which order they are tried.
 *
 * Another configuration makes another router, and requests in flight keep theirs.
 */
export class ProviderRouter {
  readonly names: ModelNames;
  readonly #routing: Config['routing'];
  readonly #state: RoutingState;
  readonly #rules: RuleSet;
  readonly #random: () => number;

  constructor({ config, providers, demo, state, random = Math.random }: RouterOptions) {
    this.names = new ModelNames(config, providers, demo);
    this.#routing = config.routing;
    this.#state = state;
    this.#rules = new RuleSet(config.routing.rules, config.routing.routes);
    this.#random = random;
  }

  /** What in the configuration leads nowhere, for people. */
  get warnings(): readonly string[] {
    if (this.names.mayGrow) return [];
    const inRules = this.#rules.named.flatMap(({ who, targets, model }) => [
      // Of `provider-id/*`, only the provider is certain.
      ...targets
        .filter((name) => this.names.targetsOf(name.replace(/\/\*$/, '/any'), '').length === 0)
        .map((name) => `${who} leads to '${name}', which no enabled provider has.`),
      ...(model !== null && this.names.understandInstead(model).as === 'unknown'
        ? [`${who} asks for '${model}' instead, which no enabled provider has.`]
        : []),
    ]);
    return [...this.names.warnings, ...inRules];
  }

  /** Names of the headers that rules ask for, in lower case. */
  get headers(): ReadonlySet<string> {
    return this.#rules.headers;
  }

  /** @throws ProxyError `unknown_model`, naming near matches; `rule_leads_nowhere`, `budget_spent` */
  plan(facts: RoutingFacts): Plan {
    const decision = this.#decide(facts);
    const { route, rule, candidates, budgets } = decision;
    const targets = inPlaces(candidates, ['target', 'fallback']);
    if (targets.length === 0 || budgets.refuses !== null) throw this.#nowhere(decision);
    return {
      route,
      targets,
      reserves: inPlaces(candidates, ['reserve']),
      contentPolicy: inPlaces(candidates, ['content-policy']),
      cache: rule?.use.cache ?? null,
      trace: this.#traceOf(decision),
      explain: () => this.#view(decision),
    };
  }

  /** How a request would be routed; says so, where it leads nowhere. */
  explain(facts: RoutingFacts): RouteView {
    return this.#view(this.#decide(facts));
  }

  /**
   * An attempt is to begin. Null: its circuit has opened meanwhile. Else what to call when it has ended.
   * @param isReserve nothing else is left: it begins whatever its circuit says.
   */
  begin(facts: RoutingFacts, target: Target, isReserve = false): ((result: AttemptResult) => void) | null {
    return this.#state.begin(facts, target, isReserve);
  }

  list(): ListedModel[] {
    return this.names.list();
  }

  /** @throws ProxyError `unknown_model` */
  find(asked: string): ListedModel {
    return this.names.find(asked);
  }

  #decide(facts: RoutingFacts): Decision {
    const asked = this.names.understand(facts.model);
    const rule = this.#rules.first({ facts, naming: asked });
    const changes = rule?.use.change ?? null;
    const model = changes?.model ?? facts.model;
    const naming = changes?.model === undefined ? asked : this.names.understandInstead(model);
    const budgets = budgetEffect(facts);
    const { instead } = budgets;
    const listed = instead === null ? rule?.use.targets : targetsNamed(instead.use);
    const choices: Choice[] =
      listed === undefined
        ? naming.targets.map((target) => this.#choice(target, target.provider.weight, changes))
        : this.#choicesOf(listed, model, changes);
    const further = instead === null ? (rule?.use.fallback ?? []) : [];
    const forClosed = [...budgets.closed.values()].flatMap(({ provider, use }) =>
      choices.some(({ target }) => target.provider.id === provider) ? targetsNamed(use) : [],
    );
    const fallback = this.#choicesOf([...further, ...forClosed], model, changes);
    const strategy = this.#strategyOf(rule, naming, instead);
    const { candidates, affinity } = this.#order(facts, strategy.name, choices, fallback, budgets);
    const contentPolicy = this.#choicesOf(instead === null ? (rule?.use.contentPolicy ?? []) : [], model, changes)
      .filter(({ target }) => !budgets.closed.has(target.provider.id))
      .map((choice): Candidate => ({ ...choice, place: 'content-policy', score: null, why: null }));
    return {
      facts,
      asked,
      naming,
      rule,
      route: instead === null ? (rule?.route ?? naming.route) : `budget ${instead.id}`,
      strategy,
      affinity,
      changes,
      budgets,
      candidates: [...candidates, ...contentPolicy],
    };
  }

  #choice(target: Target, weight: number, changes: Changes | null): Choice {
    return { target: changes === null ? target : { ...target, changes }, weight };
  }

  #choicesOf(targets: readonly RuleTarget[], asked: string, changes: Changes | null): Choice[] {
    return targets.flatMap(({ target: name, weight }) =>
      this.names.targetsOf(name, asked).map((target) => this.#choice(target, weight, changes)),
    );
  }

  #strategyOf(
    rule: MatchedRule | null,
    { isShared }: Understood,
    instead: BudgetEffect['instead'],
  ): Decision['strategy'] {
    if (instead !== null) return { name: 'priority', why: spentInWords(instead) };
    if (rule?.use.strategy !== undefined) return { name: rule.use.strategy, why: `rule '${rule.id}' says so` };
    if (rule?.use.targets !== undefined) return { name: 'priority', why: 'in the order in which the rule names them' };
    const { strategy } = this.#routing.loadBalancing;
    if (isShared)
      return { name: strategy, why: 'routing.loadBalancing.strategy, for a model that several providers have' };
    return { name: 'priority', why: 'in the order in which they are named' };
  }

  /** Sorts out who can be used, and in which order. */
  #order(
    facts: RoutingFacts,
    strategy: Strategy,
    choices: readonly Choice[],
    fallback: readonly Choice[],
    { closed }: BudgetEffect,
  ): { candidates: Candidate[]; affinity: string | null } {
    const seen = new Set<string>();
    const ready: Choice[] = [];
    const later: Candidate[] = [];
    const reserves: Candidate[] = [];
    const unable: Candidate[] = [];
    const spent: Candidate[] = [];
    const readyFallback: Candidate[] = [];
    const unusable = new Map<string, string>();
    const sort = (choice: Choice, isFallback: boolean): void => {
      const name = nameOf(choice.target);
      if (seen.has(name)) return;
      seen.add(name);
      const place = isFallback ? 'fallback' : 'target';
      const { provider, model } = choice.target;
      const budget = closed.get(provider.id);
      if (budget !== undefined) {
        const words = spentInWords(budget);
        unusable.set(name, words);
        spent.push(candidateOf(choice, 'skipped', null, words));
        return;
      }
      const why = unfit(facts, choice.target);
      if (why !== null) {
        unusable.set(name, why);
        unable.push(candidateOf(choice, 'skipped', null, why));
        return;
      }
      const circuit = this.#state.circuits.standing(provider.id, model);
      if (circuit.state === 'open') {
        unusable.set(name, circuit.why ?? 'its circuit is open');
        reserves.push(candidateOf(choice, 'reserve', null, circuit.why));
        return;
      }
      const trouble = this.#state.troubleOf(choice.target);
      if (trouble !== null) {
        unusable.set(name, trouble);
        later.push(candidateOf(choice, place, null, `tried later: ${trouble}`));
      } else if (isFallback) readyFallback.push(candidateOf(choice, place, null, null));
      else ready.push(choice);
    };
    for (const choice of choices) sort(choice, false);
    for (const choice of fallback) sort(choice, true);

    const ranked: Candidate[] =
      ready.length === 0
        ? []
        : rank(strategy, ready, {
            facts,
            outcomes: this.#state.outcomes,
            random: this.#random,
            explore: this.#routing.learned.explore,
          }).map(({ choice, score, why }) => candidateOf(choice, 'target', score, why));
    const stay = this.#state.affinity.stay(
      facts,
      strategy,
      [...ranked, ...readyFallback].map(({ target }) => target),
      unusable,
    );
    let ordered = [...ranked, ...readyFallback, ...later];
    const home = stay.index === null ? undefined : ordered[stay.index];
    if (home !== undefined) ordered = [home, ...ordered.filter((one) => one !== home)];
    if (ordered.length === 0) ordered = reserves.splice(0).map((one) => ({ ...one, place: 'target' }));
    // What nobody can do is for a provider to refuse: what is known of models may be wrong.
    if (ordered.length === 0)
      ordered = unable
        .splice(0)
        .map((one) => ({ ...one, place: 'target', why: `${one.why}, but no other target is there` }));
    const others = [...ordered.slice(1), ...reserves];
    const kept = this.#routing.loadBalancing.failover ? others : others.map(withoutFailover);
    return { candidates: [...ordered.slice(0, 1), ...kept, ...unable, ...spent], affinity: stay.why };
  }

  /** The decision in a few words. */
  #traceOf({ naming, rule, affinity, strategy, candidates, budgets: { instead } }: Decision): TraceStep[] {
    const trace: TraceStep[] = naming.steps.map((detail) => ({ step: 'model', detail }));
    if (rule !== null) trace.push({ step: 'rule', detail: `'${rule.id}' matches` });
    if (instead !== null)
      trace.push({
        step: 'budget',
        detail: `${spentInWords(instead)}: other targets until it begins anew ${instead.until}`,
      });
    for (const { place, target, why } of candidates)
      if (place === 'skipped' && why !== FAILOVER_IS_OFF)
        trace.push({ step: 'target skipped', detail: `${nameOf(target)}: ${why}` });
      else if (place === 'reserve') trace.push({ step: 'target left alone', detail: `${nameOf(target)}: ${why}` });
    if (affinity !== null) trace.push({ step: 'conversation', detail: affinity });
    const tried = candidates.filter(({ place }) => place === 'target' || place === 'fallback');
    const off = this.#routing.loadBalancing.failover ? '' : ' (failover is off)';
    const chosen = strategy.name === 'priority' || tried.length < 2 ? '' : ` (${strategy.name})`;
    trace.push({
      step: 'targets',
      detail: `${tried.map(({ target }) => nameOf(target)).join(', then ')}${chosen}${off}`,
    });
    return trace;
  }

  /** A rule whose targets are not there is not passed over: what it keeps together, such as money or what is private, would not be. */
  #nowhere({ facts, rule, changes, budgets, candidates }: Decision): ProxyError {
    const { refuses, instead, closed } = budgets;
    const isClosed = candidates.find(({ target }) => closed.has(target.provider.id));
    const budget = refuses ?? (isClosed === undefined ? instead : closed.get(isClosed.target.provider.id)) ?? null;
    if (budget !== null) {
      const { id, figure, until } = budget;
      return ProxyError.of('budget_spent', { budget: id, figure, until });
    }
    const targets = [...(rule?.use.targets ?? []), ...(rule?.use.fallback ?? [])].map(({ target }) => target);
    if (rule !== null && rule.use.targets !== undefined)
      return ProxyError.of('rule_leads_nowhere', { rule: rule.id, targets });
    return this.names.unknown(changes?.model ?? facts.model);
  }

  #view(decision: Decision): RouteView {
    const { facts, asked, naming, route, strategy, affinity, changes, candidates } = decision;
    let order = 0;
    const hasTarget =
      decision.budgets.refuses === null && candidates.some(({ place }) => place === 'target' || place === 'fallback');
    return {
      facts: facts instanceof RequestFacts ? facts.settled() : facts,
      naming: { as: naming.as, alias: naming.alias, tier: naming.tier, steps: [...naming.steps] },
      rules: this.#rules.views({ facts, naming: asked }),
      route,
      strategy,
      affinity,
      changes: changes === null ? null : shownChanges(changes),
      candidates: candidates.map(({ target, place, score, why }) => {
        const isTried = place === 'target' || place === 'fallback';
        if (isTried) order += 1;
        return {
          provider: target.provider.id,
          model: target.model,
          place,
          order: isTried ? order : null,
          score,
          why: typeof why === 'function' ? why() : why,
        };
      }),
      problem: hasTarget ? null : this.#nowhere(decision).message,
    };
  }
}

/** Written out, for a request may have many, and copies of unknown shape take several times as long. */
const candidateOf = ({ target, weight }: Choice, place: CandidatePlace, score: number | null, why: Why): Candidate => ({
  target,
  weight,
  place,
  score,
  why,
});

/** A header may carry what is nobody's business. */
const shownChanges = ({ headers, ...changes }: Changes): Changes =>
  headers === undefined
    ? changes
    : { ...changes, headers: Object.fromEntries(Object.keys(headers).map((name) => [name, '[redacted]'])) };

const withoutFailover = (one: Candidate): Candidate => ({ ...one, place: 'skipped', why: FAILOVER_IS_OFF });

const targetsNamed = (use: readonly string[] | null): RuleTarget[] =>
  (use ?? []).map((target) => ({ target, weight: 1 }));

const inPlaces = (candidates: readonly Candidate[], places: readonly CandidatePlace[]): Target[] =>
  candidates.filter(({ place }) => places.includes(place)).map(({ target }) => target);
