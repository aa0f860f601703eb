import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { UsageQuery, UsageView } from '../../../src-shared/usage.ts';
import {
  asBroken,
  bytesOf,
  giveBack,
  isBroken,
  loadSqlite,
  moveAside,
  openDatabase,
  pagesInUse,
  pragma,
  transaction,
} from '../sqlite.ts';
import { Blocks } from './blocks.ts';
import type { HistoryEntry, HistoryStats, PageAnswer, PageQuestion, StoredRequest } from './history-calls.ts';
import { historyMigrations } from './history-schema.ts';
import { Names } from './names.ts';
import { pageSql } from './page-sql.ts';
import { RequestWriter, states } from './request-writer.ts';
import { readSums } from './sums.ts';

const DAY_MS = 86_400_000;
/** Requests that are dropped in one transaction: others wait for it. */
const SLICE = 500;
/** Pages that are given back at once. */
const PAGES = 512;
/** Length of the write-ahead log from which it is emptied. */
const LOG_BYTES = 16 * 1024 * 1024;
/** Queries that are prepared at a time. */
const MOST_PAGES = 100;
const LOST = 'Requests from before are no longer shown; new ones are kept.';

const queries = {
  byId: 'SELECT key FROM request WHERE id = ?',
  byBeginning: 'SELECT key FROM request WHERE id >= ? AND id < ? LIMIT 2',
  latest: 'SELECT key FROM request ORDER BY started DESC, key DESC LIMIT 1',
  latestFailed: 'SELECT key FROM request WHERE state = 1 ORDER BY started DESC, key DESC LIMIT 1',
  oldest: 'SELECT key, started FROM request ORDER BY started LIMIT ?',
  dropRequest: 'DELETE FROM request WHERE key = ?',
  dropAttempts: 'DELETE FROM attempt WHERE request = ?',
  count: 'SELECT count(*) AS count FROM request',
} as const;

interface Opened {
  readonly db: DatabaseSync;
  readonly run: Record<keyof typeof queries, StatementSync>;
  readonly names: Names;
  readonly blocks: Blocks;
  readonly writer: RequestWriter;
  /** How many requests there are; null until that has been counted, which takes long. */
  count: number | null;
  /** Prepared when first asked. */
  readonly pages: Map<string, StatementSync>;
}

/** The log of requests and the ledger of their attempts. It runs in a worker: SQLite holds up whoever calls it. */
export class HistoryDatabase {
  readonly #sqlite: typeof import('node:sqlite');
  readonly #file: string;
  readonly #warn: (warning: string) => void;
  #opened: Opened;

  private constructor(
    sqlite: typeof import('node:sqlite'),
    file: string,
    warn: (warning: string) => void,
    now: number,
  ) {
    this.#sqlite = sqlite;
    this.#file = file;
    this.#warn = warn;
    try {
      this.#opened = this.#open();
    } catch (error) {
      if (!isBroken(error)) throw error;
      warn(moveAside(file, now, LOST));
      this.#opened = this.#open();
    }
  }

  /** @param now Unix time in ms. @throws DatabaseProblem, SQLite's own errors */
  static async open(file: string, warn: (warning: string) => void, now: number): Promise<HistoryDatabase> {
    return new HistoryDatabase(await loadSqlite(), file, warn, now);
  }

  /** All of them or none. One that is there already stays as it is: a batch may come twice after a fault. */
  write(entries: readonly HistoryEntry[], now: number): void {
    this.#repairing(now, (opened) => {
      try {
        transaction(opened.db, () => {
          const added = opened.writer.add(entries);
          if (opened.count !== null) opened.count += added;
        });
      } catch (error) {
        opened.names.forget();
        opened.count = null;
        throw error;
      }
      if (bytesOf(`${this.#file}-wal`) > LOG_BYTES) opened.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    });
  }

  page(question: PageQuestion, now: number): PageAnswer {
    return this.#repairing(now, (opened) => {
      const found = findPage(opened, question);
      const last = found.at(-1);
      const requests = opened.blocks.read(found.map(({ key }) => Number(key)));
      return {
        // Lists do without the way that each took.
        rows: requests.map(({ row }) => ({ ...row, trace: [] })),
        next:
          last === undefined || found.length < question.limit
            ? null
            : { started: Number(last.started), key: Number(last.key) },
      };
    });
  }

  /** Two where several begin so. */
  find(which: string, now: number): StoredRequest[] {
    return this.#repairing(now, ({ run, blocks }) => blocks.read(keysOf(run, which)));
  }

  usage(query: UsageQuery, now: number): Omit<UsageView, 'source'> {
    return this.#repairing(now, ({ db, names }) => readSums(db, query, (text) => names.find(text)));
  }

  /** Forgets what is older than so many days, and the oldest of what takes more room than it may. */
  expire({ days, maxBytes }: { days: number; maxBytes: number }, now: number): void {
    this.#repairing(now, (opened) => {
      const { db } = opened;
      const mostPages = Math.floor(maxBytes / pragma(db, 'page_size'));
      const tooMuch = (): boolean => pagesInUse(db) > mostPages;
      let dropped = SLICE;
      while (dropped > 0)
        transaction(db, () => {
          dropped = drop(opened, now - days * DAY_MS, tooMuch() ? SLICE : 0);
          if (opened.count !== null) opened.count -= dropped;
        });
      while (pragma(db, 'freelist_count') > PAGES) giveBack(db, PAGES);
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    });
  }

  stats(now: number): HistoryStats {
    return this.#repairing(now, (opened) => {
      const { run } = opened;
      const oldest = run.oldest.get(1)?.started;
      opened.count ??= Number(run.count.get()?.count);
      return {
        requests: opened.count,
        bytes: bytesOf(this.#file, `${this.#file}-wal`, `${this.#file}-shm`),
        oldest: oldest === undefined ? null : Number(oldest),
      };
    });
  }

  close(): void {
    if (this.#opened.db.isOpen) this.#opened.db.close();
  }

  #open(): Opened {
    const db = openDatabase(this.#sqlite, this.#file, historyMigrations);
    try {
      // Its indexes change all over.
      db.exec('PRAGMA cache_size = -8000');
      const prepared = Object.entries(queries).map(([name, sql]) => [name, db.prepare(sql)]);
      const run = Object.fromEntries(prepared) as Opened['run'];
      const [names, blocks] = [new Names(db), new Blocks(db)];
      return { db, run, names, blocks, writer: new RequestWriter(db, names, blocks), count: null, pages: new Map() };
    } catch (error) {
      db.close();
      throw asBroken(error);
    }
  }

  #repairing<Result>(now: number, act: (opened: Opened) => Result): Result {
    try {
      return act(this.#opened);
    } catch (error) {
      if (!isBroken(error)) throw error;
      this.#opened.db.close();
      this.#warn(moveAside(this.#file, now, LOST));
      this.#opened = this.#open();
      return act(this.#opened);
    }
  }
}

function findPage(opened: Opened, { filter, limit, after }: PageQuestion): { key: unknown; started: unknown }[] {
  const { names, db, pages } = opened;
  const query = pageSql(filter, {
    limit,
    after,
    state: (state) => states[state] ?? 1,
    idOf: (text) => names.find(text),
    idsLike: (text) => names.like(text),
  });
  if (query === null) return [];
  let statement = pages.get(query.sql);
  if (statement === undefined) {
    if (pages.size >= MOST_PAGES) pages.clear();
    statement = db.prepare(query.sql);
    pages.set(query.sql, statement);
  }
  return statement.all(...query.values) as { key: unknown; started: unknown }[];
}

function keysOf(run: Opened['run'], which: string): number[] {
  const found =
    which === 'latest' ? run.latest.all() : which === 'failed' ? run.latestFailed.all() : exactOrBeginning(run, which);
  return found.map(({ key }) => Number(key));
}

function exactOrBeginning(run: Opened['run'], which: string): Record<string, unknown>[] {
  const exact = run.byId.all(which);
  if (exact.length > 0) return exact;
  // What is the same in all ids may be left out.
  const beginning = which.startsWith('req_') ? which : `req_${which}`;
  return run.byBeginning.all(beginning, `${beginning}\u{10ffff}`);
}

/** @returns how many were dropped: all that began before, in slices, and `more` besides. */
function drop({ run, blocks }: Opened, before: number, more: number): number {
  const oldest = run.oldest.all(SLICE);
  const old = oldest.filter(({ started }) => Number(started) < before).length;
  const dropped = oldest.slice(0, Math.max(old, more));
  for (const { key } of dropped) {
    const id = Number(key);
    run.dropAttempts.run(id);
    run.dropRequest.run(id);
    blocks.dropped(id);
  }
  return dropped.length;
}
