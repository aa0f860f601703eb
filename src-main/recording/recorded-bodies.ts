import { existsSync } from 'node:fs';
import path from 'node:path';
import { DatabaseLink, type DatabaseLinkOptions, DiskError, within } from '../storage/database-link.ts';
import { workerFile } from '../storage/worker-file.ts';
import type { BodiesCalls, BodiesOptions, BodiesStats, DiskLimits, Secrets, StoredBodies } from './bodies-calls.ts';
import type { RecentBodies } from './recent-bodies.ts';

const FILE = 'bodies.db';
/** What has ended is written after this time, in ms. */
const WRITE_AFTER_MS = 250;
/** Handed over at once; one request may be more. */
const BATCH_BYTES = 4 * 1024 * 1024;
const LONGEST_PAUSE_MS = 10_000;
const HOUR_MS = 3_600_000;
const CLOSE_MS = 2_000;

export interface RecordedBodiesOptions {
  /** The data folder. */
  folder: string;
  /** What waits is taken from there. */
  recent: RecentBodies;
  limits: () => DiskLimits;
  secrets: () => Secrets;
  /** Told what the user should know, in words. Nothing twice. */
  onWarning: (text: string) => void;
  /** Unix time in ms. */
  now: () => number;
  startWorker?: DatabaseLinkOptions['startWorker'];
}

/**
 * Bodies on disk, written behind the requests by a thread that the first of them starts. Nobody waits for it but who asks it
 * something; where it does not work, what is to be written waits in memory, within a bound, until it does.
 */
export class RecordedBodies {
  readonly #options: RecordedBodiesOptions;
  readonly #file: string;
  readonly #link: DatabaseLink<BodiesCalls>;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #expireTimer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: RecordedBodiesOptions) {
    const { folder, onWarning, now, startWorker } = options;
    this.#options = options;
    this.#file = path.join(folder, FILE);
    this.#link = new DatabaseLink({
      worker: workerFile('bodies-worker', '../recording/'),
      workerData: { file: this.#file } satisfies BodiesOptions,
      keeps: 'What is recorded of requests',
      // What waits is bounded, and is lost beyond that.
      longestPauseMs: LONGEST_PAUSE_MS,
      onWarning,
      now,
      ...(startWorker === undefined ? {} : { startWorker }),
    });
    // What was recorded before grows old also where nothing is recorded any more.
    if (this.#exists) this.#expireHourly();
  }

  /** Why nothing gets to the disk; null while it works, or has not been tried. */
  get trouble(): string | null {
    return this.#link.problem;
  }

  /** Something waits. */
  writeSoon(): void {
    const { restMs } = this.#link;
    if (restMs === Number.POSITIVE_INFINITY) {
      this.#options.recent.forgetWaiting();
      return;
    }
    if (this.#timer !== null || this.#isClosed) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        void this.write();
      },
      Math.max(WRITE_AFTER_MS, restMs),
    );
    this.#timer.unref();
  }

  /** Writes all that waits now. Never rejects: what the disk does not take goes on waiting. */
  async write(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    this.#stopTimer();
    if (this.#options.recent.counts.waiting === 0) return;
    if (this.#link.restMs > 0) {
      this.writeSoon();
      return;
    }
    this.#writing = this.#writeNow();
    await this.#writing;
  }

  /** null: it was not recorded, or is forgotten. @throws DiskError where it does not work at present */
  async read(id: string): Promise<StoredBodies | null> {
    if (!this.#exists) return null;
    return await this.#link.ask('read', { id, secrets: this.#options.secrets() });
  }

  /** @returns how many requests there were. @throws DiskError where it does not work at present */
  async clear(): Promise<number> {
    // The first of all may be on its way there, before there is a file.
    await this.#writing;
    if (!this.#exists) return 0;
    return await this.#link.ask('clear', null);
  }

  /** Other limits are in force. */
  follow(): void {
    if (this.#exists && !this.#isClosed) void this.#expire();
  }

  /** null: it does not work at present. */
  async stats(): Promise<BodiesStats | null> {
    if (!this.#exists) return { requests: 0, bytes: 0, oldest: null };
    // Why stands in `trouble`.
    return await this.#link.ask('stats', null).catch(() => null);
  }

  /** Writes what waits and ends the worker; both have two seconds. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#expireTimer !== null) clearInterval(this.#expireTimer);
    const deadline = performance.now() + CLOSE_MS;
    await within(CLOSE_MS, this.write());
    this.#stopTimer();
    await this.#link.close(Math.max(0, deadline - performance.now()));
  }

  get #exists(): boolean {
    return existsSync(this.#file);
  }

  async #writeNow(): Promise<void> {
    const { recent, secrets, limits } = this.#options;
    try {
      while (recent.counts.waiting > 0 && this.#link.restMs === 0) {
        const batch = recent.nextToWrite(BATCH_BYTES);
        await this.#link.ask('write', { entries: batch, secrets: secrets(), limits: limits() });
        recent.written(batch.map(({ id }) => id));
      }
      this.#expireHourly();
    } catch (error) {
      // Once it works again, they are written; where it never will, they would wait in vain.
      if (error instanceof DiskError && !error.mayPass) recent.forgetWaiting();
    } finally {
      this.#writing = null;
      if (recent.counts.waiting > 0) this.writeSoon();
    }
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #expireHourly(): void {
    if (this.#expireTimer !== null || this.#isClosed) return;
    this.#expireTimer = setInterval(() => void this.#expire(), HOUR_MS);
    this.#expireTimer.unref();
    void this.#expire();
  }

  async #expire(): Promise<void> {
    // What does not work is told of by the link; the next hour tries again.
    await this.#link.ask('expire', this.#options.limits()).catch(() => undefined);
  }
}
