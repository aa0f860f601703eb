import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { commitUndo, prepareUndo } from '../../src-main/clients/client-set-up.ts';
import { SetUpLedger } from '../../src-main/clients/set-up-ledger.ts';
import { TokenStore } from '../../src-main/secrets/token-store.ts';
import { crashAtEachMoment, leftovers, letTimePass } from '../helpers/crash-at-each-moment.ts';
import { noBackground } from '../helpers/no-background.ts';

/** Kills `cproxy setup claude-code`, with SIGKILL, at every moment in which it changes the disk. */

// Each moment takes a process of the whole command line.
vi.setConfig({ testTimeout: 300_000 });

const cli = path.resolve(import.meta.dirname, '../../src-main/cli.ts');
const settings = `{\n   // mine\n   "model": "opus",\n   "permissions": { "allow": ["Bash(ls)"] }\n}\n`;

let root: string;
let file: string;
let data: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'cproxy-set-up-crash-'));
  const user = path.join(root, 'user');
  file = path.join(user, '.claude', 'settings.json');
  data = path.join(root, 'cproxy', 'data');
  await mkdir(path.dirname(file), { recursive: true });
  await mkdir(path.join(root, 'cproxy'));
  await writeFile(file, settings, { mode: 0o640 });
  await writeFile(path.join(root, 'cproxy', 'config.yaml'), 'server: { port: 4999 }\n');
  const { PATH, SystemRoot } = process.env;
  env = {
    ...noBackground,
    ...{ PATH, SystemRoot, HOME: user, USERPROFILE: user, CPROXY_HOME: path.join(root, 'cproxy') },
  };
});
afterEach(() => rm(root, { recursive: true, force: true }));

const apply = [cli, 'setup', 'claude-code', '--yes'];
const undo = [cli, 'setup', 'claude-code', '--undo', '--yes'];

async function run(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  expect(await once(child, 'close'), said).toEqual([0, null]);
}

const isWindows = process.platform === 'win32';
const ledger = () => new SetUpLedger(data).list();
const tokens = () => TokenStore.open(data).list();

/** As `--undo` does; in this process, which is quicker. */
async function takeBack(): Promise<void> {
  await mkdir(data, { recursive: true });
  const kept = new SetUpLedger(data);
  await kept.exclusively(async () => {
    for (const entry of await kept.list()) {
      await commitUndo(await prepareUndo(entry));
      for (const { id } of entry.tokens) await TokenStore.open(data).revoke(id);
      await kept.remove(entry);
    }
  });
}

/** The file is whole: the user's own, or ours; then its token is known, to be revoked one day. @returns which */
async function look(): Promise<'theirs' | 'ours'> {
  const text = await readFile(file, 'utf8');
  if (!isWindows) expect((await stat(file)).mode & 0o777).toBe(0o640);
  if (text === settings) return 'theirs';
  const token = /"ANTHROPIC_AUTH_TOKEN": "(cpx_[^"]+)"/.exec(text)?.[1] ?? '';
  expect(text.startsWith(settings.slice(0, settings.indexOf('"permissions"')))).toBe(true);
  expect(text.endsWith('}\n')).toBe(true);
  expect((await ledger()).flatMap((entry) => entry.tokens.map(({ value }) => value))).toContain(token);
  return 'ours';
}

it('a set-up that is killed has happened or not, is made again, and is taken back', async () => {
  const seen = new Set<string>();
  const crashes = await crashAtEachMoment({ args: () => apply, env }, async ({ moment }) => {
    seen.add(await look());
    await letTimePass(root);
    if (moment % 5 === 0) {
      await run(apply);
      expect(await look()).toBe('ours');
      await run(undo);
    } else await takeBack();
    expect(await look()).toBe('theirs');
    expect(await ledger()).toEqual([]);
    expect((await leftovers(root)).length).toBeLessThanOrEqual(2);
  });
  expect(crashes.length).toBeGreaterThanOrEqual(25);
  expect([...seen].sort()).toEqual(['ours', 'theirs']);
  expect(await look()).toBe('ours');
  expect(await leftovers(root)).toEqual([]);
});

it('taking it back that is killed has happened or not, and is done again', async () => {
  await run(apply);
  expect(await tokens()).toHaveLength(1);
  const kept = await mkdtemp(path.join(tmpdir(), 'cproxy-set-up-kept-'));
  try {
    await cp(root, kept, { recursive: true });
    const seen = new Set<string>();
    const crashes = await crashAtEachMoment({ args: () => undo, env }, async ({ moment }) => {
      seen.add(await look());
      await letTimePass(root);
      if (moment % 5 === 0) await run(undo);
      else await takeBack();
      expect(await look()).toBe('theirs');
      expect([await ledger(), tokens(), await leftovers(root)]).toEqual([[], [], []]);
      await cp(kept, root, { recursive: true, force: true });
    });
    expect(crashes.length).toBeGreaterThanOrEqual(20);
    expect([...seen].sort()).toEqual(['ours', 'theirs']);
    expect(await look()).toBe('theirs');
    expect([await ledger(), tokens()]).toEqual([[], []]);
  } finally {
    await rm(kept, { recursive: true });
  }
});
