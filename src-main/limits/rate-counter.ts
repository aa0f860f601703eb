import type { Redis } from 'ioredis';
import type { RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible';
import { z } from 'zod';
import type { MinuteView } from '../../src-shared/rates.ts';
import type { RateRedis } from './rate-redis.ts';

type Library = typeof import('rate-limiter-flexible');

/** Counts as they are written down: what is counted, by whom, until when (Unix time in ms). */
export const savedCountsSchema = z.array(
  z.strictObject({ key: z.string(), value: z.int(), expiresAt: z.number().nullable() }),
);
export type SavedCounts = z.output<typeof savedCountsSchema>;

export type Taken =
  /** `correct`: so many in the end. */
  | { readonly kind: 'taken'; correct(points: number): void }
  /** `resetsAt`: Unix time in ms. */
  | { readonly kind: 'refused'; readonly resetsAt: number };

export interface RateCounterOptions {
  /** Before its keys in Redis. */
  name: () => string;
  /** Most in a minute. */
  most: number;
  /** Where it counts with others; null: in memory. */
  redis: () => RateRedis | null;
  saved?: SavedCounts;
}

const SECONDS = 60;
/** A count that ends as soon would begin a new minute below zero if something were given back to it. */
const NEARLY_OVER_MS = 1_000;

/**
 * Counts what is used in a minute, for each `who` by itself. The minute begins with the first use and is over 60 s later, for all
 * of it at once (a fixed window): around its end, twice as much may pass within a few seconds.
 */
export class RateCounter {
  readonly #options: RateCounterOptions;
  most: number;
  /** Loaded with the first count: nearly all configurations have none. */
  readonly #library: Promise<Library> = import('rate-limiter-flexible');
  readonly #memory: Promise<RateLimiterMemory>;
  #loaded: RateLimiterMemory | null = null;
  #redis: { client: Redis; limiter: RateLimiterAbstract } | null = null;

  constructor(options: RateCounterOptions) {
    this.#options = options;
    this.most = options.most;
    this.#memory = this.#library.then(({ RateLimiterMemory: Memory }) => {
      const memory = new Memory({ keyPrefix: '', points: Number.MAX_SAFE_INTEGER, duration: SECONDS });
      memory.restore({ version: 1, storage: options.saved ?? [] });
      this.#loaded = memory;
      return memory;
    });
  }

  /** Uses so many, where as many are left. More than a whole minute has is taken as one: it passes alone. */
  async take(who: string, points: number): Promise<Taken> {
    const wanted = Math.min(Math.ceil(points), this.most);
    const ofRedis = await this.#ask((limiter) => this.#takeFrom(limiter, who, wanted));
    return ofRedis ?? (await this.#takeFrom(await this.#memory, who, wanted));
  }

  async look(who: string): Promise<MinuteView> {
    const look = async (limiter: RateLimiterAbstract): Promise<MinuteView> => {
      const found = await limiter.get(who);
      const isCounted = found !== null && found.msBeforeNext > 0;
      const used = isCounted ? Math.max(0, found.consumedPoints) : 0;
      return {
        most: this.most,
        used,
        left: Math.max(0, this.most - used),
        resetsAt: isCounted ? Date.now() + found.msBeforeNext : null,
      };
    };
    return (await this.#ask(look)) ?? (await look(await this.#memory));
  }

  /** What is counted in memory now. */
  saved(): SavedCounts {
    const now = Date.now();
    const all = savedCountsSchema.parse(this.#loaded?.dump().storage ?? []);
    return all.filter(({ expiresAt }) => expiresAt !== null && expiresAt > now);
  }

  async #takeFrom(limiter: RateLimiterAbstract, who: string, points: number): Promise<Taken> {
    // It counts as consume() does, and tells instead of rejecting.
    const { consumedPoints, msBeforeNext } = await limiter.penalty(who, points);
    const resetsAt = Date.now() + msBeforeNext;
    const add = (more: number): void => {
      // What is too much belongs to its own minute; what is too little counts whenever it is known.
      const isOver = Date.now() > resetsAt - NEARLY_OVER_MS;
      if (more === 0 || (more < 0 && isOver)) return;
      // A Redis that is gone by now has lost the count, or tells of its trouble with the next one.
      addTo(limiter, who, more).catch(() => undefined);
    };
    if (consumedPoints > this.most) {
      add(-points);
      return { kind: 'refused', resetsAt };
    }
    return { kind: 'taken', correct: (actual) => add(Math.ceil(actual) - points) };
  }

  /** null: it is counted in memory. */
  async #ask<Value>(question: (limiter: RateLimiterAbstract) => Promise<Value>): Promise<Value | null> {
    const redis = this.#options.redis();
    if (redis === null) return null;
    const { RateLimiterRedis } = await this.#library;
    return redis.ask((client) => {
      if (this.#redis?.client !== client) {
        const limiter = new RateLimiterRedis({
          storeClient: client,
          keyPrefix: this.#options.name(),
          points: Number.MAX_SAFE_INTEGER,
          duration: SECONDS,
          rejectIfRedisNotReady: true,
        });
        this.#redis = { client, limiter };
      }
      return question(this.#redis.limiter);
    });
  }
}

async function addTo(limiter: RateLimiterAbstract, who: string, more: number): Promise<void> {
  const { consumedPoints } = more > 0 ? await limiter.penalty(who, more) : await limiter.reward(who, -more);
  // It was forgotten meanwhile: nothing is to be given back.
  if (more < 0 && consumedPoints < 0) await limiter.penalty(who, -consumedPoints);
}
