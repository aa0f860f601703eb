import { mkdir, mkdtempDisposable, rmdir } from 'node:fs/promises';
import { Agent, get, request } from 'node:http';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { resolveFolders } from '../../src-main/config/folders.ts';
import { lockFilePath, readLock } from '../../src-main/config/lock-file.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { contentOf } from '../helpers/answers.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Upstream = Awaited<ReturnType<typeof startUpstream>>;
const open: AsyncDisposable[] = [];
let upstream: Upstream;
beforeEach(async () => {
  upstream = await startUpstream();
  open.push(upstream);
});
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

const config = (server: ConfigInput['server'] = {}): ConfigInput => ({
  server,
  providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }],
});

async function start(
  server: ConfigInput['server'],
  options: Parameters<typeof runEngine>[1] = {},
): Promise<RunningEngine> {
  const running = await runEngine(config(server), { reloads: true, ...options });
  open.push(running);
  return running;
}

interface Taken extends AsyncDisposable {
  port: number;
}

/** A port that another listens on, until it is let go. */
async function takenPort(): Promise<Taken> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}
async function freePort(): Promise<number> {
  await using taken = await takenPort();
  return taken.port;
}

const LONG = Array.from({ length: 60 }, (_, index) => `word${index}`).join(' ');
const health = (endpoint: string) => fetch(`${endpoint}/health`).then((response) => response.json());
/** Over a connection of its own. */
const isListenedAt = (endpoint: string) =>
  fetch(`${endpoint}/health`, { headers: { connection: 'close' } }).then(
    ({ ok }) => ok,
    () => false,
  );
const statusOfQuestion = async (running: RunningEngine) => (await running.ask(question())).status;

it('another port is listened on at once, and answers under way at the old one come whole', async () => {
  const running = await start({});
  const before = running.engine.endpoint;
  upstream.queue(say(LONG, { fragment: 8, delayMs: 10 }));
  const answer = running.ask(question('x', { stream: true })).then((response) => response.text());
  await upstream.waitFor(1);

  const port = await freePort();
  expect(await running.reconfigure(config({ port }))).toMatchObject({ problems: [], afterRestart: [] });
  const { endpoint } = running.engine;
  expect(endpoint).toBe(`http://127.0.0.1:${port}`);
  expect(running.engine.status().endpoint).toBe(endpoint);
  expect(readLock(resolveFolders({ CPROXY_HOME: running.home }).data)?.endpoint).toBe(endpoint);
  expect(await health(endpoint)).toMatchObject({ state: 'running' });
  expect(await statusOfQuestion(running)).toBe(200);
  expect(await isListenedAt(before)).toBe(false);
  expect(contentOf(await answer)).toEqual([{ type: 'text', text: LONG }]);
});

it('a connection that is kept alive is good for one more request, and is told that it ends', async () => {
  const running = await start({});
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const before = running.engine.endpoint;
  const healthOverIt = () =>
    new Promise<string>((resolve) => {
      get(`${before}/health`, { agent }, (answer) => {
        answer.resume().once('end', () => resolve(`${answer.statusCode} ${answer.headers.connection}`));
      }).once('error', (error) => resolve('code' in error ? String(error.code) : error.message));
    });
  expect(await healthOverIt()).toBe('200 keep-alive');
  await running.reconfigure(config({ port: await freePort() }));
  expect(await healthOverIt()).toBe('200 close');
  expect(await healthOverIt()).toBe('ECONNREFUSED');
  agent.destroy();
});

/** One port cannot have two listeners, so there is a moment without any: nothing has been sent then. */
const unlessRefused = (error: unknown): 'refused' => {
  const { cause } = error as { cause?: { syscall?: string } };
  if (cause?.syscall !== 'connect') throw error;
  return 'refused';
};

it('no request that has got through fails while it moves to and fro with the same port', async () => {
  const port = await freePort();
  const running = await start({ port });
  let moving = true;
  let answered = 0;
  const asking = Array.from({ length: 4 }, async () => {
    while (moving) {
      const status = await statusOfQuestion(running).catch(unlessRefused);
      expect([200, 'refused']).toContain(status);
      if (status === 200) answered += 1;
    }
  });
  for (const host of ['0.0.0.0', '127.0.0.1', '0.0.0.0', '127.0.0.1']) {
    const next = answered + 10;
    expect((await running.reconfigure(config({ port, host }))).afterRestart).toEqual([]);
    await waitUntil('more answers', () => answered >= next);
  }
  moving = false;
  await Promise.all(asking);
});

it('a port that is taken leaves the old one, says so, and everything else is in force', async () => {
  const running = await start({});
  const before = running.engine.endpoint;
  const taken = await takenPort();
  const wanted: ConfigInput = { ...config({ port: taken.port }), aliases: { mine: 'p/m' } };
  const state = await running.reconfigure(wanted);
  expect(state.problems).toEqual([]);
  expect(state.afterRestart).toEqual([
    expect.stringContaining(`CProxy still listens at ${before}. Port ${taken.port} on 127.0.0.1 is taken`),
  ]);
  expect(running.engine.endpoint).toBe(before);
  expect((await running.ask(question('x', { model: 'mine' }))).status).toBe(200);
  // It is tried again with the next reading.
  await taken[Symbol.asyncDispose]();
  expect((await running.reconfigure(wanted)).afterRestart).toEqual([]);
  expect(running.engine.endpoint).toBe(`http://127.0.0.1:${taken.port}`);
});

it('a host that this machine has not leaves the old one, with the same port and another', async () => {
  const running = await start({});
  const before = running.engine.endpoint;
  const { port } = new URL(before);
  for (const server of [{ port: Number(port) }, { port: await freePort() }]) {
    const state = await running.reconfigure(config({ ...server, host: '192.0.2.1' }));
    expect(state.afterRestart.join()).toContain("This machine has no address '192.0.2.1'");
    expect(running.engine.endpoint).toBe(before);
    expect(await statusOfQuestion(running)).toBe(200);
  }
});

it('with the same port, a host that covers the other one takes its place, and back', async () => {
  const running = await start({ port: await freePort() });
  const { port } = new URL(running.engine.endpoint);
  for (const host of ['0.0.0.0', '127.0.0.1', 'localhost', '127.0.0.1']) {
    upstream.queue(say(LONG, { fragment: 40, delayMs: 5 }));
    const answer = running.ask(question('x', { stream: true })).then((response) => response.text());
    await upstream.waitFor(upstream.asked.length + 1);
    const state = await running.reconfigure(config({ port: Number(port), host }));
    expect(state).toMatchObject({ problems: [], afterRestart: [] });
    expect(new URL(running.engine.endpoint).port).toBe(port);
    expect(await statusOfQuestion(running)).toBe(200);
    expect(contentOf(await answer)).toEqual([{ type: 'text', text: LONG }]);
  }
});

const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

it.skipIf(elsewhere === undefined)(
  'a listener that had to stay open to others lets none of them in without a token',
  async () => {
    const running = await start({ host: '0.0.0.0', port: await freePort() });
    await using taken = await takenPort();
    const state = await running.reconfigure(config({ host: '127.0.0.1', port: taken.port, auth: 'none' }));
    expect(state.afterRestart).toHaveLength(1);
    const { port } = new URL(running.engine.endpoint);
    const listModels = (host: string) =>
      new Promise((resolve, reject) => {
        const asking = request({ host, port, path: '/v1/models', headers: { host: 'localhost' }, agent: false });
        asking.once('error', reject).once('response', (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        asking.end();
      });
    expect(await listModels('127.0.0.1')).toBe(200);
    expect(await listModels(elsewhere ?? '')).toBe(401);
  },
);

it('a start that fails once it listens lets go of the port and of the data folder', async () => {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), 'cproxy-test-'));
  const home = folder.path;
  const { data } = resolveFolders({ CPROXY_HOME: home });
  await mkdir(`${lockFilePath(data)}.tmp`, { recursive: true });
  const port = await freePort();
  await expect(runEngine(config({ port }), { home })).rejects.toThrow();
  expect(await isListenedAt(`http://127.0.0.1:${port}`)).toBe(false);
  expect(readLock(data)).toBeNull();
});

it('is in force also where the lock file cannot be written', async () => {
  const running = await start({});
  const { data } = resolveFolders({ CPROXY_HOME: running.home });
  const inTheWay = `${lockFilePath(data)}.tmp`;
  await mkdir(inTheWay);
  const port = await freePort();
  const state = await running.reconfigure(config({ port }));
  expect(state.problems).toEqual([]);
  expect(running.engine.endpoint).toBe(`http://127.0.0.1:${port}`);
  expect(running.engine.status().warnings.join()).toContain('do not find');
  await rmdir(inTheWay);
});

it('nothing moves where the port is any, nor where a flag says which', async () => {
  const any = await start({ port: 0 });
  const before = any.engine.endpoint;
  await any.reconfigure({ ...config({ port: 0 }), aliases: { mine: 'p/m' } });
  expect(any.engine.endpoint).toBe(before);

  const port = await freePort();
  const told = await start({}, { flags: { port } });
  const state = await told.reconfigure(config({ port: await freePort() }));
  expect(state).toMatchObject({ problems: [], afterRestart: [] });
  expect(told.engine.endpoint).toBe(`http://127.0.0.1:${port}`);
});

it('WebSockets are opened at the new port too, and end with the engine', async () => {
  const running = await start({});
  await running.reconfigure(config({ port: await freePort() }));
  const secret = readLock(resolveFolders({ CPROXY_HOME: running.home }).data)?.secret;
  const { host } = new URL(running.engine.endpoint);
  const socket = new WebSocket(`ws://${host}/api/ws`, { headers: { authorization: `Bearer ${secret}` } });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await running.engine.stop();
  await closed;
  expect(await isListenedAt(running.engine.endpoint)).toBe(false);
});

it('a call that moves the listener is answered where it was made', async () => {
  const running = await start({});
  const secret = readLock(resolveFolders({ CPROXY_HOME: running.home }).data)?.secret;
  const before = running.engine.endpoint;
  const port = await freePort();
  const client = createRouterClient(await running.engine.controlRouter());
  const moved = running.reconfigure(config({ port }));
  const answers = await Promise.all([
    fetch(`${before}/api/status`, { headers: { authorization: `Bearer ${secret}`, connection: 'close' } }),
    moved,
  ]);
  expect(answers[0].status).toBe(200);
  expect((await client.status()).endpoint).toBe(`http://127.0.0.1:${port}`);
});

it('stops with requests at the old listener as at the new one', async () => {
  const running = await start({ graceMs: 100 });
  upstream.queue(say(LONG, { fragment: 2, delayMs: 50 }));
  const cut = running.ask(question('x', { stream: true })).then((response) => response.text());
  const settled = cut.then(
    () => 'ended',
    () => 'cut',
  );
  await upstream.waitFor(1);
  await running.reconfigure(config({ port: await freePort(), graceMs: 100 }));
  const stopping = running.engine.stop();
  expect(await Promise.race([stopping.then(() => 'stopped'), sleep(5_000, 'hangs')])).toBe('stopped');
  expect(await settled).toMatch(/^(cut|ended)$/);
});
