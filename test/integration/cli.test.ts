import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { noBackground } from '../helpers/no-background.ts';
import { waitUntil } from '../helpers/wait-until.ts';

// Every command is a process of its own, which takes its time where many tests run at once.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
/** On Windows, to send a signal means to end the process there and then. */
const noSignals = process.platform === 'win32';
const running: ChildProcess[] = [];
let home: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-cli-'));
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(home, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  out(): string;
  err(): string;
  ended: Promise<number | null>;
}

/** Nothing of the surrounding environment may decide what happens. */
const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Started => {
  const { PATH, SystemRoot, HOME } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH, SystemRoot, HOME, CPROXY_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
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
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, out: () => out, err: () => err, ended };
};
const run = async (args: readonly string[], env?: NodeJS.ProcessEnv) => {
  const started = start(args, env);
  const code = await started.ended;
  return { code, out: started.out(), err: started.err() };
};
const serve = async (args: readonly string[] = ['--port', '0'], env?: NodeJS.ProcessEnv) => {
  const started = start(args, { ...noBackground, ...env });
  await waitUntil('the start message', () => {
    if (started.child.exitCode !== null) throw new Error(`It ended: ${started.err()}`);
    return started.out().includes('Ctrl-C stops it.');
  });
  const endpoint = /listens at (\S+)/.exec(started.out())?.[1] ?? '';
  const token = /AUTH_TOKEN=(cpx_\S+)/.exec(started.out())?.[1] ?? null;
  return { ...started, endpoint, token };
};
const models = (endpoint: string, token: string) =>
  fetch(`${endpoint}/v1/models`, { headers: { 'x-api-key': token } }).then(({ status }) => status);

describe('words and exit codes', () => {
  test('--version and --help', async () => {
    const [version, help] = await Promise.all([run(['--version']), run(['--help'])]);
    expect(version).toMatchObject({ code: 0, err: '' });
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
    expect(help.code).toBe(0);
    expect(help.out).toContain('Examples:');
    expect(help.out).toContain('3  CProxy is not running');
  });

  test.each([
    [['stauts'], "There is no command 'stauts'; did you mean status?"],
    [['--port', 'x'], 'It must be a number from 0 to 65535.'],
    [['status', '--nope'], "unknown option '--nope'"],
    [['token', 'new'], "missing required argument 'name'"],
    [['token', 'new', ' '], 'A name of 1 to 64 characters is needed.'],
    [['token', 'new', 'x', '--for', '8 hours'], "'8 hours' is no time. Write such as 90m, 8h or 30d."],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish, powershell.'],
    [['mcp', '--port', '1'], "unknown option '--port'"],
    [['--mcp', '--nope'], "unknown option '--nope'"],
  ])('wrong usage: %j', async (args, words) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
  });

  test('what needs a running engine says that there is none', async () => {
    const [status, json, login] = await Promise.all([run(['status']), run(['status', '--json']), run(['login'])]);
    expect(status).toEqual({ code: 3, out: '', err: 'CProxy is not running. `cproxy serve` starts it.\n' });
    expect(json).toMatchObject({ code: 3, out: '{\n  "state": "stopped"\n}\n' });
    expect(login.code).toBe(3);
  });
});

describe('config', () => {
  const file = () => path.join(home, 'config.yaml');

  test('path: of the file, or of where to make one', async () => {
    expect(await run(['config', 'path'])).toMatchObject({ code: 0, out: `${file()}\n` });
    writeFileSync(path.join(home, 'config.json'), '{}');
    expect(await run(['config', 'path'])).toEqual({ code: 0, out: `${path.join(home, 'config.json')}\n`, err: '' });
  });

  test('check: problems without a stack, or that it is valid, with warnings', async () => {
    writeFileSync(file(), 'server: { port: x }\nenvironments: { staging: { server: { port: 1 } } }');
    expect(await run(['config', 'check'])).toEqual({
      code: 1,
      out: '',
      err: `${file()}:1:17 server.port: must be a number; found "x"\n`,
    });
    expect(await run(['config', 'check', '--env', 'staging'], { CPROXY_SERVR__PORT: '1' })).toMatchObject({
      code: 0,
      out: `${file()} with environments.staging is valid.\n`,
      err: expect.stringContaining(
        'CPROXY_SERVR__PORT is not a setting, so it is ignored; did you mean CPROXY_SERVER__PORT?',
      ),
    });
  });

  test('check: a file by name, as lines that editors jump to', async () => {
    const draft = path.join(home, 'draft.yaml');
    writeFileSync(draft, 'server:\n  port: 5000\n  prt: 1\n');
    const checked = await run(['config', 'check', draft]);
    expect(checked).toMatchObject({ code: 1, out: '' });
    expect(checked.err).toMatch(/^\S+draft\.yaml:3:3 /);
    writeFileSync(draft, 'server:\n  port: 5000\n');
    expect(await run(['config', 'check', draft])).toMatchObject({ code: 0, out: `${draft} is valid.\n` });
  });

  test('schema: of the whole configuration, as JSON Schema', async () => {
    const { code, out } = await run(['config', 'schema']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ properties: { server: {}, providers: {}, routing: {} } });
  });

  test('show: what would be in force, without header values', async () => {
    writeFileSync(file(), 'providers: [{ id: a, type: openai, headers: { x-team: CANARY } }]');
    const env = { CPROXY_SERVER__PORT: '5001' };
    const [yaml, json] = await Promise.all([run(['config', 'show'], env), run(['config', 'show', '--json'], env)]);
    expect(yaml.out).toContain('# server.port comes from CPROXY_SERVER__PORT\n');
    expect(yaml.out).toContain("# provider 'a' names no key, so the one stored for it is used, else OPENAI_API_KEY\n");
    expect(yaml.out).toContain('  port: 5001\n');
    expect(JSON.parse(json.out)).toMatchObject({
      file: file(),
      config: {
        server: { port: 5001 },
        providers: [{ headers: { 'x-team': '[redacted]' } }],
      },
    });
    expect(yaml.out + json.out).not.toContain('CANARY');
  });
});

describe('serve', () => {
  test('the first start shows the token, which opens the endpoint; the next one does not', async () => {
    const first = await serve(['--port', '0'], { CPROXY_START_NOTE: 'Started without a window: no display.' });
    expect(first.out()).toMatch(/^Started without a window: no display\.\n/);
    expect(first.out()).toContain(
      `  export ANTHROPIC_BASE_URL=${first.endpoint}\n  export ANTHROPIC_AUTH_TOKEN=${first.token}\n  claude\n`,
    );
    expect(first.out()).toContain('Only the built-in demo provider answers');
    expect(first.out()).toContain(path.join(home, 'config.yaml'));
    expect(first.out()).toContain(`${first.endpoint}/ui/`);
    expect(await models(first.endpoint, first.token ?? '')).toBe(200);

    first.child.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    expect(first.err()).toContain('Stopping …');
    expect(readdirSync(path.join(home, 'data'))).toEqual(['tokens.json']);

    const second = await serve(['--port', '0'], { npm_lifecycle_event: 'start' });
    expect(second.token).toBeNull();
    expect(second.out()).toContain('`npx cproxy token new NAME`');
    expect(second.out()).toContain('`npx cproxy claude`');
    expect(await models(second.endpoint, first.token ?? '')).toBe(200);
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
  });

  test('providers that were found and those without a key', async () => {
    writeFileSync(
      path.join(home, 'config.yaml'),
      'providers:\n  - { id: one, type: openai, key: env:ONE }\n  - { id: two, type: openrouter, key: env:TWO }\n',
    );
    const { out } = await serve(['--port', '0'], { ONE: 'sk-CANARY-1234', CPROXY_SERVER__PRT: '1' });
    expect(out()).toMatch(/ready +one \(openai\) +key env:ONE\n/);
    expect(out()).toMatch(/no key +two \(openrouter\) +.*TWO is not set/);
    expect(out()).toContain('CPROXY_SERVER__PRT is not a setting');
    expect(out()).not.toContain('CANARY');
  });

  test('the other commands talk to it', async () => {
    const engine = await serve();
    const [status, made, login] = await Promise.all([
      run(['status', '--json']),
      run(['token', 'new', 'desk']),
      run(['login']),
    ]);
    expect(JSON.parse(status.out)).toMatchObject({
      state: 'running',
      endpoint: engine.endpoint,
      pid: engine.child.pid,
    });
    expect((await run(['status'])).out).toContain(`is running at ${engine.endpoint}`);

    expect(login).toMatchObject({ code: 0 });
    expect(login.out).toMatch(new RegExp(`Open ${engine.endpoint}/ui/ and enter this code: \\w{4}-\\w{4}\n`));

    const token = made.out.trim();
    expect(await models(engine.endpoint, token)).toBe(200);
    const list = await run(['token', 'list']);
    const id = /^(\S+) +desk /m.exec(list.out)?.[1] ?? '';
    expect(await run(['token', 'revoke', id])).toMatchObject({ code: 0, out: `Revoked ${id}.\n` });
    expect(await models(engine.endpoint, token)).toBe(401);
    expect(await run(['token', 'revoke', id])).toMatchObject({
      code: 1,
      err: expect.stringContaining('No token has the id'),
    });
  });

  test('a second one on the same data folder, a taken port and a bad host end with a short message', async () => {
    const engine = await serve();
    const otherHome = mkdtempSync(path.join(tmpdir(), 'cproxy-cli-'));
    try {
      const [second, port, host] = await Promise.all([
        run(['--port', '0']),
        run(['--port', new URL(engine.endpoint).port], { CPROXY_HOME: otherHome }),
        run(['--port', '0', '--host', '203.0.113.1'], { CPROXY_HOME: path.join(otherHome, 'b') }),
      ]);
      expect(second).toMatchObject({
        code: 1,
        err: expect.stringContaining(`process ${engine.child.pid} at ${engine.endpoint}`),
      });
      expect(second.err).toContain('`cproxy stop` ends it');
      expect(port).toMatchObject({
        code: 1,
        err: expect.stringContaining(`is taken by another CProxy (process ${engine.child.pid})`),
      });
      expect(host).toMatchObject({ code: 1, err: expect.stringContaining("no address '203.0.113.1'") });
      for (const { out, err } of [second, port, host]) expect(out + err).not.toMatch(/\n\s+at /);
      expect(readdirSync(path.join(otherHome, 'data'))).not.toContain('engine.lock');
    } finally {
      rmSync(otherHome, { recursive: true });
    }
  });

  test('a bad configuration ends it, and a lock of a killed engine does not keep it from starting', async () => {
    const killed = await serve();
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(readdirSync(path.join(home, 'data'))).toContain('engine.lock');
    expect((await run(['status'])).code).toBe(3);
    await serve();

    const bad = await run(['--env', 'prod']);
    expect(bad).toMatchObject({ code: 1, out: '' });
    expect(bad.err).toBe(
      '--env: must be one of development, staging, production; found "prod"; did you mean production?\n',
    );
  });

  test.skipIf(noSignals)('goes on, and stops in order, when nobody reads its output any more', async () => {
    const dead = { id: 'dead', type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9', models: ['m'] };
    writeFileSync(path.join(home, 'config.json'), JSON.stringify({ server: { auth: 'none' }, providers: [dead] }));
    const engine = await serve();
    for (const stream of [engine.child.stdout, engine.child.stderr]) stream?.destroy();
    for (let line = 0; line < 3; line += 1) {
      const answer = await fetch(`${engine.endpoint}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
      });
      expect(answer.status).toBe(502);
    }
    engine.child.kill('SIGTERM');
    expect(await engine.ended).toBe(0);
  });

  test.skipIf(noSignals)('stops in order when its terminal is closed', async () => {
    const engine = await serve();
    engine.child.kill('SIGHUP');
    expect(await engine.ended).toBe(0);
    expect(readdirSync(path.join(home, 'data'))).not.toContain('engine.lock');
  });

  test('folders that cannot be used end every command with a short message', async () => {
    const file = path.join(home, 'file');
    writeFileSync(file, '');
    const ended = await Promise.all(
      [['serve', '--port', '0'], ['status'], ['token', 'list'], ['login']].map((args) =>
        run(args, { CPROXY_HOME: file }),
      ),
    );
    for (const { code, out, err } of ended) {
      expect(code).toBe(1);
      expect(out).toBe('');
      expect(err).toContain(file);
      expect(err).not.toMatch(/\n\s+at /);
    }
  });

  test.skipIf(noSignals)('one signal lets answers finish, another one ends at once', async () => {
    let asked = 0;
    const upstream = createServer(() => {
      asked += 1;
    });
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    try {
      const baseUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
      writeFileSync(
        path.join(home, 'config.json'),
        JSON.stringify({ providers: [{ id: 'slow', type: 'openai-compatible', baseUrl, models: ['m'] }] }),
      );
      const engine = await serve();
      const answer = fetch(`${engine.endpoint}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': engine.token ?? '' },
        body: JSON.stringify({ model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
      }).then(
        () => 'answered',
        () => 'cut',
      );
      await waitUntil('the request upstream', () => asked > 0);
      engine.child.kill('SIGINT');
      await waitUntil('the word', () => engine.err().includes('Stopping when 1 running'));
      // What npm does: the same signal once more, at once.
      engine.child.kill('SIGINT');
      await wait(400);
      expect(engine.child.exitCode).toBeNull();
      engine.child.kill('SIGINT');
      expect(await engine.ended).toBe(130);
      expect(await answer).toBe('cut');
    } finally {
      upstream.closeAllConnections();
      upstream.close();
    }
  });
});

describe('stop', () => {
  test('ends the engine that runs, and waits until it has ended', async () => {
    const engine = await serve();
    expect(await run(['stop'])).toEqual({
      code: 0,
      out: `CProxy (process ${engine.child.pid} at ${engine.endpoint}) has stopped.\n`,
      err: '',
    });
    expect(await engine.ended).toBe(0);
    expect(readdirSync(path.join(home, 'data'))).not.toContain('engine.lock');
    expect(await run(['stop'])).toMatchObject({ code: 3, out: '' });
  });
});

describe('--json', () => {
  const json = async (...args: string[]) => {
    const { code, out, err } = await run([...args, '--json']);
    return { code, err, document: JSON.parse(out) as Record<string, unknown> };
  };

  test('serve says in one line where it listens, and nothing else there', async () => {
    const started = start(['--port', '0', '--json'], noBackground);
    await waitUntil('the line', () => started.out().includes('\n'));
    const document = JSON.parse(started.out()) as { endpoint: string; firstToken: string };
    expect(document).toMatchObject({ auth: 'token', configFile: null, pid: started.child.pid });
    expect(await models(document.endpoint, document.firstToken)).toBe(200);
    expect(await json('stop')).toMatchObject({ code: 0, document: { stopped: true, endpoint: document.endpoint } });
    expect(await started.ended).toBe(0);
    expect(started.out().trim().split('\n')).toHaveLength(1);
  });

  test('tokens, by a name and for a time, and the code of a login', async () => {
    const made = await json('token', 'new', 'ci', '--for', '30d');
    expect(made).toMatchObject({ code: 0, err: '', document: { name: 'ci', token: expect.stringMatching(/^cpx_/) } });
    const { id, createdAt, expiresAt } = made.document;
    expect(Number(expiresAt) - Number(createdAt)).toBe(30 * 86_400_000);
    expect(await json('token', 'list')).toEqual({
      code: 0,
      err: '',
      document: [{ id, name: 'ci', createdAt, expiresAt }],
    });
    expect(await json('token', 'revoke', String(id))).toMatchObject({ code: 0, document: { id, revoked: true } });
    expect(await json('login')).toMatchObject({ code: 3, document: { error: { code: 'not_running' } } });
  });

  test('an error is a document too, with the exit code', async () => {
    writeFileSync(path.join(home, 'config.yaml'), 'server: { port: x }');
    const [usage, option, file, config] = await Promise.all([
      json('config', 'path', '--nope'),
      json('nope'),
      json('keys', 'list'),
      json('config', 'check'),
    ]);
    expect(usage).toMatchObject({ code: 2, document: { error: { code: 'usage' } } });
    expect(option).toMatchObject({ code: 2 });
    expect(file).toMatchObject({ code: 1, err: '', document: { error: { code: 'bad_configuration' } } });
    expect(config).toMatchObject({
      code: 1,
      err: '',
      document: {
        valid: false,
        problems: [
          {
            file: path.join(home, 'config.yaml'),
            line: 1,
            column: 17,
            path: 'server.port',
            text: `${path.join(home, 'config.yaml')}:1:17 server.port: must be a number; found "x"`,
          },
        ],
      },
    });
  });
});

describe('tokens without an engine', () => {
  test('are made, listed and revoked in the file', async () => {
    const made = await run(['token', 'new', 'ci']);
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^cpx_[\w-]{43}\n$/) });
    const list = await run(['token', 'list']);
    const id = /^(\S+) +ci /m.exec(list.out)?.[1] ?? '';
    expect(readFileSync(path.join(home, 'data/tokens.json'), 'utf8')).toContain(id);

    const engine = await serve();
    expect(engine.token).toBeNull();
    expect(await models(engine.endpoint, made.out.trim())).toBe(200);
    engine.child.kill('SIGTERM');
    await engine.ended;

    expect((await run(['token', 'revoke', id])).code).toBe(0);
    expect(await run(['token', 'list'])).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('no client tokens'),
    });
    expect(readdirSync(path.join(home, 'data'))).toEqual(['tokens.json']);
  });
});
