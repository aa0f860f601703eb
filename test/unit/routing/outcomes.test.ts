import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttemptResult } from '../../../src-main/routing/attempt-result.ts';
import { Outcomes } from '../../../src-main/routing/outcomes.ts';
import type { Target } from '../../../src-main/routing/plan.ts';
import { savedOutcomesSchema } from '../../../src-main/routing/saved-outcomes.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import { requestClasses } from '../../../src-shared/rules.ts';
import { factsOf, routerFor } from '../../helpers/routing.ts';

const NOW = 1_800_000_000_000;
const DAY_MS = 24 * 3_600_000;

const { router } = routerFor({
  providers: ['a', 'b'].map((id) => ({
    id,
    type: 'openai-compatible' as const,
    baseUrl: `http://${id}.example`,
    models: ['m'],
  })),
});
const targetsOfM = router.plan(factsOf({ model: 'm' })).targets;
const target = (index: number): Target => {
  const found = targetsOfM[index];
  if (found === undefined) throw new Error(`no target ${index}`);
  return found;
};

const answered = (rest: Partial<AttemptResult> = {}): AttemptResult => ({
  outcome: 'answered',
  error: null,
  status: 200,
  retryAfterMs: null,
  firstContentMs: 800,
  totalMs: 2_800,
  usage: { input: 100, cacheRead: 900, cacheWrite: 0, output: 100 },
  ...rest,
});

const failed = (error: ProxyError): AttemptResult =>
  answered({ outcome: 'failed', error: error.view(), firstContentMs: null, usage: null, totalMs: 50 });

const overloaded = ProxyError.of(
  'provider_error',
  { provider: 'a', status: 529, upstream: 'Overloaded' },
  { status: 529 },
);
const badRequest = ProxyError.of('provider_error', { provider: 'a', status: 400, upstream: 'No' }, { status: 400 });
const tooLong = ProxyError.of('context_overflow', { provider: 'a', wording: 'prompt is too long' });

function makeOutcomes() {
  const clock = { now: NOW };
  const learned = { times: 0 };
  const onLearned = (): void => {
    learned.times += 1;
  };
  const outcomes = new Outcomes({ now: () => clock.now, onLearned });
  const attempt = (result: AttemptResult, of = target(0), facts = factsOf()): void => {
    outcomes.begin(of);
    outcomes.end(facts, of, result);
  };
  return { outcomes, clock, learned, attempt };
}

describe('what attempts show', () => {
  it('is how many are under way', () => {
    const { outcomes } = makeOutcomes();
    outcomes.begin(target(0));
    outcomes.begin(target(0));
    expect([outcomes.underWay(target(0)), outcomes.underWay(target(1))]).toEqual([2, 0]);
    outcomes.end(factsOf(), target(0), answered({ outcome: 'aborted' }));
    expect(outcomes.underWay(target(0))).toBe(1);
  });

  it('is success, times, speed, cache and length of answers', () => {
    const { outcomes, attempt } = makeOutcomes();
    for (let index = 0; index < 40; index += 1) attempt(answered());
    const expected = outcomes.expected('main', target(0));
    expect(expected.success).toBeGreaterThan(0.98);
    expect(expected.firstContentMs).toBeCloseTo(800);
    expect(expected.tokensPerSecond).toBeCloseTo(50);
    expect(expected.cacheRead).toBeCloseTo(0.9);
    expect(expected.output).toBeCloseTo(100, 0);
    expect(outcomes.waiting(target(0))).toMatchObject({ firstContentMs: 800, underWay: 0 });
  });

  it('is nothing where the client left, or where any target would have refused', () => {
    const { outcomes, attempt, learned } = makeOutcomes();
    const before = outcomes.expected('main', target(0));
    attempt(answered({ outcome: 'aborted' }));
    attempt(failed(badRequest));
    attempt(failed(tooLong));
    expect(outcomes.expected('main', target(0))).toEqual(before);
    expect(outcomes.waiting(target(0))).toEqual({ loadMs: 0, firstContentMs: null, underWay: 0 });
    expect(learned.times).toBe(0);
    expect(outcomes.saved().targets).toEqual([]);
  });

  it.each([
    overloaded,
    ProxyError.of('provider_error', { provider: 'a', status: 429, upstream: 'Slow down' }, { status: 429 }),
    ProxyError.of('provider_unreachable', { provider: 'a', reason: 'ECONNREFUSED' }),
    ProxyError.of('provider_silent', { provider: 'a', ms: 60_000 }),
    ProxyError.of('provider_cut_stream', { provider: 'a' }),
    ProxyError.of('provider_empty', { provider: 'a' }),
    ProxyError.of('provider_key_refused', { provider: 'a', status: 401, upstream: 'No' }),
  ])('speaks against it: $message', (error) => {
    const { outcomes, attempt } = makeOutcomes();
    attempt(failed(error));
    expect(outcomes.expected('main', target(0)).success).toBeLessThan(0.65);
    // A failure at once must not look like a fast answer.
    expect(outcomes.waiting(target(0)).firstContentMs).toBe(10_000);
  });

  it("is a class's own, and of all classes where that has been seen little", () => {
    const { outcomes, attempt } = makeOutcomes();
    for (let index = 0; index < 20; index += 1) attempt(answered({ firstContentMs: 4_000, totalMs: 9_000 }));
    expect(outcomes.expected('title', target(0)).firstContentMs).toBeCloseTo(4_000);
    for (let index = 0; index < 20; index += 1)
      attempt(answered({ firstContentMs: 200, totalMs: 400 }), target(0), factsOf({ class: 'title' }));
    expect(outcomes.expected('title', target(0)).firstContentMs ?? 0).toBeLessThan(700);
    expect(outcomes.expected('main', target(0)).firstContentMs ?? 0).toBeGreaterThan(3_500);
  });

  it('expects of a target that is not known answers as long as others give', () => {
    const { outcomes, attempt } = makeOutcomes();
    expect(outcomes.expected('title', target(1)).output).toBe(500);
    const usage = { input: 10, cacheRead: 0, cacheWrite: 0, output: 12 };
    attempt(answered({ usage }), target(0), factsOf({ class: 'title' }));
    expect(outcomes.expected('title', target(1)).output).toBe(12);
    expect(outcomes.expected('main', target(1)).output).toBe(500);
  });

  it('fades: with each attempt that follows, and with time', () => {
    const { outcomes, attempt, clock } = makeOutcomes();
    for (let index = 0; index < 100; index += 1) attempt(failed(overloaded));
    expect(outcomes.expected('main', target(0)).success).toBeLessThan(0.01);
    for (let index = 0; index < 90; index += 1) attempt(answered());
    expect(outcomes.expected('main', target(0)).success).toBeGreaterThan(0.9);
    const before = outcomes.expected('main', target(0)).attempts;
    clock.now += 3 * DAY_MS;
    expect(outcomes.expected('main', target(0)).attempts).toBeCloseTo(before / 2);
  });

  it('is kept from one start to the next', () => {
    const { outcomes, attempt, clock } = makeOutcomes();
    for (let index = 0; index < 10; index += 1) attempt(index % 3 === 0 ? failed(overloaded) : answered());
    attempt(answered(), target(1), factsOf({ class: 'compaction' }));
    const saved = savedOutcomesSchema.parse(JSON.parse(JSON.stringify(outcomes.saved())));
    const again = new Outcomes({ now: () => clock.now, saved });
    for (const requestClass of ['main', 'compaction', 'title'] as const)
      for (const of of [target(0), target(1)])
        expect(again.expected(requestClass, of)).toEqual(outcomes.expected(requestClass, of));
  });

  it('is bounded: of too many targets, those that were not used for longest are forgotten', () => {
    const { outcomes, attempt } = makeOutcomes();
    const { provider } = target(0);
    for (let index = 0; index < 1_001; index += 1) {
      if (index === 1_000) attempt(answered(), { provider, model: 'model 0' });
      attempt(answered(), { provider, model: `model ${index}` });
    }
    const kept = outcomes.saved().targets.map(({ target: name }) => name);
    expect(kept).toHaveLength(1_000);
    expect(kept).toContain('a/model 0');
    expect(kept).not.toContain('a/model 1');
  });

  it('is made of numbers, whatever providers say and clocks do', () => {
    const count = fc.oneof(fc.integer(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 0));
    const result = fc.record({
      outcome: fc.constantFrom('answered' as const, 'failed' as const, 'aborted' as const),
      firstContentMs: fc.option(fc.integer({ min: -10, max: 600_000 })),
      totalMs: fc.integer({ min: 0, max: 600_000 }),
      usage: fc.option(fc.record({ input: count, cacheRead: count, cacheWrite: count, output: count })),
      requestClass: fc.constantFrom(...requestClasses),
      later: fc.integer({ min: -DAY_MS, max: 30 * DAY_MS }),
    });
    fc.assert(
      fc.property(fc.array(result, { maxLength: 60 }), (results) => {
        const { outcomes, clock } = makeOutcomes();
        for (const { requestClass, later, ...rest } of results) {
          clock.now += later;
          outcomes.begin(target(0));
          const error = rest.outcome === 'failed' ? overloaded.view() : null;
          outcomes.end(factsOf({ class: requestClass }), target(0), answered({ ...rest, error }));
        }
        expect(savedOutcomesSchema.safeParse(JSON.parse(JSON.stringify(outcomes.saved()))).success).toBe(true);
        for (const requestClass of requestClasses) {
          const { success, ...others } = outcomes.expected(requestClass, target(0));
          expect(success).toBeGreaterThanOrEqual(0);
          expect(success).toBeLessThanOrEqual(1);
          for (const value of Object.values(others)) expect(value === null || value >= 0).toBe(true);
        }
      }),
    );
  });
});
