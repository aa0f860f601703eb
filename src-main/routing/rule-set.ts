import type { RuleView } from '../../src-shared/routing.ts';
import type { Routes, Rule, Use } from '../../src-shared/rules.ts';
import { type CompiledCondition, compileCondition, headersIn, type RuleQuestion } from './conditions.ts';
import { readyMadeRules } from './ready-made-rules.ts';

export type { RuleQuestion } from './conditions.ts';

/** A rule that has matched. */
export interface MatchedRule {
  readonly id: string;
  /** As in `x-cproxy-route`: `rule background`. */
  readonly route: string;
  readonly use: Use;
}

/** What of the configuration names targets. */
export interface NamedTargets {
  /** `The rule 'cheap'` */
  readonly who: string;
  /** As `ModelNames.targetsOf` takes them. */
  readonly targets: readonly string[];
  /** The model that is asked for instead. */
  readonly model: string | null;
}

interface Entry {
  readonly rule: Rule;
  readonly source: RuleView['source'];
  readonly condition: CompiledCondition;
  readonly matched: MatchedRule;
}

/** The rules of a configuration, compiled: the user's own, then those of `routing.routes`. The first that matches decides. */
export class RuleSet {
  /** Names of the headers that rules ask for, in lower case; also of rules that are off, for someone may try them on. */
  readonly headers: ReadonlySet<string>;
  readonly #all: readonly Entry[];
  readonly #enabled: readonly Entry[];

  constructor(rules: readonly Rule[], routes: Routes) {
    this.#all = [
      ...rules.map((rule) => entryOf(rule, 'rule')),
      ...readyMadeRules(routes).map((rule) => entryOf(rule, 'ready-made')),
    ];
    this.#enabled = this.#all.filter(({ rule }) => rule.enabled);
    this.headers = new Set(this.#all.flatMap(({ rule }) => headersIn(rule.when)));
  }

  /** The rule that decides; null where none matches. */
  first(question: RuleQuestion): MatchedRule | null {
    for (const { condition, matched } of this.#enabled) if (condition.holds(question)) return matched;
    return null;
  }

  /** What has become of each rule, and why. Those that are off are `off` wherever they stand. */
  views(question: RuleQuestion): RuleView[] {
    let isDecided = false;
    return this.#all.map(({ rule, source, condition }): RuleView => {
      const view = { id: rule.id, name: rule.name ?? null, source };
      if (!rule.enabled) return { ...view, outcome: 'off', why: null };
      if (isDecided) return { ...view, outcome: 'not-reached', why: null };
      isDecided = condition.holds(question);
      return { ...view, outcome: isDecided ? 'matched' : 'not-matched', why: condition.why(question) };
    });
  }

  /** What enabled rules name, so that it can be looked whether it is there. */
  get named(): NamedTargets[] {
    return this.#enabled.map(({ rule: { id, use }, source }) => ({
      who: source === 'rule' ? `The rule '${id}'` : `The ready-made rule '${id}'`,
      targets: [use.targets, use.fallback, use.contentPolicy].flatMap((some = []) => some.map(({ target }) => target)),
      model: use.change?.model ?? null,
    }));
  }
}

const entryOf = (rule: Rule, source: RuleView['source']): Entry => ({
  rule,
  source,
  condition: compileCondition(rule.when),
  matched: { id: rule.id, route: `rule ${rule.id}`, use: rule.use },
});
