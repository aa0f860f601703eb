import { chmodSync, closeSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { DiskProblem } from './database-calls.ts';

/** Files that could not be read and were moved aside; more are deleted, the oldest first. */
const MOST_BROKEN = 2;

/** Primary result codes (https://sqlite.org/rescode.html). */
const codes = { sql: 1, corrupt: 11, full: 13, notADatabase: 26 };

/** Something the database cannot do, in words for the user. */
export class DatabaseProblem extends Error {
  override readonly name = 'DatabaseProblem';
  readonly retry: DiskProblem['retry'];

  constructor(retry: DiskProblem['retry'], reason: string) {
    super(reason);
    this.retry = retry;
  }
}

/** What the file holds is not what it should. */
export class BrokenDatabase extends Error {
  override readonly name = 'BrokenDatabase';
}

/** One step of a schema, from the version before it. */
export type Migration = (db: DatabaseSync) => void;

/**
 * Loaded when first needed: Node before 22.5 has no SQLite, and nothing else is missing there.
 * @throws DatabaseProblem
 */
export async function loadSqlite(): Promise<typeof import('node:sqlite')> {
  try {
    return await import('node:sqlite');
  } catch {
    throw new DatabaseProblem('never', `this runtime (Node ${process.versions.node}) has no SQLite`);
  }
}

/**
 * Opens a database that only its owner can read, makes it if it is not there, and brings it up to date.
 * @throws DatabaseProblem where it is of a newer version; BrokenDatabase where the schema is not what its version says;
 *   SQLite's own errors
 */
export function openDatabase(
  { DatabaseSync: Database }: typeof import('node:sqlite'),
  file: string,
  migrations: readonly Migration[],
): DatabaseSync {
  makePrivate(file);
  const db = new Database(file);
  try {
    const version = pragma(db, 'user_version');
    if (version > migrations.length)
      throw new DatabaseProblem('never', `a newer CProxy has written ${file}, which is left as it is`);
    // Space is given back page by page (which must be said before there is a table), and a crash costs the last moments at most.
    db.exec(`PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA busy_timeout = 2000;
      PRAGMA cache_size = -2000;`);
    migrate(db, migrations);
    return db;
  } catch (error) {
    db.close();
    throw asBroken(error);
  }
}

/** Runs the steps that a database has not had yet, each whole or not at all. */
export function migrate(db: DatabaseSync, migrations: readonly Migration[]): void {
  const version = pragma(db, 'user_version');
  for (const [done, step] of migrations.entries()) {
    if (done < version) continue;
    transaction(db, () => {
      step(db);
      db.exec(`PRAGMA user_version = ${done + 1}`);
    });
  }
}

export function transaction(db: DatabaseSync, change: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    change();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** The number that a pragma answers. */
export function pragma(db: DatabaseSync, name: 'user_version' | 'page_count' | 'freelist_count' | 'page_size'): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

export const pagesInUse = (db: DatabaseSync): number => pragma(db, 'page_count') - pragma(db, 'freelist_count');

/** Makes the file shorter by pages that are free, so many at most. */
export function giveBack(db: DatabaseSync, pages: number): void {
  db.exec(`PRAGMA incremental_vacuum(${pages})`);
}

/** A schema that SQL does not fit to, as what it is; any other error as it was. */
export function asBroken(error: unknown): unknown {
  return codeOf(error) === codes.sql ? new BrokenDatabase(messageOf(error), { cause: error }) : error;
}

/** Whether an error says that the file cannot be read as what it should be, now or ever. */
export function isBroken(error: unknown): boolean {
  const code = codeOf(error);
  return error instanceof BrokenDatabase || code === codes.corrupt || code === codes.notADatabase;
}

/** An error in words for the user. */
export function explain(error: unknown, file: string): DiskProblem {
  if (error instanceof DatabaseProblem) return { retry: error.retry, reason: error.message };
  const isFull = codeOf(error) === codes.full || (error instanceof Error && 'code' in error && error.code === 'ENOSPC');
  if (isFull) return { retry: 'later', reason: `there is no room left on the disk of ${file}` };
  return { retry: 'later', reason: `${file} cannot be used (${messageOf(error)})` };
}

/** Moves a file aside that cannot be read, and says so. @param lost what that means, as a sentence. */
export function moveAside(file: string, now: number, lost: string): string {
  const aside = `${file}.broken-${now}`;
  renameSync(file, aside);
  // They belong to the file that has gone, and would be taken for a part of the new one.
  for (const ending of ['-wal', '-shm']) rmSync(file + ending, { force: true });
  const folder = path.dirname(file);
  const broken = readdirSync(folder).filter((name) => name.startsWith(`${path.basename(file)}.broken-`));
  for (const name of broken.sort().slice(0, -MOST_BROKEN)) rmSync(path.join(folder, name), { force: true });
  return `${file} could not be read and was moved to ${aside}. ${lost}`;
}

/** Of the files that are there, together. */
export function bytesOf(...files: readonly string[]): number {
  return files.reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** SQLite makes its other files with the mode of the first. */
function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
}

/** The primary result code; undefined where it is no error of SQLite's. */
function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
