import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type RuleQuestion, RuleSet } from '../../../src-main/routing/rule-set.ts';
import { configSchema } from '../../../src-shared/config.ts';
import type { RoutingFacts } from '../../../src-shared/routing.ts';
import { namings, type Routes, type RuleInput, requestClasses, type routesSchema } from '../../../src-shared/rules.ts';
import { factsOf, routerFor } from '../../helpers/routing.ts';

type RoutesInput = (typeof routesSchema)['_zod']['input'];

function ruleSet(rules: RuleInput[], routes: RoutesInput = {}): RuleSet {
  const { routing } = configSchema.parse({ routing: { rules, routes } });
  return new RuleSet(routing.rules, routing.routes);
}

const question = (facts: Partial<RoutingFacts> = {}, naming: Partial<RuleQuestion['naming']> = {}): RuleQuestion => ({
  facts: factsOf(facts),
  naming: { as: 'model', alias: null, tier: null, ...naming },
});

const use = { targets: 'p/m' };

describe('rules', () => {
  it('are asked in their order, and the first that matches decides', () => {
    const rules = ruleSet([
      { id: 'off', enabled: false, use },
      { id: 'background', name: 'Small jobs', when: { class: 'background' }, use },
      { id: 'long', when: { inputTokens: { min: 60_000 } }, use: { targets: ['a/b', 'c/d'], strategy: 'weighted' } },
      { id: 'rest', use },
    ]);
    const asked = question({ inputTokens: 61_000 });
    expect(rules.first(asked)).toEqual({
      id: 'long',
      route: 'rule long',
      use: {
        targets: [
          { target: 'a/b', weight: 1 },
          { target: 'c/d', weight: 1 },
        ],
        strategy: 'weighted',
      },
    });
    expect(rules.views(asked)).toEqual([
      { id: 'off', name: null, source: 'rule', outcome: 'off', why: null },
      {
        id: 'background',
        name: 'Small jobs',
        source: 'rule',
        outcome: 'not-matched',
        why: 'class is main, not background',
      },
      { id: 'long', name: null, source: 'rule', outcome: 'matched', why: 'inputTokens is 61,000' },
      { id: 'rest', name: null, source: 'rule', outcome: 'not-reached', why: null },
    ]);
  });

  it('that do not match leave the request to its name', () => {
    const rules = ruleSet([{ id: 'a', when: { class: 'background' }, use }]);
    expect(rules.first(question())).toBeNull();
    expect(ruleSet([]).first(question())).toBeNull();
  });

  it('tell which headers they ask for, wherever that stands', () => {
    const { headers } = ruleSet([
      { id: 'a', when: { headers: { 'X-Team': 'red' } }, use },
      { id: 'b', enabled: false, when: { any: [{ not: { headers: { 'x-DEEP': true } } }, { all: [{}] }] }, use },
    ]);
    expect([...headers].sort()).toEqual(['x-deep', 'x-team']);
  });

  it('have one match at most, a reason for each that has none, and nothing after it', () => {
    const conditions = fc.constantFrom<RuleInput['when'][]>(
      {},
      { class: 'background' },
      { not: { class: ['main', 'title'] } },
      { any: [{ images: true }, { named: 'alias' }] },
      { inputTokens: { min: 500 }, images: false },
      { headers: { 'x-a': true } },
    );
    const inputs = fc
      .array(fc.record({ when: conditions, enabled: fc.boolean() }), { maxLength: 6 })
      .map((some) => some.map(({ when = {}, enabled }, index): RuleInput => ({ id: `r${index}`, when, enabled, use })));
    const routes = fc.record({ background: fc.constant('p/m'), thinking: fc.constant('p/m') }, { requiredKeys: [] });
    const questions = fc
      .record({
        class: fc.constantFrom(...requestClasses),
        images: fc.boolean(),
        thinking: fc.boolean(),
        inputTokens: fc.nat(1000),
        as: fc.constantFrom(...namings),
      })
      .map(({ as, ...facts }) => question(facts, { as }));
    fc.assert(
      fc.property(inputs, routes, questions, (rules, ready, asked) => {
        const compiled = ruleSet(rules, ready);
        const first = compiled.first(asked);
        const views = compiled.views(asked);
        const matched = views.filter(({ outcome }) => outcome === 'matched');
        expect(matched.map(({ id }) => id)).toEqual(first === null ? [] : [first.id]);
        const decided = views.findIndex(({ outcome }) => outcome === 'matched');
        for (const [index, { outcome, why }] of views.entries()) {
          if (outcome === 'not-matched') expect(why).toMatch(/./);
          if (decided !== -1 && index > decided) expect(['not-reached', 'off']).toContain(outcome);
          else if (outcome !== 'off') expect(outcome).not.toBe('not-reached');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('ready-made routes', () => {
  const all: Omit<Routes, 'longContextTokens'> = configSchema.parse({
    routing: {
      routes: {
        webSearch: 'a/web',
        compaction: 'a/compact',
        image: 'a/image',
        longContext: 'a/long',
        background: 'a/small',
        subagent: 'a/sub',
        thinking: 'a/think',
      },
    },
  }).routing.routes;
  const rules = new RuleSet([], { ...all, longContextTokens: 100_000 });
  const chosen = (facts: Partial<RoutingFacts>, naming: Partial<RuleQuestion['naming']> = {}) =>
    rules.first(question(facts, naming))?.route ?? null;

  test.each<[string | null, Partial<RoutingFacts>]>([
    [null, {}],
    ['rule web-search', { class: 'web-search', images: true }],
    ['rule compaction', { class: 'compaction', inputTokens: 190_000 }],
    ['rule image', { images: true, inputTokens: 100_000 }],
    ['rule long-context', { inputTokens: 100_000, class: 'background' }],
    [null, { inputTokens: 99_999 }],
    ['rule background', { class: 'background', thinking: true }],
    ['rule background', { class: 'title' }],
    [null, { class: 'classifier' }],
    ['rule subagent', { class: 'subagent', thinking: true }],
    ['rule thinking', { thinking: true }],
  ])('%s for %j', (route, facts) => {
    expect(chosen(facts)).toBe(route);
  });

  it('come after the own rules, and never take a request that names its provider', () => {
    const own = new RuleSet(
      configSchema.parse({ routing: { rules: [{ id: 'mine', when: { images: true }, use }] } }).routing.rules,
      { ...all, longContextTokens: 100_000 },
    );
    expect(own.first(question({ images: true }))?.id).toBe('mine');
    expect(chosen({ class: 'background' }, { as: 'provider' })).toBeNull();
    expect(chosen({ class: 'background' }, { as: 'alias' })).toBe('rule background');
    expect(rules.views(question({}, { as: 'provider' })).at(-1)).toEqual({
      id: 'thinking',
      name: null,
      source: 'ready-made',
      outcome: 'not-matched',
      why: 'named is provider; it asks for no thinking',
    });
  });

  it('may be a target, a list, or all that stands under use', () => {
    const given = ruleSet([], { image: ['a/b', { target: 'c/d', weight: 2 }], thinking: { strategy: 'learned' } });
    expect(given.first(question({ images: true }))?.use).toEqual({
      targets: [
        { target: 'a/b', weight: 1 },
        { target: 'c/d', weight: 2 },
      ],
    });
    expect(given.first(question({ thinking: true }))?.use).toEqual({ strategy: 'learned' });
  });
});

describe('a router', () => {
  const provider = (id: string, models: string[]) =>
    ({ id, type: 'openai-compatible', baseUrl: 'http://127.0.0.1:1', models }) as const;

  it('warns of rules that lead nowhere', () => {
    const { router } = routerFor({
      providers: [provider('p', ['m']), { ...provider('asleep', ['n']), enabled: false }],
      aliases: { fast: 'p/m' },
      routing: {
        rules: [
          { id: 'good', when: { images: true }, use: { targets: ['p/m', 'p/unlisted', 'p/*', 'fast', 'm'] } },
          { id: 'bad', use: { targets: ['gone/*', 'n'], fallback: 'asleep/n', contentPolicy: 'nobody' } },
          { id: 'other', use: { change: { model: 'nowhere' } } },
          { id: 'off', enabled: false, use: { targets: 'gone/m' } },
        ],
        routes: { background: 'gone/other' },
      },
    });
    expect(router.warnings).toEqual([
      "The rule 'bad' leads to 'gone/*', which no enabled provider has.",
      "The rule 'bad' leads to 'n', which no enabled provider has.",
      "The rule 'bad' leads to 'asleep/n', which no enabled provider has.",
      "The rule 'bad' leads to 'nobody', which no enabled provider has.",
      "The rule 'other' asks for 'nowhere' instead, which no enabled provider has.",
      "The ready-made rule 'background' leads to 'gone/other', which no enabled provider has.",
    ]);
  });

  it('routes by them', () => {
    const { router } = routerFor({
      providers: [provider('big', ['m']), provider('small', ['s'])],
      routing: {
        routes: { background: 'small/s' },
        rules: [{ id: 'loud', when: { model: 'LOUD' }, use: { targets: 'big/m' } }],
      },
    });
    const route = (facts: Partial<RoutingFacts>) => {
      const plan = router.plan(factsOf(facts));
      return [plan.route, ...plan.targets.map(({ provider: { id }, model }) => `${id}/${model}`)];
    };
    expect(route({ model: 'm' })).toEqual(['model m', 'big/m']);
    expect(route({ model: 'm', class: 'title' })).toEqual(['rule background', 'small/s']);
    expect(route({ model: 'big/m', class: 'title' })).toEqual(['provider big', 'big/m']);
    expect(route({ model: 'loud' })).toEqual(['rule loud', 'big/m']);
  });
});
