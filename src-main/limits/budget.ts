import { z } from 'zod';
import type { BudgetView, Spent, SpentBudget } from '../../src-shared/budgets.ts';
import { dollars } from '../../src-shared/costs.ts';
import type { BudgetConfig } from '../../src-shared/limits-config.ts';
import type { AttemptRow } from '../../src-shared/requests.ts';
import { type Period, periodAt } from './calendar.ts';

/** What is used of a budget: US dollars, tokens, and attempts whose cost is not known. */
export interface Spending {
  readonly usd: number;
  readonly tokens: number;
  readonly costUnknown: number;
}

export const NOTHING: Spending = { usd: 0, tokens: 0, costUnknown: 0 };

const amount = z.number().min(0);

/** A budget's use, as it is kept. */
export const savedBudgetSchema = z.strictObject({
  /** Names whose requests are counted, and for how long. */
  key: z.string(),
  /** Beginning of its period; Unix time in ms. */
  from: z.number(),
  /** It was begun anew within the period. */
  isReset: z.boolean(),
  usd: amount,
  tokens: amount,
  costUnknown: amount,
});
export type SavedBudget = z.output<typeof savedBudgetSchema>;

/** Limits may change while what is spent goes on to count; what is counted may not. */
export const keyOf = ({ id, of, per }: BudgetConfig): string =>
  JSON.stringify([id, per, of.provider ?? null, of.project ?? null, of.client ?? null]);

/** Part of a budget that is used, and of what. */
type Part = { readonly what: 'usd' | 'tokens'; readonly part: number };

/** What was counted in one period. */
interface Count {
  readonly period: Period;
  readonly isReset: boolean;
  /** Of before the start, by the file or by the ledger. */
  before: Spending;
  since: Spending;
  /** The furthest that somebody was told of. */
  told: BudgetView['state'];
}

const ranks = { within: 0, warning: 1, spent: 2 } satisfies Record<BudgetView['state'], number>;

/** What one budget has counted in its present day or month. */
export class Budget {
  readonly #now: () => number;
  #config: BudgetConfig;
  #count: Count;
  /** Of the period that was left last: a clock that was wrong is set back into it. */
  #left: Count | null = null;

  /** @param saved what is kept of it; of an earlier period, it counts no more. */
  constructor(config: BudgetConfig, saved: SavedBudget | null, now: () => number) {
    this.#config = config;
    this.#now = now;
    const period = periodAt(config.per, now());
    this.#count = begun(period);
    if (saved === null || saved.from !== period.from) return;
    const { usd, tokens, costUnknown, isReset } = saved;
    this.#count = { ...begun(period, isReset), before: { usd, tokens, costUnknown } };
    this.#count.told = this.state;
  }

  get config(): BudgetConfig {
    return this.#config;
  }

  /** Other figures for the same requests. */
  set config(config: BudgetConfig) {
    this.#config = config;
    // It may reach that again.
    if (ranks[this.state] < ranks[this.#count.told]) this.#count.told = this.state;
  }

  get period(): Period {
    return this.#present.period;
  }

  get used(): Spending {
    const { before, since } = this.#present;
    return sum(before, since);
  }

  /** What was added in this period since the start. */
  get since(): Spending {
    return this.#present.since;
  }

  add(use: Spending): void {
    const count = this.#present;
    count.since = sum(count.since, use);
  }

  /**
   * What the ledger has of a period, with all that was added since: the file may be older, or gone. After a reset the ledger
   * knows too much.
   * @param from beginning of that period; Unix time in ms
   */
  learn(from: number, ledger: Spending): void {
    const count = this.#present;
    if (count.isReset || count.period.from !== from) return;
    const { before, since } = count;
    count.before = {
      usd: Math.max(before.usd, ledger.usd - since.usd),
      tokens: Math.max(before.tokens, ledger.tokens - since.tokens),
      costUnknown: Math.max(before.costUnknown, ledger.costUnknown - since.costUnknown),
    };
  }

  /** Counts from nothing again, until the period ends. */
  reset(): void {
    this.#count = begun(this.period, true);
  }

  /** Whether it has gone further in its period than anybody was told; asked again, it has not. */
  hasGoneFurther(): boolean {
    const { state } = this;
    if (ranks[state] <= ranks[this.#count.told]) return false;
    this.#count.told = state;
    return true;
  }

  /** Of two limits, the one that is used up further. */
  get #fullest(): Part {
    const { usd, tokens } = this.#config;
    const used = this.used;
    const ofUsd = usd === undefined ? 0 : used.usd / usd;
    const ofTokens = tokens === undefined ? 0 : used.tokens / tokens;
    return ofTokens > ofUsd || usd === undefined ? { what: 'tokens', part: ofTokens } : { what: 'usd', part: ofUsd };
  }

  get part(): number {
    return this.#fullest.part;
  }

  get state(): BudgetView['state'] {
    const { part } = this.#fullest;
    if (part >= 1) return 'spent';
    return part >= this.#config.warnAt ? 'warning' : 'within';
  }

  /** Such as `$4.10 of $5.00 are spent today`. */
  get figure(): string {
    const { per, usd, tokens } = this.#config;
    const used = this.used;
    const when = per === 'day' ? 'today' : 'this month';
    return this.#fullest.what === 'usd'
      ? `${dollars(used.usd)} of ${dollars(usd ?? 0)} are spent ${when}`
      : `${whole(used.tokens)} of ${whole(tokens ?? 0)} tokens are used ${when}`;
  }

  /** When it begins anew: always a midnight. Such as `on Tuesday, November 24, at midnight`. */
  get untilWords(): string {
    const day = new Date(this.period.until).toLocaleDateString('en-US', {
      weekday: 'long',
      month: 'long',
      day: 'numeric',
    });
    return `on ${day}, at midnight`;
  }

  /** As it bears upon requests; null: not at all. */
  get spent(): SpentBudget | null {
    const { id, of, whenSpent, use } = this.#config;
    if (whenSpent === 'warn' || this.state !== 'spent') return null;
    return {
      id,
      provider: of.provider ?? null,
      use: whenSpent === 'downgrade' ? (use ?? []) : null,
      figure: this.figure,
      until: this.untilWords,
    };
  }

  get saved(): SavedBudget {
    const { period, isReset } = this.#present;
    return { key: keyOf(this.#config), from: period.from, isReset, ...this.used };
  }

  view(): BudgetView {
    const { id, name, of, per, usd, tokens, whenSpent } = this.#config;
    const used = this.used;
    const spentOf = (spent: number, limit: number | undefined): Spent | null =>
      limit === undefined ? null : { spent, limit };
    return {
      ...{ id, name: name ?? null, of, per, ...this.period },
      usd: spentOf(used.usd, usd),
      tokens: spentOf(used.tokens, tokens),
      costUnknown: used.costUnknown,
      part: this.part,
      state: this.state,
      whenSpent,
    };
  }

  /** The period may be over; or the clock was set, and may be set right again. */
  get #present(): Count {
    const now = this.#now();
    const { from, until } = this.#count.period;
    if (now >= from && now < until) return this.#count;
    const period = periodAt(this.#config.per, now);
    const left = this.#left;
    this.#left = this.#count;
    this.#count = left?.period.from === period.from ? left : begun(period);
    return this.#count;
  }
}

const begun = (period: Period, isReset = false): Count => ({
  ...{ period, isReset, before: NOTHING, since: NOTHING },
  told: 'within',
});

/** What attempts have used; null: nothing, or nobody has said. */
export function spendingOf(attempts: readonly AttemptRow[]): Spending | null {
  let used: Spending | null = null;
  for (const { usage, cost } of attempts) {
    if (usage === null && cost === null) continue;
    const tokens = usage === null ? 0 : usage.input + usage.cacheRead + usage.cacheWrite + usage.output;
    used = sum(used ?? NOTHING, {
      usd: cost?.usd ?? 0,
      tokens,
      costUnknown: cost === null && tokens > 0 ? 1 : 0,
    });
  }
  return used;
}

export const sum = (one: Spending, other: Spending): Spending => ({
  usd: one.usd + other.usd,
  tokens: one.tokens + other.tokens,
  costUnknown: one.costUnknown + other.costUnknown,
});

const whole = (count: number): string => count.toLocaleString('en-US');
