import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { CallTable, DiskProblem, FromDatabase } from './database-calls.ts';

/** How long nothing is tried after a failure: the first pause, in ms; each is four times the one before. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** Deaths of the worker in a row, without any answer between them, after which there is no other. */
const MOST_DEATHS = 5;

const TERMINATION_MS = 1_000;

/** Why a call of the disk came to nothing. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  /** Whether the same call may work later. */
  readonly mayPass: boolean;

  constructor(message: string, mayPass: boolean) {
    super(message);
    this.mayPass = mayPass;
  }
}

export interface DatabaseLinkOptions {
  /** File of the thread. */
  worker: URL;
  /** What it is started with. */
  workerData: unknown;
  /** What the database keeps, as a sentence begins with it. */
  keeps: string;
  /** Told what the user should know, in words. Nothing twice. */
  onWarning: (text: string) => void;
  /** Unix time in ms. */
  now: () => number;
  /** How long nothing is tried at most, after failures; 5 minutes where absent. */
  longestPauseMs?: number;
  startWorker?: (url: URL, options: WorkerOptions) => Worker;
}

interface OpenCall {
  resolve: (answer: unknown) => void;
  reject: (error: DiskError) => void;
}

/** A database's worker: started when first asked, again when it has died, and left alone for a while when it fails. */
export class DatabaseLink<Calls extends CallTable<Calls>> {
  readonly #options: DatabaseLinkOptions;
  readonly #longestPauseMs: number;
  readonly #calls = new Map<number, OpenCall>();
  readonly #told = new Set<string>();
  #worker: Worker | null = null;
  #lastId = 0;
  #failures = 0;
  #deaths = 0;
  /** When it may be tried again; Infinity: never. */
  #restsUntil = 0;
  #problem: string | null = null;

  constructor(options: DatabaseLinkOptions) {
    this.#options = options;
    this.#longestPauseMs = options.longestPauseMs ?? LONGEST_PAUSE_MS;
  }

  /** Why nothing gets to the disk; null while it works, or has not been tried. */
  get problem(): string | null {
    return this.#problem;
  }

  /** How long it must not be asked, in ms; 0 where it may, Infinity where it is given up. */
  get restMs(): number {
    const now = this.#options.now();
    // A clock that was put back must not make it longer.
    if (this.#restsUntil !== Number.POSITIVE_INFINITY)
      this.#restsUntil = Math.min(this.#restsUntil, now + this.#longestPauseMs);
    return Math.max(0, this.#restsUntil - now);
  }

  /** @throws DiskError (the promise rejects), where it does not work at present */
  ask<Call extends keyof Calls & string>(call: Call, asked: Calls[Call]['asked']): Promise<Calls[Call]['answer']> {
    return this.#send(call, asked) as Promise<Calls[Call]['answer']>;
  }

  #send(call: string, asked: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.restMs > 0) {
        reject(new DiskError(this.#problem ?? 'it is closed', this.restMs < Number.POSITIVE_INFINITY));
        return;
      }
      const id = ++this.#lastId;
      try {
        const worker = this.#worker ?? this.#start();
        worker.postMessage({ id, now: this.#options.now(), call, asked });
        this.#calls.set(id, { resolve, reject });
      } catch (error) {
        // What cannot be sent, or a thread that cannot be had.
        this.#rest({ retry: 'later', reason: messageOf(error) });
        reject(new DiskError(messageOf(error), false));
      }
    });
  }

  /** Ends the worker, after what it was asked before, and waits `limitMs` for that at most. */
  async close(limitMs: number): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    worker.ref();
    this.#restsUntil = 0;
    const closed = this.#send('close', null).catch(() => undefined);
    this.#restsUntil = Number.POSITIVE_INFINITY;
    await within(limitMs, closed);
    this.#worker = null;
    // A thread that waits for a file system which does not answer cannot be ended.
    await within(TERMINATION_MS, worker.terminate());
  }

  #start(): Worker {
    const { worker: url, workerData, startWorker = newWorker } = this.#options;
    const worker = startWorker(url, {
      workerData,
      // There is nothing in the environment that it needs, and there may be keys.
      env: {},
      // node:sqlite works, but calls itself experimental wherever it is loaded.
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    worker.unref();
    worker.on('message', (message: FromDatabase) => this.#onMessage(message));
    worker.on('error', (error) => this.#onDeath(worker, messageOf(error)));
    worker.on('exit', () => this.#onDeath(worker, 'ended'));
    this.#worker = worker;
    return worker;
  }

  #onMessage(message: FromDatabase): void {
    if ('warning' in message) {
      this.#warn(message.warning);
      return;
    }
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    this.#deaths = 0;
    if ('problem' in message) {
      this.#rest(message.problem);
      call?.reject(new DiskError(message.problem.reason, message.problem.retry === 'later'));
      return;
    }
    this.#failures = 0;
    if (this.#restsUntil !== Number.POSITIVE_INFINITY) this.#restsUntil = 0;
    this.#problem = null;
    call?.resolve(message.answer);
  }

  #onDeath(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#deaths++;
    this.#rest({ retry: this.#deaths < MOST_DEATHS ? 'later' : 'never', reason: `its thread has died (${reason})` });
    for (const { reject } of this.#calls.values()) reject(new DiskError(reason, this.#deaths < MOST_DEATHS));
    this.#calls.clear();
  }

  #rest({ retry, reason }: DiskProblem): void {
    this.#problem = reason;
    const pause = Math.min(FIRST_PAUSE_MS * 4 ** this.#failures, this.#longestPauseMs);
    this.#failures++;
    this.#restsUntil = retry === 'never' ? Number.POSITIVE_INFINITY : this.#options.now() + pause;
    const until = retry === 'never' ? 'until CProxy ends' : 'until that works';
    this.#warn(`${this.#options.keeps} is kept in memory only, ${until}: ${reason}.`);
  }

  /** Says nothing twice. */
  #warn(text: string): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#options.onWarning(text);
  }
}

/** Waits for a promise that does not reject, `limitMs` at most. @returns whether it was settled by then */
export async function within(limitMs: number, promise: Promise<unknown>): Promise<boolean> {
  const limit = Promise.withResolvers<boolean>();
  const timer = setTimeout(limit.resolve, limitMs, false);
  const inTime = await Promise.race([promise.then(() => true), limit.promise]);
  clearTimeout(timer);
  return inTime;
}

const newWorker = (url: URL, options: WorkerOptions): Worker => new Worker(url, options);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
