import path from 'node:path';
import type { HistoryView } from '../../../src-shared/history.ts';
import type { HistoryConfig } from '../../../src-shared/history-config.ts';
import type { RequestRow } from '../../../src-shared/requests.ts';
import type { RouteView } from '../../../src-shared/routing.ts';
import type { UsageQuery, UsageView } from '../../../src-shared/usage.ts';
import { DatabaseLink, type DatabaseLinkOptions, DiskError, within } from '../database-link.ts';
import { workerFile } from '../worker-file.ts';
import type {
  HistoryCalls,
  HistoryEntry,
  HistoryOptions,
  PageAnswer,
  PageQuestion,
  StoredRequest,
} from './history-calls.ts';

const FILE = 'history.db';
/** What has ended is written after this time, in ms. */
const WRITE_AFTER_MS = 250;
/** Handed over at once: more would hold up the thread that answers requests. */
const BATCH = 32;
/** Most that waits, while the disk does not work or is slow. The oldest makes way. */
const MOST_WAITING = 5_000;
const MOST_WAITING_CHARACTERS = 16_000_000;
const LONGEST_PAUSE_MS = 10_000;
const HOUR_MS = 3_600_000;
const CLOSE_MS = 2_000;

type Settings = Pick<HistoryConfig, 'keep' | 'days' | 'maxBytes'>;

export interface HistoryStoreOptions {
  /** The data folder. */
  folder: string;
  settings: Settings;
  /** Removes secrets from what gets to the disk. */
  redact: (text: string) => string;
  /** Told what the user should know, in words. Nothing twice. */
  onWarning: (text: string) => void;
  /** Unix time in ms. */
  now?: () => number;
  startWorker?: DatabaseLinkOptions['startWorker'];
}

/** A request that has ended and waits; put into text when it is written. */
interface Waiting {
  row: RequestRow;
  explain: (() => RouteView) | null;
}

/**
 * The log of requests on disk, in a worker that the first of them starts. Nobody waits for it but who asks it something; where it
 * does not work, what has ended waits in memory, within a bound, until it does.
 */
export class HistoryStore {
  readonly #link: DatabaseLink<HistoryCalls>;
  readonly #redact: (text: string) => string;
  #settings: Settings;
  #waiting: Waiting[] = [];
  /** Put into text, but not taken by the disk yet. */
  #unwritten: HistoryEntry[] = [];
  #unwrittenCharacters = 0;
  #dropped = 0;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #expireTimer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor({ folder, settings, redact, onWarning, now = Date.now, startWorker }: HistoryStoreOptions) {
    this.#redact = redact;
    this.#settings = settings;
    this.#link = new DatabaseLink({
      worker: workerFile('history-worker', 'history/'),
      workerData: { file: path.join(folder, FILE) } satisfies HistoryOptions,
      keeps: 'The log of requests',
      // What waits is bounded, and is lost beyond that.
      longestPauseMs: LONGEST_PAUSE_MS,
      onWarning,
      now,
      ...(startWorker === undefined ? {} : { startWorker }),
    });
  }

  get isOnDisk(): boolean {
    return this.#settings.keep === 'disk' && this.#link.restMs === 0;
  }

  /** Other settings are in force. */
  follow(settings: Settings): void {
    const isLess = settings.days < this.#settings.days || settings.maxBytes < this.#settings.maxBytes;
    this.#settings = settings;
    if (settings.keep === 'memory') this.#forgetWaiting();
    else if (isLess) void this.#expire();
  }

  /** A request has ended: its row does not change any more. @param explain how it was routed; null where it was not. */
  add(row: RequestRow, explain: (() => RouteView) | null): void {
    if (this.#settings.keep === 'memory' || this.#isClosed) return;
    this.#waiting.push({ row, explain });
    if (this.#waiting.length + this.#unwritten.length > MOST_WAITING) this.#dropOldest();
    this.#writeSoon();
  }

  /** Requests that have ended, newest first, after what waits has been written. @throws DiskError where it does not work at present */
  async page(question: PageQuestion): Promise<PageAnswer> {
    await this.write();
    return await this.#ask('page', question);
  }

  /** Two where several ids begin so. @throws DiskError where it does not work at present */
  async find(which: string): Promise<readonly StoredRequest[]> {
    await this.write();
    return await this.#ask('find', { which });
  }

  /** Sums of all that has ended, also of what is no longer kept. @throws DiskError where it does not work at present */
  async usage(query: UsageQuery): Promise<Omit<UsageView, 'source'>> {
    await this.write();
    return await this.#ask('usage', query);
  }

  /** What is not on the disk yet, and what never will be. */
  get counts(): { waiting: number; dropped: number } {
    return { waiting: this.#waiting.length + this.#unwritten.length, dropped: this.#dropped };
  }

  async view(): Promise<HistoryView> {
    const known = this.counts;
    const nothing = { requests: 0, bytes: 0, oldest: null, ...known };
    if (this.#settings.keep === 'memory') return { state: 'memory', reason: null, ...nothing };
    try {
      return { state: 'disk', reason: null, ...(await this.#link.ask('stats', null)), ...known };
    } catch {
      return { state: 'memory', reason: this.#link.problem, ...nothing };
    }
  }

  /** Writes all that waits now. Never rejects: what the disk does not take goes on waiting. */
  async write(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    this.#stopTimer();
    if (this.#isEmpty) return;
    if (this.#link.restMs > 0) {
      this.#writeSoon();
      return;
    }
    this.#writing = this.#writeNow();
    await this.#writing;
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

  get #isEmpty(): boolean {
    return this.#waiting.length + this.#unwritten.length === 0;
  }

  #ask<Call extends keyof HistoryCalls>(
    call: Call,
    asked: HistoryCalls[Call]['asked'],
  ): Promise<HistoryCalls[Call]['answer']> {
    if (this.#settings.keep === 'memory') return Promise.reject(new DiskError('it is kept in memory only', false));
    return this.#link.ask(call, asked);
  }

  async #writeNow(): Promise<void> {
    try {
      while (!this.#isEmpty && this.#link.restMs === 0) {
        this.#toText();
        const batch = this.#takeText();
        try {
          await this.#link.ask('write', batch);
        } catch (error) {
          this.#keepText(batch, 0);
          throw error;
        }
      }
      this.#expireHourly();
    } catch (error) {
      // Once it works again, they are written; where it never will, they would wait in vain.
      if (error instanceof DiskError && !error.mayPass) this.#forgetWaiting();
    } finally {
      this.#writing = null;
      if (!this.#isEmpty) this.#writeSoon();
    }
  }

  /** Some at a time: the rest of the thread's work comes in between. */
  #toText(): void {
    for (const { row, explain } of this.#waiting.splice(0, Math.max(0, BATCH - this.#unwritten.length))) {
      const entry = {
        row: this.#redact(JSON.stringify(row)),
        route: explain === null ? null : this.#redact(JSON.stringify(explain())),
      };
      this.#keepText([entry], this.#unwritten.length);
    }
    while (this.#unwrittenCharacters > MOST_WAITING_CHARACTERS && this.#unwritten.length > 1) this.#dropOldest();
  }

  #takeText(most = BATCH): HistoryEntry[] {
    const taken = this.#unwritten.splice(0, most);
    for (const entry of taken) this.#unwrittenCharacters -= lengthOf(entry);
    return taken;
  }

  #keepText(entries: readonly HistoryEntry[], place: number): void {
    this.#unwritten.splice(place, 0, ...entries);
    for (const entry of entries) this.#unwrittenCharacters += lengthOf(entry);
  }

  #dropOldest(): void {
    this.#dropped += 1;
    if (this.#unwritten.length > 0) this.#takeText(1);
    else this.#waiting.shift();
  }

  #forgetWaiting(): void {
    this.#waiting = [];
    this.#unwritten = [];
    this.#unwrittenCharacters = 0;
  }

  #writeSoon(): void {
    const { restMs } = this.#link;
    if (restMs === Number.POSITIVE_INFINITY) {
      this.#forgetWaiting();
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
    const { days, maxBytes } = this.#settings;
    // What does not work is told of by the link; the next hour tries again.
    await this.#ask('expire', { days, maxBytes }).catch(() => undefined);
  }
}

const lengthOf = ({ row, route }: HistoryEntry): number => row.length + (route?.length ?? 0);
