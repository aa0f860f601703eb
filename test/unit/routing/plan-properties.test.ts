import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttemptResult } from '../../../src-main/routing/attempt-result.ts';
import { nameOf, type Plan } from '../../../src-main/routing/plan.ts';
import type { ConfigInput } from '../../../src-shared/config.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import type { RouteView, RoutingFacts } from '../../../src-shared/routing.ts';
import { type RuleInput, strategies } from '../../../src-shared/rules.ts';
import { factsOf, type RouterParts, routerFor } from '../../helpers/routing.ts';

/** What holds of every plan, beside a plain reading of the same configuration. */

const providerIds = ['p0', 'p1', 'p2', 'p3', 'p4'];
const modelIds = ['m0', 'm1', 'm2'];

interface ModelCase {
  id: string;
  tools: boolean | undefined;
  vision: boolean | undefined;
  documents: boolean | undefined;
  contextWindow: number | undefined;
}

interface ProviderCase {
  id: string;
  enabled: boolean;
  priority: number;
  weight: number;
  models: ModelCase[];
  isDown: boolean;
  /** Models whose circuit is to be open. */
  failing: string[];
}

interface Case {
  providers: ProviderCase[];
  aliases: Record<string, string[]>;
  tiers: Record<string, string[]>;
  rules: RuleInput[];
  strategy: (typeof strategies)[number];
  failover: boolean;
  defaultProvider: string | undefined;
  asked: string;
  facts: Partial<RoutingFacts>;
  /** Answered by this target before, in the same conversation. */
  home: string | null;
  random: number;
}

const able = fc.constantFrom(true, false, undefined);
const model = fc.record<ModelCase>({
  id: fc.constantFrom(...modelIds),
  tools: able,
  vision: able,
  documents: able,
  contextWindow: fc.constantFrom(undefined, 4_000, 200_000),
});
const target = fc
  .tuple(fc.constantFrom(...providerIds, 'p9'), fc.constantFrom(...modelIds))
  .map(([provider, id]) => `${provider}/${id}`);
const name = fc.oneof({ weight: 3, arbitrary: target }, fc.constantFrom(...modelIds), fc.constant('nothing'));
const names = fc.uniqueArray(name, { minLength: 1, maxLength: 6 });
const targetsOfRule = fc.oneof(
  names,
  fc.constantFrom([['alias-0']], ['p1/*']).map((one) => one.flat()),
);

const when = fc.constantFrom<NonNullable<RuleInput['when']>>(
  {},
  { images: true },
  { images: false },
  { tools: '*' },
  { inputTokens: { min: 10_000 } },
  { model: 'm*' },
  { class: 'background' },
  { not: { thinking: true } },
);

const rules = fc.array(
  fc
    .record(
      {
        enabled: fc.boolean(),
        when,
        targets: targetsOfRule,
        fallback: names,
        strategy: fc.constantFrom(...strategies),
        model: fc.option(name, { nil: undefined }),
      },
      { requiredKeys: ['enabled', 'when'] },
    )
    .map(
      ({ enabled, when: condition, model: other, ...use }): Omit<RuleInput, 'id'> => ({
        enabled,
        when: condition,
        use: { ...use, ...(other === undefined ? {} : { change: { model: other } }) },
      }),
    ),
  { maxLength: 3 },
);

const cases: fc.Arbitrary<Case> = fc.record({
  providers: fc
    .tuple(
      ...providerIds.map((id) =>
        fc.record<ProviderCase>({
          id: fc.constant(id),
          enabled: fc.integer({ min: 0, max: 3 }).map((lot) => lot > 0),
          priority: fc.integer({ min: 1, max: 3 }),
          weight: fc.integer({ min: 1, max: 4 }),
          models: fc.uniqueArray(model, { selector: ({ id: own }) => own, minLength: 1, maxLength: 3 }),
          isDown: fc.integer({ min: 0, max: 4 }).map((lot) => lot === 0),
          failing: fc.uniqueArray(fc.constantFrom(...modelIds), { maxLength: 2 }),
        }),
      ),
    )
    .map((all) => [...all]),
  aliases: fc.dictionary(fc.constantFrom('alias-0', 'alias-1'), names),
  tiers: fc.dictionary(fc.constantFrom('opus', 'haiku'), names),
  rules: rules.map((all) => all.map((rule, index) => ({ ...rule, id: `r${index}` }))),
  strategy: fc.constantFrom(...strategies),
  failover: fc.integer({ min: 0, max: 5 }).map((lot) => lot > 0),
  defaultProvider: fc.option(fc.constantFrom(...providerIds), { nil: undefined }),
  asked: fc.oneof(name, fc.constantFrom('alias-0', 'alias-1', 'claude-opus-9', 'some-haiku')),
  facts: fc.record({
    tools: fc.constantFrom([], ['Bash', 'Read']),
    images: fc.boolean(),
    documents: fc.boolean(),
    thinking: fc.boolean(),
    inputTokens: fc.constantFrom(500, 50_000),
    class: fc.constantFrom('main', 'background'),
    midTurn: fc.boolean(),
    conversation: fc.constantFrom(null, 'one'),
  }),
  home: fc.option(target, { nil: null }),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

function configOf({ providers, aliases, tiers, rules: own, strategy, failover, defaultProvider }: Case): ConfigInput {
  return {
    providers: providers.map(({ id, enabled, priority, weight, models }) => ({
      id,
      type: 'openai-compatible',
      baseUrl: 'http://127.0.0.1:1',
      enabled,
      priority,
      weight,
      models: models.map(({ id: own_, contextWindow, tools, vision, documents }) => ({
        id: own_,
        capabilities: { tools, vision, documents },
        ...(contextWindow === undefined ? {} : { contextWindow }),
      })),
    })),
    aliases,
    routing: {
      tiers,
      rules: own,
      loadBalancing: { strategy, failover },
      ...(defaultProvider === undefined ? {} : { defaultProvider }),
    },
  };
}

const failed: AttemptResult = {
  outcome: 'failed',
  error: ProxyError.of('provider_silent', { provider: 'p', ms: 1 }).view(),
  status: null,
  retryAfterMs: null,
  firstContentMs: null,
  totalMs: 1,
  usage: null,
};
const answered: AttemptResult = {
  outcome: 'answered',
  error: null,
  status: 200,
  retryAfterMs: null,
  firstContentMs: 5,
  totalMs: 9,
  usage: { input: 1, cacheRead: 2_000, cacheWrite: 0, output: 5 },
};

/** A router that has seen a conversation's first answer, and then targets that fail until they are left alone. */
function lived(given: Case): RouterParts {
  const parts = routerFor(configOf(given), {
    random: () => given.random,
    downReason: (id) => (given.providers.find((provider) => provider.id === id)?.isDown === true ? 'it is down' : null),
  });
  const facts = factsOf(given.facts);
  const targetOf = (written: string) => parts.router.names.targetsOf(written, written)[0];
  const home = given.home === null ? undefined : targetOf(given.home);
  if (home !== undefined) parts.router.begin(facts, home)?.(answered);
  for (const { id, failing } of given.providers)
    for (const written of failing) {
      const failingTarget = targetOf(`${id}/${written}`);
      if (failingTarget === undefined) continue;
      for (let time = 0; time < 10; time += 1) parts.router.begin(factsOf(), failingTarget)?.(failed);
    }
  return parts;
}

/** Whether the configuration says that a target cannot do what is asked. */
function isUnfit({ providers, facts }: Case, target_: string): boolean {
  const [id, written] = target_.split('/');
  const known = providers.find((one) => one.id === id)?.models.find((one) => one.id === written);
  if (known === undefined) return false;
  const { tools = [], images = false, documents = false, inputTokens = 0 } = facts;
  return (
    (known.tools === false && tools.length > 0) ||
    (known.vision === false && images) ||
    (known.documents === false && documents) ||
    (known.contextWindow !== undefined && inputTokens > 2 * known.contextWindow)
  );
}

const isEnabled = ({ providers }: Case, target_: string): boolean =>
  target_ === 'demo/demo' || providers.some(({ id, enabled }) => enabled && target_.startsWith(`${id}/`));

interface Named {
  provider: { id: string };
  model: string;
}

const named = (target_: string): Named => {
  const [id = '', ...rest] = target_.split('/');
  return { provider: { id }, model: rest.join('/') };
};

const isOpen = ({ state }: RouterParts, { provider, model: written }: Named): boolean =>
  state.circuits.standing(provider.id, written).state === 'open';

const isDown = ({ providers }: Case, target_: string): boolean =>
  providers.some((one) => one.isDown && target_.startsWith(`${one.id}/`));

const orderOf = ({ candidates }: RouteView): string[] =>
  candidates
    .filter(({ order }) => order !== null)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map((one) => `${one.provider}/${one.model}`);

interface Planned {
  plan: Plan | null;
  problem: ProxyError | null;
  parts: RouterParts;
  facts: RoutingFacts;
}

function planned(given: Case): Planned {
  const parts = lived(given);
  const facts = factsOf({ ...given.facts, model: given.asked });
  try {
    return { plan: parts.router.plan(facts), problem: null, parts, facts };
  } catch (error) {
    if (error instanceof ProxyError) return { plan: null, problem: error, parts, facts };
    throw error;
  }
}

/** For all cases that lead somewhere. */
function always(property: (given: Case, plan: Plan, rest: Planned) => void): void {
  fc.assert(
    fc.property(cases, (given) => {
      const rest = planned(given);
      if (rest.plan !== null) property(given, rest.plan, rest);
    }),
    { numRuns: 400 },
  );
}

describe('every plan', () => {
  it('has at least one target, unless the model is unknown', () => {
    fc.assert(
      fc.property(cases, (given) => {
        const { plan, problem, parts, facts } = planned(given);
        if (plan === null) {
          expect(['unknown_model', 'rule_leads_nowhere']).toContain(problem?.code);
          const view = parts.router.explain(facts);
          expect(view.problem).not.toBeNull();
          // Nothing that could be used was overlooked.
          expect(view.candidates.filter(({ place }) => place !== 'content-policy')).toEqual([]);
        } else expect(plan.targets.length).toBeGreaterThan(0);
      }),
      { numRuns: 400 },
    );
  });

  it('names no target twice', () => {
    always((_given, { targets, reserves }) => {
      const all = [...targets, ...reserves].map(nameOf);
      expect(new Set(all).size).toBe(all.length);
    });
  });

  it('has no target of a disabled provider', () => {
    always((given, { targets, reserves, contentPolicy }) => {
      for (const one of [...targets, ...reserves, ...contentPolicy]) expect(isEnabled(given, nameOf(one))).toBe(true);
    });
  });

  it('has no target that is unable or left alone while another is there', () => {
    let left = 0;
    let unable = 0;
    always((given, { targets, explain }, { parts }) => {
      const candidates = explain()
        .candidates.filter(({ place }) => place !== 'content-policy')
        .map((one) => `${one.provider}/${one.model}`);
      const open = candidates.filter((one) => isOpen(parts, named(one)));
      const unfit = candidates.filter((one) => isUnfit(given, one));
      if (open.length > 0) left += 1;
      if (unfit.length > 0) unable += 1;
      const usable = candidates.filter((one) => !unfit.includes(one) && !open.includes(one));
      if (usable.length === 0) return;
      const chosen = targets.map(nameOf);
      expect(chosen.filter((one) => unfit.includes(one) || open.includes(one))).toEqual([]);
      // And none that is usable is missing.
      if (given.failover) expect(chosen.toSorted()).toEqual([...new Set(usable)].toSorted());
      else expect(chosen).toHaveLength(1);
    });
    // Else nothing was shown.
    expect(left).toBeGreaterThan(20);
    expect(unable).toBeGreaterThan(20);
  });

  it('leaves for later only what is open', () => {
    always((given, { reserves }, { parts }) => {
      for (const one of reserves) {
        expect(isOpen(parts, one)).toBe(true);
        expect(isUnfit(given, nameOf(one))).toBe(false);
      }
    });
  });

  it('asks providers that are down after all others', () => {
    let seen = 0;
    always((given, { targets }, { parts }) => {
      // Of those that nobody could use, each is as good as the other.
      if (targets.some((one) => isUnfit(given, nameOf(one)) || isOpen(parts, one))) return;
      const down = targets.map((one) => isDown(given, nameOf(one)));
      if (down.includes(true) && down.includes(false)) seen += 1;
      expect(down).toEqual(down.toSorted((a, b) => Number(a) - Number(b)));
    });
    expect(seen).toBeGreaterThan(5);
  });

  it('is what its explanation and the simulator say, in the same order, and changes nothing', () => {
    always((given, plan, { parts, facts }) => {
      const order = plan.targets.map(nameOf);
      expect(orderOf(plan.explain())).toEqual(order);
      const simulated = parts.router.explain(facts);
      expect(orderOf(simulated)).toEqual(order);
      expect(simulated.route).toBe(plan.route);
      expect(simulated.problem).toBeNull();
      const again = parts.router.plan(facts);
      expect(again.targets.map(nameOf)).toEqual(order);
      expect(again.reserves.map(nameOf)).toEqual(plan.reserves.map(nameOf));
      const places = (place: string): string[] =>
        simulated.candidates.filter((one) => one.place === place).map((one) => `${one.provider}/${one.model}`);
      expect(places('reserve')).toEqual(plan.reserves.map(nameOf));
      // Whoever is skipped is told why.
      for (const { place, why } of simulated.candidates)
        if (place === 'skipped' || place === 'reserve') expect(why).toBeTruthy();
      if (!given.failover) expect(order).toHaveLength(1);
    });
  });
});
