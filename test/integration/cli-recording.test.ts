import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

// Every command is a process of its own, which takes its time where many tests run at once.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
let upstream: ScriptableUpstream;
let running: RunningEngine;
beforeAll(async () => {
  upstream = await startUpstream();
  const models = [
    { id: 'm', price: { input: 3, output: 15 } },
    { id: 'n', price: { input: 30, output: 150 } },
  ];
  running = await runEngine({
    providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models }],
  });
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { PATH, SystemRoot, HOME } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH, SystemRoot, HOME, CPROXY_HOME: running.home, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const told = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    told.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told.err += text;
  });
  const [code] = await once(child, 'close');
  return { code, ...told };
}

async function ask(text: string): Promise<string> {
  const reply = await running.ask(question(text));
  await reply.text();
  return reply.headers.get('x-cproxy-request-id') ?? '';
}

test('record: on, said, off', async () => {
  expect((await run('record')).out).toContain('Recorded   nothing');
  expect((await run('record', '--for', '30m', '--errors')).out).toContain('requests that fail, until');
  expect((await run('status')).out).toContain('cproxy record --stop');
  expect((await run('record', '--stop')).out).toContain('Recorded   nothing');
  expect(await run('record', '--for', '3w')).toMatchObject({ code: 2, err: expect.stringContaining('a day at most') });
  expect(await run('record', '--errors')).toMatchObject({ code: 2, err: expect.stringContaining('--for') });
  expect(await run('record', '--clear')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
});

test('export: a file for its owner alone, there once it is whole', async () => {
  upstream.script(() => say('an answer'));
  const id = await ask('what is exported');
  const file = path.join(running.home, 'requests.har');
  writeFileSync(file, 'from before', { mode: 0o644 });
  await waitUntil('it in the log', async () => (await run('requests', id)).out.includes('p/m'));
  const whole = await run('export', '--since', '1d', '--format', 'har', '--bodies', '-o', file);
  expect(whole).toMatchObject({
    code: 0,
    out: '',
    err: expect.stringMatching(/^\d+ requests?, \d+ with what was said\.$/m),
  });
  const { log } = JSON.parse(readFileSync(file, 'utf8'));
  expect(log.entries[0].request.postData.text).toContain('what is exported');
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(existsSync(`${file}.part`)).toBe(false);
  const lines = await run('export', id.slice(0, 16), '--bodies');
  expect(JSON.parse(lines.out)).toMatchObject({ id, bodies: { state: 'kept' } });
  expect(await run('export', id, '--failed')).toMatchObject({ code: 2 });
  expect(await run('export', '-o', path.join(running.home, 'nowhere', 'x'))).toMatchObject({ code: 1 });
});

test('replay: asks first, then shows the answer and what differs', async () => {
  const id = await ask('what is asked again');
  expect(await run('replay', id)).toMatchObject({ code: 2, err: expect.stringContaining('costs again') });
  const before = upstream.asked.length;
  const { code, out } = await run('replay', id, '--model', 'p/n', '--yes');
  expect(code).toBe(0);
  expect(out).toContain('an answer');
  expect(out).toMatch(/Model +p\/m +p\/n/);
  expect(out).toMatch(/Cost +\$0\.00018 +\$0\.0018/);
  expect(upstream.asked.length).toBe(before + 1);
  const cleared = await run('record', '--clear', '--yes');
  expect(cleared.err).toMatch(/is forgotten/);
  expect(await run('replay', id, '--yes')).toMatchObject({
    code: 1,
    err: expect.stringContaining('cproxy record --for'),
  });
});
