import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Price } from '../../../src-main/providers/model-prices.ts';
import type { AttemptResult } from '../../../src-main/routing/attempt-result.ts';
import { Outcomes } from '../../../src-main/routing/outcomes.ts';
import type { Target } from '../../../src-main/routing/plan.ts';
import { type Choice, type Ranked, rank, type Situation } from '../../../src-main/routing/strategies.ts';
import { type Strategy, strategies } from '../../../src-shared/rules.ts';
import { factsOf, routerFor } from '../../helpers/routing.ts';
import { seededRandom } from '../../helpers/seeded-random.ts';

type Prices = Readonly<Record<string, Pick<Price, 'input' | 'output' | 'cacheRead'> | null>>;

/** A choice for each weight, with providers named by its keys. */
function choicesOf(weights: Readonly<Record<string, number>>, prices: Prices = {}): Choice[] {
  const { router } = routerFor({
    providers: Object.keys(weights).map((id) => ({
      id,
      type: 'openai-compatible' as const,
      baseUrl: `http://${id}.example`,
      models: [{ id: 'm', ...(prices[id] == null ? {} : { price: prices[id] }) }],
    })),
  });
  return router
    .plan(factsOf({ model: 'm' }))
    .targets.map((target) => ({ target, weight: weights[target.provider.id] ?? 1 }));
}

const idOf = ({ choice }: Ranked): string => choice.target.provider.id;
const inOrder = (ranked: readonly Ranked[]): string => ranked.map(idOf).join(' ');
const inWords = ({ why }: Ranked): string | null => (typeof why === 'function' ? why() : why);
const targetOf = (choices: readonly Choice[], id: string): Target => {
  const found = choices.find(({ target }) => target.provider.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found.target;
};

function situation(rest: Partial<Situation> = {}): Situation {
  return { facts: factsOf(), outcomes: new Outcomes(), random: seededRandom(1), explore: 0, ...rest };
}

const answered = (rest: Partial<AttemptResult> = {}): AttemptResult => ({
  outcome: 'answered',
  error: null,
  status: 200,
  retryAfterMs: null,
  firstContentMs: 500,
  totalMs: 1_500,
  usage: null,
  ...rest,
});

/** How often each is first, of so many requests, each of which ends before the next. */
function firsts(strategy: Strategy, choices: readonly Choice[], count: number, rest: Partial<Situation> = {}) {
  const all = situation(rest);
  const counts: Record<string, number> = {};
  for (let index = 0; index < count; index += 1) {
    const [first] = rank(strategy, choices, all);
    if (first === undefined) break;
    all.outcomes.begin(first.choice.target);
    all.outcomes.end(all.facts, first.choice.target, answered());
    counts[idOf(first)] = (counts[idOf(first)] ?? 0) + 1;
  }
  return counts;
}

/**
 * Pearson's statistic of counts against the parts that weights say. With two degrees of freedom it is above 13.8 once in a
 * thousand times (of fixed seeds: always or never).
 */
function chiSquare(counts: Readonly<Record<string, number>>, weights: Readonly<Record<string, number>>): number {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  const count = Object.values(counts).reduce((sum, one) => sum + one, 0);
  return Object.entries(weights).reduce((sum, [id, weight]) => {
    const expected = (count * weight) / total;
    return sum + ((counts[id] ?? 0) - expected) ** 2 / expected;
  }, 0);
}

describe('every strategy', () => {
  it.each(strategies)('%s gives each target once, and changes nothing by being asked', (strategy) => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 8 }),
        fc.option(fc.stringMatching(/^[0-9a-f]{32}$/)),
        fc.integer(),
        (list, conversation, seed) => {
          const weights = Object.fromEntries(list.map((weight, index) => [`p${index}`, weight]));
          const outcomes = new Outcomes({ now: () => 1_000 });
          const ask = () =>
            rank(
              strategy,
              choicesOf(weights),
              situation({ facts: factsOf({ conversation }), outcomes, random: seededRandom(seed), explore: 0.5 }),
            );
          const ranked = ask();
          expect(ranked.map(idOf).toSorted()).toEqual(Object.keys(weights).toSorted());
          expect(ranked.map(({ score }) => Number.isNaN(score))).not.toContain(true);
          expect(inOrder(ask())).toBe(inOrder(ranked));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('says in words what it went by, but for the order of the configuration', () => {
    const choices = choicesOf({ a: 1, b: 3 }, { a: { input: 3, output: 15 }, b: null });
    const said = Object.fromEntries(
      strategies.map((strategy) => [strategy, rank(strategy, choices, situation()).map(inWords)]),
    );
    expect(said).toEqual({
      priority: [null, null],
      weighted: ['gets 75 % by weight; drawn at random', 'gets 25 % by weight; drawn at random'],
      'round-robin': ['it is its turn', 'its turn is after 1 other'],
      'least-connections': ['0 under way, for a weight of 3', '0 under way'],
      'response-time': ['its first content has not been timed yet', 'its first content has not been timed yet'],
      cheapest: ['about $0.011 for 1,000 tokens read, and 500 tokens written', 'its price is not known'],
      learned: [
        'tried, since little is known of it: no attempts yet, about $0.011',
        'tried, since little is known of it: no attempts yet',
      ],
    });
  });
});

describe('a plan', () => {
  const providers = ['a', 'b', 'c'].map((id, index) => ({
    id,
    type: 'openai-compatible' as const,
    baseUrl: `http://${id}.example`,
    models: [{ id: 'm', price: { input: 3 - index, output: 10 } }],
    weight: index + 1,
  }));

  it.each(strategies)('by %s is explained, of a model that several providers have', (strategy) => {
    const { router } = routerFor({ providers, routing: { loadBalancing: { strategy } } }, { random: seededRandom(3) });
    const { candidates, strategy: named } = router.explain(factsOf({ model: 'm', conversation: 'c0ffee' }));
    expect(named.name).toBe(strategy);
    expect(candidates.map(({ order }) => order)).toEqual([1, 2, 3]);
    for (const { why, score } of candidates)
      if (strategy === 'priority') expect([why, score]).toEqual([null, null]);
      else expect([why, score]).toEqual([expect.stringMatching(/\w/), expect.any(Number)]);
  });

  it('goes where the strategy says, and turns are taken when attempts begin', () => {
    const { router } = routerFor({ providers, routing: { loadBalancing: { strategy: 'round-robin' } } });
    const facts = factsOf({ model: 'm' });
    const firsts = Array.from({ length: 6 }, () => {
      const [target] = router.plan(facts).targets;
      if (target === undefined) throw new Error('no target');
      router.begin(facts, target, false)?.(answered());
      return target.provider.id;
    });
    expect(firsts.toSorted().join('')).toBe('abbccc');
  });
});

describe('priority', () => {
  it('keeps the order of the configuration', () => {
    expect(inOrder(rank('priority', choicesOf({ c: 1, a: 9, b: 5 }), situation()))).toBe('c a b');
  });
});

describe('weighted', () => {
  const weights = { a: 6, b: 3, c: 1 };
  const choices = choicesOf(weights);

  it('gives each its part of the requests that belong to no conversation', () => {
    for (const seed of [1, 2, 3]) {
      const counts = firsts('weighted', choices, 10_000, { random: seededRandom(seed) });
      expect(chiSquare(counts, weights)).toBeLessThan(13.8);
    }
  });

  it('gives each its part of the conversations', () => {
    const random = seededRandom(7);
    const counts: Record<string, number> = {};
    for (let index = 0; index < 10_000; index += 1) {
      const conversation = Math.floor(random() * 2 ** 52).toString(16);
      const [first] = rank('weighted', choices, situation({ facts: factsOf({ conversation }) }));
      if (first !== undefined) counts[idOf(first)] = (counts[idOf(first)] ?? 0) + 1;
    }
    expect(chiSquare(counts, weights)).toBeLessThan(13.8);
  });

  it('gives a conversation the same order at any time, which others leave as it is when one goes', () => {
    for (const conversation of ['1f', '2e', '3d', '4c', '5b']) {
      const ask = (of: readonly Choice[], seed: number) =>
        rank('weighted', of, situation({ facts: factsOf({ conversation }), random: seededRandom(seed) })).map(idOf);
      const all = ask(choices, 1);
      expect(ask(choices, 2)).toEqual(all);
      const [gone] = all;
      const rest = choices.filter(({ target }) => target.provider.id !== gone);
      expect(ask(rest, 3)).toEqual(all.slice(1));
    }
  });
});

describe('round-robin', () => {
  it('takes turns by weight, exactly', () => {
    expect(firsts('round-robin', choicesOf({ a: 5, b: 3, c: 2 }), 1_000)).toEqual({ a: 500, b: 300, c: 200 });
  });

  it('counts a turn when an attempt begins, not when it is planned', () => {
    const choices = choicesOf({ a: 1, b: 1 });
    const all = situation();
    const [first] = rank('round-robin', choices, all);
    expect([idOf(first as Ranked), inOrder(rank('round-robin', choices, all))]).toEqual(['a', 'a b']);
    all.outcomes.begin((first as Ranked).choice.target);
    expect(inOrder(rank('round-robin', choices, all))).toBe('b a');
  });
});

describe('least-connections', () => {
  it('prefers the one with the fewest under way for its weight', () => {
    const choices = choicesOf({ a: 1, b: 2, c: 1 });
    const all = situation();
    for (const [id, count] of Object.entries({ a: 1, b: 3, c: 2 }))
      for (let index = 0; index < count; index += 1) all.outcomes.begin(targetOf(choices, id));
    expect(inOrder(rank('least-connections', choices, all))).toBe('a b c');
    all.outcomes.end(all.facts, targetOf(choices, 'b'), answered());
    all.outcomes.end(all.facts, targetOf(choices, 'b'), answered());
    expect(inOrder(rank('least-connections', choices, all))).toBe('b a c');
  });

  it('gives equals their part by weight', () => {
    const weights = { a: 2, b: 1, c: 1 };
    expect(chiSquare(firsts('least-connections', choicesOf(weights), 4_000), weights)).toBeLessThan(13.8);
  });
});

describe('response-time', () => {
  /** Each has answered once, so late. */
  function timed(times: Readonly<Record<string, number>>) {
    const clock = { now: 1_800_000_000_000 };
    const outcomes = new Outcomes({ now: () => clock.now });
    const choices = choicesOf(Object.fromEntries(Object.keys(times).map((id) => [id, 1])));
    for (const [id, firstContentMs] of Object.entries(times)) {
      outcomes.begin(targetOf(choices, id));
      outcomes.end(factsOf(), targetOf(choices, id), answered({ firstContentMs }));
    }
    return { choices, outcomes, clock };
  }

  it('prefers, of two, the one whose first content comes sooner', () => {
    const { choices, outcomes } = timed({ slow: 3_000, fast: 400 });
    for (let seed = 0; seed < 20; seed += 1) {
      const ranked = rank('response-time', choices, situation({ outcomes, random: seededRandom(seed) }));
      expect(inOrder(ranked)).toBe('fast slow');
      expect(ranked.map(inWords)).toEqual(['first content in 0.4 s', 'first content in 3 s']);
    }
  });

  it('counts what is under way there', () => {
    const { choices, outcomes } = timed({ slow: 3_000, fast: 1_000 });
    for (let index = 0; index < 3; index += 1) outcomes.begin(targetOf(choices, 'fast'));
    const ranked = rank('response-time', choices, situation({ outcomes }));
    expect(inOrder(ranked)).toBe('slow fast');
    expect(ranked.map(inWords)).toEqual(['first content in 3 s', 'first content in 1 s, 3 under way']);
  });

  it('never puts the slowest of several first, and does not put the fastest first always', () => {
    const { choices, outcomes } = timed({ a: 100, b: 200, c: 300, d: 5_000 });
    const counts: Record<string, number> = {};
    const random = seededRandom(5);
    for (let index = 0; index < 1_000; index += 1) {
      const first = inOrder(rank('response-time', choices, situation({ outcomes, random }))).slice(0, 1);
      counts[first] = (counts[first] ?? 0) + 1;
    }
    expect(counts.d).toBeUndefined();
    // Of the six pairs, a is in three, b in two without a, c in one without either.
    expect(chiSquare(counts, { a: 3, b: 2, c: 1 })).toBeLessThan(13.8);
  });

  it('tries what is not known, and again what was slow long ago', () => {
    const { choices, outcomes, clock } = timed({ slow: 30_000, fast: 400 });
    const [unknown] = choicesOf({ unknown: 1 });
    const all = [...choices, unknown as Choice].filter(({ target }) => target.provider.id !== 'slow');
    expect(inOrder(rank('response-time', all, situation({ outcomes })))).toBe('unknown fast');
    for (let minute = 0; minute < 10; minute += 1) {
      clock.now += 60_000;
      outcomes.begin(targetOf(choices, 'fast'));
      outcomes.end(factsOf(), targetOf(choices, 'fast'), answered({ firstContentMs: 400 }));
    }
    expect(inOrder(rank('response-time', choices, situation({ outcomes })))).toBe('slow fast');
  });
});

describe('cheapest', () => {
  const prices: Prices = {
    dear: { input: 15, output: 75 },
    unknown: null,
    free: { input: 0, output: 0 },
    fair: { input: 3, output: 15, cacheRead: 0.3 },
    alike: { input: 3, output: 15 },
  };
  const choices = choicesOf({ dear: 1, unknown: 1, free: 1, fair: 1, alike: 1 }, prices);

  it('goes by what the request costs, in the order of the configuration where that is the same, and unknown prices last', () => {
    expect(inOrder(rank('cheapest', choices, situation()))).toBe('free fair alike dear unknown');
  });

  it('counts what comes from caches, and how long answers are', () => {
    const outcomes = new Outcomes();
    const alike = targetOf(choices, 'alike');
    const usage = { input: 1_000, cacheRead: 0, cacheWrite: 0, output: 20 };
    for (let index = 0; index < 20; index += 1) outcomes.end(factsOf(), alike, answered({ usage }));
    const fair = targetOf(choices, 'fair');
    const cached = { input: 100, cacheRead: 900, cacheWrite: 0, output: 20 };
    for (let index = 0; index < 20; index += 1) outcomes.end(factsOf(), fair, answered({ usage: cached }));
    const facts = factsOf({ inputTokens: 100_000 });
    const [, first, second] = rank('cheapest', choices, situation({ outcomes, facts }));
    expect([first, second].map((ranked) => ranked && idOf(ranked))).toEqual(['fair', 'alike']);
    expect(inWords(first as Ranked)).toBe(
      'about $0.057 for 100,000 tokens read, 90 % of them from its cache, and 20 tokens written',
    );
    expect(inWords(second as Ranked)).toBe('about $0.3 for 100,000 tokens read, and 20 tokens written');
  });
});
