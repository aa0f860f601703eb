import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { HistoryStore, type HistoryStoreOptions } from '../../../../src-main/storage/history/history-store.ts';
import type { RequestFilter } from '../../../../src-shared/history.ts';
import type { RequestRow } from '../../../../src-shared/requests.ts';
import { planOf } from '../../../helpers/routing.ts';
import { makeAttempt, makeRow } from '../../../helpers/rows.ts';
import { waitUntil } from '../../../helpers/wait-until.ts';

const folders: string[] = [];
const stores: HistoryStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  }
});

const NOW = Date.now();
const settings = { keep: 'disk', days: 30, maxBytes: 64_000_000 } as const;

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-history-'));
  folders.push(folder);
  return folder;
}

function open(folder: string, options: Partial<HistoryStoreOptions> = {}) {
  const warnings: string[] = [];
  const store = new HistoryStore({
    folder,
    settings,
    redact: (text) => text.replaceAll('sk-canary', '[key]'),
    onWarning: (warning) => warnings.push(warning),
    ...options,
  });
  stores.push(store);
  return { store, warnings };
}

const ended = (changes: Partial<RequestRow> = {}): RequestRow =>
  makeRow({ state: 'answered', status: 200, endedMs: 12, ...changes });
const page = async (store: HistoryStore, filter: RequestFilter = {}, limit = 50) =>
  (await store.page({ filter, limit, after: null })).rows.map(({ id }) => id);

describe('the log of requests', () => {
  test('outlives the store, with what was said of the route', async () => {
    const folder = newFolder();
    const first = open(folder);
    const attempt = makeAttempt({
      ...{ outcome: 'answered', endedMs: 10, cost: { usd: 0.25, source: 'provider' } },
      usage: { input: 1, cacheRead: 2, cacheWrite: 3, cacheWrite1h: 1, output: 4, reasoning: 2 },
    });
    const row = ended({ id: 'req_abc', attempts: [attempt], trace: [{ step: 'rule', detail: 'night' }] });
    const route = planOf('model m').explain();
    first.store.add(row, () => route);
    first.store.add(ended({ id: 'req_abd', state: 'failed' }), null);
    await first.store.close();
    const { store, warnings } = open(folder);
    expect(await store.find('req_abc')).toEqual([{ row, route }]);
    expect((await store.find('ab')).map((found) => found.row.id)).toEqual(['req_abc', 'req_abd']);
    expect(await store.find('failed')).toMatchObject([{ row: { id: 'req_abd' }, route: null }]);
    expect(await store.find('latest')).toHaveLength(1);
    expect(await store.find('nobody')).toEqual([]);
    expect(await page(store)).toHaveLength(2);
    expect(await store.view()).toMatchObject({ state: 'disk', reason: null, requests: 2, waiting: 0, dropped: 0 });
    expect(warnings).toEqual([]);
  });

  test('is read page by page, newest first, each request once', async () => {
    const { store } = open(newFolder());
    const rows = Array.from({ length: 95 }, (_, index) => ended({ startedAt: NOW + Math.floor(index / 3) }));
    for (const row of rows) store.add(row, null);
    const seen: string[] = [];
    let after = null;
    do {
      const found = await store.page({ filter: {}, limit: 10, after });
      seen.push(...found.rows.map(({ id }) => id));
      after = found.next;
    } while (after !== null);
    expect(seen).toHaveLength(95);
    expect(new Set(seen).size).toBe(95);
    expect(seen[0]).toBe(rows.at(-1)?.id);
    expect(seen.at(-1)).toBe(rows[0]?.id);
  });

  test('finds by everything that a filter says', async () => {
    const { store } = open(newFolder());
    const failed = makeAttempt({ provider: 'a', outcome: 'failed' });
    const failover = [failed, failed, makeAttempt({ provider: 'b', model: 'big' })];
    store.add(
      ended({ id: 'req_1', startedAt: NOW + 1, attempts: failover, sessionId: 's', project: '/home/x_y' }),
      null,
    );
    store.add(ended({ id: 'req_2', startedAt: NOW + 2, state: 'failed', client: 'laptop', class: 'main' }), null);
    store.add(ended({ id: 'req_3', startedAt: NOW + 3, askedModel: 'other', route: 'rule night' }), null);
    const cases: [RequestFilter, string[]][] = [
      [{ provider: 'a' }, ['req_1']],
      [{ provider: 'a', model: 'big', from: NOW, to: NOW + 2 }, ['req_1']],
      [{ provider: 'a', state: 'failed' }, []],
      [{ provider: 'a', to: NOW }, []],
      [{ provider: 'b' }, ['req_1']],
      [{ provider: 'c' }, []],
      [{ model: 'big' }, ['req_1']],
      [{ model: 'other' }, ['req_3']],
      [{ state: 'failed' }, ['req_2']],
      [{ session: 's' }, ['req_1']],
      [{ project: '/home/x_y' }, ['req_1']],
      [{ client: 'laptop', class: 'main' }, ['req_2']],
      [{ route: 'rule night' }, ['req_3']],
      [{ from: NOW + 2 }, ['req_3', 'req_2']],
      [{ from: NOW + 2, to: NOW + 3 }, ['req_2']],
      [{ text: 'THE' }, ['req_3']],
      [{ text: 'x_y' }, ['req_1']],
      [{ text: 'x%y' }, []],
      [{ text: 'req_2' }, ['req_2']],
      [{ text: 'sonnet', state: 'answered' }, ['req_1']],
    ];
    for (const [filter, expected] of cases) expect([filter, await page(store, filter)]).toEqual([filter, expected]);
  });

  test('holds no secret', async () => {
    const folder = newFolder();
    const { store } = open(folder);
    const trace = [{ step: 'translation', detail: 'the key sk-canary was refused' }];
    store.add(ended({ id: 'req_1', trace }), null);
    expect(await store.find('req_1')).toMatchObject([{ row: { trace: [{ detail: 'the key [key] was refused' }] } }]);
    await store.close();
    for (const file of readdirSync(folder)) expect(readFileSync(path.join(folder, file))).not.toContain('sk-canary');
  });

  test('forgets what is too old, and what is too much', async () => {
    const folder = newFolder();
    const day = 86_400_000;
    const now = 100 * day;
    const { store } = open(folder, { now: () => now });
    for (const days of [10, 29, 31, 90]) store.add(ended({ id: `req_${days}`, startedAt: now - days * day }), null);
    await waitUntil('what is old to be forgotten', async () => (await page(store)).length === 2);
    store.follow({ ...settings, days: 20 });
    expect(await page(store)).toEqual(['req_10']);
    for (let index = 0; index < 3_000; index += 1)
      store.add(
        ended({
          id: `req_n${index}`,
          startedAt: now,
          trace: [{ step: 's', detail: randomBytes(150).toString('base64') }],
        }),
        null,
      );
    await store.write();
    const before = await store.view();
    store.follow({ ...settings, maxBytes: 500_000 });
    await page(store);
    const after = await store.view();
    expect(after.requests).toBeLessThan(before.requests * 0.7);
    expect(after.requests).toBeGreaterThan(500);
    expect(after.bytes).toBeLessThan(before.bytes);
  });

  test('is nothing on the disk where that is not wanted', async () => {
    const folder = newFolder();
    const { store } = open(folder, { settings: { ...settings, keep: 'memory' } });
    store.add(ended(), null);
    await store.write();
    await expect(store.page({ filter: {}, limit: 1, after: null })).rejects.toThrow('memory');
    expect(await store.view()).toMatchObject({ state: 'memory', reason: null });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a disk that does not work', () => {
  test('a file that cannot be read is moved aside, not deleted', async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'history.db'), 'no database at all, but long enough to be looked at. '.repeat(100));
    const { store, warnings } = open(folder);
    store.add(ended({ id: 'req_1' }), null);
    expect(await page(store)).toEqual(['req_1']);
    expect(warnings).toEqual([expect.stringMatching(/could not be read and was moved to .*history\.db\.broken-/)]);
    const aside = readdirSync(folder).find((name) => name.includes('.broken-')) ?? '';
    expect(readFileSync(path.join(folder, aside), 'utf8')).toContain('no database at all');
  });

  test('a worker that dies takes nothing with it', async () => {
    const workers: Worker[] = [];
    let now = NOW;
    const { store, warnings } = open(newFolder(), {
      now: () => now,
      startWorker: (url, options) => {
        const worker = new Worker(url, options);
        workers.push(worker);
        return worker;
      },
    });
    store.add(ended({ id: 'req_1', startedAt: NOW + 1 }), null);
    await store.write();
    await workers[0]?.terminate();
    store.add(ended({ id: 'req_2', startedAt: NOW + 2 }), null);
    await store.write();
    expect(await store.view()).toMatchObject({ state: 'memory', waiting: 1 });
    expect(warnings).toEqual([
      expect.stringMatching(/^The log of requests is kept in memory only, until that works: /),
    ]);
    now += 60_000;
    expect(await page(store)).toEqual(['req_2', 'req_1']);
    expect(await store.view()).toMatchObject({ state: 'disk', reason: null, waiting: 0 });
  });

  test('what waits is bounded, and what was dropped is counted', async () => {
    const { store } = open(path.join(newFolder(), 'not', 'there'));
    for (let index = 0; index < 5_100; index += 1) store.add(ended({ id: `req_${index}` }), null);
    await store.write();
    expect(await store.view()).toMatchObject({ state: 'memory', waiting: 5_000, dropped: 100 });
  });
});
