import type { CacheView } from '../../src-shared/cache.ts';
import type { CacheConfig, UseCache } from '../../src-shared/cache-config.ts';
import type { ErrorView } from '../../src-shared/errors.ts';
import { headerText } from '../pipeline/answer.ts';
import type { AnswerHeaders } from '../pipeline/client-request.ts';
import type { RequestContext } from '../pipeline/context.ts';
import type { Middleware, RoutedRun } from '../pipeline/middleware.ts';
import { Flight } from './flight.ts';
import type { AnswerStore, KeptAnswer } from './kept-answer.ts';
import { MemoryStore } from './memory-store.ts';
import { type RedisCommands, RedisStore } from './redis-store.ts';
import { keyOf } from './request-key.ts';
import { isWorthKeeping } from './worth-keeping.ts';

/** A kept stream is given in pieces of so many bytes. */
const PIECE_BYTES = 64 * 1024;

export interface ResponseCacheOptions {
  /** Of the configuration in force, with what Redis' keys begin with. */
  settings: () => CacheConfig & { prefix: string };
  redis: () => Promise<RedisCommands>;
  /** Told when kept answers can no longer be had, in words. */
  onTrouble: (warning: string) => void;
  /** Unix time in ms. */
  now?: () => number;
}

interface LedFlight {
  readonly flight: Flight;
  /** Names who is asked for. */
  readonly request: string;
  /** Why it failed, once it has. */
  error: ErrorView | null;
}

/**
 * Gives the same answer again to the same request, where a rule says so, and one answer to all who ask the same at the same time.
 * Only what was given whole and well is kept (worth-keeping.ts).
 */
export class ResponseCache implements Middleware {
  readonly name = 'cache';
  readonly #options: ResponseCacheOptions;
  readonly #now: () => number;
  readonly #flights = new Map<string, LedFlight>();
  #store: AnswerStore;
  /** What the store was made with. */
  #madeWith: string;
  #counts = { hits: 0, shared: 0, misses: 0, stored: 0 };

  constructor(options: ResponseCacheOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#madeWith = this.#shape();
    this.#store = this.#newStore();
  }

  /** Another configuration is in force. What is kept elsewhere, or under other bounds, is kept anew. */
  follow(): void {
    const shape = this.#shape();
    if (shape === this.#madeWith) return;
    this.#madeWith = shape;
    this.#store = this.#newStore();
  }

  /** What the user should know now, in words. */
  get warnings(): string[] {
    const { trouble } = this.#store;
    return trouble === null ? [] : [inWords(trouble)];
  }

  async view(): Promise<CacheView> {
    const { store, maxBytes, maxAnswerBytes } = this.#options.settings();
    const size = await this.#store.size();
    return {
      store,
      answers: size?.answers ?? null,
      bytes: size?.bytes ?? null,
      maxBytes,
      maxAnswerBytes,
      ...this.#counts,
    };
  }

  /** @returns how many answers were there. */
  clear(): Promise<number> {
    return this.#store.clear();
  }

  async routed(run: RoutedRun, next: () => Promise<void>): Promise<void> {
    // Whoever repeats a request wants another answer.
    const use = run.context.row.replayOf === null ? run.plan.cache : null;
    const key = use === null ? null : keyOf(run, use);
    if (use === null || key === null) return next();
    if (!this.#flights.has(key)) {
      const found = this.#store.get(key);
      // In memory it is there at once: whoever waited, however shortly, could miss what is kept meanwhile.
      const kept = found instanceof Promise ? await found : found;
      if (kept !== null && this.#now() - kept.at < use.ttlMs) return this.#giveAgain(run, kept);
    }
    const under = this.#flights.get(key);
    if (under?.flight.isOpen && (await this.#share(run, under))) return;
    await this.#lead(run, key, use, next);
  }

  /** A kept answer. */
  async #giveAgain({ context, answer }: RoutedRun, kept: KeptAnswer): Promise<void> {
    const { row, request } = context;
    const seconds = Math.max(0, Math.floor((this.#now() - kept.at) / 1000));
    this.#counts.hits += 1;
    row.cache = 'hit';
    row.trace.push({ step: 'cache', detail: `what ${kept.provider}/${kept.model} answered ${seconds} s ago` });
    answer.tell({ 'x-cproxy-cache': 'hit', age: String(seconds) });
    const flight = new Flight(null, Infinity, () => servedBy(kept.provider, kept.model));
    flight.begin(200, { 'content-type': kept.contentType });
    for (let at = 0; at < kept.bytes.length; at += PIECE_BYTES) flight.write(kept.bytes.subarray(at, at + PIECE_BYTES));
    flight.end(undefined);
    flight.settle();
    const end = await flight.join(answer, request.body.stream, request.signal);
    row.state = end === 'given' ? 'answered' : 'aborted';
  }

  /** The answer of another who asks the same just now. @returns false where none of it came. */
  async #share({ context, answer }: RoutedRun, led: LedFlight): Promise<boolean> {
    const { row, request } = context;
    answer.tell({ 'x-cproxy-cache': 'shared' });
    row.trace.push({ step: 'cache', detail: `gets the answer to the same request ${led.request}, which is under way` });
    const end = await led.flight.join(answer, request.body.stream, request.signal);
    if (end === 'nothing') {
      row.trace.push({ step: 'cache', detail: `request ${led.request} got no answer: asked by itself` });
      return false;
    }
    this.#counts.shared += 1;
    row.cache = 'shared';
    row.error = led.error;
    row.state = end !== 'given' ? 'aborted' : led.error === null ? 'answered' : 'failed';
    if (end === 'cut') answer.abandon();
    return true;
  }

  /** Asks, for itself and for whoever asks the same meanwhile. */
  async #lead({ context, answer }: RoutedRun, key: string, use: UseCache, next: () => Promise<void>): Promise<void> {
    const { signal: left, id } = context.request;
    if (left.aborted) return next();
    this.#counts.misses += 1;
    const flight = new Flight(answer, this.#options.settings().maxAnswerBytes, () => servedByAttempt(context));
    const led: LedFlight = { flight, request: id, error: null };
    this.#flights.set(key, led);
    const onLeft = (): void => {
      if (flight.leaderLeft(left.reason))
        context.row.trace.push({ step: 'cache', detail: 'the client has left: asked on for others' });
    };
    left.addEventListener('abort', onLeft, { once: true });
    context.outlive(flight.signal);
    answer.tell({ 'x-cproxy-cache': 'miss' });
    answer.tap(flight);
    try {
      await next();
      this.#keep(context, key, use, flight);
    } finally {
      left.removeEventListener('abort', onLeft);
      if (this.#flights.get(key) === led) this.#flights.delete(key);
      led.error = context.row.error;
      flight.settle();
    }
    // Its own client has not got all of it.
    if (left.aborted && context.row.state === 'answered') context.row.state = 'aborted';
  }

  #keep({ row }: RequestContext, key: string, use: UseCache, flight: Flight): void {
    const { whole } = flight;
    const attempt = row.attempts.at(-1);
    if (whole === null || attempt === undefined || !isWorthKeeping(row, whole.bytes, use.agentTurns)) return;
    const at = this.#now();
    this.#store.put(key, {
      contentType: String(whole.head.headers['content-type'] ?? 'application/json'),
      provider: attempt.provider,
      model: attempt.model,
      at,
      until: at + use.ttlMs,
      bytes: whole.bytes,
    });
    this.#counts.stored += 1;
    row.cache = 'stored';
  }

  #shape(): string {
    const { store, maxBytes, prefix } = this.#options.settings();
    return JSON.stringify(store === 'memory' ? [store, maxBytes] : [store, prefix]);
  }

  #newStore(): AnswerStore {
    const { settings, redis, onTrouble } = this.#options;
    const { store, maxBytes, prefix } = settings();
    if (store === 'memory') return new MemoryStore(maxBytes, this.#now);
    return new RedisStore({
      redis,
      prefix,
      now: this.#now,
      onFailure: (reason) => onTrouble(inWords(reason)),
    });
  }
}

const inWords = (reason: string): string =>
  `Redis, where answers are kept (cache.store), cannot be asked: ${reason}. Models are asked instead.`;

const servedBy = (provider: string, model: string): AnswerHeaders => ({
  'x-cproxy-provider': provider,
  'x-cproxy-model': headerText(model),
});

function servedByAttempt({ row }: RequestContext): AnswerHeaders {
  const attempt = row.attempts.at(-1);
  return attempt === undefined ? {} : servedBy(attempt.provider, attempt.model);
}
