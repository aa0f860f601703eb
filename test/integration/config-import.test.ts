import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';

// Every command is a process of its own, which takes its time where many tests run at once.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const program = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
const fixtures = path.resolve(import.meta.dirname, '../fixtures');
const ccr = path.join(fixtures, 'imports/ccr-2-full.json');
let home = '';
let configFile = '';
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-import-'));
  configFile = path.join(home, 'cproxy/config.yaml');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

interface Ran {
  code: number;
  out: string;
  err: string;
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const { PATH, SystemRoot } = process.env;
  const child = spawn(process.execPath, [program, 'config', ...args], {
    env: { PATH, SystemRoot, HOME: home, USERPROFILE: home, CPROXY_HOME: path.join(home, 'cproxy'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const read = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    read.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    read.err += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  expect(read.out + read.err).not.toContain('canary');
  return { code, ...read };
}

/** Everything below the folder of the configuration: no key may be in any of it. */
function written(folder = path.join(home, 'cproxy')): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');
}
const check = () => run(['check']);

describe('config import', () => {
  it('shows what it would write on standard output, and the report beside it', async () => {
    const { code, out, err } = await run(['import', ccr]);
    expect(code).toBe(0);
    expect(parse(out)).toMatchObject({ version: 1, server: { port: 8082 } });
    expect(err).toMatch(
      /Carried:.*Different here:.*Not carried:.*Keys:.*cproxy keys set openrouter.*Nothing is written yet/s,
    );
    expect(existsSync(configFile)).toBe(false);
  });

  it('--write makes a file that is valid and holds no key', async () => {
    expect((await run(['import', ccr, '--write'])).out).toBe(`Wrote ${configFile}.\n`);
    expect((await check()).code).toBe(0);
    expect(written()).not.toContain('canary');
  });

  it('adds to a file that is there, byte by byte; the one before can be brought back', async () => {
    mkdirSync(path.dirname(configFile), { recursive: true });
    const mine =
      '# mine\nserver:   { port: 4999 } # stays\nproviders:\n  - id: openrouter # mine, too\n    type: openrouter\n';
    writeFileSync(configFile, mine);
    const shown = await run(['import', ccr]);
    expect(shown.out).toContain('+  - id: deepseek');
    expect(readFileSync(configFile, 'utf8')).toBe(mine);
    const { err } = await run(['import', ccr, '--write']);
    expect(err).toMatch(/server\.port: the file says something else already/);
    expect(err).toMatch(/provider 'openrouter': the file has one of that name already/);
    const now = readFileSync(configFile, 'utf8');
    expect(now).toContain('# mine\nserver:   { port: 4999');
    expect(now).toContain('- id: openrouter # mine, too\n    type: openrouter\n');
    expect((await check()).code).toBe(0);
    await run(['rollback', '--yes']);
    expect(readFileSync(configFile, 'utf8')).toBe(mine);
  });

  it('--json is one document, and says what was not stored', async () => {
    const { out } = await run(['import', ccr, '--json']);
    const told = JSON.parse(out);
    expect(told).toMatchObject({
      file: configFile,
      written: false,
      stored: [],
      commands: ['cproxy keys set openrouter', 'cproxy keys set claude-direct'],
    });
    expect(Object.keys(told.report)).toEqual(['source', 'carried', 'changed', 'left', 'keys']);
  });

  it('--keys keychain stores them where secrets are kept, and nowhere else', async () => {
    mkdirSync(path.dirname(configFile), { recursive: true });
    writeFileSync(configFile, 'secrets: { store: file }\n');
    const { code, out } = await run(['import', ccr, '--write', '--keys', 'keychain', '--yes', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ stored: ['openrouter', 'claude-direct'], commands: [], failure: null });
    expect(written(path.join(home, 'cproxy/data'))).toContain('canary');
    expect(readFileSync(configFile, 'utf8')).not.toContain('canary');
    expect((await run(['import', ccr, '--keys', 'keychain'])).code).toBe(2);
  });

  it('finds the file of a program by itself, and asks which where there are several', async () => {
    mkdirSync(path.join(home, '.claude-code-router'));
    cpSync(ccr, path.join(home, '.claude-code-router/config.json'));
    expect((await run(['import'])).err).toContain('claude-code-router, config.json of version 2');
    mkdirSync(path.join(home, '.cc-switch'));
    cpSync(path.join(fixtures, 'imports/cc-switch-2.json'), path.join(home, '.cc-switch/config.json'));
    const several = await run(['import']);
    expect([several.code, several.err]).toEqual([2, expect.stringContaining('There are several')]);
    expect((await run(['import', '--from', 'cc-switch'])).err).toContain('cc-switch, config.json of version 2');
  });

  it('reads their databases', async () => {
    mkdirSync(path.join(home, '.cc-switch'));
    const file = path.join(home, '.cc-switch/cc-switch.db');
    const database = new DatabaseSync(file);
    database.exec(readFileSync(path.join(fixtures, 'imports/cc-switch-3.sql'), 'utf8'));
    database.close();
    const { out, err } = await run(['import']);
    expect(err).toContain('cc-switch, its database');
    expect(parse(out).providers.map(({ id }: { id: string }) => id)).toEqual(['Zhipu-GLM', 'OpenRouter']);

    const sqlite = path.join(home, 'config.sqlite');
    const router = new DatabaseSync(sqlite);
    router.exec('CREATE TABLE app_config (key TEXT PRIMARY KEY, value_json TEXT NOT NULL, updated_at TEXT NOT NULL)');
    const value = readFileSync(path.join(fixtures, 'imports/ccr-3.json'), 'utf8');
    router.prepare('INSERT INTO app_config VALUES (?, ?, ?)').run('default', value, '');
    router.close();
    expect((await run(['import', sqlite])).err).toContain('claude-code-router, config.json of version 3');
  });

  it.each([
    ['nothing.json', null, 'There is no file'],
    ['other.json', '{"a": 1}', 'is not the configuration of'],
    ['broken.json', '{"Providers": [', 'broken.json:1'],
    ['empty.json', '{"Providers": [], "Router": {}}', 'no provider that CProxy can ask'],
    ['x.sql', "-- CC Switch SQLite\nINSERT INTO providers (id, settings_config) VALUES ('a'", 'cannot be read'],
  ])('%s is refused in words', async (name, text, message) => {
    const file = path.join(home, name);
    if (text !== null) writeFileSync(file, text);
    const { code, err, out } = await run(['import', file, '--write']);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(message);
    expect(existsSync(configFile)).toBe(false);
  });
});

describe('config migrate', () => {
  const variables = {
    REASONING_MODEL: 'a/thinks',
    COMPLETION_MODEL: 'b/writes',
    OPENROUTER_API_KEY: 'sk-or-v1-canary-0000',
  };

  it('turns the old variables into a file', async () => {
    expect(parse((await run(['migrate'], variables)).out)).toMatchObject({ server: { port: 3000, auth: 'none' } });
    expect((await run(['migrate', '--write'], variables)).code).toBe(0);
    const { code, err } = await run(['migrate'], variables);
    expect([code, err]).toEqual([0, expect.stringContaining('nothing to migrate')]);
    expect(written()).not.toContain('canary');
  });

  it('brings an old file into today’s form, in its place, and keeps what it was', async () => {
    const file = path.join(home, 'proxy-config.json');
    const old = readFileSync(path.join(fixtures, 'old-config/proxy-config.json'), 'utf8');
    writeFileSync(file, old);
    const env = { MCP_CONFIG_PATH: file };
    expect(JSON.parse((await run(['migrate'], env)).out)).toMatchObject({ version: 1 });
    expect(readFileSync(file, 'utf8')).toBe(old);
    expect((await run(['set', 'aliases.x', 'openrouter/y'], env)).err).toContain('config migrate --write` comes first');
    expect((await run(['import', ccr, '--write'], env)).err).toContain('config migrate --write` comes first');
    expect(readFileSync(file, 'utf8')).toBe(old);
    expect((await run(['migrate', '--write'], env)).err).toContain('cproxy keys set anthropic');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1, server: { port: 3100 } });
    expect((await run(['rollback', '--yes', '--json'], env)).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(old);
  });

  it('says so where there is nothing', async () => {
    const { code, out } = await run(['migrate', '--json']);
    expect([code, JSON.parse(out)]).toEqual([0, { file: null, written: false, config: null }]);
  });
});
