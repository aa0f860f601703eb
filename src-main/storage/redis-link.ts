import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import type { ResolveKey } from '../../src-shared/keys.ts';
import { REDIS_ORIGIN, type RedisConfig } from '../../src-shared/redis-config.ts';

export interface RedisLinkOptions {
  /** Of the configuration in force. */
  settings: () => RedisConfig;
  resolveKey: ResolveKey;
}

/** Between two attempts to connect, in ms. */
const LONGEST_PAUSE_MS = 5_000;

/** One connection to Redis for all that use it. It is made when first asked for, and made again where it breaks. */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  #settings: RedisConfig | null = null;
  #client: Promise<Redis> | null = null;
  #isClosed = false;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
  }

  /**
   * The connection; commands wait while it is being made, and fail once where it cannot be.
   * @throws Error that says why there is none: the reference to its address leads nowhere.
   */
  client(): Promise<Redis> {
    const settings = this.#options.settings();
    if (this.#isClosed) return Promise.reject(new Error('CProxy is stopping'));
    if (this.#client !== null && isDeepStrictEqual(settings, this.#settings)) return this.#client;
    this.#drop();
    this.#settings = settings;
    const made = this.#connect(settings);
    this.#client = made;
    made.catch(() => {
      // The next who asks tries again: a variable or a file may be there by then.
      if (this.#client === made) this.#client = null;
    });
    return made;
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #drop(): void {
    this.#client?.then(
      (client) => client.disconnect(),
      () => undefined,
    );
    this.#client = null;
  }

  async #connect({ url }: RedisConfig): Promise<Redis> {
    const address = await this.#addressOf(url);
    const { Redis: Client } = await import('ioredis');
    const client = new Client(address, {
      // Nobody waits long for what is kept there: a command that cannot be sent fails at once.
      maxRetriesPerRequest: 0,
      connectTimeout: 2_000,
      retryStrategy: (times) => Math.min(times * 200, LONGEST_PAUSE_MS),
    });
    // Each command tells of it; without a listener it would end the process.
    client.on('error', () => undefined);
    return client;
  }

  /** @throws Error */
  async #addressOf(url: string): Promise<string> {
    if (/^rediss?:/.test(url)) return url;
    const question = { reference: url, provider: 'redis', origin: REDIS_ORIGIN, usualVariable: null, prefix: null };
    const found = await this.#options.resolveKey(question);
    if (found.state !== 'present')
      throw new Error(`redis.url: ${found.state === 'missing' ? found.reason : 'is no address'}`);
    return found.value;
  }
}
