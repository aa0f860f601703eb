import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterEach, describe, expect, test } from 'vitest';
import { question, runEngine } from '../helpers/running-engine.ts';
import { startUpstream } from '../helpers/scriptable-upstream.ts';
import { canMakeSmallDisk, smallDisk } from '../helpers/small-disk.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const cleanUps: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const newHome = (): string => {
  const home = mkdtempSync(path.join(tmpdir(), 'cproxy-recording-'));
  cleanUps.push(() => rmSync(home, { recursive: true, force: true }));
  return home;
};

/** Bodies that no packing makes smaller. */
const noise = (characters: number): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(characters / 2))).toString('hex');

async function start(home: string, memoryBytes = 24 * 1024 * 1024) {
  const upstream = await startUpstream();
  const running = await runEngine(
    {
      providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }],
      history: { keep: 'memory', bodies: { record: 'all', memory: 5, memoryBytes } },
      conversations: { keep: 'memory' },
    },
    { home },
  );
  cleanUps.push(
    () => upstream.close(),
    () => running.stop(),
  );
  const control = createRouterClient(await running.engine.controlRouter());
  const ids: string[] = [];
  const askMany = async (count: number, characters = 100): Promise<void> => {
    for (let number = 0; number < count; number += 1) {
      const reply = await running.ask(question(noise(characters)));
      await reply.text();
      expect(reply.status).toBe(200);
      ids.push(reply.headers.get('x-cproxy-request-id') ?? '');
    }
  };
  const troubles = async () =>
    (await control.health.snapshot()).problems.filter(({ about }) => about === 'bodies').map(({ problem }) => problem);
  return { running, control, askMany, troubles, ids };
}

describe('what is recorded, while requests are answered', () => {
  test.skipIf(!canMakeSmallDisk())(
    'a disk that is full: all are answered, what waits is bounded, and it goes on once there is room (needs a tmpfs of its own)',
    async () => {
      const small = smallDisk();
      if (small === null) throw new Error('the disk could be made a moment ago');
      cleanUps.push(small.remove);
      const { control, askMany, troubles, ids } = await start(small.folder, 1024 * 1024);
      await askMany(2);
      await waitUntil('the first on the disk', async () => (await control.recording.view()).disk.requests === 2);
      small.fill();
      await askMany(30, 100_000);
      await waitUntil('it to be said', async () => (await troubles()).length > 0, 15_000);
      const { memory, disk } = await control.recording.view();
      expect(memory.bytes).toBeLessThanOrEqual(1024 * 1024);
      expect(disk.trouble).toContain('no room');
      expect(disk.dropped).toBeGreaterThan(0);
      expect(disk.waiting + disk.dropped).toBeGreaterThanOrEqual(30);
      small.empty();
      await waitUntil(
        'what waited on the disk',
        async () => (await control.recording.view()).disk.waiting === 0,
        30_000,
      );
      await waitUntil('it to be well', async () => (await troubles()).length === 0);
      expect(await control.requests.bodies({ id: ids.at(-1) ?? '' })).toMatchObject({ state: 'kept' });
      expect((await control.recording.view()).disk.trouble).toBe(null);
    },
    60_000,
  );

  test('a file that is none: it is set aside, and what comes is recorded', async () => {
    const home = newHome();
    mkdirSync(path.join(home, 'data'), { recursive: true, mode: 0o700 });
    writeFileSync(path.join(home, 'data', 'bodies.db'), 'no database at all '.repeat(500));
    const { control, askMany } = await start(home);
    await askMany(2);
    await waitUntil('both on the disk', async () => (await control.recording.view()).disk.requests === 2);
    expect(readdirSync(path.join(home, 'data')).filter((name) => name.startsWith('bodies.db.broken-'))).toHaveLength(1);
    expect((await control.status()).warnings.join('\n')).toContain('bodies.db.broken-');
  });

  test('a place that cannot be written: all are answered, it is said, and it goes on once it can be', async () => {
    const home = newHome();
    // A folder in the file's place stops root as well.
    const place = path.join(home, 'data', 'bodies.db');
    mkdirSync(place, { recursive: true });
    chmodSync(path.join(home, 'data'), 0o700);
    const { control, askMany, troubles } = await start(home);
    await askMany(3);
    await waitUntil('it to be said', async () => (await troubles()).length > 0);
    expect((await control.recording.view()).disk).toMatchObject({ requests: 0, waiting: 3, dropped: 0 });
    rmSync(place, { recursive: true });
    await waitUntil('all on the disk', async () => (await control.recording.view()).disk.requests === 3, 30_000);
    expect((await control.recording.view()).disk).toMatchObject({ trouble: null, waiting: 0 });
  }, 60_000);

  test('a file that somebody else has locked for long: none waits, and all is written afterwards', async () => {
    const home = newHome();
    const { control, askMany, troubles } = await start(home);
    await askMany(1);
    await waitUntil('the first on the disk', async () => (await control.recording.view()).disk.requests === 1);
    const { DatabaseSync } = await import('node:sqlite');
    const other = new DatabaseSync(path.join(home, 'data', 'bodies.db'));
    other.exec('BEGIN IMMEDIATE');
    await askMany(5);
    await waitUntil('it to be said', async () => (await troubles()).length > 0, 15_000);
    other.exec('COMMIT');
    other.close();
    await waitUntil('all on the disk', async () => (await control.recording.view()).disk.requests === 6, 30_000);
  }, 60_000);
});
