import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  acquireLock,
  findRunning,
  type LockContents,
  LockHeldError,
  lockFilePath,
  readLock,
} from '../../../src-main/config/lock-file.ts';

let folder: string;
const servers: Server[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cproxy-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

const writeLock = (contents: Partial<LockContents>): void => {
  const whole = {
    pid: process.pid,
    endpoint: null,
    secret: 'x'.repeat(43),
    startedAt: 1,
    host: 'headless',
    ...contents,
  };
  writeFileSync(lockFilePath(folder), JSON.stringify(whole), { mode: 0o600 });
};
const age = (seconds: number) => {
  const then = Date.now() / 1000 - seconds;
  utimesSync(lockFilePath(folder), then, then);
};
const serve = async (answer: string | null): Promise<string> => {
  const server = createServer((_, response) => {
    if (answer !== null) response.end(answer);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const startContender = async (): Promise<ChildProcess> => {
  const child = fork(path.join(import.meta.dirname, 'lock-contender.ts'), [folder], { execArgv: [] });
  children.push(child);
  await once(child, 'message');
  return child;
};
const contend = async (child: ChildProcess): Promise<unknown> => {
  const answer = once(child, 'message');
  child.send('go');
  return (await answer)[0];
};

describe('holding', () => {
  test('the lock says who holds it, to its owner only, and is gone afterwards', async () => {
    const lock = await acquireLock(folder, { host: 'desktop' });
    expect(readLock(folder)).toEqual(lock.contents);
    expect(lock.contents).toMatchObject({ pid: process.pid, endpoint: null, host: 'desktop' });
    expect(lock.contents.secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    if (process.platform !== 'win32') expect(statSync(lockFilePath(folder)).mode & 0o777).toBe(0o600);

    lock.update({ endpoint: 'http://127.0.0.1:1' });
    expect(readLock(folder)).toEqual({ ...lock.contents, endpoint: 'http://127.0.0.1:1' });
    if (process.platform !== 'win32') expect(statSync(lockFilePath(folder)).mode & 0o777).toBe(0o600);
    expect(await findRunning(folder)).toEqual(lock.contents);

    lock.release();
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    expect(await findRunning(folder)).toBeNull();
    expect(() => lock.update({ endpoint: null })).toThrow('released');
  });

  test('a second one is refused, with who has it', async () => {
    const lock = await acquireLock(folder, { host: 'headless', endpoint: 'http://127.0.0.1:1' });
    const refused = await acquireLock(folder, { host: 'headless' }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LockHeldError);
    expect(refused).toMatchObject({
      pid: process.pid,
      endpoint: 'http://127.0.0.1:1',
      message: expect.stringContaining(`process ${process.pid} at http://127.0.0.1:1`),
    });
    lock.release();
    (await acquireLock(folder, { host: 'headless' })).release();
  });

  test("another's lock is not removed on release", async () => {
    const lock = await acquireLock(folder, { host: 'headless' });
    writeLock({ secret: 'y'.repeat(43) });
    lock.release();
    expect(readLock(folder)?.secret).toBe('y'.repeat(43));
  });
});

describe('several processes at once', () => {
  test.each([
    ['a free folder', () => undefined],
    ['a stale lock', () => writeLock({ pid: 2 ** 22 + 1, endpoint: 'http://127.0.0.1:1' })],
  ])('%s goes to one of them', async (_, prepare) => {
    const contenders = await Promise.all([startContender(), startContender(), startContender()]);
    prepare();
    const answers = await Promise.all(contenders.map(contend));
    expect(answers.toSorted()).toEqual(['LockHeldError', 'LockHeldError', 'won']);
    expect(readLock(folder)?.pid).toBe(contenders[answers.indexOf('won')]?.pid);
    expect(readdirSync(folder)).toEqual(['engine.lock']);
  });

  test('a process that was killed leaves its lock to the next', async () => {
    const child = await startContender();
    expect(await contend(child)).toBe('won');
    expect((await findRunning(folder))?.pid).toBe(child.pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await findRunning(folder)).toBeNull();
    (await acquireLock(folder, { host: 'headless' })).release();
  });

  test('a process that ends by itself takes its lock with it', async () => {
    const child = await startContender();
    expect(await contend(child)).toBe('won');
    child.disconnect();
    await once(child, 'exit');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('stale or not', () => {
  test('our own process id in a lock that is not ours (a restarted container)', async () => {
    writeLock({ pid: process.pid });
    expect(await findRunning(folder)).toBeNull();
  });

  // The parent process lives and is no CProxy.
  const alive = { pid: process.ppid };

  test('a living process is asked at its endpoint who it is', async () => {
    writeLock({
      ...alive,
      endpoint: await serve(JSON.stringify({ name: 'cproxy', pid: process.ppid, state: 'running' })),
    });
    expect((await findRunning(folder))?.pid).toBe(process.ppid);
  });

  test.each([
    ['another CProxy', JSON.stringify({ name: 'cproxy', pid: 1 })],
    ['another program', '<html>'],
    ['a program without end', 'x'.repeat(100_000)],
  ])('%s answers there', async (_, answer) => {
    writeLock({ ...alive, endpoint: await serve(answer) });
    expect(await findRunning(folder)).toBeNull();
  });

  test('nobody answers there', async () => {
    writeLock({ ...alive, endpoint: 'http://127.0.0.1:1' });
    expect(await findRunning(folder)).toBeNull();
  });

  test('one that listens but is too busy to answer is alive', async () => {
    writeLock({ ...alive, endpoint: await serve(null) });
    expect((await findRunning(folder))?.pid).toBe(process.ppid);
  });

  test('one that names no endpoint is starting or stopping, for a while', async () => {
    writeLock(alive);
    expect((await findRunning(folder))?.pid).toBe(process.ppid);
    age(300);
    expect(await findRunning(folder)).toBeNull();
  });

  test('a file that was never filled is waited for, then replaced', async () => {
    writeFileSync(lockFilePath(folder), '');
    age(1);
    const started = Date.now();
    const lock = await acquireLock(folder, { host: 'headless' });
    expect(Date.now() - started).toBeGreaterThan(500);
    expect(JSON.parse(readFileSync(lockFilePath(folder), 'utf8'))).toEqual(lock.contents);
    lock.release();
  });

  test('a takeover that was cut off does not block the next for good', async () => {
    writeLock({ pid: 2 ** 22 + 1 });
    const guard = `${lockFilePath(folder)}.takeover`;
    writeFileSync(guard, '');
    utimesSync(guard, 1, 1);
    (await acquireLock(folder, { host: 'headless' })).release();
    expect(readdirSync(folder)).toEqual([]);
  });
});

test.each([
  [
    'headless',
    'http://127.0.0.1:4777',
    'CProxy runs already (process 7 at http://127.0.0.1:4777) with the same data folder.',
  ],
  ['desktop', null, 'CProxy runs already (process 7, starting or stopping, with a window) with the same data folder.'],
  ['command', null, 'A command of CProxy (process 7) is changing the data folder. Try again in a moment.'],
] as const)('whoever holds it is told apart: %s', (host, endpoint, words) => {
  expect(new LockHeldError({ pid: 7, endpoint, host }).message).toContain(words);
});
