import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Batch, DatabaseOptions } from '../../../src-main/storage/disk-calls.ts';
import { ReasoningDatabase } from '../../../src-main/storage/reasoning-database.ts';
import { proseOf } from '../../helpers/prose.ts';
import { folderForTest, signatureOf, turnOf } from '../../helpers/remembered-turns.ts';

const MB = 1024 * 1024;
const DAY_MS = 86_400_000;
const NOW = 20_000 * DAY_MS;

const batchOf = (batch: Partial<Batch>): Batch => ({
  turns: [],
  used: [],
  owners: [],
  corrections: [],
  notes: [],
  ...batch,
});
const turnsOf = (conversation: string, ...texts: string[]): Batch =>
  batchOf({ turns: texts.map((text) => ({ conversation, key: text, turn: turnOf(text) })) });

interface Opening extends Partial<DatabaseOptions> {
  folder?: string;
  now?: number;
}

async function open({ folder = folderForTest(), now = NOW, ...rest }: Opening = {}) {
  const warnings: string[] = [];
  const file = path.join(folder, 'reasoning.db');
  const options = {
    file,
    maxBytes: 64 * MB,
    keepDays: 30,
    limits: { maxBytes: 4 * MB, maxTurns: 1_000 },
    maxSignatures: 1_000,
    maxNotes: 1_000,
  };
  const database = await ReasoningDatabase.open({ ...options, ...rest }, (text) => warnings.push(text), now);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) database.close();
    isOpen = false;
  };
  onTestFinished(close);
  const keysOf = (conversation: string, at = now): string[] => database.read(conversation, at).map(([key]) => key);
  return { database, warnings, file, folder, close, keysOf };
}

/** Of all that SQLite keeps, in bytes. */
const bytesIn = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);

describe('turns on disk', () => {
  test('are there when it is opened again, in their order', async () => {
    const { database, close, folder } = await open();
    database.write(turnsOf('c', 'a', 'b', 'a'), NOW);
    database.write(turnsOf('other', 'x'), NOW);
    close();
    const again = await open({ folder });
    expect(again.database.read('c', NOW)).toEqual([
      ['b', turnOf('b')],
      ['a', turnOf('a')],
    ]);
    expect(again.keysOf('nobody')).toEqual([]);
    expect(again.database.stats(NOW)).toMatchObject({ conversations: 2, turns: 3 });
    expect(again.warnings).toEqual([]);
  });

  test('of one conversation are bounded, by number and by size', async () => {
    const { database, keysOf } = await open({ limits: { maxBytes: 100_000, maxTurns: 3 } });
    database.write(turnsOf('c', 'a', 'b', 'c'), NOW);
    database.write(turnsOf('c', 'd', 'b'), NOW);
    expect(keysOf('c')).toEqual(['c', 'd', 'b']);
    expect(database.stats(NOW)).toMatchObject({ conversations: 1, turns: 3 });

    const long = ['1', '2', '3'].map((key) => ({
      conversation: 'long',
      key,
      turn: turnOf(proseOf(20_000, Number(key)), ''),
    }));
    database.write(batchOf({ turns: long }), NOW);
    // In memory they take twice their characters.
    expect(keysOf('long')).toEqual(['2', '3']);
  });

  test('are forgotten so many days after the last use', async () => {
    const { database, keysOf } = await open({ keepDays: 10 });
    database.write(turnsOf('left', 'a'), NOW);
    database.write(turnsOf('read', 'a'), NOW);
    database.write(turnsOf('used', 'a'), NOW);
    const later = NOW + 6 * DAY_MS;
    expect(keysOf('read', later)).toEqual(['a']);
    database.write(batchOf({ used: ['used', 'never heard of'] }), later);
    const latest = NOW + 11 * DAY_MS;
    // Also while nobody has cleared it away.
    expect(keysOf('left', latest)).toEqual([]);
    database.expire(latest);
    expect(database.stats(latest)).toMatchObject({ conversations: 2, turns: 2 });
    expect([keysOf('read', latest), keysOf('used', latest)]).toEqual([['a'], ['a']]);
  });

  test('are forgotten at the start too', async () => {
    const { database, close, folder } = await open();
    database.write(turnsOf('c', 'a'), NOW);
    close();
    const later = NOW + 31 * DAY_MS;
    const again = await open({ folder, now: later });
    expect(again.database.stats(later)).toMatchObject({ conversations: 0, turns: 0 });
  });

  test('that are damaged are left out, with a warning', async () => {
    const { database, close, folder, file } = await open();
    database.write(turnsOf('c', 'a', 'b'), NOW);
    close();
    const raw = new DatabaseSync(file);
    raw.exec("UPDATE payload SET data = x'00' WHERE id = 1");
    raw.close();
    const again = await open({ folder });
    expect(again.keysOf('c')).toEqual(['b']);
    expect(again.warnings).toEqual([`Some of what is remembered in ${file} is damaged and is not used.`]);
  });
});

describe('the bound on disk', () => {
  test('holds while it is written, and the longest unused make way', async () => {
    const maxBytes = 2 * MB;
    const { database, folder, keysOf, close } = await open({
      maxBytes,
      limits: { maxBytes: maxBytes / 16, maxTurns: 100 },
    });
    database.write(turnsOf('early', 'a'), NOW);
    let most = 0;
    for (let round = 1; round <= 30; round++) {
      const turns = Array.from({ length: 100 }, (_, index) => ({
        conversation: `c${round}-${index}`,
        key: 'k',
        turn: turnOf('short', signatureOf(300 + 40 * (index % 50))),
      }));
      database.write(batchOf({ turns, used: ['early'] }), NOW + round);
      most = Math.max(most, bytesIn(folder));
    }
    expect(most).toBeLessThanOrEqual(maxBytes);
    expect(most).toBeGreaterThan(0.7 * maxBytes);
    expect(keysOf('early')).toEqual(['a']);
    expect(keysOf('c1-0')).toEqual([]);
    expect(keysOf('c30-99')).toEqual(['k']);
    close();
    expect(readdirSync(folder)).toEqual(['reasoning.db']);
  });

  test('gives space back when it was lowered, and when much was forgotten', async () => {
    const { database, folder, close } = await open();
    const turns = Array.from({ length: 2_000 }, (_, index) => ({
      conversation: `c${index}`,
      key: 'k',
      turn: turnOf('short', signatureOf(3_000)),
    }));
    database.write(batchOf({ turns: turns.slice(0, 1_000) }), NOW);
    database.write(batchOf({ turns: turns.slice(1_000) }), NOW + 20 * DAY_MS);
    database.write(turnsOf('last', 'k'), NOW + 20 * DAY_MS + 1);
    close();
    const full = bytesIn(folder);
    expect(full).toBeGreaterThan(3 * MB);

    const lower = await open({ folder, maxBytes: 2 * MB, now: NOW + 20 * DAY_MS });
    expect(bytesIn(folder)).toBeLessThanOrEqual(2 * MB);
    expect(lower.keysOf('last')).toEqual(['k']);
    // No more was dropped than had to be.
    expect(bytesIn(folder)).toBeGreaterThan(1.5 * MB);
    lower.close();

    const later = await open({ folder, now: NOW + 52 * DAY_MS });
    expect(later.database.stats(NOW + 52 * DAY_MS).conversations).toBe(0);
    later.close();
    expect(bytesIn(folder)).toBeLessThan(1.2 * MB + 64 * 1024);
  });
});

describe('owners and corrections on disk', () => {
  test('owners come back, the longest unused first; too many and old ones are dropped', async () => {
    const { database, close, folder } = await open({ maxSignatures: 1_000, keepDays: 30 });
    const owner = (digest: number, name: string | null, day: number) => ({ digest, owner: name, day });
    const largest = Number.MAX_SAFE_INTEGER;
    database.write(
      batchOf({ owners: [owner(largest, 'a', 19_990), owner(7, null, 19_980), owner(8, 'b', 20_000)] }),
      NOW,
    );
    database.write(batchOf({ owners: [owner(8, 'a', 20_000)] }), NOW);
    close();
    const again = await open({ folder, maxSignatures: 1_000 });
    expect(again.database.owners(NOW)).toEqual({
      names: [null, 'a', 'b'],
      digests: new Float64Array([7, largest, 8]),
      owners: new Uint32Array([0, 1, 1]),
      days: new Uint32Array([19_980, 19_990, 20_000]),
    });
    const many = Array.from({ length: 1_500 }, (_, index) => owner(1_000 + index, 'c', 20_000));
    again.database.write(batchOf({ owners: many }), NOW);
    expect(again.database.owners(NOW).digests.length).toBe(1_000);
    expect([...again.database.owners(NOW).digests]).not.toContain(7);
    again.database.expire(NOW + 31 * DAY_MS);
    expect(again.database.owners(NOW).digests.length).toBe(0);
  });

  test('corrections are replaced by later ones and bounded', async () => {
    const { database, warnings } = await open();
    const correction = (model: string, data: unknown) => ({ provider: 'p', model, data });
    database.write(batchOf({ corrections: [correction('first', 0), correction('kept', { old: true })] }), NOW);
    database.write(
      batchOf({ corrections: Array.from({ length: 1_999 }, (_, index) => correction(`m${index}`, [index])) }),
      NOW + 1,
    );
    database.write(batchOf({ corrections: [correction('kept', { old: false })] }), NOW + 2);
    const all = database.corrections(NOW + 2);
    expect(all.length).toBe(2_000);
    expect(all.at(-1)).toEqual({ provider: 'p', model: 'kept', data: { old: false } });
    expect(all.map(({ model }) => model)).not.toContain('first');
    expect(warnings).toEqual([]);
    database.write(batchOf({ corrections: [correction('long', 'x'.repeat(2_001))] }), NOW + 3);
    expect(database.corrections(NOW).map(({ model }) => model)).not.toContain('long');
    expect(warnings).toEqual(['What was learned of counting tokens for long is too long to be kept.']);
  });
});

describe('a file that is not what it should be', () => {
  const asideIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.includes('.broken-'));

  test.each<[string, (file: string) => void]>([
    ['no database', (file) => writeFileSync(file, 'Dear diary, '.repeat(1_000))],
    [
      'another schema',
      (file) => {
        const raw = new DatabaseSync(file);
        raw.exec('CREATE TABLE turn (a); PRAGMA user_version = 1');
        raw.close();
      },
    ],
    [
      'tables of its own',
      (file) => {
        const raw = new DatabaseSync(file);
        raw.exec('CREATE TABLE turn (a)');
        raw.close();
      },
    ],
    [
      'a damaged header',
      (file) => {
        const raw = new DatabaseSync(file);
        raw.exec('CREATE TABLE turn (a)');
        raw.close();
        const bytes = readFileSync(file);
        bytes.fill(0xff, 16, 100);
        writeFileSync(file, bytes);
      },
    ],
  ])('is moved aside: %s', async (_, make) => {
    const folder = folderForTest();
    make(path.join(folder, 'reasoning.db'));
    const { database, warnings, file, keysOf } = await open({ folder });
    expect(warnings).toEqual([
      `${file} could not be read and was moved to ${file}.broken-${NOW}. What was remembered of earlier conversations is lost; new ones are remembered.`,
    ]);
    database.write(turnsOf('c', 'a'), NOW);
    expect(keysOf('c')).toEqual(['a']);
    expect(existsSync(`${file}.broken-${NOW}`)).toBe(true);
  });

  test('is moved aside when the damage shows itself later, and what was going on is done', async () => {
    const { database, close, folder, file } = await open();
    for (let index = 0; index < 50; index++) database.write(turnsOf(`c${index}`, proseOf(3_000, index)), NOW);
    close();
    const bytes = readFileSync(file);
    // All but the schema.
    bytes.fill(0xff, 4096, bytes.length);
    writeFileSync(file, bytes);
    const again = await open({ folder });
    again.database.write(turnsOf('c', 'a'), NOW);
    expect(again.keysOf('c')).toEqual(['a']);
    expect(asideIn(folder).length).toBe(1);
    expect(again.warnings.length).toBe(1);
  });

  test('is kept twice at most', async () => {
    const folder = folderForTest();
    for (let time = 1; time <= 4; time++) {
      writeFileSync(
        path.join(folder, 'reasoning.db'),
        'no database at all, and long enough to be looked at'.repeat(20),
      );
      (await open({ folder, now: NOW + time })).close();
    }
    expect(asideIn(folder).sort()).toEqual([`reasoning.db.broken-${NOW + 3}`, `reasoning.db.broken-${NOW + 4}`]);
  });

  test('is left alone when a newer version has written it', async () => {
    const folder = folderForTest();
    const file = path.join(folder, 'reasoning.db');
    const raw = new DatabaseSync(file);
    raw.exec('CREATE TABLE future (a); PRAGMA user_version = 99');
    raw.close();
    const before = readFileSync(file);
    await expect(open({ folder })).rejects.toMatchObject({
      name: 'DatabaseProblem',
      retry: 'never',
      message: `a newer CProxy has written ${file}, which is left as it is`,
    });
    expect(readdirSync(folder)).toEqual(['reasoning.db']);
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

test.skipIf(process.platform === 'win32')('nobody else can read its files', async () => {
  const folder = folderForTest();
  writeFileSync(path.join(folder, 'reasoning.db'), '', { mode: 0o644 });
  const { database } = await open({ folder });
  database.write(turnsOf('c', 'a'), NOW);
  const modes = readdirSync(folder).map((name) => [name, statSync(path.join(folder, name)).mode & 0o777]);
  expect(modes).toEqual([
    ['reasoning.db', 0o600],
    ['reasoning.db-shm', 0o600],
    ['reasoning.db-wal', 0o600],
  ]);
});

test('what clients name their sessions is not on disk', async () => {
  const { database, folder, close } = await open();
  database.write(turnsOf('session-of-somebody', 'a'), NOW);
  close();
  expect(readFileSync(path.join(folder, 'reasoning.db')).includes('session-of-somebody')).toBe(false);
});

describe('notes on disk', () => {
  const note = (digest: number, system: string | null, day: number, home: string | null = null) => ({
    digest,
    system,
    home,
    day,
  });

  test('are there when it is opened again, the longest unused first', async () => {
    const { database, close, folder } = await open();
    database.write(batchOf({ notes: [note(1, 'Be kind.', 19_999), note(2, null, 19_990, 'p/m')] }), NOW);
    database.write(batchOf({ notes: [note(3, 'Be kind.', 19_995), note(2, 'Be brief.', 20_000)] }), NOW);
    close();
    const again = await open({ folder });
    expect(again.database.notes(NOW)).toEqual([
      note(3, 'Be kind.', 19_995),
      note(1, 'Be kind.', 19_999),
      note(2, 'Be brief.', 20_000),
    ]);
  });

  test('are dropped after their days, and the texts that nobody has any more', async () => {
    const { database, close, file } = await open({ keepDays: 30 });
    database.write(batchOf({ notes: [note(1, 'old', 19_000), note(2, 'new', 20_000)] }), NOW);
    database.expire(NOW);
    expect(database.notes(NOW)).toEqual([note(2, 'new', 20_000)]);
    close();
    const db = new DatabaseSync(file);
    expect(db.prepare('SELECT text FROM text').all()).toEqual([{ text: 'new' }]);
    db.close();
  });

  test('are no more than so many', async () => {
    const { database } = await open({ maxNotes: 2 });
    database.write(batchOf({ notes: [1, 2, 3].map((digest) => note(digest, null, 20_000 - digest)) }), NOW);
    expect(database.notes(NOW).map(({ digest }) => digest)).toEqual([2, 1]);
  });

  test('are kept in a file of the version before', async () => {
    const { database, close, file, folder } = await open();
    database.write(turnsOf('c', 'a'), NOW);
    close();
    const db = new DatabaseSync(file);
    db.exec('DROP TABLE note; DROP TABLE text; PRAGMA user_version = 1');
    db.close();
    const again = await open({ folder });
    again.database.write(batchOf({ notes: [note(1, 'text', 20_000)] }), NOW);
    expect(again.database.notes(NOW)).toEqual([note(1, 'text', 20_000)]);
    expect(again.keysOf('c')).toEqual(['a']);
    expect(again.warnings).toEqual([]);
  });
});
