import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  DatabaseProblem,
  explain,
  isBroken,
  loadSqlite,
  type Migration,
  migrate,
  openDatabase,
  pragma,
  transaction,
} from '../../../src-main/storage/sqlite.ts';
import { folderForTest } from '../../helpers/remembered-turns.ts';

function memoryDatabase(): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  onTestFinished(() => db.close());
  return db;
}

describe('migrations', () => {
  const steps: Migration[] = [
    (db) => db.exec('CREATE TABLE a (x)'),
    (db) => db.exec('ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)'),
  ];

  test('only those that a database has not had are run', () => {
    const db = memoryDatabase();
    migrate(db, steps.slice(0, 1));
    expect(pragma(db, 'user_version')).toBe(1);
    migrate(db, steps);
    migrate(db, steps);
    expect(pragma(db, 'user_version')).toBe(2);
    expect(db.prepare('SELECT count(*) AS count FROM a').get()).toEqual({ count: 1 });
  });

  test('one that fails leaves what was before it', () => {
    const db = memoryDatabase();
    const failing: Migration = (other) => other.exec('CREATE TABLE b (x); CREATE TABLE a (x)');
    expect(() => migrate(db, [...steps.slice(0, 1), failing])).toThrow('already exists');
    expect(pragma(db, 'user_version')).toBe(1);
    expect(db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()).toEqual([{ name: 'a' }]);
  });
});

test('a change that fails is taken back, and the database can be used on', () => {
  const db = memoryDatabase();
  db.exec('CREATE TABLE a (x)');
  const change = (): void =>
    transaction(db, () => {
      db.exec('INSERT INTO a VALUES (1)');
      throw new Error('in the middle');
    });
  expect(change).toThrow('in the middle');
  transaction(db, () => db.exec('INSERT INTO a VALUES (2)'));
  expect(db.prepare('SELECT x FROM a').all()).toEqual([{ x: 2 }]);
});

describe('what is wrong, in words', () => {
  test('no room left, as SQLite and as the system say it', async () => {
    const db = openDatabase(await loadSqlite(), path.join(folderForTest(), 'x.db'), []);
    onTestFinished(() => db.close());
    db.exec('PRAGMA max_page_count = 4; CREATE TABLE a (x)');
    let full: unknown;
    try {
      db.exec(`INSERT INTO a VALUES ('${'x'.repeat(20_000)}')`);
    } catch (error) {
      full = error;
    }
    const said = { retry: 'later', reason: 'there is no room left on the disk of /data/x.db' };
    expect(explain(full, '/data/x.db')).toEqual(said);
    expect(isBroken(full)).toBe(false);
    expect(explain(Object.assign(new Error('write'), { code: 'ENOSPC' }), '/data/x.db')).toEqual(said);
  });

  test('anything else, with what was said of it', () => {
    expect(explain(new DatabaseProblem('never', 'no SQLite'), 'x')).toEqual({ retry: 'never', reason: 'no SQLite' });
    expect(explain(new Error('EROFS'), '/data/x.db')).toEqual({
      retry: 'later',
      reason: '/data/x.db cannot be used (EROFS)',
    });
    expect(explain('odd', 'x').reason).toBe('x cannot be used (odd)');
  });
});
