import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { startUpstream } from '../helpers/scriptable-upstream.ts';

// Every command is a process of its own, which takes its time where many tests run at once.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
const canary = 'sk-ant-canary-of-the-user-00000000';
let home = '';
let file = '';

beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-setup-'));
  file = path.join(home, 'user', '.claude', 'settings.json');
  await mkdir(path.dirname(file), { recursive: true });
  await mkdir(path.join(home, 'project'));
  await mkdir(path.join(home, 'cproxy'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** `cproxy setup …` in a home of its own. */
async function setup(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const { PATH, SystemRoot } = process.env;
  const user = path.join(home, 'user');
  const child = spawn(process.execPath, [program, 'setup', ...args], {
    cwd: path.join(home, 'project'),
    env: { PATH, SystemRoot, HOME: user, USERPROFILE: user, CPROXY_HOME: path.join(home, 'cproxy') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.err += text;
  });
  const [code] = await once(child, 'close');
  return { code: code as number | null, ...texts };
}

const runHere = (config: ConfigInput = {}): Promise<RunningEngine> =>
  runEngine(config, { home: path.join(home, 'cproxy') });

interface Settings {
  env?: Record<string, string>;
  [name: string]: unknown;
}
const settings = async (): Promise<Settings> => JSON.parse(await readFile(file, 'utf8')) as Settings;
const modelsWith = (endpoint: string, token: string): Promise<number> =>
  fetch(`${endpoint}/v1/models`, { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status);

const before = `{\n    "model": "opus",\n    "env": {\n        "ANTHROPIC_API_KEY": "${canary}"\n    }\n}\n`;

describe('with an engine that runs', () => {
  test('it is shown, written, followed by the token, and taken back', async () => {
    await using upstream = await startUpstream();
    const models = [{ id: 'qwen3:8b', contextWindow: 40_960 }];
    await using engine = await runHere({
      providers: [{ id: 'local', type: 'openai-compatible', baseUrl: upstream.url, models }],
    });
    await writeFile(file, before);

    const dry = await setup('claude-code', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.out).toContain(`+        "ANTHROPIC_BASE_URL": "${engine.url}"`);
    expect(dry.out).toContain('+        "ANTHROPIC_DEFAULT_OPUS_MODEL": "local/qwen3:8b"');
    expect(dry.out).toContain('+        "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "40960"');
    expect(dry.err).toContain(`${file}:4 sets ANTHROPIC_API_KEY`);
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(existsSync(path.join(home, 'cproxy', 'data', 'set-ups.json'))).toBe(false);

    expect(await setup('claude-code')).toMatchObject({ code: 2 });
    expect(await readFile(file, 'utf8')).toBe(before);

    const done = await setup('claude-code', '--yes');
    expect(done).toMatchObject({ code: 0 });
    expect(done.out).toContain(`Claude Code → ${engine.url}: written (${file}).`);
    const { env = {} } = await settings();
    const token = env.ANTHROPIC_AUTH_TOKEN ?? '';
    expect(await modelsWith(engine.url, token)).toBe(200);
    const asked = await engine.ask(
      { model: env.ANTHROPIC_DEFAULT_OPUS_MODEL, max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] },
      { headers: { authorization: `Bearer ${token}` } },
    );
    expect(asked.status).toBe(200);
    if (process.platform !== 'win32')
      expect(statSync(path.join(home, 'cproxy', 'data', 'set-ups.json')).mode & 0o777).toBe(0o600);

    const again = await setup('claude-code', '--yes', '--json');
    expect(JSON.parse(again.out)).toMatchObject({ client: 'claude-code', state: 'same', diff: '' });
    expect((await settings()).env).toEqual(env);

    const undone = await setup('claude-code', '--undo', '--yes');
    expect(undone).toMatchObject({ code: 0 });
    expect(undone.out).toContain('the set-up is taken back');
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await modelsWith(engine.url, token)).toBe(401);
    const twice = await setup('claude-code', '--undo');
    expect(twice).toMatchObject({ code: 0 });
    expect(twice.out).toContain('There is no set-up of Claude Code to take back.');

    const said = [dry, done, again, undone, twice].map(({ out, err }) => out + err).join();
    for (const secret of [canary, token]) expect(said).not.toContain(secret);
  });

  test('the login of a subscription stays, and the token goes in a header', async () => {
    await using engine = await runHere({ providers: [{ id: 'mine', type: 'anthropic', key: 'client' }] });
    await writeFile(file, '{ "env": { "ANTHROPIC_CUSTOM_HEADERS": "x-team: blue" } }\n');
    expect(await setup('claude-code', '--yes')).toMatchObject({ code: 0 });
    const first = (await settings()).env?.ANTHROPIC_AUTH_TOKEN ?? '';

    expect(await setup('claude-code', '--yes', '--subscription')).toMatchObject({ code: 0 });
    const { env = {} } = await settings();
    expect(env).not.toHaveProperty('ANTHROPIC_AUTH_TOKEN');
    expect(env.ANTHROPIC_CUSTOM_HEADERS).toBe(`x-team: blue\nx-cproxy-token: ${first}`);
    const headers = { authorization: 'Bearer the-login', 'x-cproxy-token': first };
    expect((await fetch(`${engine.url}/v1/models`, { headers })).status).toBe(200);
    expect((await setup('claude-code', '--yes')).out).toContain('in place already');
    expect(await setup('claude-code', '--yes', '--no-subscription')).toMatchObject({ code: 0 });
    expect((await settings()).env).toMatchObject({
      ANTHROPIC_CUSTOM_HEADERS: 'x-team: blue',
      ANTHROPIC_AUTH_TOKEN: first,
    });

    expect(await setup('claude-code', '--undo', '--yes')).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toBe('{ "env": { "ANTHROPIC_CUSTOM_HEADERS": "x-team: blue" } }\n');
  });

  test('a subscription without a provider for it is refused with what to add', async () => {
    await using _engine = await runHere();
    const refused = await setup('claude-code', '--yes', '--subscription');
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('{ id: anthropic, type: anthropic, key: client }');
    expect(existsSync(file)).toBe(false);
  });
});

describe('without one', () => {
  const configure = (config: ConfigInput): Promise<void> =>
    writeFile(path.join(home, 'cproxy', 'config.json'), JSON.stringify(config));

  test('it is set up for the configured port, follows another, and says how to start', async () => {
    await configure({ server: { port: 4999 } });
    const done = await setup('claude-code', '--yes');
    expect(done).toMatchObject({ code: 0 });
    expect(done.err).toContain('CProxy is not running. `cproxy serve` starts it.');
    const { env = {} } = await settings();
    expect(env.ANTHROPIC_BASE_URL).toBe('http://127.0.0.1:4999');

    await configure({ server: { port: 5999 } });
    expect(await setup('claude-code', '--yes')).toMatchObject({ code: 0 });
    expect((await settings()).env).toEqual({ ...env, ANTHROPIC_BASE_URL: 'http://127.0.0.1:5999' });
    await writeFile(file, (await readFile(file, 'utf8')).replace('"env"', '"mine": 1,\n  "env"').replace('5999', '7'));

    const undone = await setup('claude-code', '--undo', '--yes', '--json');
    expect(JSON.parse(undone.out)).toMatchObject({
      undone: [{ file, kept: ['env.ANTHROPIC_BASE_URL was changed since the set-up and stays as it is.'] }],
    });
    expect(await settings()).toEqual({ mine: 1, env: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:7' } });
  });

  test('a broken file is left as it is, and a missing one is no reason to fail', async () => {
    await configure({ server: { port: 4999 } });
    await writeFile(file, '{ "env": {\n');
    const broken = await setup('claude-code', '--yes');
    expect(broken.code).toBe(1);
    expect(broken.err).toContain(`${file}:2:`);
    rmSync(file);
    expect(await setup('claude-code', '--yes')).toMatchObject({ code: 0 });
    rmSync(file);
    const undone = await setup('claude-code', '--undo', '--yes');
    expect(undone).toMatchObject({ code: 0 });
    expect(undone.err).toContain('is not there any more');
    expect((await setup('claude-code', '--undo')).out).toContain('There is no set-up');
  });

  test('a port that is chosen at each start, and an unknown client, are refused', async () => {
    await configure({ server: { port: 0 } });
    expect((await setup('claude-code', '--yes')).err).toContain('server.port is 0');
    const unknown = await setup('nobody');
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.err).toContain('claude-code');
  });
});
