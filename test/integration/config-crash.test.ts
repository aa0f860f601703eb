import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ConfigManager, type EditedFile, versionOf } from '../../src-main/config/config-manager.ts';
import { ensureFolders, type Folders, resolveFolders } from '../../src-main/config/folders.ts';
import { KeptVersions } from '../../src-main/config/kept-versions.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { acquireLock, findRunning } from '../../src-main/config/lock-file.ts';
import { TokenStore } from '../../src-main/secrets/token-store.ts';
import { crashAtEachMoment, leftovers, letTimePass } from '../helpers/crash-at-each-moment.ts';
import { noBackground } from '../helpers/no-background.ts';

/**
 * Kills what writes, with SIGKILL, at every moment in which it changes the disk. All happens in one folder, so that each writer
 * finds what those before it have left.
 */

// Each moment takes a process of its own.
vi.setConfig({ testTimeout: 120_000 });

const writer = path.resolve(import.meta.dirname, 'crash-writer.ts');
const isWindows = process.platform === 'win32';
let home: string;
let folders: Folders;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-crash-'));
  const { PATH, SystemRoot } = process.env;
  env = { ...noBackground, PATH, SystemRoot, CPROXY_HOME: home };
  folders = resolveFolders(env);
  ensureFolders(folders);
});
afterEach(() => rm(home, { recursive: true, force: true }));

const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;

it('a private file is the old one or the new one, whole and closed to others', async () => {
  const file = path.join(folders.data, 'kept.json');
  let before = 'a'.repeat(100_000);
  await writeFile(file, before, { mode: 0o600 });
  const textAt = (moment: number) => String(moment % 10).repeat(100_000 + moment);
  const crashes = await crashAtEachMoment(
    { args: (moment) => [writer, 'file', file, textAt(moment)], env },
    async ({ moment }) => {
      const now = await readFile(file, 'utf8');
      expect([before, textAt(moment)].includes(now)).toBe(true);
      before = now;
      if (!isWindows) expect(await modeOf(file)).toBe(0o600);
      expect((await leftovers(home)).length).toBeLessThanOrEqual(1);
      await letTimePass(home);
    },
  );
  // Making, filling and sync; the rename; the folder.
  expect(crashes.length).toBeGreaterThanOrEqual(5);
  expect(await readFile(file, 'utf8')).toBe(textAt(crashes.length + 1));
  expect(await leftovers(home)).toEqual([]);
});

it('client tokens that were given out stay good', async () => {
  const first = await TokenStore.open(folders.data).create('first');
  let known = 1;
  const crashes = await crashAtEachMoment({ args: () => [writer, 'token', 'another'], env }, async () => {
    const store = TokenStore.open(folders.data);
    expect(store.warnings).toEqual([]);
    expect(store.matches(first.token)).toMatchObject({ id: first.id });
    const { length } = store.list();
    expect([known, known + 1]).toContain(length);
    known = length;
    await letTimePass(home);
  });
  expect(crashes.length).toBeGreaterThanOrEqual(5);
  expect(await leftovers(home)).toEqual([]);
});

it('the lock of an engine that was killed is taken over', async () => {
  const crashes = await crashAtEachMoment({ args: () => [writer, 'lock'], env }, async () => {
    await letTimePass(home);
    expect(await findRunning(folders.data)).toBeNull();
    const lock = await acquireLock(folders.data, { host: 'headless' });
    lock.update({ endpoint: null });
    lock.release();
    expect(await readdir(folders.data)).toEqual([]);
  });
  expect(crashes.length).toBeGreaterThanOrEqual(5);
});

/** A configuration that says which it is, with a comment to be kept. */
const configAt = (moment: number): string =>
  `# the ${moment}.\nproviders: [{ id: p${moment}, type: demo }] # mine\naliases:\n${Array.from({ length: 400 }, (_, n) => `  alias-${n}: p${moment}/demo\n`).join('')}`;

async function expectUsable(file: string, next: string): Promise<void> {
  const load = async (edited?: EditedFile) => loadConfig({ ...edited, env, folders });
  const loaded = await load();
  expect(loaded.file).toBe(file);
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (line: string) => void warnings.push(line) };
  const manager = new ConfigManager({ loaded, load, folders, env, apply: async () => [], log });
  const saved = await manager.save({ text: next, base: versionOf(loaded.text ?? '') });
  expect(saved).toMatchObject({ state: 'saved', merged: false });
  expect(await readFile(file, 'utf8')).toBe(next);
  expect((await manager.versions()).length).toBeLessThanOrEqual(10);
  expect(await leftovers(home)).toEqual([]);
  expect(warnings).toEqual([]);
  await manager.close();
}

const versionFiles = () => readdir(path.join(folders.data, 'config-versions'));

it('the configuration is the old one or the new one, and its versions are what it was', async () => {
  const file = path.join(home, 'config.yaml');
  await writeFile(file, configAt(0), { mode: 0o640 });
  const known = new Set([configAt(0)]);
  let before = configAt(0);
  const crashes = await crashAtEachMoment(
    { args: (moment) => [writer, 'save', configAt(moment)], env },
    async ({ moment }) => {
      const now = await readFile(file, 'utf8');
      expect([before, configAt(moment)].includes(now)).toBe(true);
      known.add(configAt(moment));
      if (!isWindows) expect(await modeOf(file)).toBe(0o640);
      const versions = await new KeptVersions(folders.data).list(file);
      expect(versions.every(({ text }) => known.has(text))).toBe(true);
      // Whatever is replaced is kept by then.
      if (now !== before) expect(versions[0]?.text).toBe(before);
      await letTimePass(home);
      before = configAt(1_000 + moment);
      known.add(before);
      await expectUsable(file, before);
    },
  );
  expect(crashes.length).toBeGreaterThanOrEqual(15);
  expect(await readFile(file, 'utf8')).toBe(configAt(crashes.length + 1));
  expect(await versionFiles()).toHaveLength(10);
});

it('so it is when a version is brought back', async () => {
  const file = path.join(home, 'config.yaml');
  await writeFile(file, configAt(0));
  await expectUsable(file, configAt(1));
  let before = configAt(1);
  let other = configAt(0);
  const crashes = await crashAtEachMoment({ args: () => [writer, 'rollback'], env }, async () => {
    const now = await readFile(file, 'utf8');
    expect([before, other].includes(now)).toBe(true);
    await letTimePass(home);
    other = configAt(0);
    before = configAt(1);
    await expectUsable(file, other);
    await expectUsable(file, before);
  });
  expect(crashes.length).toBeGreaterThanOrEqual(15);
  expect(await readFile(file, 'utf8')).toBe(configAt(0));
  expect((await versionFiles()).length).toBeLessThanOrEqual(10);
});
