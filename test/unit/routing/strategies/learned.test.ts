import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outcomes } from '../../../../src-main/routing/outcomes.ts';
import { type Merits, merit } from '../../../../src-main/routing/strategies/learned.ts';
import { type Choice, type Ranked, rank } from '../../../../src-main/routing/strategies.ts';
import { ProxyError } from '../../../../src-shared/errors.ts';
import { factsOf, routerFor } from '../../../helpers/routing.ts';
import { seededRandom } from '../../../helpers/seeded-random.ts';

/** How a target does, whether anybody knows it or not. */
interface Nature {
  /** 0 to 1. */
  success: number;
  firstContentMs: number;
  tokensPerSecond: number;
}

const natures = fc.record({
  success: fc.double({ min: 0.5, max: 1, noNaN: true }),
  firstContentMs: fc.integer({ min: 100, max: 20_000 }),
  tokensPerSecond: fc.integer({ min: 5, max: 300 }),
});

const overloaded = ProxyError.of('provider_error', { provider: 'p', status: 529, upstream: 'No' }, { status: 529 });
const OUTPUT = 200;

const trueMerit = (nature: Nature): number => merit({ ...nature, cacheRead: 0, dollars: null });

/** Targets of these natures, and one request after the other that goes where `learned` says. */
class World {
  readonly #natures: Nature[];
  readonly #choices: Choice[];
  readonly #random: () => number;
  readonly #explore: number;
  readonly outcomes: Outcomes;
  now = 1_800_000_000_000;

  constructor(made: readonly Nature[], { seed = 1, explore = 0.05 } = {}) {
    this.#natures = [...made];
    this.#random = seededRandom(seed);
    this.#explore = explore;
    this.outcomes = new Outcomes({ now: () => this.now });
    const { router } = routerFor({
      providers: made.map((_, index) => ({
        id: `p${index}`,
        type: 'openai-compatible' as const,
        baseUrl: `http://p${index}.example`,
        models: ['m'],
      })),
    });
    this.#choices = router.plan(factsOf({ model: 'm' })).targets.map((target) => ({ target, weight: 1 }));
  }

  change(index: number, nature: Nature): void {
    this.#natures[index] = nature;
  }

  rank(): Ranked[] {
    return rank('learned', this.#choices, {
      facts: factsOf(),
      outcomes: this.outcomes,
      random: this.#random,
      explore: this.#explore,
    });
  }

  /** @returns which target was tried first. */
  request(): number {
    this.now += 20_000;
    const ranked = this.rank();
    for (const { choice } of ranked) if (this.#attempt(choice)) break;
    return indexOf(ranked[0]);
  }

  /** @returns which target was tried first, of each. */
  requests(count: number): number[] {
    return Array.from({ length: count }, () => this.request());
  }

  #attempt({ target }: Choice): boolean {
    const nature = this.#natures[indexOfName(target.provider.id)];
    if (nature === undefined) throw new Error('a target of no world');
    const { success, firstContentMs, tokensPerSecond } = nature;
    const isGood = this.#random() < success;
    this.outcomes.begin(target);
    this.outcomes.end(factsOf(), target, {
      outcome: isGood ? 'answered' : 'failed',
      error: isGood ? null : overloaded.view(),
      status: isGood ? 200 : 529,
      retryAfterMs: null,
      firstContentMs: isGood ? firstContentMs : null,
      totalMs: isGood ? firstContentMs + (OUTPUT / tokensPerSecond) * 1_000 : 20,
      usage: isGood ? { input: 1_000, cacheRead: 0, cacheWrite: 0, output: OUTPUT } : null,
    });
    return isGood;
  }
}

const indexOfName = (id: string): number => Number(id.slice(1));
const indexOf = (ranked: Ranked | undefined): number => indexOfName(ranked?.choice.target.provider.id ?? '');
const part = (firsts: readonly number[], index: number): number =>
  firsts.filter((first) => first === index).length / firsts.length;
const inWords = (ranked: Ranked | undefined): string | null =>
  typeof ranked?.why === 'function' ? ranked.why() : (ranked?.why ?? null);

const GOOD: Nature = { success: 0.99, firstContentMs: 600, tokensPerSecond: 120 };
const FAIR: Nature = { success: 0.97, firstContentMs: 2_500, tokensPerSecond: 50 };
const DEAD: Nature = { success: 0, firstContentMs: 600, tokensPerSecond: 120 };

describe('learned choice', () => {
  it('comes to the best target, and loses little on the way', () => {
    fc.assert(
      fc.property(fc.array(natures, { minLength: 2, maxLength: 6 }), fc.integer(), (made, seed) => {
        const merits = made.map(trueMerit);
        const best = Math.max(...merits);
        const losses = new World(made, { seed }).requests(600).map((first) => best - (merits[first] ?? 0));
        const mean = (values: readonly number[]): number =>
          values.reduce((sum, value) => sum + value, 0) / values.length;
        // A twentieth of the requests is tried elsewhere, and targets that are nearly as good may be taken for the best.
        expect(mean(losses)).toBeLessThan(0.08);
        expect(mean(losses.slice(300))).toBeLessThan(0.06);
      }),
      { seed: 6, numRuns: 60 },
    );
  });

  it('takes the better one nearly always where they differ much', () => {
    const firsts = new World([FAIR, GOOD]).requests(1_000);
    expect(part(firsts.slice(100), 1)).toBeGreaterThan(0.92);
    expect(part(firsts.slice(100), 0)).toBeGreaterThan(0.02);
  });

  it('tries another only as often as it is told', () => {
    const made = [FAIR, GOOD].map((nature) => ({ ...nature, success: 1 }));
    expect(part(new World(made, { explore: 0 }).requests(500).slice(6), 0)).toBe(0);
    expect(part(new World(made, { explore: 0.3 }).requests(2_000).slice(6), 0)).toBeCloseTo(0.3, 1);
  });

  it('leaves a target whose success collapses within a few requests, and comes back when it is well again', () => {
    const world = new World([FAIR, GOOD]);
    world.requests(200);
    world.change(1, DEAD);
    const firsts = world.requests(300);
    const left = firsts.indexOf(0);
    expect(part(firsts.slice(0, 10), 1)).toBeGreaterThan(0);
    expect(part(firsts.slice(15), 1)).toBeLessThan(0.1);
    expect(left).toBeLessThan(15);
    world.change(1, GOOD);
    expect(part(world.requests(1_000).slice(-200), 1)).toBeGreaterThan(0.85);
  });

  it('tries what it does not know a few times before it judges, one after the other', () => {
    const world = new World([GOOD, FAIR, FAIR], { explore: 0 });
    const firsts = world.requests(9);
    expect([0, 1, 2].map((index) => firsts.filter((first) => first === index).length)).toEqual([3, 3, 3]);
    expect(new Set(world.requests(20))).toEqual(new Set([0]));
  });

  it('does not send many requests at once where it knows nothing', () => {
    const world = new World([GOOD, FAIR], { explore: 0 });
    const firsts = Array.from({ length: 4 }, () => {
      const [first] = world.rank();
      if (first !== undefined) world.outcomes.begin(first.choice.target);
      return indexOf(first);
    });
    expect(firsts.toSorted()).toEqual([0, 0, 1, 1]);
  });

  it('tries again what it has not seen for long', () => {
    const world = new World([GOOD, FAIR], { explore: 0 });
    world.requests(50);
    expect(indexOf(world.rank()[0])).toBe(0);
    world.now += 10 * 24 * 3_600_000;
    expect(indexOf(world.rank()[0])).toBe(1);
  });

  it('explains itself in words with numbers', () => {
    const world = new World(
      [
        { ...FAIR, success: 1 },
        { ...GOOD, success: 1 },
      ],
      { explore: 0 },
    );
    world.requests(40);
    const [first, second] = world.rank();
    expect(inWords(first)).toBe(
      '100 % success in about 21 attempts, first content in 0.6 s, 120 tokens/s, 0 % of its input from its cache',
    );
    expect(inWords(second)).toMatch(/^99 % success in about 3 attempts, first content in 2.5 s, 50 tokens\/s/);
    expect(first?.score).toBeGreaterThan(second?.score ?? 1);
    const explored = new World([FAIR, GOOD], { explore: 1 });
    explored.requests(40);
    expect(inWords(explored.rank()[0])).toMatch(/^tried now and then, to see how it does: \d+ % success in about/);
  });
});

describe('the merit of a target', () => {
  const amount = fc.double({ min: 0, max: 1e6, noNaN: true });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const merits: fc.Arbitrary<Merits> = fc.record({
    success: share,
    firstContentMs: fc.option(amount),
    tokensPerSecond: fc.option(amount),
    cacheRead: fc.option(share),
    dollars: fc.option(amount),
  });

  it('is a number from 0 to 1, whatever is known', () => {
    fc.assert(
      fc.property(merits, (one) => {
        expect(merit(one)).toBeGreaterThanOrEqual(0);
        expect(merit(one)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it.each([
    ['success', 1, share],
    ['cacheRead', 1, share],
    ['tokensPerSecond', 1, amount],
    ['firstContentMs', -1, amount],
    ['dollars', -1, amount],
  ] as const)('never changes the wrong way with %s', (name, direction, values) => {
    fc.assert(
      fc.property(merits, values, values, (one, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((value) => merit({ ...one, [name]: value }));
        expect(((more ?? 0) - (less ?? 0)) * direction).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
