import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { noBackground } from '../helpers/no-background.ts';
import { waitUntil } from '../helpers/wait-until.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
const written = `# mine
server:
  port: 0 # any
providers:
  - { id: local, type: openai-compatible, baseUrl: http://127.0.0.1:9, models: [m] }
`;
let home: string;
let file: string;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-cli-config-'));
  file = path.join(home, 'config.yaml');
  writeFileSync(file, written);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const environment = () => {
  const { PATH, SystemRoot, HOME } = process.env;
  return { PATH, SystemRoot, HOME, CPROXY_HOME: home, ...noBackground };
};

function run(...args: string[]): Pick<SpawnSyncReturns<string>, 'status' | 'stdout' | 'stderr'> {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: environment(),
    input: '',
  });
  return { status, stdout, stderr };
}

const text = (): string => readFileSync(file, 'utf8');

describe('set and unset', () => {
  test('change one place, show what changed, and leave every other byte', () => {
    const set = run('config', 'set', 'providers.local.priority', '3');
    expect(set).toMatchObject({ status: 0, stderr: '' });
    expect(set.stdout).toContain('\n-  - { id: local,');
    expect(set.stdout).toContain(`\nSaved ${file}.\n`);
    expect(text()).toBe(written.replace('models: [m] }', 'models: [m], priority: 3 }'));

    const unset = run('config', 'unset', 'providers[0].priority', '--json');
    expect(JSON.parse(unset.stdout)).toMatchObject({ state: 'saved', file, diff: expect.stringContaining('\n+  - {') });
    expect(text()).toBe(written);
  });

  test('what would not be valid is not written', () => {
    const refused = run('config', 'set', 'server.port', 'x');
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain(`${file}:3:9 server.port: must be a number; found "x"`);
    expect(text()).toBe(written);
    expect(run('config', 'unset', 'server.host').stderr).toBe('The file has nothing at server.host.\n');
  });

  test('--dry-run only shows', () => {
    const shown = run('config', 'set', 'aliases.best', 'local/m', '--dry-run');
    expect(shown).toMatchObject({ status: 0, stdout: expect.stringContaining('\n+  best: local/m') });
    expect(run('config', 'set', 'server.port', 'x', '--dry-run').status).toBe(1);
    expect(text()).toBe(written);
  });

  test('make a file where there is none', () => {
    rmSync(file);
    expect(run('config', 'set', 'server.port', '5000').status).toBe(0);
    expect(text()).toContain('port: 5000');
  });
});

describe('versions and rollback', () => {
  test('bring back what was, with a look at it first, and never without being asked or told', () => {
    expect(run('config', 'rollback')).toMatchObject({ status: 1, stderr: 'There is no earlier version.\n' });
    run('config', 'set', 'server.port', '5000');
    run('config', 'set', 'server.port', '5001');
    const versions = JSON.parse(run('config', 'versions', '--json').stdout) as { id: string; bytes: number }[];
    expect(versions.map(({ bytes }) => bytes)).toEqual([written.length + 3, written.length]);
    const oldest = versions[1]?.id ?? '';

    const asked = run('config', 'rollback', oldest);
    expect(asked).toMatchObject({ status: 2, stderr: expect.stringContaining('say --yes') });
    expect(asked.stdout).toContain('\n-  port: 5001 # any\n+  port: 0 # any\n');
    expect(text()).toContain('5001');

    expect(run('config', 'rollback', oldest, '--yes')).toMatchObject({ status: 0 });
    expect(text()).toBe(written);
    expect(run('config', 'rollback', 'nope', '-y').stderr).toContain("There is no version 'nope'.");
  });

  test('help out of a file that cannot be used any more', () => {
    run('config', 'set', 'server.port', '5000');
    writeFileSync(file, 'server: [');
    expect(run('config', 'check').stderr).toContain(`${file}:1:`);
    expect(run('config', 'rollback', '--yes').status).toBe(0);
    expect(text()).toBe(written);
  });
});

test('with a CProxy that runs, changes go through it and are in force at once; another file is not its own', async () => {
  const child = spawn(process.execPath, [program, '--json'], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      out += part;
    });
    await waitUntil('the start', () => out.includes('\n'));

    const set = run('config', 'set', 'aliases.best', 'local/m');
    expect(set).toMatchObject({ status: 0, stdout: expect.stringContaining('The running CProxy uses it.') });
    const status = JSON.parse(run('status', '--json').stdout) as { aliases: unknown; config: { problems: unknown } };
    expect(status).toMatchObject({ aliases: { best: ['local/m'] }, config: { file, problems: [] } });
    expect(run('config', 'show').stdout).toMatch(/^# \S+config\.yaml, in force since \d{4}-\d\d-\d\d \d\d:\d\d\n/);

    const other = path.join(home, 'other.yaml');
    writeFileSync(other, 'server: { port: 1 }\n');
    expect(run('config', 'set', 'server.port', '2', '--config', other).stdout).toContain(`Saved ${other}.\n`);
    expect(readFileSync(other, 'utf8')).toBe('server: { port: 2 }\n');

    expect(run('config', 'rollback', '--yes')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('The running CProxy uses it.'),
    });
    expect(text()).toBe(written);
    expect(JSON.parse(run('status', '--json').stdout)).toMatchObject({ aliases: {} });
    expect(run('stop').status).toBe(0);
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
});
