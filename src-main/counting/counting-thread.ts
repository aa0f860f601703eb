import { Worker } from 'node:worker_threads';
import type { ClientProtocol } from '../../src-shared/requests.ts';
import type { PromptFeatures } from './prompt-features.ts';

export interface CountQuestion {
  id: number;
  protocol: ClientProtocol;
  model: string;
  raw: ArrayBuffer;
}

export interface CountAnswer {
  id: number;
  /** Null where the body is no request of its protocol. */
  features: PromptFeatures | null;
}

export interface CountingThreadOptions {
  onWarning(message: string): void;
  idleMs?: number;
  timeoutMs?: number;
  /** The thread's program. */
  worker?: URL;
}

const IDLE_MS = 60_000;
const TIMEOUT_MS = 5_000;
/** What a start may take on a busy machine, else a third of a second. */
const STARTS_WITHIN_MS = 30_000;
/** Counts that may wait. One of 150 kB takes some 20 ms. */
const QUEUE = 32;
/** Its heap, in MB: the largest body in it, decoded. Beyond that it dies by itself, and not the process with it. */
const HEAP = 512;
/** After a death the next count starts it again; after several without a count between them, only after a while, in ms. */
const LONGEST_REST = 10 * 60_000;

/** Built, all programs lie in one folder; run from source, Node takes the types off. */
const here = import.meta.url;
const WORKER = new URL(`./count-worker.${here.endsWith('.ts') ? 'ts' : 'js'}`, here);

interface Waiting {
  resolve(features: PromptFeatures | null): void;
  timer: NodeJS.Timeout;
}

/**
 * A thread with the tokenizer, which takes 60 MB: started at the first count, ended when there has been none for a while, started
 * again when it has died.
 */
export class CountingThread {
  readonly #options: CountingThreadOptions;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #idleTimer: NodeJS.Timeout | null = null;
  #lastId = 0;
  #deaths = 0;
  #restsUntil = 0;
  /** Of the thread that runs. */
  #answers = 0;
  #startedAt = 0;
  #closed = false;

  constructor(options: CountingThreadOptions) {
    this.#options = options;
  }

  /** Nothing waits for it. */
  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Whether it runs and holds its memory. */
  get running(): boolean {
    return this.#worker !== null;
  }

  /**
   * What a prompt is made of. Null where that could not be found out: too many wait, it took too long, the thread died, or
   * the body is no request. Never rejects.
   */
  count(protocol: ClientProtocol, raw: Uint8Array, model: string): Promise<PromptFeatures | null> {
    if (this.#closed || this.#waiting.size >= QUEUE) return Promise.resolve(null);
    const worker = this.#worker ?? (Date.now() < this.#restsUntil ? null : this.#start());
    if (worker === null) return Promise.resolve(null);
    this.#stopIdling();
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const answers = this.#answers;
      const timer = setTimeout(() => this.#giveUp(id, answers), this.#options.timeoutMs ?? TIMEOUT_MS);
      this.#waiting.set(id, { resolve, timer });
      // A copy of its own, since the client's bytes are still needed here; handed over, it is copied once and not twice.
      const copy = new Uint8Array(raw).buffer;
      worker.postMessage({ id, protocol, model, raw: copy } satisfies CountQuestion, [copy]);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  #start(): Worker | null {
    try {
      const worker = new Worker(this.#options.worker ?? WORKER, {
        name: 'counting',
        resourceLimits: { maxOldGenerationSizeMb: HEAP },
      });
      // No count is worth keeping the process.
      worker.unref();
      worker.on('message', ({ id, features }: CountAnswer) => {
        this.#deaths = 0;
        this.#answers += 1;
        this.#settle(id, features);
      });
      worker.on('error', (error) => this.#died(worker, error));
      worker.on('exit', () => this.#died(worker, null));
      this.#worker = worker;
      this.#answers = 0;
      this.#startedAt = performance.now();
      return worker;
    } catch (error) {
      this.#failed(kindOf(error));
      return null;
    }
  }

  #settle(id: number, features: PromptFeatures | null): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (this.#waiting.size === 0) this.#idle();
    waiting.resolve(features);
  }

  /** @param answers how many there had been when it was asked. */
  #giveUp(id: number, answers: number): void {
    this.#settle(id, null);
    if (this.#worker === null || this.#answers !== answers) return;
    if (answers === 0 && performance.now() - this.#startedAt < STARTS_WITHIN_MS) return;
    // It has not only been slow to start, or to come to this one: it hangs in something, and would let all others wait.
    this.#failed('it took too long');
    void this.#end();
  }

  #idle(): void {
    this.#stopIdling();
    this.#idleTimer = setTimeout(() => void this.#end(), this.#options.idleMs ?? IDLE_MS);
    this.#idleTimer.unref();
  }

  #stopIdling(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }

  #died(worker: Worker, error: unknown): void {
    // Ended by us, or told twice.
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#failed(error === null ? 'it ended' : kindOf(error));
    this.#giveUpWaiting();
  }

  /** @param kind of error, and not its words: they may quote what was counted. */
  #failed(kind: string): void {
    this.#deaths += 1;
    if (this.#deaths > 1) this.#restsUntil = Date.now() + Math.min(LONGEST_REST, 1000 * 2 ** this.#deaths);
    // Once, until it has counted again.
    if (this.#deaths === 1)
      this.#options.onWarning(`The thread that counts tokens failed (${kind}); counts are estimated meanwhile.`);
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    this.#giveUpWaiting();
    await worker?.terminate();
  }

  #giveUpWaiting(): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id, null);
    this.#stopIdling();
  }
}

const kindOf = (error: unknown): string =>
  error instanceof Error ? ('code' in error ? String(error.code) : error.name) : typeof error;
