import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { noBackground } from '../helpers/no-background.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { waitUntil } from '../helpers/wait-until.ts';

// Every command is a process of its own, which takes its time where many tests run at once.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
const children: ChildProcess[] = [];
let folder: string;
let home: string;

/** Stands in for Claude Code: writes down what it was given, and does what it is told. The real one is in test/e2e. */
const STAND_IN = `#!${process.execPath}
const fs = require('node:fs');
const args = process.argv.slice(2);
const file = args[1];
const { mode } = fs.statSync(file);
const settings = JSON.parse(fs.readFileSync(file, 'utf8'));
const { env } = process;
fs.writeFileSync(env.SEEN, JSON.stringify({ args, mode, settings, env, pid: process.pid }));
const { ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: token } = settings.env;
if (env.DO === 'wait') {
  process.on('SIGTERM', () => process.exit(42));
  fs.writeFileSync(env.SEEN + '.ready', '');
  setInterval(() => undefined, 1000);
} else if (env.DO === 'die') process.kill(process.pid, 'SIGKILL');
else fetch(url + '/v1/models', { headers: { authorization: 'Bearer ' + token } }).then((answer) => {
  console.log('status ' + answer.status);
  process.exitCode = Number(env.CODE ?? 0);
});
`;

interface Seen {
  args: string[];
  mode: number;
  settings: { env: Record<string, string>; [name: string]: unknown };
  env: Record<string, string>;
  pid: number;
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cproxy-claude-'));
  home = path.join(folder, 'home');
  writeFileSync(path.join(folder, 'claude'), STAND_IN);
  chmodSync(path.join(folder, 'claude'), 0o755);
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const child = spawn(process.execPath, [program, 'claude', ...args], {
    cwd: folder,
    // Nothing of the surrounding environment may decide what happens.
    env: {
      ...noBackground,
      PATH: `${folder}:${process.env.PATH}`,
      HOME: path.join(folder, 'user'),
      CPROXY_HOME: home,
      SEEN: path.join(folder, 'seen.json'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, out: () => out, err: () => err, ended };
};
const run = async (args: readonly string[], env?: NodeJS.ProcessEnv) => {
  const started = start(args, env);
  const code = await started.ended;
  return { code, out: started.out(), err: started.err() };
};
const seen = (): Seen => JSON.parse(readFileSync(path.join(folder, 'seen.json'), 'utf8')) as Seen;
const configure = (config: unknown): void => {
  writeFileSync(path.join(home, 'config.json'), JSON.stringify(config));
};
const tokens = (of: string): { name: string }[] =>
  (JSON.parse(readFileSync(path.join(of, 'data', 'tokens.json'), 'utf8')) as { tokens: { name: string }[] }).tokens;
const leftOver = (of: string): string[] => readdirSync(path.join(of, 'data', 'claude'));

/** Signals and programs that begin with `#!`. */
describe.skipIf(process.platform === 'win32')('cproxy claude', () => {
  let running: RunningEngine | null = null;
  beforeEach(async () => {
    running = await runEngine();
    home = running.home;
  });
  afterEach(async () => {
    await running?.stop();
    running = null;
  });

  it('starts it with settings of its own, which are gone afterwards, as is its token', async () => {
    const { code, out } = await run(['-p', 'two words', '--', '--settings', 'x'], { CODE: '7' });
    const { args, mode, settings } = seen();
    expect([code, out.trim()]).toEqual([7, 'status 200']);
    expect(args.slice(2)).toEqual(['-p', 'two words', '--', '--settings', 'x']);
    expect(args[0]).toBe('--settings');
    expect(mode & 0o777).toBe(0o600);
    expect(settings.env).toMatchObject({
      ANTHROPIC_BASE_URL: running?.url,
      CLAUDE_CODE_GATEWAY_HINT_HEADERS: '1',
      CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1',
    });
    expect(existsSync(args[1] ?? '')).toBe(false);
    expect(tokens(home).map(({ name }) => name)).toEqual(['first']);
    // Nothing of the user's is touched, not even made.
    expect(existsSync(path.join(folder, 'user'))).toBe(false);
    const answer = await fetch(`${running?.url}/v1/models`, {
      headers: { authorization: `Bearer ${settings.env.ANTHROPIC_AUTH_TOKEN}` },
    });
    expect(answer.status).toBe(401);
  });

  it("makes the user's --settings one with its own", async () => {
    writeFileSync(
      path.join(folder, 'mine.json'),
      '{ "model": "demo", "env": { "MINE": "1", "ANTHROPIC_BASE_URL": "x" } }',
    );
    const { out } = await run(['--settings', 'mine.json', '--continue']);
    expect(out.trim()).toBe('status 200');
    expect(seen().args.slice(2)).toEqual(['--continue']);
    expect(seen().settings).toMatchObject({ model: 'demo', env: { MINE: '1', ANTHROPIC_BASE_URL: running?.url } });
    const wrong = await run(['--settings', 'gone.json']);
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain('--settings gone.json cannot be read');
    expect(tokens(home)).toHaveLength(1);
  });

  it('keeps the token out of the command line and of the environment', async () => {
    await run([], {
      ANTHROPIC_API_KEY: 'sk-own-canary',
      HTTP_PROXY: 'http://127.0.0.1:9',
      ANTHROPIC_UNIX_SOCKET: '/s',
    });
    const { args, env, settings } = seen();
    const token = settings.env.ANTHROPIC_AUTH_TOKEN ?? 'none';
    expect(token).toMatch(/^cpx_/);
    expect(JSON.stringify([args, env])).not.toContain(token);
    expect(settings.env.ANTHROPIC_API_KEY).toBe('');
    expect(env.NO_PROXY).toBe('127.0.0.1');
    expect(env).not.toHaveProperty('ANTHROPIC_UNIX_SOCKET');
  });

  it('passes a signal on, and its exit code back', async () => {
    const started = start([], { DO: 'wait' });
    await waitUntil('the stand-in', () => existsSync(path.join(folder, 'seen.json.ready')));
    started.child.kill('SIGTERM');
    expect(await started.ended).toBe(42);
    expect(leftOver(home)).toEqual([]);
    expect(tokens(home)).toHaveLength(1);
  });

  it('cleans up after it was killed, or has been killed itself', async () => {
    expect((await run([], { DO: 'die' })).code).toBe(128 + 9);
    expect(leftOver(home)).toEqual([]);
    expect(tokens(home)).toHaveLength(1);

    const killed = start([], { DO: 'wait' });
    await waitUntil('the stand-in', () => existsSync(path.join(folder, 'seen.json.ready')));
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    process.kill(seen().pid, 'SIGKILL');
    await killed.ended;
    expect(leftOver(home)).toHaveLength(1);
    expect(tokens(home)).toHaveLength(2);
    // The next session takes away what it has left.
    expect((await run([])).code).toBe(0);
    expect(leftOver(home)).toEqual([]);
    expect(tokens(home)).toHaveLength(1);
  });

  it('says how to get a program that is not there', async () => {
    rmSync(path.join(folder, 'claude'));
    const none = await run([], { PATH: folder });
    expect(none.code).toBe(1);
    expect(none.err).toContain('npm install -g @anthropic-ai/claude-code');
    const named = await run(['--program', './gone'], { PATH: folder });
    expect(named.err).toContain("There is no program './gone'");
    expect((await run(['--program'])).code).toBe(2);
  });

  it('runs an engine for the session where none runs, and leaves no line of it in the terminal', async () => {
    await running?.stop();
    home = path.join(folder, 'own');
    const first = await run([], { CPROXY_HOME: mkHome({ server: { port: 0 } }) });
    expect([first.code, first.out.trim()]).toEqual([0, 'status 200']);
    expect(first.err.trim().split('\n')).toHaveLength(1);
    expect(first.err).toContain('CProxy was not running: it runs at http://127.0.0.1:');
    expect(existsSync(path.join(home, 'data', 'engine.lock'))).toBe(false);
    expect(statSync(path.join(home, 'logs', 'claude.log')).mode & 0o777).toBe(0o600);
    // Nobody has seen the token of a first start: the next start makes another.
    expect(tokens(home)).toEqual([]);
    running = null;
  });

  it('takes another port for it where the configured one is taken', async () => {
    const { port } = new URL(running?.url ?? '');
    const { code, err } = await run([], { CPROXY_HOME: mkHome({ server: { port: Number(port) } }) });
    expect(code).toBe(0);
    expect(seen().settings.env.ANTHROPIC_BASE_URL).not.toBe(running?.url);
    expect(err).toContain(seen().settings.env.ANTHROPIC_BASE_URL);
  });

  const mkHome = (config: Record<string, unknown>): string => {
    home = mkdtempSync(path.join(folder, 'own-'));
    configure({ ...config, routing: { loadBalancing: { healthCheck: false } }, modelLists: { fetch: false } });
    return home;
  };
});

describe.skipIf(process.platform === 'win32')('cproxy claude with a login of its own', () => {
  const anthropic: NonNullable<ConfigInput['providers']>[number] = {
    id: 'anthropic',
    type: 'anthropic',
    key: 'client',
    models: ['claude-opus-5-5'],
  };

  it('sends the token beside it, where its models go to a provider that takes the login', async () => {
    await using running = await runEngine({ providers: [{ ...anthropic, baseUrl: 'http://127.0.0.1:9' }] });
    home = running.home;
    await run([], { ANTHROPIC_CUSTOM_HEADERS: 'X-Team: red', ANTHROPIC_API_KEY: 'sk-own' });
    const { env } = seen().settings;
    expect(env.ANTHROPIC_CUSTOM_HEADERS).toMatch(/^X-Team: red\nx-cproxy-token: cpx_/);
    expect(env).not.toHaveProperty('ANTHROPIC_AUTH_TOKEN');
    expect(env).not.toHaveProperty('ANTHROPIC_API_KEY');

    await run(['--no-subscription']);
    expect(seen().settings.env.ANTHROPIC_AUTH_TOKEN).toMatch(/^cpx_/);
  });

  it('says what is missing where there is no such provider', async () => {
    await using running = await runEngine();
    home = running.home;
    const { code, err } = await run(['--subscription']);
    expect(code).toBe(1);
    expect(err).toContain('key: client');
    expect(tokens(home)).toHaveLength(1);
  });
});
