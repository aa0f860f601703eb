import type { SpentBudget } from '../../src-shared/budgets.ts';
import type { RoutingFacts } from '../../src-shared/routing.ts';

/** What spent budgets do to where a request goes. */
export interface BudgetEffect {
  /** It is refused. */
  readonly refuses: SpentBudget | null;
  /** It goes where this one says. */
  readonly instead: SpentBudget | null;
  /** Providers that are not asked, by their ids. */
  readonly closed: ReadonlyMap<string, SpentBudget>;
}

const NO_EFFECT: BudgetEffect = { refuses: null, instead: null, closed: new Map() };

/** Of several budgets for the same, one that refuses comes first. */
export function budgetEffect({ spent = [] }: RoutingFacts): BudgetEffect {
  if (spent.length === 0) return NO_EFFECT;
  const ofRequests = spent.filter(({ provider }) => provider === null);
  const closed = new Map<string, SpentBudget>();
  for (const budget of spent)
    if (budget.provider !== null && (budget.use === null || !closed.has(budget.provider)))
      closed.set(budget.provider, budget);
  return {
    refuses: ofRequests.find(({ use }) => use === null) ?? null,
    instead: ofRequests.find(({ use }) => use !== null) ?? null,
    closed,
  };
}

/** Such as `budget 'claude': $5.02 of $5.00 are spent today`. */
export const spentInWords = ({ id, figure }: SpentBudget): string => `budget '${id}': ${figure}`;
