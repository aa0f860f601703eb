import { once } from 'node:events';
import type { Redis } from 'ioredis';

export interface RateRedisOptions {
  /** Its connection. It may reject, or wait for one. */
  redis: () => Promise<Redis>;
  /** Told once when it begins to fail. */
  onTrouble: (reason: string) => void;
}

/** Nobody waits longer for a count. */
const LONGEST_MS = 250;
/** So long nobody asks one that has failed. */
const REST_MS = 1_000;
/** A connection that is being made for the first time is waited for, so that counting does not begin twice. */
const CONNECTING_MS = 1_000;

/** A Redis in which several CProxies count together. Where it does not answer, each counts by itself until it is back. */
export class RateRedis {
  readonly #options: RateRedisOptions;
  /** Those whose first connecting has been waited for. */
  readonly #waitedFor = new WeakMap<Redis, Promise<void>>();
  /** Why it is not asked; null where it is. */
  trouble: string | null = null;
  /** By performance.now(). */
  #restsUntil = 0;

  constructor(options: RateRedisOptions) {
    this.#options = options;
  }

  /** @returns null where it fails, or takes longer than 250 ms. */
  async ask<Value>(question: (redis: Redis) => Promise<Value>): Promise<Value | null> {
    if (performance.now() < this.#restsUntil) return null;
    try {
      const redis = await this.#connected();
      const value = await within(LONGEST_MS, question(redis));
      this.trouble = null;
      return value;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.trouble === null) this.#options.onTrouble(reason);
      this.trouble = reason;
      this.#restsUntil = performance.now() + REST_MS;
      return null;
    }
  }

  /** @throws Error where there is no connection now: what is sent then would be counted when it is back. */
  async #connected(): Promise<Redis> {
    const redis = await this.#options.redis();
    if (redis.status !== 'ready') {
      const first = this.#waitedFor.get(redis) ?? firstConnection(redis);
      this.#waitedFor.set(redis, first);
      await first;
    }
    if (redis.status !== 'ready') throw new Error('it cannot be reached');
    return redis;
  }
}

async function firstConnection(redis: Redis): Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  try {
    await within(CONNECTING_MS, Promise.race([once(redis, 'ready', { signal }), once(redis, 'close', { signal })]));
  } catch {
    // Its state says what came of it.
  } finally {
    ended.abort();
  }
}

async function within<Value>(ms: number, promise: Promise<Value>): Promise<Value> {
  const limit = Promise.withResolvers<never>();
  const refuse = (): void => limit.reject(new Error(`no answer in ${ms} ms`));
  // What has arrived while this process stood still is read before that.
  const timer = setTimeout(() => setImmediate(refuse), ms);
  try {
    return await Promise.race([promise, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}
