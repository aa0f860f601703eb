import { EventEmitter } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nothingRemembered } from '../../../src-main/protocols/remembered-turn.ts';
import type { ToDatabase } from '../../../src-main/storage/database-calls.ts';
import type { DiskCalls } from '../../../src-main/storage/disk-calls.ts';

type ToWorker = ToDatabase<DiskCalls>;

import { ReasoningStore, type ReasoningStoreOptions } from '../../../src-main/storage/reasoning-store.ts';
import { signatureDigest } from '../../../src-main/storage/signature-table.ts';
import { folderForTest, turnOf } from '../../helpers/remembered-turns.ts';
import { waitUntil } from '../../helpers/wait-until.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Opening extends Partial<ReasoningStoreOptions> {
  folder: string | null;
}

/** A store with a clock of its own, whose workers can be counted and killed. */
function open(options: Opening) {
  const warnings: string[] = [];
  const workers: Worker[] = [];
  const clock = { now: 20_000 * DAY_MS };
  const store = ReasoningStore.open({
    maxBytes: 64 * 1024 * 1024,
    keepDays: 30,
    onWarning: (text) => warnings.push(text),
    now: () => clock.now,
    // Machines are busy: what is slow must not look like what is lost.
    waitMs: 10_000,
    startWorker: (url, settings) => {
      const worker = new Worker(url, settings);
      workers.push(worker);
      return worker;
    },
    ...options,
  });
  onTestFinished(() => store.close());
  return { store, warnings, workers, clock };
}

/** A worker that answers when the test says so. */
class ScriptedWorker extends EventEmitter {
  readonly asked: ToWorker[] = [];
  readonly unref = (): void => undefined;
  readonly ref = (): void => undefined;
  terminate = (): Promise<number> => Promise.resolve(0);
  readonly postMessage = (message: ToWorker): void => {
    this.asked.push(message);
    if (message.call === 'close') queueMicrotask(() => this.emit('message', { id: message.id, answer: null }));
  };

  answer(call: ToWorker['call'], answer: unknown): void {
    const place = this.asked.findIndex((message) => message.call === call);
    const [message] = this.asked.splice(place, 1);
    if (place === -1 || message === undefined) throw new Error(`nobody has asked for ${call}`);
    this.emit('message', { id: message.id, answer });
  }
}

function openScripted(options: Partial<ReasoningStoreOptions> = {}) {
  const folder = folderForTest();
  writeFileSync(path.join(folder, 'reasoning.db'), '');
  const workers: ScriptedWorker[] = [];
  const opened = open({
    folder,
    startWorker: () => {
      const worker = new ScriptedWorker();
      workers.push(worker);
      return worker as unknown as Worker;
    },
    ...options,
  });
  const worker = (): ScriptedWorker => {
    const last = workers.at(-1);
    if (last === undefined) throw new Error('no worker was started');
    return last;
  };
  return { ...opened, scripted: workers, worker };
}

describe('in memory', () => {
  test('a turn is there at once, and no thread is started before there is something to write', () => {
    const { store, workers } = open({ folder: folderForTest() });
    expect(store.recall('c')).toBe(nothingRemembered);
    expect(store.signatures.knowsOthers('a')).toBe(false);
    expect(workers).toEqual([]);
    store.remember('c', 'k', turnOf('x'));
    store.signatures.note('s', 'a');
    const recall = store.recall('c');
    if (recall instanceof Promise) throw new Error('it waits');
    expect(recall('k')).toEqual(turnOf('x'));
    expect(recall('other')).toBeUndefined();
    expect(store.signatures.isForeign('s', 'b')).toBe(true);
  });

  test('nothing gets to the disk where there is none', async () => {
    const { store, workers } = open({ folder: null });
    store.remember('c', 'k', turnOf('x'));
    store.corrections.save({ provider: 'p', model: 'm', data: 1 });
    expect(await store.corrections.load()).toEqual([]);
    expect(await store.stats()).toEqual({
      state: 'memory',
      reason: 'it is kept off the disk',
      conversations: 1,
      turns: 1,
      bytes: 0,
    });
    await store.close();
    expect(workers).toEqual([]);
    expect((await store.recall('c'))('k')).toEqual(turnOf('x'));
  });

  test('a turn that takes more than half of what a conversation may is not kept', async () => {
    const { store } = open({ folder: null, limits: { maxBytes: 10_000, maxTurns: 10 } });
    store.remember('c', 'small', turnOf('x'));
    store.remember('c', 'large', turnOf('x'.repeat(3_000)));
    const recall = await store.recall('c');
    expect([recall('small'), recall('large')]).toEqual([turnOf('x'), undefined]);
  });

  test('a conversation is forgotten so many days after its last use', async () => {
    const { store, clock } = open({ folder: null, keepDays: 2 });
    store.remember('c', 'k', turnOf('x'));
    clock.now += 2 * DAY_MS;
    expect((await store.recall('c'))('k')).toEqual(turnOf('x'));
    clock.now += 2 * DAY_MS + 1;
    expect(await store.recall('c')).toBe(nothingRemembered);
  });
});

describe('on disk', () => {
  test('all of it survives a restart', async () => {
    const folder = folderForTest();
    const first = open({ folder });
    first.store.remember('c', 'k', turnOf('x'));
    first.store.remember('d', 'k', turnOf('y'));
    first.store.signatures.note('s', 'a');
    first.store.signatures.note('dead', null);
    first.store.corrections.save({ provider: 'p', model: 'm', data: { factor: 1.5 } });
    await first.store.close();
    expect(readdirSync(folder)).toEqual(['reasoning.db']);

    const { store, warnings, workers } = open({ folder });
    expect(workers).toEqual([]);
    expect((await store.recall('c'))('k')).toEqual(turnOf('x'));
    await store.signatures.ready();
    expect([store.signatures.isForeign('s', 'a'), store.signatures.isForeign('s', 'b')]).toEqual([false, true]);
    expect(store.signatures.isForeign('dead', 'a')).toBe(true);
    expect(store.recall('c')).not.toBeInstanceOf(Promise);
    expect(await store.recall('nobody')).toBe(nothingRemembered);
    expect(await store.corrections.load()).toEqual([{ provider: 'p', model: 'm', data: { factor: 1.5 } }]);
    expect(await store.stats()).toMatchObject({ state: 'disk', reason: null, conversations: 2, turns: 2 });
    expect(workers.length).toBe(1);
    expect(warnings).toEqual([]);
  });

  test('owners of signatures are known as soon as they are ready', async () => {
    const folder = folderForTest();
    const first = open({ folder });
    first.store.signatures.note('s', 'a');
    await first.store.close();
    const { store } = open({ folder });
    expect(store.signatures.knowsOthers('b')).toBe(false);
    await store.signatures.ready();
    expect(store.signatures.knowsOthers('b')).toBe(true);
    expect(store.signatures.ready()).toBeNull();
  });

  test('what is remembered before the disk was read neither hides nor loses anything', async () => {
    const folder = folderForTest();
    const first = open({ folder });
    first.store.remember('c', 'old', turnOf('old'));
    first.store.remember('c', 'both', turnOf('before'));
    await first.store.close();
    const second = open({ folder });
    second.store.remember('c', 'both', turnOf('after'));
    second.store.remember('c', 'new', turnOf('new'));
    const recall = await second.store.recall('c');
    expect(['old', 'both', 'new'].map(recall)).toEqual([turnOf('old'), turnOf('after'), turnOf('new')]);
    await second.store.close();
    const third = open({ folder });
    expect(['old', 'both', 'new'].map(await third.store.recall('c'))).toEqual(
      ['old', 'after', 'new'].map((text) => turnOf(text)),
    );
  });

  test('one that made way in memory is read again, what is not yet written too', async () => {
    const { store } = open({ folder: folderForTest(), memoryBytes: 3_000 });
    for (let index = 0; index < 30; index++) store.remember(`c${index}`, 'k', turnOf(`x${index}`));
    for (let index = 0; index < 30; index++)
      expect((await store.recall(`c${index}`))('k')).toEqual(turnOf(`x${index}`));
  });

  test('many turns are written without waiting for more', async () => {
    const { store, scripted, worker } = openScripted();
    for (let index = 0; index < 100; index++) store.remember('c', `k${index}`, turnOf('x'));
    expect(scripted.length).toBe(1);
    expect(worker().asked.map(({ call }) => call)).toEqual(['write']);
  });

  test('a use is told once an hour, so that it is not forgotten', async () => {
    const folder = folderForTest();
    const { store, clock } = open({ folder, keepDays: 1 });
    store.remember('used', 'k', turnOf('x'));
    store.remember('left', 'k', turnOf('x'));
    await store.stats();
    for (let hour = 0; hour < 30; hour++) {
      clock.now += HOUR_MS;
      await store.recall('used');
    }
    await store.close();
    const again = open({ folder, keepDays: 1, now: () => clock.now });
    expect((await again.store.recall('used'))('k')).toEqual(turnOf('x'));
    expect(await again.store.recall('left')).toBe(nothingRemembered);
    expect(await again.store.stats()).toMatchObject({ conversations: 1 });
  });
});

describe('a slow disk', () => {
  test('is waited for a moment; what comes late is there then', async () => {
    const { store, worker } = openScripted({ waitMs: 1 });
    store.remember('c', 'new', turnOf('new'));
    const recall = await store.recall('c');
    expect([recall('old'), recall('new')]).toEqual([undefined, turnOf('new')]);
    // Two that wait are one reading.
    await store.recall('c');
    worker().answer('write', null);
    await waitUntil('the reading', () => worker().asked.some(({ call }) => call === 'read'));
    worker().answer('read', [['old', turnOf('old')]]);
    await waitUntil('what comes late', () => recall('old'));
    expect(recall('new')).toEqual(turnOf('new'));
    expect(store.recall('c')).not.toBeInstanceOf(Promise);
    expect(worker().asked).toEqual([]);
  });

  test('is waited for once only, until it has answered', async () => {
    const { store, worker } = openScripted({ waitMs: 1 });
    expect(await store.recall('c')).toBe(nothingRemembered);
    for (const conversation of ['c', 'd', 'e'])
      expect([store.recall(conversation), store.signatures.ready()]).toEqual([nothingRemembered, null]);
    // Nor does what nobody waits for pile up.
    expect(worker().asked.map(({ call }) => call)).toEqual(['read']);
    worker().answer('read', [['old', turnOf('old')]]);
    await waitUntil('what comes late', () => store.recall('d') instanceof Promise);
    expect((await store.recall('c'))('old')).toEqual(turnOf('old'));
  });
});

describe('a slow disk with the owners of signatures', () => {
  test('is waited for a moment; what comes late is known then', async () => {
    const { store, worker } = openScripted({ waitMs: 1 });
    await store.signatures.ready();
    // Once only.
    expect(store.signatures.ready()).toBeNull();
    const digests = Float64Array.of(signatureDigest('s'));
    worker().answer('owners', { names: [null, 'a'], digests, owners: Uint32Array.of(1), days: Uint32Array.of(20_000) });
    await waitUntil('what comes late', () => store.signatures.knowsOthers('b'));
    expect(store.signatures.isForeign('s', 'b')).toBe(true);
  });
});

describe('a disk that does not work', () => {
  test('memory goes on, the user is told once, and what waits is written when it works again', async () => {
    const { store, warnings, scripted, worker, clock } = openScripted();
    store.remember('c', 'a', turnOf('a'));
    await waitUntil('the first try', () => scripted[0]?.asked.length === 1);
    worker().emit('message', {
      id: worker().asked.shift()?.id,
      problem: { retry: 'later', reason: 'there is no room left' },
    });
    await waitUntil('the warning', () => warnings.length === 1);
    expect(warnings).toEqual([
      'What is remembered of conversations is kept in memory only, until that works: there is no room left.',
    ]);
    store.remember('c', 'b', turnOf('b'));
    // It is not asked while it rests.
    const recall = store.recall('c');
    if (recall instanceof Promise) throw new Error('it waits');
    expect(['a', 'b'].map(recall)).toEqual([turnOf('a'), turnOf('b')]);
    expect(await store.stats()).toMatchObject({ state: 'memory', reason: 'there is no room left', turns: 2 });
    expect(worker().asked).toEqual([]);

    clock.now += 1_000;
    const stats = store.stats();
    expect(worker().asked).toMatchObject([{ call: 'write', asked: { turns: [{ key: 'a' }, { key: 'b' }] } }]);
    worker().answer('write', null);
    await waitUntil('the question', () => worker().asked.length === 1);
    worker().answer('stats', { conversations: 1, turns: 2, bytes: 3 });
    expect(await stats).toEqual({ state: 'disk', reason: null, conversations: 1, turns: 2, bytes: 3 });
    expect(warnings.length).toBe(1);
  });

  test('each pause is longer than the one before, and what waits has a limit', async () => {
    const { store, worker, clock } = openScripted();
    const pauses: number[] = [];
    for (let round = 0; round < 8; round++) {
      for (let index = 0; index < 300; index++) store.remember('c', `${round}-${index}`, turnOf('x'));
      const trying = store.stats();
      worker().emit('message', { id: worker().asked.shift()?.id, problem: { retry: 'later', reason: 'full' } });
      await trying;
      let pause = 0;
      while (worker().asked.length === 0) {
        pause += 500;
        clock.now += 500;
        void store.stats();
      }
      pauses.push(pause);
    }
    expect(pauses).toEqual([1_000, 4_000, 16_000, 64_000, 256_000, 300_000, 300_000, 300_000]);
    expect(worker().asked[0]).toMatchObject({ call: 'write' });
    const [message] = worker().asked;
    expect(message?.call === 'write' && message.asked.turns.length).toBe(1_000);
    expect(message?.call === 'write' && message.asked.turns.at(-1)?.key).toBe('7-299');
  });

  test('no pause is longer for a clock that is put back', async () => {
    const { store, worker, clock } = openScripted();
    store.remember('c', 'k', turnOf('x'));
    const trying = store.stats();
    worker().emit('message', { id: worker().asked.shift()?.id, problem: { retry: 'later', reason: 'full' } });
    await trying;
    clock.now -= 40 * DAY_MS;
    expect((await store.stats()).state).toBe('memory');
    clock.now += 300_000;
    void store.stats();
    expect(worker().asked).toMatchObject([{ call: 'write' }]);
  });

  test('a worker that dies in mid batch is replaced, and the batch written', async () => {
    const folder = folderForTest();
    const { store, workers, warnings, clock } = open({ folder });
    store.remember('c', 'a', turnOf('a'));
    await store.stats();
    for (let index = 0; index < 150; index++) store.remember('c', `k${index}`, turnOf(`x${index}`));
    await workers[0]?.terminate();
    await waitUntil('the warning', () => warnings.length === 1);
    expect(warnings[0]).toMatch(/is kept in memory only, until that works: /);
    clock.now += 1_000;
    expect(await store.stats()).toMatchObject({ state: 'disk', turns: 151 });
    expect(workers.length).toBe(2);
    await store.close();
    const again = open({ folder });
    const recall = await again.store.recall('c');
    expect([recall('a'), recall('k149')]).toEqual([turnOf('a'), turnOf('x149')]);
  });

  test('one that dies again and again is given up', async () => {
    const { store, scripted, worker, warnings, clock } = openScripted();
    for (let death = 0; death < 10; death++) {
      store.remember('c', `k${death}`, turnOf('x'));
      const trying = store.stats();
      worker().emit('error', new Error('out of memory'));
      worker().emit('exit', 1);
      expect((await trying).state).toBe('memory');
      clock.now += 300_000;
    }
    expect(scripted.length).toBe(5);
    expect(warnings).toEqual([
      'What is remembered of conversations is kept in memory only, until that works: its thread has died (out of memory).',
      'What is remembered of conversations is kept in memory only, until CProxy ends: its thread has died (out of memory).',
    ]);
    expect((await store.recall('c'))('k9')).toEqual(turnOf('x'));
  });

  test('a runtime without SQLite, or a file of a newer version, is not tried again', async () => {
    const { store, worker, warnings, clock, scripted } = openScripted();
    const recalling = store.recall('c');
    for (const { id } of worker().asked.splice(0))
      worker().emit('message', {
        id,
        problem: { retry: 'never', reason: 'this runtime (Node 20.18.1) has no SQLite' },
      });
    expect(await recalling).toBe(nothingRemembered);
    expect(warnings).toEqual([
      'What is remembered of conversations is kept in memory only, until CProxy ends: this runtime (Node 20.18.1) has no SQLite.',
    ]);
    clock.now += DAY_MS;
    store.remember('c', 'k', turnOf('x'));
    const recall = store.recall('c');
    if (recall instanceof Promise) throw new Error('it waits');
    expect(recall('k')).toEqual(turnOf('x'));
    expect(await store.corrections.load()).toEqual([]);
    expect(worker().asked).toEqual([]);
    expect(scripted.length).toBe(1);
  });

  test('a folder that cannot be written is told of', async () => {
    const folder = folderForTest();
    const file = path.join(folder, 'reasoning.db');
    // A folder of that name cannot be opened by anybody, root included.
    mkdirSync(file);
    const { store, warnings } = open({ folder });
    store.remember('c', 'k', turnOf('x'));
    expect(await store.stats()).toMatchObject({ state: 'memory', conversations: 1 });
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain(`until that works: ${file} cannot be used (EISDIR`);
    expect((await store.recall('c'))('k')).toEqual(turnOf('x'));
  });

  test('what is wrong with the file is told of, and the next thing is remembered', async () => {
    const folder = folderForTest();
    const file = path.join(folder, 'reasoning.db');
    writeFileSync(file, 'no database'.repeat(100));
    const { store, warnings } = open({ folder });
    expect(await store.recall('c')).toBe(nothingRemembered);
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain('could not be read and was moved to');
    store.remember('c', 'k', turnOf('x'));
    await store.close();
    expect((await open({ folder }).store.recall('c'))('k')).toEqual(turnOf('x'));
  });

  test('a file of a newer version stays as it is', async () => {
    const folder = folderForTest();
    const file = path.join(folder, 'reasoning.db');
    const { DatabaseSync } = await import('node:sqlite');
    const raw = new DatabaseSync(file);
    raw.exec('PRAGMA user_version = 99');
    raw.close();
    const before = readFileSync(file);
    const { store, warnings } = open({ folder });
    store.remember('c', 'k', turnOf('x'));
    await store.stats();
    expect(warnings).toEqual([
      `What is remembered of conversations is kept in memory only, until CProxy ends: a newer CProxy has written ${file}, which is left as it is.`,
    ]);
    await store.close();
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

describe('the end', () => {
  test('waits for the disk two seconds at most', async () => {
    const { store, worker } = openScripted();
    store.remember('c', 'k', turnOf('x'));
    const before = performance.now();
    await store.close();
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(worker().asked.map(({ call }) => call)).toEqual(['write', 'close']);
    // Memory goes on.
    store.remember('c', 'later', turnOf('later'));
    expect((await store.recall('c'))('later')).toEqual(turnOf('later'));
    await store.close();
  });

  test('does not wait for a thread that cannot be ended', async () => {
    const { store, worker } = openScripted();
    store.remember('c', 'k', turnOf('x'));
    void store.stats();
    worker().terminate = () => new Promise<number>(() => undefined);
    await store.close();
    expect(worker().asked.map(({ call }) => call)).toEqual(['write', 'close']);
  });

  test('the worker holds no process up, and needs nothing of the environment', async () => {
    const settings: WorkerOptions[] = [];
    const { store, workers } = open({
      folder: folderForTest(),
      startWorker: (url, given) => {
        settings.push(given);
        const worker = new Worker(url, given);
        workers.push(worker);
        return worker;
      },
    });
    store.remember('c', 'k', turnOf('x'));
    await store.stats();
    expect(settings.map(({ env }) => env)).toEqual([{}]);
    await store.close();
    expect(workers[0]?.threadId).toBe(-1);
  });
});

describe('notes on conversations', () => {
  test('are there at once, and after a restart', async () => {
    const folder = folderForTest();
    const { store } = open({ folder });
    expect(store.notes.ready()).toBeNull();
    store.notes.put('c', { system: 'Be kind.' });
    expect(store.notes.get('c')).toEqual({ system: 'Be kind.', home: null });
    await store.close();
    const again = open({ folder }).store;
    expect(again.notes.get('c')).toBeNull();
    await again.notes.ready();
    expect(again.notes.ready()).toBeNull();
    expect(again.notes.get('c')).toEqual({ system: 'Be kind.', home: null });
    expect(again.notes.holdTexts).toBe(true);
  });

  test('what is changed before the disk was read joins what that has', async () => {
    const folder = folderForTest();
    const { store } = open({ folder });
    store.notes.put('c', { system: 'Be kind.' });
    await store.close();
    const { store: second } = open({ folder });
    second.notes.put('c', { home: 'p/m' });
    await second.notes.ready();
    await second.close();
    const { store: third } = open({ folder });
    await third.notes.ready();
    expect(third.notes.get('c')).toEqual({ system: 'Be kind.', home: 'p/m' });
  });

  test('live in memory alone where nothing gets to the disk', async () => {
    const { store, workers } = open({ folder: null });
    store.notes.put('c', { system: 'Be kind.' });
    expect(store.notes.get('c')?.system).toBe('Be kind.');
    expect(store.notes.ready()).toBeNull();
    expect(workers).toEqual([]);
  });
});
