import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget, spendingOf } from '../../../src-main/limits/budget.ts';
import { periodAt } from '../../../src-main/limits/calendar.ts';
import { type BudgetConfig, budgetSchema } from '../../../src-shared/limits-config.ts';
import type { AttemptRow } from '../../../src-shared/requests.ts';

const config = (rest: Partial<BudgetConfig> = {}): BudgetConfig =>
  budgetSchema.parse({ id: 'daily', per: 'day', usd: 10, ...rest });
const noon = new Date(2026, 10, 23, 12).getTime();
const HOUR = 3_600_000;

describe('a period', () => {
  it('is the day or the month that a moment is in, whatever the moment', () => {
    const moments = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2090, 0) });
    fc.assert(
      fc.property(moments, fc.constantFrom('day' as const, 'month' as const), (now, per) => {
        const { from, until } = periodAt(per, now);
        expect(from).toBeLessThanOrEqual(now);
        expect(until).toBeGreaterThan(now);
        // Neighbours touch, and each moment of one has the same.
        expect(periodAt(per, until).from).toBe(until);
        expect(periodAt(per, until - 1)).toEqual({ from, until });
        expect(periodAt(per, from)).toEqual({ from, until });
        expect(periodAt(per, from - 1).until).toBe(from);
      }),
    );
  });

  it('is an hour longer or shorter where the clock is changed', () => {
    const program = `
      import { periodAt } from ${JSON.stringify(new URL('../../../src-main/limits/calendar.ts', import.meta.url).href)};
      const hours = (at) => { const { from, until } = periodAt('day', new Date(at).getTime()); return (until - from) / 3600000; };
      console.log(hours('2026-03-29T12:00'), hours('2026-10-25T12:00'), hours('2026-07-01T12:00'));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'Europe/Berlin' },
    });
    expect(stdout.trim()).toBe('23 25 24');
  });
});

describe('a budget', () => {
  it('never forgets within its period, and always afterwards', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('use' as const), usd: fc.double({ min: 0, max: 5, noNaN: true }) }),
      fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 0, max: 30 }) }),
      fc.record({ kind: fc.constant('restart' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let now = noon;
        let expected = 0;
        let budget = new Budget(config(), null, () => now);
        for (const one of steps) {
          const { until } = budget.period;
          if (one.kind === 'use') {
            budget.add({ usd: one.usd, tokens: 1, costUnknown: 0 });
            expected += one.usd;
          } else if (one.kind === 'wait') {
            now += one.hours * HOUR;
            if (now >= until) expected = 0;
          } else budget = new Budget(config(), budget.saved, () => now);
          expect(budget.used.usd).toBeCloseTo(expected, 9);
          expect(budget.state === 'spent').toBe(budget.used.usd >= 10);
        }
      }),
    );
  });

  it('goes on after a restart with the greater of what the file and the ledger know, and what came since', () => {
    const saved = { key: '', from: periodAt('day', noon).from, isReset: false, usd: 3, tokens: 50, costUnknown: 0 };
    const budget = new Budget(config(), saved, () => noon);
    budget.add({ usd: 1, tokens: 10, costUnknown: 0 });
    // The ledger has what came since as well.
    budget.learn(saved.from, { usd: 3, tokens: 80, costUnknown: 1 });
    expect(budget.used).toEqual({ usd: 4, tokens: 80, costUnknown: 1 });
    // An answer that comes when another day has begun says nothing of it.
    budget.learn(saved.from - 24 * HOUR, { usd: 100, tokens: 100, costUnknown: 0 });
    expect(budget.used.usd).toBe(4);
  });

  it('that was reset does not learn from the ledger what it was before', () => {
    const budget = new Budget(config(), null, () => noon);
    budget.add({ usd: 11, tokens: 0, costUnknown: 0 });
    expect(budget.state).toBe('spent');
    budget.reset();
    const again = new Budget(config(), budget.saved, () => noon);
    again.learn(again.period.from, { usd: 11, tokens: 0, costUnknown: 0 });
    expect(again).toMatchObject({ state: 'within', used: { usd: 0 } });
  });

  it('begins anew where the clock is set back into the day before', () => {
    let now = noon;
    const budget = new Budget(config(), null, () => now);
    budget.add({ usd: 5, tokens: 0, costUnknown: 0 });
    now -= 24 * HOUR;
    expect(budget.used.usd).toBe(0);
    expect(budget.period).toEqual(periodAt('day', now));
  });

  it('has forgotten nothing where a clock that was wrong is set right', () => {
    let now = noon;
    const budget = new Budget(config(), null, () => now);
    budget.add({ usd: 11, tokens: 0, costUnknown: 0 });
    for (const days of [1, -1, 400]) {
      now = noon + days * 24 * HOUR;
      expect(budget.state).toBe('within');
      now = noon;
      expect(budget).toMatchObject({ state: 'spent', used: { usd: 11 } });
    }
  });

  it('tells of amounts however small', () => {
    const budget = new Budget(config({ usd: 0.0005 }), null, () => noon);
    budget.add({ usd: 0.0000005, tokens: 1, costUnknown: 0 });
    expect(budget.figure).toBe('<$0.000001 of $0.0005 are spent today');
  });

  it('is used up by the one of its limits that is nearer to its end', () => {
    const budget = new Budget(config({ tokens: 100 }), null, () => noon);
    budget.add({ usd: 1, tokens: 85, costUnknown: 0 });
    expect(budget).toMatchObject({ part: 0.85, state: 'warning', figure: '85 of 100 tokens are used today' });
    budget.add({ usd: 9, tokens: 0, costUnknown: 0 });
    expect(budget).toMatchObject({ part: 1, state: 'spent', figure: '$10.00 of $10.00 are spent today' });
    expect(budget.untilWords).toBe('on Tuesday, November 24, at midnight');
  });
});

describe('what attempts have used', () => {
  const attempt = (rest: Partial<AttemptRow>) => ({ usage: null, cost: null, ...rest }) as AttemptRow;
  const usage = { input: 1, cacheRead: 10, cacheWrite: 100, output: 1000 };

  it('is nothing where nobody has said so', () => {
    expect(spendingOf([])).toBeNull();
    expect(spendingOf([attempt({})])).toBeNull();
  });

  it('is all of them together, with those whose cost is not known told apart', () => {
    const priced = attempt({ usage, cost: { usd: 0.5, source: 'prices' } });
    expect(spendingOf([priced, attempt({ usage }), attempt({})])).toEqual({ usd: 0.5, tokens: 2222, costUnknown: 1 });
  });
});
