import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { AttemptRow, RequestRow, TraceStep } from '../../../src-shared/requests.ts';
import type { RouteView } from '../../../src-shared/routing.ts';
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
import type { HistoryEntry, HistoryStats, PageAnswer, PageQuestion, StoredRequest } from './history-calls.ts';
import { historyMigrations } from './history-schema.ts';
import { packLine, unpackLine } from './line-bytes.ts';
import { pageSql } from './page-sql.ts';
import { readSums, SumWriter } from './sums.ts';

const DAY_MS = 86_400_000;
/** Requests that are dropped in one transaction: others wait for it. */
const SLICE = 500;
/** Pages that are given back at once. */
const PAGES = 512;
/** Length of the write-ahead log from which it is emptied. */
const LOG_BYTES = 16 * 1024 * 1024;
/** Names known without asking; more than that, and it begins anew. */
const MOST_NAMES = 10_000;
/** Names as texts that are looked for may have. */
const MOST_FOUND_NAMES = 500;
/** Queries that are prepared at a time. */
const MOST_PAGES = 100;
const LOST = 'Requests from before are no longer shown; new ones are kept.';

const queries = {
  addName: 'INSERT INTO name (text) VALUES (?) ON CONFLICT DO NOTHING',
  findName: 'SELECT id FROM name WHERE text = ?',
  likeNames: `SELECT id FROM name WHERE text LIKE ? ESCAPE '\\' LIMIT ${MOST_FOUND_NAMES}`,
  addRequest: `INSERT INTO request (id, started, state, asked, model, provider, route, session, project, client, class)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING key`,
  addLine: 'INSERT INTO line VALUES (?, ?)',
  addDetail: 'INSERT INTO detail VALUES (?, ?)',
  addAttempt: `INSERT INTO attempt VALUES (${'?, '.repeat(17)}?)`,
  byId: 'SELECT key FROM request WHERE id = ?',
  byBeginning: 'SELECT key FROM request WHERE id >= ? AND id < ? LIMIT 2',
  latest: 'SELECT key FROM request ORDER BY started DESC, key DESC LIMIT 1',
  latestFailed: 'SELECT key FROM request WHERE state = 1 ORDER BY started DESC, key DESC LIMIT 1',
  line: 'SELECT data FROM line WHERE key = ?',
  detail: 'SELECT data FROM detail WHERE key = ?',
  oldest: 'SELECT key, started FROM request ORDER BY started LIMIT ?',
  dropRequest: 'DELETE FROM request WHERE key = ?',
  dropLine: 'DELETE FROM line WHERE key = ?',
  dropDetail: 'DELETE FROM detail WHERE key = ?',
  dropAttempts: 'DELETE FROM attempt WHERE request = ?',
  count: 'SELECT count(*) AS count FROM line',
} as const;

interface Opened {
  readonly db: DatabaseSync;
  readonly run: Record<keyof typeof queries, StatementSync>;
  readonly names: Map<string, number>;
  readonly sums: SumWriter;
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
          for (const entry of entries) add(opened, entry);
        });
      } catch (error) {
        // What was rolled back may have had names.
        opened.names.clear();
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
      const rows = found.map(({ key }) => lineOf(opened, Number(key)));
      return {
        rows,
        next:
          last === undefined || found.length < question.limit
            ? null
            : { started: Number(last.started), key: Number(last.key) },
      };
    });
  }

  /** Two where several begin so. */
  find(which: string, now: number): StoredRequest[] {
    return this.#repairing(now, (opened) =>
      keysOf(opened, which).map((key) => {
        const { trace, route } = detailOf(opened, key);
        return { row: { ...lineOf(opened, key), trace }, route };
      }),
    );
  }

  usage(query: UsageQuery, now: number): Omit<UsageView, 'source'> {
    return this.#repairing(now, ({ db, run }) => readSums(db, query, (text) => idOf(run, text)));
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
      return { db, run, names: new Map(), sums: new SumWriter(db), count: null, pages: new Map() };
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

const states: Partial<Record<RequestRow['state'], number>> = { answered: 0, failed: 1, aborted: 2 };
const outcomes: Partial<Record<AttemptRow['outcome'], number>> = { answered: 0, failed: 1, aborted: 2 };

function add(opened: Opened, entry: HistoryEntry): void {
  const { run } = opened;
  // Our own, written a moment ago.
  const row = JSON.parse(entry.row) as RequestRow;
  const name = (text: string | null): number | null => (text === null ? null : nameId(opened, text));
  const last = row.attempts.at(-1);
  const added = run.addRequest.get(
    row.id,
    row.startedAt,
    states[row.state] ?? 1,
    name(row.askedModel),
    name(last?.model ?? null),
    name(last?.provider ?? null),
    name(row.route),
    name(row.sessionId),
    name(row.project),
    name(row.client),
    name(row.class),
  );
  if (added === undefined) return;
  if (opened.count !== null) opened.count += 1;
  const key = Number(added.key);
  const { trace, ...line } = row;
  run.addLine.run(key, packLine(JSON.stringify({ ...line, trace: [] })));
  run.addDetail.run(key, packLine(`{"trace":${JSON.stringify(trace)},"route":${entry.route ?? 'null'}}`));
  opened.sums.add(row, (text) => name(text) ?? 0);
  for (const [number, attempt] of row.attempts.entries())
    run.addAttempt.run(...ledgerRow(key, number, row, attempt, name));
}

function ledgerRow(
  key: number,
  number: number,
  { startedAt }: RequestRow,
  attempt: AttemptRow,
  name: (text: string | null) => number | null,
): SQLInputValue[] {
  const { usage, cost, startedMs, endedMs } = attempt;
  const written1h = usage?.cacheWrite1h ?? 0;
  return [
    key,
    number,
    Math.round(startedAt + startedMs),
    name(attempt.provider),
    name(attempt.model),
    name(attempt.key),
    outcomes[attempt.outcome] ?? 1,
    name(attempt.error?.code ?? null),
    endedMs === null ? null : endedMs - startedMs,
    usage?.input ?? null,
    usage?.cacheRead ?? null,
    usage === null ? null : usage.cacheWrite - written1h,
    usage === null ? null : written1h,
    usage?.output ?? null,
    usage?.reasoning ?? null,
    attempt.usageIsPartial ? 1 : 0,
    cost?.usd ?? null,
    cost?.source === 'provider' ? 1 : 0,
  ];
}

function nameId({ run, names }: Opened, text: string): number {
  const known = names.get(text);
  if (known !== undefined) return known;
  if (names.size >= MOST_NAMES) names.clear();
  const { changes, lastInsertRowid } = run.addName.run(text);
  const id = Number(changes === 0 ? run.findName.get(text)?.id : lastInsertRowid);
  names.set(text, id);
  return id;
}

function idOf(run: Opened['run'], text: string): number | null {
  const found = run.findName.get(text);
  return found === undefined ? null : Number(found.id);
}

function findPage(opened: Opened, { filter, limit, after }: PageQuestion): { key: unknown; started: unknown }[] {
  const { run, db, pages } = opened;
  const idsLike = (text: string): number[] =>
    run.likeNames.all(`%${text.replace(/[\\%_]/g, '\\$&')}%`).map(({ id }) => Number(id));
  const query = pageSql(filter, {
    limit,
    after,
    state: (state) => states[state] ?? 1,
    idOf: (text) => idOf(run, text),
    idsLike,
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

function keysOf({ run }: Opened, which: string): number[] {
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

function lineOf({ run }: Opened, key: number): RequestRow {
  return JSON.parse(unpackLine(bytes(run.line.get(key)?.data))) as RequestRow;
}

function detailOf({ run }: Opened, key: number): { trace: TraceStep[]; route: RouteView | null } {
  return JSON.parse(unpackLine(bytes(run.detail.get(key)?.data))) as { trace: TraceStep[]; route: RouteView | null };
}

function bytes(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

/** @returns how many were dropped: all that began before, in slices, and `more` besides. */
function drop({ run }: Opened, before: number, more: number): number {
  const oldest = run.oldest.all(SLICE);
  const old = oldest.filter(({ started }) => Number(started) < before).length;
  const dropped = oldest.slice(0, Math.max(old, more));
  for (const { key } of dropped) {
    const id = Number(key);
    run.dropAttempts.run(id);
    run.dropDetail.run(id);
    run.dropLine.run(id);
    run.dropRequest.run(id);
  }
  return dropped.length;
}
