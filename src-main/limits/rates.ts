import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { ProxyError } from '../../src-shared/errors.ts';
import type { LimitsConfig } from '../../src-shared/limits-config.ts';
import type { RatesView } from '../../src-shared/rates.ts';
import { hasAnotherKey, keyOf } from '../pipeline/attempt-key.ts';
import { type AttemptOutcome, type Failure, failed } from '../pipeline/attempt-outcome.ts';
import type { AttemptContext, RequestContext } from '../pipeline/context.ts';
import type { Middleware } from '../pipeline/middleware.ts';
import type { KeptFile } from '../storage/kept-file.ts';
import { fitsProvider, fitsRequest } from './limit-scope.ts';
import { type Counted, type Entered, type Entering, enter } from './rate-entry.ts';
import { RateLimit, savedRateSchema } from './rate-limit.ts';
import { RateRedis } from './rate-redis.ts';
import { figureInWords } from './rate-refusal.ts';
import { sourceOf, whoOfAttempt, whoOfRequest } from './rate-who.ts';

/** Counts of the last minute, so that a restart begins none anew. */
export const savedRatesSchema = z.strictObject({ rates: z.array(savedRateSchema) });
export type SavedRates = z.output<typeof savedRatesSchema>;

export interface RatesOptions {
  /** Of the configuration in force. */
  settings: () => LimitsConfig & { prefix: string };
  redis: () => Promise<Redis>;
  kept: Pick<KeptFile<SavedRates>, 'read' | 'changed' | 'close'>;
  /** Told once when Redis begins to fail, in words. */
  onTrouble: (warning: string) => void;
}

/**
 * How fast requests may come, and how many at a time. Rates of a provider or its keys count attempts, and send a request elsewhere;
 * all others count requests, before they are routed.
 */
export class Rates implements Middleware {
  readonly name = 'rates';
  readonly #options: RatesOptions;
  readonly #redis: RateRedis;
  readonly #stopping = new AbortController();
  #limits: readonly RateLimit[] = [];

  constructor(options: RatesOptions) {
    this.#options = options;
    this.#redis = new RateRedis({
      redis: options.redis,
      onTrouble: (reason) => options.onTrouble(inWords(reason)),
    });
    this.#limits = this.#made(options.kept.read());
    this.#connect();
  }

  /** Another configuration is in force. What is counted goes on where the id and the scope of a rate are the same. */
  follow(): void {
    const before = this.#limits;
    this.#limits = this.#made(null);
    for (const limit of before) if (!this.#limits.includes(limit)) limit.retire();
    this.#connect();
  }

  /** What the user should know now, in words. */
  get warnings(): string[] {
    const { trouble } = this.#redis;
    return trouble === null || !this.#isShared ? [] : [inWords(trouble)];
  }

  /** How many wait and were refused, for each rate. */
  get counts(): { limit: string; waiting: number; refused: number }[] {
    return this.#limits.map(({ config, waiting, refused }) => ({ limit: config.id, waiting, refused }));
  }

  async view(): Promise<RatesView> {
    const { store } = this.#options.settings();
    const rates = await Promise.all(this.#limits.map((limit) => limit.view()));
    return { store, trouble: this.#isShared ? this.#redis.trouble : null, rates };
  }

  /** CProxy stops: who waits is told to ask again later. */
  drain(): void {
    this.#stopping.abort(ProxyError.of('draining', undefined));
  }

  /** Writes down what is counted. */
  async close(): Promise<void> {
    this.drain();
    await this.#options.kept.close();
  }

  async request(context: RequestContext, next: () => Promise<void>): Promise<void> {
    const counted = this.#countedBy(context);
    if (counted.length === 0) return next();
    const entered = await this.#enter({ counted, request: context, mayWait: true });
    if (entered === null) {
      context.row.state = 'aborted';
      return;
    }
    context.row.queuedMs += entered.waitedMs;
    if (entered.kind === 'refused') throw entered.error;
    try {
      await next();
    } finally {
      entered.end(context.row.attempts);
      this.#keep();
    }
  }

  async attempt(context: AttemptContext, next: () => Promise<AttemptOutcome>): Promise<AttemptOutcome> {
    const limits = this.#limitsOfAttempt(context);
    if (limits.length === 0) return next();
    const { request, row, target } = context;
    try {
      const entered = await this.#enterAttempt(context, limits);
      if (entered.kind !== 'passed') return entered;
      if (entered.waitedMs > 0) {
        row.startedMs = request.elapsedMs();
        row.queuedMs += entered.waitedMs;
      }
      try {
        return await next();
      } finally {
        entered.end([row]);
        this.#keep();
      }
    } finally {
      // Its key may have been chosen here, and the attempt never made.
      if (context.key !== null) target.provider.keys.ended(context.key, null);
    }
  }

  get #isShared(): boolean {
    const { store, rates } = this.#options.settings();
    return store === 'redis' && rates.length > 0;
  }

  /** So that the first request does not wait for it. */
  #connect(): void {
    if (this.#isShared) void this.#redis.ask((redis) => redis.ping());
  }

  /** The rates in force: those that there are, with the figures that hold now, and new ones. */
  #made(saved: SavedRates | null): RateLimit[] {
    const { settings } = this.#options;
    const before = this.#limits;
    return settings()
      .rates.filter(({ enabled }) => enabled)
      .map((config) => {
        const scope = RateLimit.scopeOf(config);
        const known = before.find(
          (limit) => limit.config.id === config.id && RateLimit.scopeOf(limit.config) === scope,
        );
        if (known === undefined)
          return new RateLimit({
            config,
            redis: () => (this.#isShared ? this.#redis : null),
            prefix: () => settings().prefix,
            saved: saved?.rates.find((rate) => rate.id === config.id && rate.scope === scope) ?? null,
          });
        if (!isDeepStrictEqual(known.config, config)) known.follow(config);
        return known;
      });
  }

  #countedBy(context: RequestContext): Counted[] {
    if (this.#limits.length === 0) return [];
    const source = sourceOf(context);
    return this.#limits
      .filter((limit) => !limit.countsAttempts && fitsRequest(limit.config.of, source))
      .map((limit) => ({ limit, who: whoOfRequest(limit.config, source) }));
  }

  #limitsOfAttempt({ request, target }: AttemptContext): RateLimit[] {
    if (this.#limits.length === 0) return [];
    const source = sourceOf(request);
    return this.#limits.filter(
      ({ countsAttempts, config: { of } }) =>
        countsAttempts && fitsProvider(of, target.provider.id) && fitsRequest(of, source),
    );
  }

  async #enterAttempt(
    context: AttemptContext,
    limits: readonly RateLimit[],
  ): Promise<Extract<Entered, { kind: 'passed' }> | AttemptOutcome> {
    const { request, noOther } = context;
    const { signal } = request.request;
    const isByKey = limits.some(({ config }) => config.each === 'key');
    try {
      if (isByKey) await keyOf(context, signal);
      const counted = limits.map((limit) => ({ limit, who: whoOfAttempt(limit.config, context) }));
      const mayWait = noOther && !(isByKey && hasAnotherKey(context));
      const entered = await this.#enter({ counted, request, mayWait });
      if (entered === null) return { kind: 'aborted' };
      if (entered.kind === 'passed') return entered;
      context.row.queuedMs += entered.waitedMs;
      return refusedAttempt(context, entered);
    } catch (error) {
      if (signal.aborted) return { kind: 'aborted' };
      if (error instanceof ProxyError) return failed(error);
      throw error;
    }
  }

  async #enter(entering: Omit<Entering, 'stopping'>): Promise<Entered | null> {
    const entered = await enter({ ...entering, stopping: this.#stopping.signal });
    if (entered?.kind === 'passed') this.#keep();
    return entered;
  }

  #keep(): void {
    if (!this.#isShared) this.#options.kept.changed(() => ({ rates: this.#limits.map((limit) => limit.saved()) }));
  }
}

/** Where it was a key's rate, that key rests until then, and another of its provider is taken. */
function refusedAttempt(
  { target, key }: AttemptContext,
  { by, refused, error }: Extract<Entered, { kind: 'refused' }>,
): AttemptOutcome {
  // Who has waited in vain, or found the queue full, was the last that could be asked.
  const failure: Failure = { error, original: null, tryNext: refused.why === 'now' };
  if (by.limit.config.each !== 'key' || key === null || refused.why !== 'now')
    return { kind: 'failed', failure, answering: false };
  const { config } = by.limit;
  const message = `limit '${config.id}': ${figureInWords(config, refused)}`;
  const keyFault = { kind: 'limited', scope: 'key', until: refused.at, message } as const;
  if (refused.at !== null) target.provider.keys.report(key, { model: target.model, fault: keyFault, headers: null });
  return { kind: 'failed', failure: { ...failure, keyFault }, answering: false };
}

const inWords = (reason: string): string =>
  `Redis, where rates are counted (limits.store), cannot be asked: ${reason}. They are counted in memory meanwhile, by each CProxy for itself.`;
