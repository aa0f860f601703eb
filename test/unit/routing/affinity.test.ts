import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Affinity, type AffinitySettings, type KeptHomes } from '../../../src-main/routing/affinity.ts';
import type { AttemptResult } from '../../../src-main/routing/attempt-result.ts';
import type { Target } from '../../../src-main/routing/plan.ts';
import type { TokenUsage } from '../../../src-shared/requests.ts';
import type { RoutingFacts } from '../../../src-shared/routing.ts';
import type { Strategy } from '../../../src-shared/rules.ts';
import { factsOf, routerFor } from '../../helpers/routing.ts';

const price = { input: 2, output: 10, cacheRead: 0.2 };
const { router } = routerFor({
  providers: ['a', 'b', 'c'].map((id) => ({
    id,
    type: 'openai-compatible',
    baseUrl: 'http://127.0.0.1:1',
    models: [{ id: 'm', price }],
  })),
});
const target = (id: string): Target => {
  const [found] = router.plan(factsOf({ model: `${id}/m` })).targets;
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
};
const [a, b, c] = [target('a'), target('b'), target('c')];

const settings: AffinitySettings = { enabled: true, idleMs: 3_600_000, cacheMs: 300_000, returnAfterMs: 300_000 };
const answered = (usage: Partial<TokenUsage> = {}): AttemptResult => ({
  outcome: 'answered',
  error: null,
  status: 200,
  retryAfterMs: null,
  firstContentMs: 10,
  totalMs: 20,
  usage: { input: 10, cacheRead: 40_000, cacheWrite: 8_200, output: 5, ...usage },
});
const failed: AttemptResult = {
  ...answered(),
  outcome: 'failed',
  error: { code: 'provider_error', status: 500, message: 'broken' },
  usage: null,
};

function make(changes: Partial<AffinitySettings> = {}, homes: KeptHomes | null = null) {
  const clock = { now: 1_800_000_000_000 };
  const affinity = new Affinity(
    () => ({ ...settings, ...changes }),
    () => clock.now,
    homes,
  );
  const stay = (
    targets: readonly Target[],
    facts: Partial<RoutingFacts> = {},
    { strategy = 'priority', unusable = {} }: { strategy?: Strategy; unusable?: Record<string, string> } = {},
  ) => affinity.stay(factsOf({ conversation: 'one', ...facts }), strategy, targets, new Map(Object.entries(unusable)));
  const answer = (at: Target, facts: Partial<RoutingFacts> = {}, result = answered()): void => {
    const asked = factsOf({ conversation: 'one', ...facts });
    affinity.stay(asked, 'priority', [a, b], new Map());
    affinity.learn(asked, at, result);
  };
  return { affinity, clock, stay, answer };
}

describe('a conversation', () => {
  it('has no home before it was answered, and then where it was', () => {
    const { stay, answer } = make();
    expect(stay([a, b])).toEqual({ index: null, why: null });
    answer(b, {}, failed);
    expect(stay([a, b])).toEqual({ index: null, why: null });
    answer(a);
    expect(stay([a, b])).toEqual({ index: 0, why: 'stays with a/m: 48,200 tokens are in its prompt cache' });
    expect(stay([b, a], {}, { strategy: 'weighted' })).toMatchObject({ index: 1 });
    expect(stay([a, b], { conversation: 'another' }).index).toBeNull();
    expect(stay([a, b], { conversation: null }).index).toBeNull();
  });

  it('in the middle of a turn stays wherever it is, however long that takes', () => {
    const { clock, stay, answer } = make();
    answer(b);
    clock.now += 7_200_000;
    expect(stay([a, b], { midTurn: true })).toMatchObject({ index: 1 });
    expect(stay([a, b]).index).toBeNull();
  });

  it('that had to leave returns when the preferred target has been well for long enough, with its next turn', () => {
    const { affinity, clock, stay, answer } = make();
    affinity.learn(factsOf(), a, failed);
    answer(b);
    clock.now += 200_000;
    answer(b);
    expect(stay([a, b])).toEqual({
      index: 1,
      why: 'stays with b/m: 48,200 tokens are in its prompt cache; returns to a/m when that has been well for 100 s more',
    });
    affinity.learn(factsOf(), a, failed);
    clock.now += 200_000;
    answer(b);
    expect(stay([a, b]).index).toBe(1);
    clock.now += 100_000;
    expect(stay([a, b], { midTurn: true }).index).toBe(1);
    expect(stay([a, b])).toEqual({
      index: null,
      why: 'returns from b/m to a/m, which has been well for a while: 48,200 tokens that were in its prompt cache are read anew, for about $0.087 more',
    });
  });

  it('returns at once where its prompt cache is gone', () => {
    const { clock, stay, answer } = make({ returnAfterMs: 3_000_000 });
    answer(b);
    clock.now += 300_001;
    expect(stay([a, b])).toEqual({ index: null, why: 'returns from b/m to a/m: its prompt cache is gone by now' });
  });

  it('with a strategy that prefers nobody does not return', () => {
    const { clock, stay, answer } = make();
    answer(b);
    clock.now += 3_000_000;
    for (const strategy of ['weighted', 'round-robin', 'least-connections', 'response-time', 'learned'] as const)
      expect(stay([a, b], {}, { strategy }).index).toBe(1);
    clock.now += 600_001;
    expect(stay([a, b], {}, { strategy: 'weighted' }).index).toBeNull();
  });

  it('leaves a home that cannot be used, and says why and what that costs', () => {
    const { stay, answer } = make();
    answer(a);
    expect(stay([b], {}, { unusable: { 'a/m': 'its circuit is open' } })).toEqual({
      index: null,
      why: 'leaves a/m (its circuit is open): 48,200 tokens that were in its prompt cache are read anew, for about $0.087 more',
    });
    expect(stay([b, c])).toMatchObject({
      index: null,
      why: expect.stringMatching(/^leaves a\/m \(the rules do not lead there any more\)/),
    });
  });

  it('is not asked for where there is no choice: it may cost a look into the body', () => {
    const { affinity } = make();
    const facts = factsOf();
    Object.defineProperty(facts, 'conversation', {
      get: () => {
        throw new Error('asked for');
      },
    });
    expect(affinity.stay(facts, 'priority', [a], new Map()).index).toBeNull();
    affinity.learn(facts, a, answered());
  });

  it('is forgotten, of ten thousand, when it was silent for longest', () => {
    const { stay, answer } = make();
    for (let index = 0; index <= 10_000; index += 1) answer(b, { conversation: `c${index}` });
    expect(stay([a, b], { conversation: 'c0' }).index).toBeNull();
    expect(stay([a, b], { conversation: 'c1' }).index).toBe(1);
  });

  it('is at home where it was before a restart', () => {
    const kept = new Map<string, string>();
    const homes = {
      get: (name: string) => kept.get(name) ?? null,
      put: (name: string, home: string) => void kept.set(name, home),
    };
    const one = make({}, homes);
    one.answer(b);
    expect([...kept]).toEqual([['one', 'b/m']]);
    const two = make({}, homes);
    expect(two.stay([a, b], { midTurn: true })).toMatchObject({ index: 1 });
    expect(two.stay([a, b])).toMatchObject({ index: 1 });
    two.clock.now += 300_001;
    expect(two.stay([a, b]).index).toBeNull();
  });

  it('stays nowhere where that is turned off', () => {
    const { stay, answer } = make({ enabled: false });
    answer(b);
    expect(stay([a, b])).toEqual({ index: null, why: null });
  });

  it('whatever has happened, it stays only with a target that is there, and asking changes nothing', () => {
    const step = fc.record({
      at: fc.constantFrom(a, b, c),
      result: fc.constantFrom(answered(), failed, answered({ cacheRead: 0, cacheWrite: 0 })),
      waitMs: fc.constantFrom(0, 1_000, 299_999, 300_001, 3_600_001),
      targets: fc.subarray([a, b, c], { minLength: 1 }),
      midTurn: fc.boolean(),
      strategy: fc.constantFrom<Strategy>('priority', 'cheapest', 'weighted', 'learned'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { clock, stay, answer } = make();
        let home: Target | null = null;
        for (const { at, result, waitMs, targets, midTurn, strategy } of steps) {
          answer(at, {}, result);
          if (result.outcome === 'answered') home = at;
          clock.now += waitMs;
          const found = stay(targets, { midTurn }, { strategy });
          expect(stay(targets, { midTurn }, { strategy })).toEqual(found);
          if (found.index !== null) expect(targets[found.index]).toBe(home);
          if (midTurn && home !== null && targets.length > 1 && targets.includes(home))
            expect(found.index).toBe(targets.indexOf(home));
        }
      }),
    );
  });
});
