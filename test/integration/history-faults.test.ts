import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterEach, describe, expect, test } from 'vitest';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { startUpstream } from '../helpers/scriptable-upstream.ts';
import { canMakeSmallDisk, smallDisk } from '../helpers/small-disk.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const cleanUps: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(home: string) {
  const upstream = await startUpstream();
  const running: RunningEngine = await runEngine(
    { providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }] },
    { home },
  );
  cleanUps.push(
    () => upstream.close(),
    () => running.stop(),
  );
  const control = createRouterClient(await running.engine.controlRouter());
  const askMany = async (count: number): Promise<void> => {
    const answers = await Promise.all(
      Array.from({ length: count }, async () => {
        const reply = await running.ask(question());
        await reply.text();
        return reply.status;
      }),
    );
    expect(answers).toEqual(Array.from({ length: count }, () => 200));
  };
  const problems = async (): Promise<string[]> =>
    (await control.health.snapshot()).problems
      .filter(({ code }) => code === 'store_in_memory')
      .map(({ about }) => about ?? '');
  return { running, control, askMany, problems };
}

describe('the history, while requests are answered', () => {
  test.skipIf(!canMakeSmallDisk())(
    'a disk that is full: all are answered, it says so, and all are there once there is room (needs a tmpfs of its own)',
    async () => {
      const small = smallDisk();
      if (small === null) throw new Error('the disk could be made a moment ago');
      cleanUps.push(small.remove);
      const { control, askMany, problems } = await start(small.folder);
      await askMany(5);
      await waitUntil('the first on the disk', async () => (await control.history.view()).requests === 5);
      small.fill();
      await askMany(300);
      await waitUntil('it to be said', async () => (await problems()).includes('history'));
      await askMany(20);
      small.empty();
      await waitUntil('all to be on the disk', async () => (await control.history.view()).requests === 325, 30_000);
      expect(await control.history.view()).toMatchObject({ state: 'disk', reason: null, waiting: 0, dropped: 0 });
      expect(await problems()).not.toContain('history');
      const { total } = await control.usage.sums({});
      expect(total.requests).toBe(325);
    },
    60_000,
  );

  test.skipIf(!canMakeSmallDisk())(
    'a data folder that has become read-only: all are answered, it says so, and all are there once it is not (needs a tmpfs of its own)',
    async () => {
      const small = smallDisk();
      if (small === null) throw new Error('the disk could be made a moment ago');
      cleanUps.push(small.remove);
      const home = mkdtempSync(path.join(tmpdir(), 'cproxy-home-'));
      const data = path.join(home, 'data');
      mkdirSync(data);
      execFileSync('mount', ['--bind', small.folder, data]);
      cleanUps.push(() => {
        execFileSync('umount', ['-l', data]);
        rmSync(home, { recursive: true, force: true });
      });
      const mount = (how: 'ro' | 'rw') => execFileSync('mount', ['-o', `remount,bind,${how}`, data]);
      const { control, askMany, problems } = await start(home);
      // Before the history is opened: what is open for writing keeps a disk from becoming read-only.
      mount('ro');
      await askMany(20);
      await waitUntil('it to be said', async () => (await problems()).includes('history'));
      expect(await control.history.view()).toMatchObject({ state: 'memory', dropped: 0 });
      expect((await control.requests.page({})).source).toBe('memory');
      mount('rw');
      await waitUntil('all to be on the disk', async () => (await control.history.view()).requests === 20, 30_000);
      expect(await control.history.view()).toMatchObject({ state: 'disk', reason: null, waiting: 0, dropped: 0 });
      expect((await control.usage.sums({})).total.requests).toBe(20);
    },
    60_000,
  );

  test('a file that somebody else has locked for long: none waits for it, and all are written afterwards', async () => {
    const home = mkdtempSync(path.join(tmpdir(), 'cproxy-home-'));
    cleanUps.push(() => rmSync(home, { recursive: true, force: true }));
    const { control, askMany, problems } = await start(home);
    await askMany(3);
    await waitUntil('the first on the disk', async () => (await control.history.view()).requests === 3);
    const { DatabaseSync } = await import('node:sqlite');
    const other = new DatabaseSync(path.join(home, 'data', 'history.db'));
    // The history may be writing just now.
    other.exec('PRAGMA busy_timeout = 10000');
    other.exec('BEGIN IMMEDIATE');
    // None of them waits for the lock, which is still held.
    await askMany(20);
    await waitUntil('it to be said', async () => (await problems()).includes('history'), 15_000);
    other.exec('COMMIT');
    other.close();
    await waitUntil('all to be on the disk', async () => (await control.history.view()).requests === 23, 30_000);
    expect((await control.requests.page({})).rows).toHaveLength(23);
  }, 60_000);
});
