import { z } from 'zod';
import type { RateConfig } from '../../src-shared/limits-config.ts';
import type { RateView } from '../../src-shared/rates.ts';
import { RateCounter, type SavedCounts, savedCountsSchema } from './rate-counter.ts';
import { type RateCounters, type RateFigures, RateGate } from './rate-gate.ts';
import type { RateRedis } from './rate-redis.ts';

/** A rate's counts as they are written down. `scope`: what they are counts of. */
export const savedRateSchema = z.strictObject({
  id: z.string(),
  scope: z.string(),
  requests: savedCountsSchema,
  tokens: savedCountsSchema,
});
export type SavedRate = z.output<typeof savedRateSchema>;

export interface RateLimitOptions {
  config: RateConfig;
  redis: () => RateRedis | null;
  /** Before all keys in Redis. */
  prefix: () => string;
  saved: SavedRate | null;
}

/** More gates than that are looked through for those that nobody needs any more. */
const MANY_GATES = 500;
/** Counts are kept by name; the one of all together has none. */
const ALL = '*';
const keyOf = (who: string | null): string => (who === null ? ALL : `=${who}`);

/** One rate of the configuration: whom it counts, and a gate for each of them. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  #config: RateConfig;
  readonly #gates = new Map<string | null, RateGate>();
  #counters: RateCounters = { requests: null, tokens: null };
  /** How many were refused since the start. */
  refused = 0;

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#config = options.config;
    const { saved } = options;
    this.#counters = {
      requests: this.#counter('requests', options.config.requestsPerMinute, null, saved?.requests),
      tokens: this.#counter('tokens', options.config.tokensPerMinute, null, saved?.tokens),
    };
    if (options.config.each === undefined) this.gate(null);
    for (const { key, expiresAt } of [...(saved?.requests ?? []), ...(saved?.tokens ?? [])])
      this.gate(key === ALL ? null : key.slice(1)).countsUntil(expiresAt ?? 0);
  }

  get config(): RateConfig {
    return this.#config;
  }

  /** What counts go on for: the same requests, told apart in the same way. */
  static scopeOf({ of: { provider, project, client }, each }: RateConfig): string {
    return JSON.stringify([provider ?? null, project ?? null, client ?? null, each ?? null]);
  }

  /** Attempts at providers, or else requests of clients. */
  get countsAttempts(): boolean {
    const { of, each } = this.#config;
    return of.provider !== undefined || each === 'provider' || each === 'key';
  }

  /** Of how many it knows something. */
  get size(): number {
    return this.#gates.size;
  }

  get waiting(): number {
    return [...this.#gates.values()].reduce((sum, gate) => sum + gate.waiting, 0);
  }

  gate(who: string | null): RateGate {
    const known = this.#gates.get(who);
    if (known !== undefined) return known;
    if (this.#gates.size >= MANY_GATES)
      for (const [other, gate] of this.#gates) if (gate.isIdle) this.#gates.delete(other);
    const gate = new RateGate(keyOf(who), this.#config, () => this.#counters);
    this.#gates.set(who, gate);
    return gate;
  }

  /** Other figures hold, for what is counted already as well. */
  follow(config: RateConfig): void {
    this.#config = config;
    this.#counters = {
      requests: this.#counter('requests', config.requestsPerMinute, this.#counters.requests),
      tokens: this.#counter('tokens', config.tokensPerMinute, this.#counters.tokens),
    };
    for (const gate of this.#gates.values()) gate.follow(config);
  }

  /** It is no more: who waits passes. */
  retire(): void {
    const nothing: RateFigures = {};
    this.#counters = { requests: null, tokens: null };
    for (const gate of this.#gates.values()) gate.follow(nothing);
  }

  async view(): Promise<RateView> {
    const { id, of, each, concurrent, wait } = this.#config;
    const shown = [...this.#gates].filter(([who, gate]) => who === null || !gate.isIdle);
    const counters = await Promise.all(shown.map(async ([who, gate]) => ({ who, ...(await gate.view()) })));
    return {
      id,
      of,
      each: each ?? null,
      counts: this.countsAttempts ? 'attempts' : 'requests',
      concurrent: concurrent ?? null,
      wait: wait ?? null,
      refused: this.refused,
      counters,
    };
  }

  saved(): SavedRate {
    const { requests, tokens } = this.#counters;
    return {
      id: this.#config.id,
      scope: RateLimit.scopeOf(this.#config),
      requests: requests?.saved() ?? [],
      tokens: tokens?.saved() ?? [],
    };
  }

  #counter(
    kind: 'requests' | 'tokens',
    most: number | undefined,
    before: RateCounter | null,
    saved: SavedCounts = [],
  ): RateCounter | null {
    if (most === undefined) return null;
    if (before !== null) {
      before.most = most;
      return before;
    }
    const { redis, prefix, config } = this.#options;
    return new RateCounter({ name: () => `${prefix()}rate:${config.id}:${kind}`, most, redis, saved });
  }
}
