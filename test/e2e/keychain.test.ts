import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { projectFolder } from '../../scripts/lib/project.ts';
import { requires } from '../helpers/missing-programs.ts';
import { question } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const need = requires('dbus-daemon', 'gnome-keyring-daemon', 'secret-tool');
const key = 'sk-ant-canary-keychain-0123456789';
const program = path.join(projectFolder, 'dist/main/cli.js');

/** One login: a bus, and on it a keyring that its password opens, or one that stays shut. */
async function startSession(home: string, unlock: boolean): Promise<Session> {
  const runtime = await mkdtemp(path.join(tmpdir(), 'cproxy-run-'));
  await chmod(runtime, 0o700);
  const env: Record<string, string> = { PATH: process.env.PATH ?? '', HOME: home, XDG_RUNTIME_DIR: runtime };
  const children: ChildProcess[] = [];
  const bus = spawn('dbus-daemon', ['--session', '--nofork', '--print-address=1'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(bus);
  const [address] = (await once(bus.stdout.setEncoding('utf8'), 'data')) as [string];
  env.DBUS_SESSION_BUS_ADDRESS = address.trim();
  const keyring = spawn(
    'gnome-keyring-daemon',
    ['--foreground', '--components=secrets', ...(unlock ? ['--unlock'] : [])],
    { env, stdio: ['pipe', 'ignore', 'ignore'] },
  );
  children.push(keyring);
  keyring.stdin.end(unlock ? 'a password' : '');
  const session = { env, run: (args: readonly string[], input?: string) => runIn(env, args, input) };
  const asked = (bus: string, path: string, method: string, text: string): Promise<Ran> =>
    runProgram(env, 'dbus-send', ['--session', '--print-reply', `--dest=${bus}`, path, method, `string:${text}`]);
  // Whoever asks a name that nobody has makes the bus start another keyring, with nothing in it.
  await waitUntil('the keyring', async () => {
    const bus = 'org.freedesktop.DBus';
    const { out } = await asked(bus, '/org/freedesktop/DBus', `${bus}.NameHasOwner`, 'org.freedesktop.secrets');
    return out.includes('true');
  });
  // It answers before it has the collection that its password opens.
  await waitUntil('its collection', async () => {
    const service = 'org.freedesktop.Secret.Service';
    const { err, out } = await asked(
      'org.freedesktop.secrets',
      '/org/freedesktop/secrets',
      `${service}.ReadAlias`,
      'default',
    );
    return err === '' && (!unlock || out.includes('/collection/'));
  });
  return {
    ...session,
    async [Symbol.asyncDispose]() {
      for (const child of children.reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      await rm(runtime, { recursive: true, force: true });
    },
  };
}

interface Session extends AsyncDisposable {
  env: Record<string, string>;
  /** The built command line. */
  run(args: readonly string[], input?: string): Promise<Ran>;
}
interface Ran {
  code: number | null;
  out: string;
  err: string;
}

async function runProgram(
  env: Record<string, string>,
  command: string,
  args: readonly string[],
  input = '',
): Promise<Ran> {
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  // One that reads nothing may have ended by now.
  child.stdin.on('error', () => undefined).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const shown: string[] = [];
async function runIn(env: Record<string, string>, args: readonly string[], input?: string): Promise<Ran> {
  const ran = await runProgram({ ...env, CPROXY_HOME: cproxyHome }, process.execPath, [program, ...args], input);
  shown.push(ran.out, ran.err);
  return ran;
}

let home: string;
let cproxyHome: string;
let upstream: ScriptableUpstream;
const engines: ChildProcess[] = [];

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-keychain-'));
  cproxyHome = path.join(home, 'cproxy');
  upstream = await startUpstream();
  await mkdir(cproxyHome, { recursive: true });
  await writeConfig();
});
afterEach(async () => {
  for (const child of engines.splice(0)) await stop(child);
  await upstream.close();
  await rm(home, { recursive: true, force: true });
});

const writeConfig = (more: object = {}) =>
  writeFile(
    path.join(cproxyHome, 'config.json'),
    JSON.stringify({
      server: { port: 0, auth: 'none' },
      logging: { level: 'debug' },
      providers: [{ id: 'claude', type: 'anthropic', baseUrl: upstream.url, models: ['m'] }],
      routing: { loadBalancing: { healthCheck: false } },
      modelLists: { fetch: false },
      ...more,
    }),
  );

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function serve(env: Record<string, string>): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [program, 'serve'], {
    env: { ...env, CPROXY_HOME: cproxyHome },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  engines.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      shown.push(text);
    });
  const url = await waitUntil('the endpoint', () => output.match(/listens at (http:\S+)/)?.[1], 30_000);
  return { url, child };
}

async function ask(url: string): Promise<Response> {
  const answer = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(question()),
  });
  shown.push(await answer.clone().text());
  return answer;
}

async function everyFile(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((entry) => readFile(path.join(entry.parentPath, entry.name), 'latin1')));
}

async function expectNothingShown(): Promise<void> {
  const everything = [...shown, ...(await everyFile(home))].join('\n');
  expect(everything.includes(key)).toBe(false);
}

describe.skipIf(need.missing)(`keys in a real keychain${need.reason}`, () => {
  test('unlocked: a key is set, seen by other programs, used, outlives the session, and removed', async () => {
    {
      await using session = await startSession(home, true);
      expect(await session.run(['keys', 'set', 'claude'], `${key}\n`)).toEqual({
        err: expect.any(String),
        code: 0,
        out: `Stored 'claude' for ${upstream.url} in the system's keychain.\n`,
      });
      const seen = await runProgram(session.env, 'secret-tool', ['lookup', 'service', 'cproxy', 'username', 'claude']);
      expect(JSON.parse(seen.out)).toEqual({ v: 1, key, origin: upstream.url });
      const { out } = await session.run(['keys', 'list', '--json']);
      expect(JSON.parse(out)).toMatchObject({
        keys: [{ name: 'claude', origin: upstream.url, providers: ['claude'] }],
      });
    }
    await using session = await startSession(home, true);
    const { url } = await serve(session.env);
    upstream.queue(say('hello'));
    expect((await ask(url)).status).toBe(200);
    expect(upstream.asked.at(-1)?.headers['x-api-key']).toBe(key);
    expect((await session.run(['status', '--json'])).out).toContain('keychain:claude');

    const replaced = 'sk-ant-replaced-key-0123456789';
    expect((await session.run(['keys', 'set', 'claude'], replaced)).err).toContain('uses it from now on');
    upstream.queue(say('hello'));
    await ask(url);
    expect(upstream.asked.at(-1)?.headers['x-api-key']).toBe(replaced);

    expect(await session.run(['keys', 'remove', 'claude'])).toMatchObject({ code: 0, out: "Removed 'claude'.\n" });
    const none = await ask(url);
    expect(none.status).toBe(502);
    expect(await none.text()).toContain('`cproxy keys set claude` stores one');
    expect((await session.run(['keys', 'remove', 'claude'])).code).toBe(1);
    await expectNothingShown();
  });

  test('locked, with nobody to unlock it: it is said so, and never taken for an empty one', async () => {
    {
      await using session = await startSession(home, true);
      await session.run(['keys', 'set', 'claude'], key);
    }
    await using session = await startSession(home, false);
    for (const args of [
      ['keys', 'list'],
      ['keys', 'set', 'claude'],
      ['keys', 'remove', 'claude'],
    ]) {
      const ran = await session.run(args, `${key}\n`);
      expect({ args, code: ran.code, out: ran.out }).toEqual({ args, code: 1, out: '' });
      expect(ran.err).toContain("The system's keychain is locked");
    }
    const { url } = await serve(session.env);
    const answer = await ask(url);
    expect(answer.status).toBe(502);
    expect(await answer.text()).toContain('keychain is locked');
    await expectNothingShown();
  });

  test('doctor tries the keychain out and leaves nothing in it; of a locked one it says so', async () => {
    const keyStoreCheck = async (session: Session): Promise<unknown> => {
      const { sections } = JSON.parse((await session.run(['doctor', '--json'])).out);
      return sections.find(({ title }: { title: string }) => title === 'Keys').checks[0];
    };
    {
      await using session = await startSession(home, true);
      expect(await keyStoreCheck(session)).toEqual({
        name: 'key store',
        state: 'green',
        advice: null,
        found: expect.stringContaining('could be written'),
      });
      expect(JSON.parse((await session.run(['keys', 'list', '--json'])).out)).toMatchObject({ keys: [] });
    }
    await using session = await startSession(home, false);
    expect(await keyStoreCheck(session)).toMatchObject({
      state: 'amber',
      found: expect.stringContaining("The system's keychain is locked"),
    });
  });

  test('none: every command says what to use instead, and a file is used only where the configuration says so', async () => {
    const env = { PATH: process.env.PATH ?? '', HOME: home, XDG_RUNTIME_DIR: path.join(home, 'nothing') };
    for (const args of [
      ['keys', 'list'],
      ['keys', 'set', 'claude'],
    ]) {
      const ran = await runIn(env, args, key);
      expect({ args, code: ran.code, out: ran.out }).toEqual({ args, code: 1, out: '' });
      expect(ran.err).toMatch(/There is no keychain here.*env:NAME.*secrets: \{ store: file \}/);
    }
    await expectNothingShown();

    await writeConfig({ secrets: { store: 'file' } });
    expect((await runIn(env, ['keys', 'set', 'claude'], key)).out).toContain('which is not encrypted');
    const { url } = await serve(env);
    upstream.queue(say('hello'));
    expect((await ask(url)).status).toBe(200);
    expect(upstream.asked.at(-1)?.headers['x-api-key']).toBe(key);
    expect((await runIn(env, ['status'])).out).toContain('not encrypted');
    expect(shown.join('\n').includes(key)).toBe(false);
  });

  test('a key is never an argument, and is not repeated where it was one', async () => {
    const env = { PATH: process.env.PATH ?? '', HOME: home };
    for (const args of [[key], [`--key=${key}`], ['--key', key]]) {
      const ran = await runIn(env, ['keys', 'set', 'claude', ...args], key);
      expect(ran.code).toBe(2);
      expect(ran.err).toContain('A key is never an argument');
    }
    expect((await runIn(env, ['keys', 'set', key], key)).code).toBe(1);
    await expectNothingShown();
  });
});
