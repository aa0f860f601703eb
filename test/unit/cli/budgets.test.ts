import { expect, it } from 'vitest';
import { budgetLines } from '../../../src-main/cli/budgets.ts';
import type { BudgetView } from '../../../src-shared/budgets.ts';

const view = (rest: Partial<BudgetView>): BudgetView => ({
  ...{ id: 'daily', name: null, of: {}, per: 'day', costUnknown: 0, part: 0.4, state: 'within', whenSpent: 'warn' },
  ...{ from: new Date(2026, 10, 23).getTime(), until: new Date(2026, 10, 24).getTime() },
  ...{ usd: { spent: 2, limit: 5 }, tokens: null },
  ...rest,
});

it('says that there are none', () => {
  expect(budgetLines([])).toEqual(['No budgets are configured (limits.budgets).']);
});

it('shows what is spent of what, when it begins anew, and what has no known cost', () => {
  const lines = budgetLines([
    view({}),
    view({
      ...{ id: 'ci', of: { client: 'ci', provider: 'openrouter' }, usd: null, tokens: { spent: 1_200, limit: 1_000 } },
      ...{ part: 1.2, state: 'spent', whenSpent: 'refuse', costUnknown: 2 },
    }),
  ]);
  expect(lines).toEqual([
    'budget  of              spent  of     tokens  of     used          then    begins anew',
    'daily   all             $2.00  $5.00                 40%           warn    2026-11-24',
    'ci      openrouter, ci                1,200   1,000  120% (spent)  refuse  2026-11-24',
    'Of 2 calls the cost is not known: no price is.',
  ]);
});

it('shows small amounts as they are', () => {
  const [, line] = budgetLines([view({ usd: { spent: 0.006, limit: 0.004 }, part: 1.5, state: 'spent' })]);
  expect(line).toContain('$0.006  $0.004');
});
