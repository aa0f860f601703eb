import type { LimitScope } from './limits-config.ts';

/** What of a budget is used, and all there is of it. */
export interface Spent {
  spent: number;
  limit: number;
}

/** How a budget stands in its present day or month. Unix times in ms. */
export interface BudgetView {
  id: string;
  name: string | null;
  of: LimitScope;
  per: 'day' | 'month';
  from: number;
  until: number;
  /** null: it does not limit that. US dollars; tokens, read and written. */
  usd: Spent | null;
  tokens: Spent | null;
  /** Attempts that used tokens and whose cost is not known: `usd` is without them. */
  costUnknown: number;
  /** The larger part that is used; more than 1 where requests under way have gone beyond it. */
  part: number;
  state: 'within' | 'warning' | 'spent';
  whenSpent: 'warn' | 'downgrade' | 'refuse';
}

/** A budget that is spent, as it bears upon one request. Kept with its facts. */
export interface SpentBudget {
  readonly id: string;
  /** Whose attempts it counts; null: the request as a whole. */
  readonly provider: string | null;
  /** Where requests go instead; null: they are refused. */
  readonly use: readonly string[] | null;
  /** Such as `$5.02 of $5.00 are spent today`. */
  readonly figure: string;
  /** When it begins anew, such as `on Tuesday, November 24, at midnight`. */
  readonly until: string;
}
