import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import type { BodyView } from '../../src-shared/recording.ts';
import {
  asBroken,
  bytesOf,
  giveBack,
  isBroken,
  loadSqlite,
  type Migration,
  moveAside,
  openDatabase,
  pagesInUse,
  pragma,
  transaction,
} from '../storage/sqlite.ts';
import type { BodiesStats, DiskLimits, StoredBodies } from './bodies-calls.ts';
import { type BodiesHead, bodyView, type CleanBody, type Cleaner } from './clean-body.ts';
import type { RawBody, RequestBodies } from './request-bodies.ts';

const DAY_MS = 86_400_000;
/** Requests that are dropped in one transaction. */
const SLICE = 20;
/** Pages that are given back at once. */
const PAGES = 512;
const LOST = 'Bodies that were recorded before are no longer shown; new ones are kept.';

/** A step for each version; none is ever changed. A body is what `deflate` made of it, with keys cut out before. */
const migrations: readonly Migration[] = [
  (db) =>
    db.exec(`
      CREATE TABLE request (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        started INTEGER NOT NULL, -- Unix time in ms
        head TEXT NOT NULL -- JSON: path, headers
      ) STRICT;
      CREATE INDEX request_by_start ON request (started);
      CREATE TABLE body (
        request INTEGER NOT NULL,
        part TEXT NOT NULL, -- request, answer, sent or refusal
        attempt INTEGER, -- of sent and refusal
        encoding TEXT NOT NULL, -- of what is shown
        bytes INTEGER NOT NULL, -- of all of it
        truncated INTEGER NOT NULL,
        data BLOB NOT NULL
      ) STRICT;
      CREATE INDEX body_by_request ON body (request);
    `),
];

const queries = {
  add: 'INSERT INTO request (id, started, head) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING key',
  addBody: 'INSERT INTO body VALUES (?, ?, ?, ?, ?, ?, ?)',
  find: 'SELECT key, head FROM request WHERE id = ?',
  bodies: 'SELECT * FROM body WHERE request = ? ORDER BY attempt',
  oldest: 'SELECT key, started FROM request ORDER BY started LIMIT ?',
  drop: 'DELETE FROM request WHERE key = ?',
  dropBodies: 'DELETE FROM body WHERE request = ?',
  count: 'SELECT count(*) AS count FROM request',
} as const;

interface Opened {
  readonly db: DatabaseSync;
  readonly run: Record<keyof typeof queries, StatementSync>;
}

const headSchema: z.ZodType<BodiesHead> = z.object({
  id: z.string(),
  path: z.string(),
  requestHeaders: z.record(z.string(), z.string()),
  answerHeaders: z.record(z.string(), z.string()),
  isComplete: z.boolean(),
});

const bodySchema = z.object({
  part: z.enum(['request', 'answer', 'sent', 'refusal']),
  attempt: z.number().nullable(),
  encoding: z.enum(['utf8', 'base64']),
  bytes: z.number(),
  truncated: z.number(),
  data: z.instanceof(Uint8Array),
});

/** Bodies of requests on disk. It runs in a worker: SQLite holds up whoever calls it, and so do cutting keys out and packing. */
export class BodiesDatabase {
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
  static async open(file: string, warn: (warning: string) => void, now: number): Promise<BodiesDatabase> {
    return new BodiesDatabase(await loadSqlite(), file, warn, now);
  }

  /** All of them or none. One that is there already stays as it is: a batch may come twice after a fault. */
  write(entries: readonly RequestBodies[], cleaner: Cleaner, limits: DiskLimits, now: number): void {
    this.#repairing(now, (opened) => {
      transaction(opened.db, () => {
        for (const entry of entries) add(opened, entry, cleaner);
      });
      expire(opened, limits, now);
    });
  }

  read(id: string, now: number): StoredBodies | null {
    return this.#repairing(now, ({ run }) => {
      const found = run.find.get(id);
      if (found === undefined) return null;
      return stored(
        headSchema.parse(JSON.parse(String(found.head))),
        run.bodies.all(Number(found.key)).map((row) => bodySchema.parse(row)),
      );
    });
  }

  /** Forgets what is older than so many days, and the oldest of what takes more room than it may. */
  expire(limits: DiskLimits, now: number): void {
    this.#repairing(now, (opened) => expire(opened, limits, now));
  }

  /** @returns how many requests there were. */
  clear(now: number): number {
    return this.#repairing(now, ({ db, run }) => {
      const count = Number(run.count.get()?.count);
      transaction(db, () => db.exec('DELETE FROM body; DELETE FROM request'));
      shrink(db);
      return count;
    });
  }

  stats(now: number): BodiesStats {
    return this.#repairing(now, ({ run }) => {
      const oldest = run.oldest.get(1)?.started;
      return {
        requests: Number(run.count.get()?.count),
        bytes: bytesOf(this.#file, `${this.#file}-wal`, `${this.#file}-shm`),
        oldest: oldest === undefined ? null : Number(oldest),
      };
    });
  }

  close(): void {
    if (this.#opened.db.isOpen) this.#opened.db.close();
  }

  #open(): Opened {
    const db = openDatabase(this.#sqlite, this.#file, migrations);
    try {
      // What is forgotten is gone: bodies are private.
      db.exec('PRAGMA secure_delete = ON');
      const prepared = Object.entries(queries).map(([name, sql]) => [name, db.prepare(sql)]);
      return { db, run: Object.fromEntries(prepared) as Opened['run'] };
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

function add({ run }: Opened, raw: RequestBodies, cleaner: Cleaner): void {
  const added = run.add.get(raw.id, raw.at, JSON.stringify(cleaner.head(raw)));
  if (added === undefined) return;
  const put = (part: z.output<typeof bodySchema>['part'], attempt: number | null, body: RawBody | null): void => {
    if (body === null) return;
    const { content, encoding, bytes, truncated } = cleaner.body(body);
    const data = deflateRawSync(content, { level: 3 });
    run.addBody.run(Number(added.key), part, attempt, encoding, bytes, truncated ? 1 : 0, data);
  };
  put('request', null, raw.request);
  put('answer', null, raw.answer);
  for (const { attempt, sent, refusal } of raw.attempts) {
    put('sent', attempt, sent);
    put('refusal', attempt, refusal);
  }
}

function stored(head: BodiesHead, rows: readonly z.output<typeof bodySchema>[]): StoredBodies {
  const view = (row: z.output<typeof bodySchema> | undefined): BodyView | null => {
    if (row === undefined) return null;
    const { encoding, bytes, truncated, data } = row;
    const clean: CleanBody = { content: inflateRawSync(data), encoding, bytes, truncated: truncated === 1 };
    return bodyView(clean);
  };
  const part = (name: string, attempt: number | null = null): BodyView | null =>
    view(rows.find((row) => row.part === name && row.attempt === attempt));
  const attempts = [...new Set(rows.flatMap(({ attempt }) => attempt ?? []))];
  return {
    ...head,
    request: part('request') ?? { text: '', encoding: 'utf8', bytes: 0, truncated: false },
    answer: part('answer'),
    attempts: attempts.map((attempt) => ({
      attempt,
      sent: part('sent', attempt),
      refusal: part('refusal', attempt),
    })),
  };
}

function expire(opened: Opened, { days, maxBytes }: DiskLimits, now: number): void {
  const { db } = opened;
  const mostPages = Math.floor(maxBytes / pragma(db, 'page_size'));
  let dropped = 1;
  let total = 0;
  while (dropped > 0) {
    transaction(db, () => {
      dropped = drop(opened, now - days * DAY_MS, pagesInUse(db) > mostPages ? 1 : 0);
    });
    total += dropped;
  }
  if (total > 0) shrink(db);
}

/** @returns how many were dropped: of those that began before, a slice, and `more` of the oldest. */
function drop({ run }: Opened, before: number, more: number): number {
  const oldest = run.oldest.all(SLICE);
  const old = oldest.filter(({ started }) => Number(started) < before).length;
  const dropped = oldest.slice(0, Math.max(old, more));
  for (const { key } of dropped) {
    run.dropBodies.run(Number(key));
    run.drop.run(Number(key));
  }
  return dropped.length;
}

function shrink(db: DatabaseSync): void {
  while (pragma(db, 'freelist_count') > 0) giveBack(db, PAGES);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}
