import { z } from 'zod';
import type { BudgetView } from '../../src-shared/budgets.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { HealthProblem } from '../../src-shared/health.ts';
import type { BudgetConfig, LimitScope } from '../../src-shared/limits-config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { BudgetState } from '../../src-shared/rules.ts';
import type { Answer } from '../pipeline/answer.ts';
import type { AttemptOutcome } from '../pipeline/attempt-outcome.ts';
import type { AttemptContext, RequestContext } from '../pipeline/context.ts';
import type { EventBus } from '../pipeline/events.ts';
import type { Middleware } from '../pipeline/middleware.ts';
import type { BudgetStanding, BudgetWho } from '../routing/request-facts.ts';
import type { KeptFile } from '../storage/kept-file.ts';
import { Budget, keyOf, type Spending, savedBudgetSchema, spendingOf } from './budget.ts';
import { fitsProvider, fitsRequest } from './limit-scope.ts';

/** What has been used, so that a restart forgets none of it. */
export const savedBudgetsSchema = z.strictObject({ budgets: z.array(savedBudgetSchema) });
export type SavedBudgets = z.output<typeof savedBudgetsSchema>;

export interface BudgetsOptions {
  /** Of the configuration in force. */
  settings: () => readonly BudgetConfig[];
  bus: EventBus;
  kept: Pick<KeptFile<SavedBudgets>, 'read' | 'changed' | 'flush' | 'close'>;
  /** What the ledger has of these requests since a moment (Unix time in ms). Rejects where it cannot be asked. */
  ledger: (of: LimitScope, from: number) => Promise<Spending>;
  /** Told once in a period that a budget nears its end, and once that it is spent, in words. */
  onReached: (warning: string) => void;
  /** Unix time in ms. */
  now?: () => number;
}

const states = { none: 0, within: 1, warning: 2, exceeded: 3 } satisfies Record<BudgetState, number>;
const factOf = { within: 'within', warning: 'warning', spent: 'exceeded' } as const;

/** How often the ledger is asked where requests end while it answers. */
const MOST_QUESTIONS = 5;
/** Longer than any period: what is older counts no more. */
const KEPT_MS = 32 * 86_400_000;

/**
 * What may be spent in a day or a month. Counts requests when they end, with all their attempts; what is under way may go beyond.
 * What a spent budget means for a request, the router decides with its facts.
 */
export class Budgets implements Middleware {
  readonly name = 'budgets';
  readonly #options: BudgetsOptions;
  readonly #now: () => number;
  readonly #unsubscribe: () => void;
  /** Of requests under way. */
  readonly #answers = new WeakMap<RequestContext, Answer>();
  #budgets: readonly Budget[] = [];
  /** Of budgets that are not configured, or switched off: they may come back. */
  #others: SavedBudgets['budgets'] = [];

  constructor(options: BudgetsOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#others = options.kept.read()?.budgets ?? [];
    this.follow();
    this.#unsubscribe = options.bus.on('request.finished', (row) => this.#count(row));
  }

  /** Another configuration is in force. What is used of a budget goes on to count, where the same requests are meant. */
  follow(): void {
    const before = this.#budgets;
    this.#budgets = this.#options
      .settings()
      .filter(({ enabled }) => enabled)
      .map((config) => this.#made(config, before));
    const isThere = new Set(this.#budgets.map(({ config }) => keyOf(config)));
    const oldest = this.#now() - KEPT_MS;
    this.#others = [...this.#others, ...before.map(({ saved }) => saved)].filter(
      ({ key, from }) => !isThere.has(key) && from > oldest,
    );
    for (const budget of this.#budgets) this.#tell(budget);
  }

  /** How budgets bear upon a request. */
  standing({ client, project }: BudgetWho): BudgetStanding {
    if (this.#budgets.length === 0) return NO_BUDGETS;
    let state: BudgetState = 'none';
    const spent: BudgetStanding['spent'][number][] = [];
    for (const budget of this.#budgets) {
      const { of } = budget.config;
      // A folder may have to be looked for in the whole request.
      if (!fitsRequest(of, { client, project: of.project === undefined ? null : project() })) continue;
      const fact = factOf[budget.state];
      if (states[fact] > states[state]) state = fact;
      if (budget.spent !== null) spent.push(budget.spent);
    }
    return { state, spent };
  }

  async request(context: RequestContext, next: () => Promise<void>, answer: Answer): Promise<void> {
    if (this.#budgets.length === 0) return next();
    this.#answers.set(context, answer);
    this.#tellClient(context, null);
    await next();
  }

  /** Who is asked may have a budget of its own. */
  attempt({ request, target }: AttemptContext, next: () => Promise<AttemptOutcome>): Promise<AttemptOutcome> {
    if (this.#answers.has(request)) this.#tellClient(request, target.provider.id);
    return next();
  }

  /** What the user should know now: warnings in words, and what health says of each. */
  get problems(): ReadonlyMap<string, HealthProblem> {
    const known = this.#budgets.filter(({ state }) => state !== 'within').map(problemOf);
    return new Map(known.map((problem) => [inWords(problem), problem]));
  }

  view(): BudgetView[] {
    return this.#budgets.map((budget) => budget.view());
  }

  /** Counts from nothing again. @throws ProxyError `invalid_field` where there is no such budget. */
  async reset(id: string): Promise<void> {
    const budget = this.#budgets.find(({ config }) => config.id === id);
    if (budget === undefined)
      throw ProxyError.of('invalid_field', { field: 'id', expected: 'must be the id of a budget that is switched on' });
    budget.reset();
    this.#keep();
    // The user's own doing outlives a crash.
    await this.#options.kept.flush();
  }

  /** Writes down what is used. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#options.kept.close();
  }

  #made(config: BudgetConfig, before: readonly Budget[]): Budget {
    const key = keyOf(config);
    const known = before.find((budget) => keyOf(budget.config) === key);
    if (known !== undefined) {
      known.config = config;
      return known;
    }
    const budget = new Budget(config, this.#others.find((saved) => saved.key === key) ?? null, this.#now);
    void this.#learn(budget);
    return budget;
  }

  /** The file may be older than the ledger, or gone; a ledger that cannot be asked knows nothing better. */
  async #learn(budget: Budget): Promise<void> {
    for (let left = MOST_QUESTIONS; left > 0; left -= 1) {
      const { since, period } = budget;
      const used = await this.#options.ledger(budget.config.of, period.from).catch(() => null);
      if (used === null) return;
      // What has ended meanwhile may be in it, or not.
      if (budget.since !== since && left > 1) continue;
      budget.learn(period.from, used);
      this.#tell(budget);
      return;
    }
  }

  #count(row: RequestRow): void {
    let hasChanged = false;
    for (const budget of this.#budgets) {
      const { of } = budget.config;
      if (!fitsRequest(of, row)) continue;
      const used = spendingOf(row.attempts.filter(({ provider }) => fitsProvider(of, provider)));
      if (used === null) continue;
      budget.add(used);
      hasChanged = true;
      this.#tell(budget);
    }
    if (hasChanged) this.#keep();
  }

  /** How far budgets are used that near their end. @param provider who is asked; null: nobody yet. */
  #tellClient(context: RequestContext, provider: string | null): void {
    const { client } = context.request;
    const told = this.#budgets
      .filter(({ config: { of }, state }) => {
        if (state === 'within' || !(provider === null ? of.provider === undefined : fitsProvider(of, provider)))
          return false;
        return fitsRequest(of, { client, project: of.project === undefined ? null : context.facts.project });
      })
      .map(({ config, part }) => `${config.id} ${percent(part)}`);
    if (told.length > 0) this.#answers.get(context)?.tell({ 'x-cproxy-budget': told.join(', ') });
  }

  #tell(budget: Budget): void {
    if (budget.hasGoneFurther()) this.#options.onReached(inWords(problemOf(budget)));
  }

  #keep(): void {
    this.#options.kept.changed(() => ({ budgets: [...this.#budgets.map(({ saved }) => saved), ...this.#others] }));
  }
}

const NO_BUDGETS: BudgetStanding = { state: 'none', spent: [] };

const percent = (part: number): string => `${Math.floor(part * 100)}%`;

function problemOf({ config: { id, whenSpent, use }, figure, state, part, untilWords }: Budget): HealthProblem {
  const much = `${figure} (${percent(part)})`;
  const then = {
    warn: 'requests go on all the same',
    downgrade: `requests go to ${(use ?? []).join(', ')}`,
    refuse: 'requests are refused',
  }[whenSpent];
  if (state !== 'spent')
    return {
      ...{ severity: 'note', code: 'budget_warning', about: id },
      ...{ problem: `${much}; when it is spent, ${then}.`, advice: null },
    };
  return {
    severity: whenSpent === 'refuse' ? 'degraded' : 'note',
    ...{ code: 'budget_spent', about: id },
    problem: `${much}; ${then} until it begins anew ${untilWords}.`,
    advice: `limits.budgets raises it, \`cproxy budgets --reset ${id}\` begins it anew.`,
  };
}

const inWords = ({ about, problem, advice }: HealthProblem): string =>
  `Budget '${about}': ${problem}${advice === null ? '' : ` ${advice}`}`;
