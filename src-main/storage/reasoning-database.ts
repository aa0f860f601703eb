import { hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type {
  Batch,
  DatabaseOptions,
  DiskStats,
  KeyedTurn,
  OwnerColumns,
  SavedCorrection,
  SavedNote,
} from './disk-calls.ts';
import { migrations } from './reasoning-schema.ts';
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
} from './sqlite.ts';
import { turnBytes } from './turn-bytes.ts';
import { packTurn, unpackTurn } from './turn-payload.ts';

const KB = 1024;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const PAGE_BYTES = 4 * KB;
/** What a turn may change besides the pages of its payload: leaves of four trees. */
const BYTES_PER_TURN = 4 * PAGE_BYTES;
/** Conversations that are dropped, and pages that are given back, in one transaction. */
const SLICE = 256;
/** New signatures after which it is seen whether there are too many. */
const TRIM_AFTER = 1_000;
/** Said of a file that could not be read. */
const LOST = 'What was remembered of earlier conversations is lost; new ones are remembered.';
const MOST_CORRECTIONS = 2_000;
const MOST_CORRECTION_CHARACTERS = 2_000;

const queries = {
  replaced: `SELECT payload, octet_length(data) AS bytes FROM turn JOIN payload ON payload.id = payload
    WHERE conversation = ? AND key = ?`,
  dropPayload: 'DELETE FROM payload WHERE id = ?',
  addPayload: 'INSERT INTO payload (data) VALUES (?)',
  putTurn: 'INSERT OR REPLACE INTO turn (conversation, key, payload) VALUES (?, ?, ?)',
  putConversation: `INSERT INTO conversation (id, used, turns, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
    SET used = excluded.used, turns = turns + excluded.turns, bytes = bytes + excluded.bytes RETURNING turns, bytes`,
  oldestTurn: `SELECT key, payload, octet_length(data) AS bytes FROM turn JOIN payload ON payload.id = payload
    WHERE conversation = ? ORDER BY payload LIMIT 1`,
  dropTurn: 'DELETE FROM turn WHERE conversation = ? AND key = ?',
  use: 'UPDATE conversation SET used = ? WHERE id = ? AND used < ?',
  newestTurns: `SELECT key, data FROM turn JOIN payload ON payload.id = payload
    WHERE conversation = ? ORDER BY payload DESC`,
  lastUse: 'SELECT used FROM conversation WHERE id = ?',
  longestUnused: 'SELECT id FROM conversation WHERE used < ? ORDER BY used LIMIT ?',
  dropPayloads: 'DELETE FROM payload WHERE id IN (SELECT payload FROM turn WHERE conversation = ?)',
  dropTurns: 'DELETE FROM turn WHERE conversation = ?',
  dropConversation: 'DELETE FROM conversation WHERE id = ?',
  counts: 'SELECT count(*) AS conversations, coalesce(sum(turns), 0) AS turns FROM conversation',
  providers: 'SELECT id, name FROM provider ORDER BY id',
  addProvider: 'INSERT INTO provider (name) VALUES (?)',
  putSignature: `INSERT INTO signature (digest, provider, day) VALUES (?, ?, ?) ON CONFLICT DO UPDATE
    SET provider = excluded.provider, day = excluded.day`,
  countSignatures: 'SELECT count(*) AS count FROM signature',
  signatures: 'SELECT digest, provider, day FROM signature ORDER BY day',
  trimSignatures: 'DELETE FROM signature WHERE digest IN (SELECT digest FROM signature ORDER BY day LIMIT ?)',
  expireSignatures: 'DELETE FROM signature WHERE day < ?',
  findText: 'SELECT id FROM text WHERE text = ?',
  addText: 'INSERT INTO text (text) VALUES (?)',
  putNote: `INSERT INTO note (digest, system, home, day) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
    SET system = excluded.system, home = excluded.home, day = excluded.day`,
  notes: `SELECT digest, text, home, day FROM note LEFT JOIN text ON text.id = system ORDER BY day`,
  countNotes: 'SELECT count(*) AS count FROM note',
  trimNotes: 'DELETE FROM note WHERE digest IN (SELECT digest FROM note ORDER BY day LIMIT ?)',
  expireNotes: 'DELETE FROM note WHERE day < ?',
  dropTexts: 'DELETE FROM text WHERE id NOT IN (SELECT system FROM note WHERE system IS NOT NULL)',
  putCorrection: `INSERT INTO correction (provider, model, data, saved) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
    SET data = excluded.data, saved = excluded.saved`,
  trimCorrections: `DELETE FROM correction WHERE (provider, model) IN
    (SELECT provider, model FROM correction ORDER BY saved DESC LIMIT -1 OFFSET ${MOST_CORRECTIONS})`,
  corrections: 'SELECT provider, model, data FROM correction WHERE json_valid(data) ORDER BY saved',
} as const;

interface Opened {
  db: DatabaseSync;
  run: Record<keyof typeof queries, StatementSync>;
}

/**
 * reasoning.db: what is remembered of conversations, on disk. Times are Unix times in ms. A file that turns out to be damaged
 * is moved aside and another begun, whatever was going on. Its methods throw SQLite's errors.
 */
export class ReasoningDatabase {
  readonly #sqlite: typeof import('node:sqlite');
  readonly #options: DatabaseOptions;
  readonly #warn: (text: string) => void;
  /** What the write-ahead log may take, and what one transaction may. */
  readonly #logBytes: number;
  readonly #mostPages: number;
  #opened: Opened;
  #signaturesSinceTrim = 0;

  private constructor(
    sqlite: typeof import('node:sqlite'),
    options: DatabaseOptions,
    warn: (text: string) => void,
    now: number,
  ) {
    this.#sqlite = sqlite;
    this.#options = options;
    this.#warn = warn;
    this.#logBytes = Math.min(2 * KB * KB, Math.max(64 * KB, options.maxBytes / 32));
    // The log can get twice as long before it is noticed, and has an index of 32 KB.
    this.#mostPages = Math.max(16, Math.floor((options.maxBytes - 2 * this.#logBytes - 32 * KB) / PAGE_BYTES));
    this.#opened = this.#openOrBegin(now);
  }

  /** @throws DatabaseProblem where there is no SQLite or the file is of a newer version; SQLite's own errors */
  static async open(options: DatabaseOptions, warn: (text: string) => void, now: number): Promise<ReasoningDatabase> {
    const database = new ReasoningDatabase(await loadSqlite(), options, warn, now);
    try {
      // The bound may have been a larger one.
      database.#repairing(now, (opened) => database.#shrink(opened, database.#mostPages));
      database.expire(now);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** The newest turns of a conversation that fit into memory, the oldest of them first. */
  read(conversation: string, now: number): KeyedTurn[] {
    return this.#repairing(now, ({ run }) => {
      const id = conversationId(conversation);
      const lastUse = run.lastUse.get(id)?.used;
      if (typeof lastUse !== 'number' || lastUse < this.#expiryAt(now)) return [];
      if (now - lastUse >= HOUR_MS) run.use.run(now, id, now);
      const { maxBytes, maxTurns } = this.#options.limits;
      const turns: KeyedTurn[] = [];
      let bytes = 0;
      let damaged = 0;
      for (const { key, data } of run.newestTurns.iterate(id)) {
        const turn = unpackTurn(data);
        if (turn === null) {
          damaged++;
          continue;
        }
        bytes += turnBytes(turn);
        if (bytes > maxBytes || turns.length === maxTurns) break;
        turns.push([String(key), turn]);
      }
      if (damaged > 0) this.#warn(`Some of what is remembered in ${this.#options.file} is damaged and is not used.`);
      return turns.reverse();
    });
  }

  write(batch: Batch, now: number): void {
    this.#repairing(now, (opened) => {
      let from = 0;
      while (from < batch.turns.length)
        this.#change(opened, () => {
          let bytes = 0;
          for (; from < batch.turns.length && bytes < this.#logBytes; from++) {
            const turn = batch.turns[from];
            if (turn !== undefined) bytes += BYTES_PER_TURN + this.#putTurn(opened, turn, now);
          }
        });
      const { used, owners, corrections, notes } = batch;
      if (used.length + owners.length + corrections.length + notes.length === 0) return;
      this.#change(opened, () => {
        for (const conversation of used) opened.run.use.run(now, conversationId(conversation), now);
        this.#putOwners(opened, owners);
        this.#putCorrections(opened, corrections, now);
        this.#putNotes(opened, notes);
      });
    });
  }

  owners(now: number): OwnerColumns {
    return this.#repairing(now, ({ run }) => {
      const providers = providerIds(run);
      const count = Number(run.countSignatures.get()?.count);
      const names = [null, ...providers.keys()];
      const places = new Map([...providers.values()].map((id, index) => [id, index + 1]));
      const digests = new Float64Array(count);
      const owners = new Uint32Array(count);
      const days = new Uint32Array(count);
      let index = 0;
      for (const { digest, provider, day } of run.signatures.iterate()) {
        digests[index] = Number(digest);
        owners[index] = places.get(Number(provider)) ?? 0;
        days[index] = Number(day);
        index++;
      }
      return { names, digests, owners, days };
    });
  }

  /** The longest unused first. */
  notes(now: number): SavedNote[] {
    return this.#repairing(now, ({ run }) =>
      run.notes.all().map(({ digest, text, home, day }) => ({
        digest: Number(digest),
        system: text === null ? null : String(text),
        home: home === null ? null : String(home),
        day: Number(day),
      })),
    );
  }

  /** The longest not saved first. */
  corrections(now: number): SavedCorrection[] {
    return this.#repairing(now, ({ run }) =>
      run.corrections.all().map(({ provider, model, data }) => ({
        provider: String(provider),
        model: String(model),
        data: JSON.parse(String(data)) as unknown,
      })),
    );
  }

  /** Forgets what has not been used for as long as the user chose, and gives space back where much is free. */
  expire(now: number): void {
    this.#repairing(now, (opened) => {
      let dropped = SLICE;
      while (dropped === SLICE)
        this.#change(opened, () => {
          dropped = this.#dropUnused(opened, this.#expiryAt(now), SLICE);
        });
      this.#change(opened, () => {
        const day = Math.trunc(this.#expiryAt(now) / DAY_MS);
        opened.run.expireSignatures.run(day);
        opened.run.expireNotes.run(day);
        opened.run.dropTexts.run();
      });
      const used = pagesInUse(opened.db);
      if (pragma(opened.db, 'page_count') > 1.25 * used + SLICE) this.#shrink(opened, used);
    });
  }

  stats(now: number): DiskStats {
    return this.#repairing(now, ({ run }) => {
      const { conversations, turns } = run.counts.get() ?? {};
      const { file } = this.#options;
      return {
        conversations: Number(conversations),
        turns: Number(turns),
        bytes: bytesOf(file, `${file}-wal`, `${file}-shm`),
      };
    });
  }

  close(): void {
    // It is closed already where another could not be begun in its place.
    if (this.#opened.db.isOpen) this.#opened.db.close();
  }

  #expiryAt(now: number): number {
    return now - this.#options.keepDays * DAY_MS;
  }

  #openOrBegin(now: number): Opened {
    try {
      return this.#open();
    } catch (error) {
      if (!isBroken(error)) throw error;
      this.#warn(moveAside(this.#options.file, now, LOST));
      return this.#open();
    }
  }

  #open(): Opened {
    const db = openDatabase(this.#sqlite, this.#options.file, migrations);
    try {
      const prepared = Object.entries(queries).map(([name, sql]) => [name, db.prepare(sql)]);
      const run = Object.fromEntries(prepared) as Opened['run'];
      run.longestUnused.setReadBigInts(true);
      return { db, run };
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
      this.#warn(moveAside(this.#options.file, now, LOST));
      this.#opened = this.#open();
      return act(this.#opened);
    }
  }

  /** One transaction, after which the database is no larger than it may be, and the log not much longer. */
  #change(opened: Opened, change: () => void): void {
    const { db } = opened;
    transaction(db, () => {
      change();
      this.#dropUntil(opened, this.#mostPages);
      const excess = pragma(db, 'page_count') - this.#mostPages;
      if (excess > 0) giveBack(db, excess);
    });
    if (bytesOf(`${this.#options.file}-wal`) > this.#logBytes) db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** Drops the longest unused, about `limit` at most, until no more pages are in use. */
  #dropUntil(opened: Opened, pages: number, limit = Number.POSITIVE_INFINITY): void {
    let dropped = 0;
    let last = 1;
    while (last > 0 && dropped < limit && pagesInUse(opened.db) > pages) {
      last = this.#dropUnused(opened, Number.MAX_SAFE_INTEGER, 8);
      dropped += last;
    }
  }

  /** Gives pages back until there are so many, in steps that keep the log short. What is in use makes way for it. */
  #shrink(opened: Opened, pages: number): void {
    const { db } = opened;
    let freed = 1;
    while (freed > 0 && pragma(db, 'page_count') > pages) {
      transaction(db, () => {
        this.#dropUntil(opened, pages, SLICE);
        freed = pragma(db, 'freelist_count');
        giveBack(db, SLICE);
      });
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    }
  }

  /** @returns the bytes of its payload */
  #putTurn({ run }: Opened, { conversation, key, turn }: Batch['turns'][number], now: number): number {
    const id = conversationId(conversation);
    const replaced = run.replaced.get(id, key);
    if (replaced !== undefined) run.dropPayload.run(Number(replaced.payload));
    const data = packTurn(turn);
    const bytes = Buffer.byteLength(data);
    run.putTurn.run(id, key, run.addPayload.run(data).lastInsertRowid);
    const added = replaced === undefined ? 1 : 0;
    const sums = run.putConversation.get(id, now, added, bytes - Number(replaced?.bytes ?? 0));
    this.#trim(run, id, Number(sums?.turns), Number(sums?.bytes), now);
    return bytes;
  }

  #trim(run: Opened['run'], id: bigint, turns: number, bytes: number, now: number): void {
    const { maxBytes, maxTurns } = this.#options.limits;
    let turnsLeft = turns;
    let bytesLeft = bytes;
    while (turnsLeft > maxTurns || bytesLeft > maxBytes) {
      const oldest = run.oldestTurn.get(id);
      if (oldest === undefined) return;
      run.dropPayload.run(Number(oldest.payload));
      run.dropTurn.run(id, String(oldest.key));
      run.putConversation.get(id, now, -1, -Number(oldest.bytes));
      turnsLeft--;
      bytesLeft -= Number(oldest.bytes);
    }
  }

  /** @returns how many conversations were dropped */
  #dropUnused({ run }: Opened, before: number, limit: number): number {
    const unused = run.longestUnused.all(before, limit);
    for (const { id } of unused) {
      if (typeof id !== 'bigint') continue;
      run.dropPayloads.run(id);
      run.dropTurns.run(id);
      run.dropConversation.run(id);
    }
    return unused.length;
  }

  #putOwners({ run }: Opened, owners: Batch['owners']): void {
    const providers = providerIds(run);
    for (const { digest, owner, day } of owners) {
      let provider = owner === null ? 0 : providers.get(owner);
      if (provider === undefined) {
        provider = Number(run.addProvider.run(owner).lastInsertRowid);
        providers.set(String(owner), provider);
      }
      run.putSignature.run(digest, provider, day);
    }
    this.#signaturesSinceTrim += owners.length;
    if (this.#signaturesSinceTrim < TRIM_AFTER) return;
    this.#signaturesSinceTrim = 0;
    const excess = Number(run.countSignatures.get()?.count) - this.#options.maxSignatures;
    if (excess > 0) run.trimSignatures.run(excess);
  }

  #putNotes({ run }: Opened, notes: Batch['notes']): void {
    for (const { digest, system, home, day } of notes) {
      const text = system === null ? null : (run.findText.get(system)?.id ?? run.addText.run(system).lastInsertRowid);
      run.putNote.run(digest, text, home, day);
    }
    if (notes.length === 0) return;
    const excess = Number(run.countNotes.get()?.count) - this.#options.maxNotes;
    if (excess > 0) run.trimNotes.run(excess);
  }

  #putCorrections({ run }: Opened, corrections: Batch['corrections'], now: number): void {
    for (const { provider, model, data } of corrections) {
      const json = JSON.stringify(data) ?? 'null';
      if (json.length > MOST_CORRECTION_CHARACTERS)
        this.#warn(`What was learned of counting tokens for ${model} is too long to be kept.`);
      else run.putCorrection.run(provider, model, json, now);
    }
    if (corrections.length > 0) run.trimCorrections.run();
  }
}

/** By name. */
const providerIds = (run: Opened['run']): Map<string, number> =>
  new Map(run.providers.all().map(({ id, name }) => [String(name), Number(id)]));

/** SQLite keeps it as an integer; what clients name their sessions does not get to the disk. */
function conversationId(conversation: string): bigint {
  return hash('sha256', conversation, 'buffer').readBigInt64BE();
}
