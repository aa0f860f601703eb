import { z } from 'zod';
import type { AnswerStore, KeptAnswer } from './kept-answer.ts';

/** What is asked of a Redis. */
export interface RedisCommands {
  getBuffer(key: string): Promise<Buffer | null>;
  set(key: string, value: Buffer, unit: 'PX', ms: number): Promise<unknown>;
  scan(cursor: string, match: 'MATCH', pattern: string, count: 'COUNT', most: number): Promise<[string, string[]]>;
  unlink(...keys: string[]): Promise<number>;
}

/** Longer than that, nobody waits for an answer that a model can give. */
const LONGEST_MS = 100;
/** Whoever clears it, waits. */
const LONGEST_CLEARING_MS = 10_000;
const KEYS_AT_ONCE = 500;

const headSchema = z.object({
  contentType: z.string(),
  provider: z.string(),
  model: z.string(),
  at: z.number(),
  until: z.number(),
});

export interface RedisStoreOptions {
  /** Its connection. It may reject, or wait for one. */
  redis: () => Promise<RedisCommands>;
  /** Before each key. */
  prefix: string;
  now: () => number;
  /** Told when it begins to fail. */
  onFailure: (reason: string) => void;
}

/** Answers in a Redis, which several CProxies may share. Where it is gone, there is none to give. */
export class RedisStore implements AnswerStore {
  readonly #options: RedisStoreOptions;
  trouble: string | null = null;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
  }

  async get(key: string): Promise<KeptAnswer | null> {
    const value = await this.#ask((redis) => redis.getBuffer(this.#keyOf(key)), LONGEST_MS);
    const kept = value === null ? null : decode(value);
    return kept !== null && kept.until > this.#options.now() ? kept : null;
  }

  put(key: string, answer: KeptAnswer): void {
    const ms = answer.until - this.#options.now();
    if (ms > 0) void this.#ask((redis) => redis.set(this.#keyOf(key), encode(answer), 'PX', ms), LONGEST_CLEARING_MS);
  }

  async clear(): Promise<number> {
    const cleared = await this.#ask((redis) => this.#unlinkAll(redis), LONGEST_CLEARING_MS);
    return cleared ?? 0;
  }

  async size(): Promise<{ answers: number; bytes: null } | null> {
    let answers = 0;
    const all = await this.#ask(async (redis) => {
      for await (const keys of this.#keys(redis)) answers += keys.length;
      return answers;
    }, LONGEST_CLEARING_MS);
    return all === null ? null : { answers, bytes: null };
  }

  #keyOf(key: string): string {
    return `${this.#options.prefix}answer:${key}`;
  }

  async #unlinkAll(redis: RedisCommands): Promise<number> {
    let cleared = 0;
    for await (const keys of this.#keys(redis)) if (keys.length > 0) cleared += await redis.unlink(...keys);
    return cleared;
  }

  async *#keys(redis: RedisCommands): AsyncGenerator<string[]> {
    const pattern = `${this.#options.prefix.replace(/[\\*?[\]]/g, '\\$&')}answer:*`;
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', KEYS_AT_ONCE);
      yield keys;
      cursor = next;
    } while (cursor !== '0');
  }

  /** null where it fails, or takes longer. */
  async #ask<Value>(question: (redis: RedisCommands) => Promise<Value>, longestMs: number): Promise<Value | null> {
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(() => limit.reject(new Error(`no answer in ${longestMs} ms`)), longestMs);
    try {
      const value = await Promise.race([this.#options.redis().then(question), limit.promise]);
      this.trouble = null;
      return value;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.trouble === null) this.#options.onFailure(reason);
      this.trouble = reason;
      return null;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A line that says what it is, and the bytes. */
function encode({ bytes, ...head }: KeptAnswer): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes]);
}

/** null: it is none of ours. */
function decode(value: Buffer): KeptAnswer | null {
  const end = value.indexOf('\n');
  if (end === -1) return null;
  try {
    const head = headSchema.safeParse(JSON.parse(value.toString('utf8', 0, end)));
    return head.success ? { ...head.data, bytes: value.subarray(end + 1) } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
