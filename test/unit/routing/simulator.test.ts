import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { nameOf } from '../../../src-main/routing/plan.ts';
import { madeFacts, simulate, type TrialRules, trialRules } from '../../../src-main/routing/simulator.ts';
import { type ConfigInput, configSchema } from '../../../src-shared/config.ts';
import { factsInputSchema } from '../../../src-shared/facts-input.ts';
import { type RuleInput, strategies } from '../../../src-shared/rules.ts';
import { factsOf, routerFor } from '../../helpers/routing.ts';

const providers: NonNullable<ConfigInput['providers']> = ['a', 'b', 'c'].map((id) => ({
  id,
  type: 'openai-compatible',
  baseUrl: `http://127.0.0.1:9/${id}`,
  models: ['m', 'small'],
}));
const rulesOf = (rules: RuleInput[] = [], more: ConfigInput = {}): TrialRules => {
  const input = { providers, ...more, routing: { ...more.routing, rules } };
  return { rules: configSchema.parse(input).routing.rules, router: routerFor(input, { random: () => 0.5 }).router };
};
const trial = (facts: Parameters<typeof factsOf>[0] = {}) => ({
  id: 'req_1',
  facts: factsOf({ model: 'm', ...facts }),
  went: null,
});

afterEach(() => {
  vi.useRealTimers();
});

describe('simulate', () => {
  it('says where a request would go by edited rules, and whether that is elsewhere', () => {
    const inForce = rulesOf();
    const edited = rulesOf([{ id: 'small', when: { class: 'background' }, use: { targets: 'b/small' } }]);
    expect(simulate(trial(), { inForce, edited })).toMatchObject({ differs: false, to: { target: 'a/m' } });
    expect(simulate(trial({ class: 'background' }), { inForce, edited })).toMatchObject({
      differs: true,
      to: { target: 'b/small', route: 'rule small' },
      before: { target: 'a/m', route: 'model m' },
    });
  });

  it('counts other changes of the request as well, but not another name for the same', () => {
    const rule = (id: string, maxTokens: number): TrialRules =>
      rulesOf([{ id, use: { targets: 'a/m', change: { maxTokens } } }]);
    expect(simulate(trial(), { inForce: rule('x', 5), edited: rule('y', 5) }).differs).toBe(false);
    expect(simulate(trial(), { inForce: rule('x', 5), edited: rule('x', 6) }).differs).toBe(true);
  });

  it('holds a logged request against how it went, where the rules in force are tried', () => {
    const inForce = rulesOf();
    const went = rulesOf([{ id: 'old', use: { targets: 'c/m' } }]).router.explain(factsOf({ model: 'm' }));
    expect(simulate({ ...trial(), went }, { inForce, edited: null })).toMatchObject({
      differs: true,
      before: { target: 'c/m', route: 'rule old' },
    });
    expect(simulate({ ...trial(), id: null }, { inForce, edited: null })).toMatchObject({
      differs: false,
      before: null,
    });
  });

  it('says where a name leads nowhere', () => {
    const found = simulate(trial({ model: 'nonsense' }), { inForce: rulesOf(), edited: null });
    expect(found.to.target).toBeNull();
    expect(found.explanation.problem).toContain('nonsense');
  });

  it('says which headers were not kept, of rules that were reached', () => {
    const ask = (headers: Record<string, string | boolean>, use = 'a/m'): RuleInput => ({
      id: Object.keys(headers).join('.'),
      when: { headers },
      use: { targets: use },
    });
    const unknown = (rules: RuleInput[], headers: Record<string, string>, inForce = rulesOf()) =>
      simulate(trial({ headers }), { inForce, edited: rulesOf(rules) }).unknown;
    expect(unknown([ask({ 'X-Team': 'blue' })], { 'x-team': '' })).toEqual([expect.stringContaining("'x-team'")]);
    expect(unknown([ask({ 'x-team': 'blue' })], {})).toEqual([]);
    expect(unknown([ask({ 'x-team': true })], { 'x-team': '' })).toEqual([]);
    expect(unknown([ask({ forwarded: true })], {})).toEqual([expect.stringContaining("'forwarded'")]);
    expect(unknown([{ id: 'all', use: { targets: 'a/m' } }, ask({ forwarded: true })], {})).toEqual([]);
    expect(unknown([ask({ forwarded: 'x' })], {}, rulesOf([ask({ forwarded: 'y' })]))).toEqual([]);
  });

  it.each(strategies)('leaves no trace with the strategy %s, and answers the same each time', (strategy) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const began = Date.now();
    const input: ConfigInput = { providers, routing: { loadBalancing: { strategy }, circuit: { failures: 2 } } };
    fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 5, maxLength: 40 }), (steps) => {
        const [plain, simulated] = [false, true].map((simulates) => {
          vi.setSystemTime(began);
          return walk(input, steps, simulates);
        });
        expect(simulated).toEqual(plain);
      }),
      { numRuns: 40 },
    );
  });
});

interface Step {
  conversation: number;
  outcome: 'answered' | 'failed';
  /** Before the next step. */
  ms: number;
}
const stepArbitrary = fc.record<Step>({
  conversation: fc.nat(4),
  outcome: fc.constantFrom('answered', 'failed', 'failed'),
  ms: fc.constantFrom(0, 10, 6_000, 20_000, 400_000),
});

/** Where requests go one after the other, with simulations of each before it or without. */
function walk(input: ConfigInput, steps: readonly Step[], simulates: boolean): string[] {
  let seed = 1;
  const random = (): number => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const { router, state } = routerFor(input, { random });
  const there = router.plan(factsOf({ model: 'm' })).targets.map(({ provider }) => provider);
  const [demo] = there;
  if (demo === undefined) throw new Error('there is no provider');
  const inForce = trialRules({ config: configSchema.parse(input), providers: there, demo, state });
  return steps.map(({ conversation, outcome, ms }) => {
    const facts = factsOf({ model: 'm', conversation: `c${conversation}` });
    if (simulates) {
      const [first, second] = [0, 1].map(() => simulate({ id: null, facts, went: null }, { inForce, edited: null }));
      expect(first).toEqual(second);
    }
    const { targets, reserves } = router.plan(facts);
    const [target] = targets;
    if (target === undefined) throw new Error('there is no target');
    const end = router.begin(facts, target);
    const failed = { code: 'provider_unreachable', status: 502, message: 'gone' } as const;
    end?.({
      outcome,
      error: outcome === 'failed' ? failed : null,
      status: outcome === 'failed' ? null : 200,
      retryAfterMs: null,
      firstContentMs: outcome === 'failed' ? null : 100,
      totalMs: 500,
      usage: outcome === 'failed' ? null : { input: 100, cacheRead: 0, cacheWrite: 0, output: 50 },
    });
    vi.setSystemTime(Date.now() + ms);
    return `${targets.map(nameOf).join()} ${reserves.map(nameOf).join()} ${end === null ? 'open' : outcome}`;
  });
}

describe('a request made by hand', () => {
  it('is a plain one but for what is said', () => {
    const now = new Date(2026, 10, 23, 14, 30).getTime();
    const facts = madeFacts(factsInputSchema.parse({ model: 'm', headers: { 'X-Team': 'blue' } }), now);
    expect(facts).toMatchObject({
      model: 'm',
      class: 'main',
      classSource: { from: 'given' },
      client: 'claude-code',
      time: { day: 'mon', minute: 870 },
      headers: { 'x-team': 'blue' },
    });
    expect(factsInputSchema.safeParse({ model: 'm', tool: ['a'] }).success).toBe(false);
    expect(factsInputSchema.safeParse({}).success).toBe(false);
  });
});
