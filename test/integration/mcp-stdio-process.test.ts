import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cli, mcpEnvironment } from '../helpers/mcp-stdio.ts';
import { waitUntil } from '../helpers/wait-until.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** On Windows, to send a signal means to end the process there and then. */
const noSignals = process.platform === 'win32';
let home: string;
let temporary: string;
const running: ChildProcessWithoutNullStreams[] = [];

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-mcp-test-'));
  temporary = mkdtempSync(path.join(tmpdir(), 'cproxy-mcp-temporary-'));
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  for (const folder of [home, temporary]) rmSync(folder, { recursive: true, force: true });
});

interface Started {
  child: ChildProcessWithoutNullStreams;
  say(message: unknown): void;
  /** Lines of standard output. */
  lines(): string[];
  err(): string;
  ended: Promise<number | null>;
}

function start(flags: readonly string[] = [], env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, [...flags, cli, 'mcp'], {
    env: { ...mcpEnvironment(home, env), TMPDIR: temporary, TEMP: temporary, TMP: temporary },
  });
  running.push(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin.on('error', () => undefined);
  return {
    child,
    say: (message) => child.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    lines: () => out.split('\n').slice(0, -1),
    err: () => err,
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
}

const initialize = {
  ...{ jsonrpc: '2.0', id: 'first', method: 'initialize' },
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};
const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
const listTools = { jsonrpc: '2.0', id: 2, method: 'tools/list' };

const begun = async (flags?: readonly string[]): Promise<Started> => {
  const started = start(flags);
  started.say(initialize);
  started.say(initialized);
  await waitUntil('an answer', () => started.lines().length > 0, 30_000);
  return started;
};

describe('standard output', () => {
  it('has messages alone, whatever else is printed', async () => {
    const noise = path.join(home, 'noise.mjs');
    writeFileSync(
      noise,
      `import { Worker, isMainThread } from 'node:worker_threads';
      if (isMainThread) {
        setInterval(() => { console.log('noise'); process.stdout.write('loud noise\\n'); console.table([1]); }, 1).unref();
        new Worker("console.log('noise of a worker')", { eval: true });
        process.emitWarning('noise of a warning');
      }`,
    );
    const { say, lines, err, ended, child } = await begun(['--import', noise]);
    say(listTools);
    await waitUntil('the tools', () => lines().some((line) => line.includes('proxy_completion')));
    await waitUntil('the noise', () => err().includes('loud noise') && err().includes('noise of a worker'));
    child.stdin.end();
    expect(await ended).toBe(0);
    // What is printed before it begins is for others to see to.
    const own = lines().slice(lines().findIndex((line) => line.startsWith('{')));
    for (const line of own) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' });
  });
});

describe('standard input', () => {
  it('what is no message is told, and the rest goes on', async () => {
    const { say, lines, child, ended } = await begun();
    say('{ not json');
    say('');
    say('[]');
    say({ jsonrpc: '1.0', id: 5, method: 'x' });
    say({ jsonrpc: '2.0', id: 6, method: 'no/such' });
    say([
      { jsonrpc: '2.0', id: 7, method: 'ping' },
      { jsonrpc: '2.0', id: 8, method: 'ping' },
    ]);
    say({ ...initialize, id: 9 });
    child.stdin.end(JSON.stringify(listTools));
    expect(await ended).toBe(0);
    const answers = lines().map((line) => JSON.parse(line) as { id: unknown; error?: { code: number } });
    const codeOf = (id: unknown): unknown => answers.find((answer) => answer.id === id)?.error?.code;
    expect(answers.filter(({ id }) => id === null).map(({ error }) => error?.code)).toEqual([-32700, -32600]);
    expect([5, 6, 7, 8, 9].map(codeOf)).toEqual([-32600, -32601, undefined, undefined, -32600]);
    expect(answers.map(({ id }) => id)).toEqual(expect.arrayContaining([2, 7, 8]));
  });

  it('a session begins with initialize', async () => {
    const { say, lines } = start();
    say(listTools);
    await waitUntil('an answer', () => lines().length > 0, 30_000);
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ id: 2, error: { code: -32600 } });
  });
});

describe('ends', () => {
  it('when nobody writes to it any more, and leaves nothing', async () => {
    const { child, ended, err } = await begun();
    expect(readdirSync(temporary).length).toBe(1);
    child.stdin.end();
    expect(await ended).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
    expect(err()).not.toContain('    at ');
  });

  it('before anybody has begun, too', async () => {
    const { child, ended, lines } = start();
    child.stdin.end();
    expect(await ended).toBe(0);
    expect(lines()).toEqual([]);
  });

  it('when nobody reads what it says', async () => {
    const { child, say, ended } = await begun();
    child.stdout.destroy();
    const asking = setInterval(() => say(listTools), 50);
    expect(await ended).toBe(0);
    clearInterval(asking);
  });

  it.skipIf(noSignals).each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('on %s', async (signal) => {
    const { child, ended } = await begun();
    child.kill(signal);
    expect(await ended).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
