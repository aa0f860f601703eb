import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Spending } from '../../../src-main/limits/budget.ts';
import { Budgets, type BudgetsOptions, type SavedBudgets } from '../../../src-main/limits/budgets.ts';
import { EventBus } from '../../../src-main/pipeline/events.ts';
import { type BudgetConfig, budgetSchema } from '../../../src-shared/limits-config.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const daily: BudgetConfig = budgetSchema.parse({ id: 'daily', per: 'day', usd: 10, whenSpent: 'refuse' });
const noon = new Date(2026, 10, 23, 12).getTime();
const HOUR = 3_600_000;
const usage = { input: 1, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, output: 0, reasoning: 0 };

/** Budgets beside a ledger that is kept here: as the real one, it has a request before they are told of it. */
function world(changes: Partial<BudgetsOptions> = {}, saved: SavedBudgets | null = null) {
  const bus = new EventBus((error) => {
    throw error;
  });
  const held = { settings: [daily], now: noon, ledger: 0, kept: saved, told: [] as string[] };
  const options: BudgetsOptions = {
    settings: () => held.settings,
    bus,
    kept: {
      read: () => held.kept,
      changed: (take) => {
        held.kept = take();
      },
      flush: async () => undefined,
      close: async () => undefined,
    },
    ledger: async () => ({ usd: held.ledger, tokens: 0, costUnknown: 0 }),
    onReached: (warning) => held.told.push(warning),
    now: () => held.now,
    ...changes,
  };
  const spend = (usd: number): void => {
    held.ledger += usd;
    bus.emit('request.finished', makeRow({ attempts: [makeAttempt({ usage, cost: { usd, source: 'prices' } })] }));
  };
  const budgets = new Budgets(options);
  return { held, options, spend, budgets, spent: () => budgets.view()[0]?.usd?.spent };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('what the ledger knows', () => {
  it('is not counted twice where requests end while it is asked', async () => {
    // It answers when it is let, with all that it had been given until then.
    const asked: (() => void)[] = [];
    let ledger = 3;
    const { spend, spent } = world({
      ledger: () =>
        new Promise<Spending>((resolve) => asked.push(() => resolve({ usd: ledger, tokens: 0, costUnknown: 0 }))),
    });
    ledger += 2;
    spend(2);
    asked.shift()?.();
    await settled();
    asked.shift()?.();
    await settled();
    expect(spent()).toBe(5);
  });

  it('is asked only so often where requests end all the time', async () => {
    let questions = 0;
    const { spend, spent, held } = world({
      ledger: async () => {
        await settled();
        questions += 1;
        const usd = held.ledger;
        spend(1);
        return { usd, tokens: 0, costUnknown: 0 };
      },
    });
    await vi.waitFor(() => expect(questions).toBe(5));
    await settled();
    await settled();
    expect(questions).toBe(5);
    expect(spent()).toBe(5);
  });

  it('is done without where it cannot be asked', async () => {
    const { spend, spent, budgets, held } = world({ ledger: () => Promise.reject(new Error('it is gone')) });
    await settled();
    spend(4);
    expect(spent()).toBe(4);
    held.settings = [{ ...daily, usd: 5 }];
    budgets.follow();
    expect(spent()).toBe(4);
  });

  it('and what is kept agree with all that was spent, whenever it is started anew and whatever is lost', async () => {
    const step = fc.record({
      kind: fc.constantFrom('spend', 'spend', 'restart', 'crash', 'lose') as fc.Arbitrary<
        'spend' | 'restart' | 'crash' | 'lose'
      >,
      usd: fc.integer({ min: 0, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        let one = world();
        let expected = 0;
        let older: SavedBudgets | null = null;
        for (const { kind, usd } of steps) {
          if (kind === 'spend') {
            older = one.held.kept;
            // Eighths of a dollar: their sums are exact.
            one.spend(usd / 8);
            expected += usd / 8;
          } else {
            await one.budgets.close();
            const kept = { restart: one.held.kept, crash: older, lose: null }[kind];
            const { ledger } = one.held;
            one = world({ ledger: async () => ({ usd: ledger, tokens: 0, costUnknown: 0 }) }, kept);
            one.held.ledger = ledger;
            await settled();
          }
          expect(one.spent()).toBe(expected);
        }
      }),
    );
  });
});

describe('the log is told', () => {
  it('once that it nears its end, once that it is spent, and again on another day', async () => {
    const { held, spend } = world({ ledger: async () => ({ usd: 0, tokens: 0, costUnknown: 0 }) });
    for (let spent = 0; spent < 14; spent += 1) spend(1);
    expect(held.told).toEqual([
      "Budget 'daily': $8.00 of $10.00 are spent today (80%); when it is spent, requests are refused.",
      "Budget 'daily': $10.00 of $10.00 are spent today (100%); requests are refused until it begins anew on Tuesday, November 24, at midnight. limits.budgets raises it, `cproxy budgets --reset daily` begins it anew.",
    ]);
    held.now += 24 * HOUR;
    spend(12);
    expect(held.told).toHaveLength(3);
  });

  it('where less is allowed while it runs, and again where more is and that is spent as well', () => {
    const { held, spend, budgets } = world({ ledger: () => Promise.reject(new Error('it is gone')) });
    const allow = (usd: number): void => {
      held.settings = [{ ...daily, usd }];
      budgets.follow();
    };
    spend(4);
    expect(held.told).toEqual([]);
    allow(4);
    expect(held.told).toEqual([expect.stringContaining('$4.00 of $4.00')]);
    allow(40);
    expect(held.told).toHaveLength(1);
    spend(40);
    expect(held.told).toEqual([expect.anything(), expect.stringContaining('$44.00 of $40.00')]);
  });

  it('where the ledger knows more than the file', async () => {
    const { held } = world({ ledger: async () => ({ usd: 9, tokens: 0, costUnknown: 0 }) });
    await settled();
    expect(held.told).toEqual([expect.stringContaining('$9.00 of $10.00')]);
  });

  it('not again after a restart', async () => {
    const before = world();
    before.spend(11);
    await before.budgets.close();
    expect(world({}, before.held.kept).held.told).toEqual([]);
  });
});

it('begins anew at midnight for whoever asks', () => {
  const { held, budgets, spend } = world({ ledger: () => Promise.reject(new Error('it is gone')) });
  spend(10);
  const who = { client: null, project: () => null };
  expect(budgets.standing(who)).toMatchObject({ state: 'exceeded', spent: [{ id: 'daily', use: null }] });
  held.now = new Date(2026, 10, 24).getTime() - 1;
  expect(budgets.standing(who).state).toBe('exceeded');
  held.now += 1;
  expect(budgets.standing(who)).toEqual({ state: 'within', spent: [] });
  expect(budgets.problems.size).toBe(0);
});

it('keeps what was used of a budget that is taken away, and forgets it once its period is long over', () => {
  const { held, budgets, spend, spent } = world({ ledger: () => Promise.reject(new Error('it is gone')) });
  spend(3);
  held.settings = [];
  budgets.follow();
  held.settings = [daily];
  budgets.follow();
  expect(spent()).toBe(3);
  held.settings = [];
  budgets.follow();
  held.now += 40 * 24 * HOUR;
  held.settings = [{ ...daily, id: 'other' }];
  budgets.follow();
  spend(1);
  expect(held.kept?.budgets).toMatchObject([{ usd: 1 }]);
});
