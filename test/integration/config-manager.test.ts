import { execFile, execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigManager, type EditedFile, versionOf } from '../../src-main/config/config-manager.ts';
import { ensureFolders, type Folders, resolveFolders } from '../../src-main/config/folders.ts';
import { type LoadedConfig, loadConfig } from '../../src-main/config/load-config.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const NOBODY = 65_534;

const BASE = `# mine
server: { port: 4000 } # a port
providers:
  - id: a # first
    type: anthropic
  - id: b
    type: openai
`;

let home: string;
let folders: Folders;
const managers: ConfigManager[] = [];

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-config-'));
  folders = resolveFolders({ CPROXY_HOME: home });
  ensureFolders(folders);
});
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.close()));
  await rm(home, { recursive: true, force: true });
});

const yaml = () => path.join(home, 'config.yaml');

interface Made {
  manager: ConfigManager;
  applied: LoadedConfig[];
  lines: string[];
}

function make(options: { file?: string; apply?: (loaded: LoadedConfig) => Promise<string[]> } = {}): Made {
  const env = { CPROXY_HOME: home };
  const load = async (edited?: EditedFile) => loadConfig({ file: options.file, ...edited, env, folders });
  const applied: LoadedConfig[] = [];
  const lines: string[] = [];
  const manager = new ConfigManager({
    loaded: loadConfig({ file: options.file, env, folders }),
    load,
    folders,
    env,
    apply: async (loaded) => {
      const later = await options.apply?.(loaded);
      applied.push(loaded);
      return later ?? [];
    },
    log: { info: (line) => lines.push(`info ${line}`), warn: (line) => lines.push(`warn ${line}`) },
  });
  managers.push(manager);
  return { manager, applied, lines };
}

const ids = ({ config }: LoadedConfig) => config.providers.map(({ id }) => id);
const portOf = ({ manager }: Made) => manager.loaded.config.server.port;

describe('a file that changes', () => {
  it('is in force within 300 ms, however it is written', async () => {
    await writeFile(yaml(), BASE);
    const made = make();
    await made.manager.watch();
    const writers = [
      (text: string) => writeFile(yaml(), text),
      // As editors do.
      async (text: string) => {
        await writeFile(`${yaml()}~`, text);
        await rename(`${yaml()}~`, yaml());
      },
      async (text: string) => {
        await rm(yaml());
        await writeFile(yaml(), text);
      },
    ];
    for (const [index, write] of [...writers, ...writers].entries()) {
      const port = 5000 + index;
      await write(BASE.replace('4000', String(port)));
      await waitUntil('the new port', () => portOf(made) === port);
    }
    expect(made.lines).toEqual([]);
  });

  it('that is written half is not taken for bad', async () => {
    await writeFile(yaml(), BASE);
    const made = make();
    await made.manager.watch();
    const text = BASE.replace('4000', '5000');
    for (const end of [0, 20, 40]) await writeFile(yaml(), text.slice(0, end));
    await writeFile(yaml(), text);
    await waitUntil('the new port', () => portOf(made) === 5000);
    expect(made.lines).toEqual([]);
    expect(made.applied.map((loaded) => loaded.text)).toEqual([text]);
  });

  it('and is bad leaves in force what was, and says once what is wrong, until it is mended', async () => {
    await writeFile(yaml(), BASE);
    const made = make();
    await made.manager.watch();
    await writeFile(yaml(), BASE.replace('4000', 'many'));
    await waitUntil('the problem', () => made.manager.state.problems.length > 0);
    expect(made.manager.state.problems).toEqual([`${yaml()}:2:17 server.port: must be a number; found "many"`]);
    expect(portOf(made)).toBe(4000);
    await made.manager.reload();
    expect(made.lines).toHaveLength(1);
    expect(made.lines[0]).toContain(':2:17 server.port');
    await writeFile(yaml(), BASE);
    await waitUntil('it to be mended', () => made.manager.state.problems.length === 0);
    expect(made.lines).toHaveLength(2);
    expect(made.applied).toEqual([]);
  });

  it('is found where it was not, also in a folder that was not', async () => {
    const file = path.join(home, 'later', 'deep', 'own.yaml');
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, BASE);
    const named = make({ file });
    await rm(path.join(home, 'later'), { recursive: true });
    const usual = make();
    await Promise.all([named.manager.watch(), usual.manager.watch()]);
    await waitUntil('the problem', () => named.manager.state.problems.length > 0);
    expect(named.manager.state.problems.join()).toMatch(/there is no such file/);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, BASE.replace('4000', '5000'));
    await writeFile(yaml(), BASE.replace('4000', '5001'));
    await waitUntil('the named one', () => portOf(named) === 5000);
    await waitUntil('the usual one', () => portOf(usual) === 5001);
    expect(usual.manager.state.file).toBe(yaml());
    expect(named.manager.state.problems).toEqual([]);
  });

  it('behind a link is seen, also when the link is led elsewhere', async () => {
    const elsewhere = await mkdtemp(path.join(tmpdir(), 'cproxy-dotfiles-'));
    try {
      const target = path.join(elsewhere, 'a.yaml');
      await writeFile(target, BASE);
      await symlink(target, yaml());
      const made = make();
      await made.manager.watch();
      await writeFile(`${target}~`, BASE.replace('4000', '5000'));
      await rename(`${target}~`, target);
      await waitUntil('the target to be read', () => portOf(made) === 5000);
      const other = path.join(elsewhere, 'b.yaml');
      await writeFile(other, BASE.replace('4000', '5001'));
      await symlink(other, `${yaml()}.new`);
      await rename(`${yaml()}.new`, yaml());
      await waitUntil('the other target to be read', () => portOf(made) === 5001);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  it('and is gone stays in force, and says so', async () => {
    await writeFile(yaml(), BASE);
    const made = make();
    await made.manager.watch();
    await rm(yaml());
    await waitUntil('the problem', () => made.manager.state.problems.length > 0);
    expect(made.manager.state.problems.join()).toContain(`${yaml()} is gone`);
    expect(ids(made.manager.loaded)).toEqual(['a', 'b']);
    await writeFile(yaml(), BASE);
    await waitUntil('it to be back', () => made.manager.state.problems.length === 0);
  });

  it.skipIf(process.platform === 'win32')('and is a pipe is read once, and stays in force', async () => {
    const pipe = path.join(home, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writeOnce = () => execFile('sh', ['-c', 'printf %s "$0" > "$1"', BASE, pipe]);
    writeOnce();
    const made = make({ file: pipe });
    await made.manager.watch();
    const state = made.manager.reload();
    const timer = setTimeout(writeOnce, 500);
    expect(await state).toMatchObject({ file: pipe, problems: [] });
    clearTimeout(timer);
    expect(made.applied).toEqual([]);
    await expect(made.manager.file()).rejects.toThrow('only once');
    const changes = [{ path: ['server', 'port'], value: 5000 }];
    expect(await made.manager.edit({ changes, base: '' })).toMatchObject({ state: 'refused' });
  });

  it('and gives way to another for a moment stays in force', async () => {
    const json = path.join(home, 'config.json');
    await writeFile(yaml(), BASE);
    await writeFile(json, JSON.stringify({ server: { port: 4100 } }));
    const made = make();
    await made.manager.watch();
    await rm(json);
    await sleep(110);
    await writeFile(json, JSON.stringify({ server: { port: 4200 } }));
    await waitUntil('the change', () => made.applied.length > 0);
    expect(made.applied.map(({ file }) => file)).toEqual([json]);
    await rm(json);
    await waitUntil('the other file', () => made.manager.loaded.file === yaml());
  });

  it('is not in force where it cannot be applied', async () => {
    await writeFile(yaml(), BASE);
    const made = make({ apply: () => Promise.reject(new Error('The address is taken.')) });
    await writeFile(yaml(), BASE.replace('4000', '5000'));
    expect((await made.manager.reload()).problems).toEqual(['The address is taken.']);
    expect(portOf(made)).toBe(4000);
  });
});

describe('saving', () => {
  it('writes, applies, keeps what was, and says the new version', async () => {
    await writeFile(yaml(), BASE, { mode: 0o644 });
    const made = make({ apply: async () => ['server.port'] });
    const file = await made.manager.file();
    expect(file).toEqual({ file: yaml(), exists: true, format: 'yaml', text: BASE, version: versionOf(BASE) });
    const text = BASE.replace('4000', '5000');
    expect(await made.manager.save({ text, base: file.version })).toEqual({
      state: 'saved',
      version: versionOf(text),
      merged: false,
      warnings: [],
      afterRestart: ['server.port'],
    });
    expect(await readFile(yaml(), 'utf8')).toBe(text);
    expect((await stat(yaml())).mode & 0o777).toBe(0o644);
    expect(portOf(made)).toBe(5000);
    expect((await made.manager.versions()).map(({ bytes, reason }) => [bytes, reason])).toEqual([
      [BASE.length, 'a change through CProxy'],
    ]);
    const [kept] = await readdir(path.join(folders.data, 'config-versions'));
    const keptFile = path.join(folders.data, 'config-versions', kept ?? '');
    expect([(await stat(keptFile)).mode & 0o777, (await stat(path.dirname(keptFile))).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    expect((await readdir(home)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('makes config.yaml where there is no file, for its owner alone', async () => {
    const made = make();
    const file = await made.manager.file();
    expect(file).toMatchObject({ file: yaml(), exists: false, text: '', version: '' });
    const saved = await made.manager.edit({ changes: [{ path: ['server', 'port'], value: 5000 }], base: '' });
    expect(saved.state).toBe('saved');
    expect(await readFile(yaml(), 'utf8')).toBe('server:\n  port: 5000\n');
    expect((await stat(yaml())).mode & 0o777).toBe(0o600);
    expect(made.manager.state.file).toBe(yaml());
    expect(await made.manager.versions()).toEqual([]);
  });

  it('refuses what is not valid, with lines, and writes nothing', async () => {
    await writeFile(yaml(), BASE);
    const { manager, applied } = make();
    const { version } = await manager.file();
    expect(await manager.save({ text: BASE.replace('4000', 'x'), base: version })).toEqual({
      state: 'refused',
      problems: [`${yaml()}:2:17 server.port: must be a number; found "x"`],
    });
    const changes = [{ path: ['server', 'port', 'deep'], value: 1 }];
    expect(await manager.edit({ changes, base: version })).toMatchObject({ state: 'refused' });
    expect(await manager.check('servers: {}')).toMatchObject({
      problems: [expect.stringContaining('did you mean server?')],
    });
    expect([await readFile(yaml(), 'utf8'), applied.length]).toEqual([BASE, 0]);
  });

  it('puts the file back where it cannot be applied', async () => {
    await writeFile(yaml(), BASE);
    const { manager } = make({ apply: () => Promise.reject(new Error('The address is taken.')) });
    const saved = await manager.save({ text: BASE.replace('4000', '5000'), base: versionOf(BASE) });
    expect(saved).toEqual({ state: 'refused', problems: ['The address is taken.'] });
    expect(await readFile(yaml(), 'utf8')).toBe(BASE);
  });

  it('changes single places, and nothing else of the file', async () => {
    await writeFile(yaml(), BASE);
    const { manager } = make();
    const changes = [
      { path: ['server', 'port'], value: 5000 },
      { path: ['providers', 1, 'models'], value: ['m'] },
      { path: ['providers', 0] },
    ];
    expect(await manager.edit({ changes, base: versionOf(BASE) })).toMatchObject({ state: 'saved' });
    expect(await readFile(yaml(), 'utf8')).toBe(`# mine
server: { port: 5000 } # a port
providers:
  - id: b
    type: openai
    models:
      - m
`);
  });

  it('keeps a byte order mark, and does not take it for a change', async () => {
    await writeFile(yaml(), `\uFEFF${BASE}`);
    const made = make();
    const { version } = await made.manager.file();
    expect(made.manager.state.version).toBe(version);
    const changes = [{ path: ['server', 'port'], value: 5000 }];
    expect(await made.manager.edit({ changes, base: version })).toMatchObject({ state: 'saved' });
    expect(await readFile(yaml(), 'utf8')).toBe(`\uFEFF${BASE.replace('4000', '5000')}`);
    await writeFile(yaml(), `\uFEFF${BASE.replace('4000', 'many')}`);
    expect((await made.manager.reload()).problems.join()).toContain(`${yaml()}:2:17 server.port`);
  });

  it('writes through a link', async () => {
    const target = path.join(home, 'dotfiles.yaml');
    await writeFile(target, BASE, { mode: 0o640 });
    await symlink(target, yaml());
    const { manager } = make();
    const text = BASE.replace('4000', '5000');
    expect(await manager.save({ text, base: versionOf(BASE) })).toMatchObject({ state: 'saved' });
    expect((await lstat(yaml())).isSymbolicLink()).toBe(true);
    expect([await readFile(target, 'utf8'), (await stat(target)).mode & 0o777]).toEqual([text, 0o640]);
  });

  it('says why a folder takes nothing', async () => {
    await writeFile(yaml(), BASE);
    const { manager } = make();
    await chmod(home, 0o500);
    // To root, every folder is open.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) {
      for (const owned of [home, yaml()]) await chown(owned, NOBODY, NOBODY);
      process.seteuid?.(NOBODY);
    }
    try {
      const saved = await manager.save({ text: BASE.replace('4000', '5000'), base: versionOf(BASE) });
      expect(saved).toMatchObject({ state: 'refused', problems: [expect.stringContaining('may not be written')] });
    } finally {
      if (isRoot) process.seteuid?.(0);
      await chmod(home, 0o700);
    }
    expect(await readFile(yaml(), 'utf8')).toBe(BASE);
  });
});

describe('two writers', () => {
  it('at different places both get what they want', async () => {
    await writeFile(yaml(), BASE);
    const made = make();
    const { version } = await made.manager.file();
    const theirs = BASE.replace('type: openai', 'type: openai # theirs').replace('# mine', '# ours, too');
    await writeFile(yaml(), theirs);
    const saved = await made.manager.save({ text: BASE.replace('4000', '5000'), base: version });
    expect(saved).toMatchObject({ state: 'saved', merged: true });
    expect(await readFile(yaml(), 'utf8')).toBe(theirs.replace('4000', '5000'));
    expect(made.manager.state.version).toBe(versionOf(theirs.replace('4000', '5000')));
  });

  it('at the same place are shown both, and nothing is written', async () => {
    await writeFile(yaml(), BASE);
    const { manager } = make();
    const theirs = BASE.replace('4000', '6000');
    await writeFile(yaml(), theirs);
    const saved = await manager.edit({ changes: [{ path: ['server', 'port'], value: 5000 }], base: versionOf(BASE) });
    expect(saved).toMatchObject({
      state: 'conflict',
      conflicts: [{ path: 'server.port', before: '4000', theirs: '6000', ours: '5000' }],
      file: { text: theirs, version: versionOf(theirs) },
    });
    expect(await readFile(yaml(), 'utf8')).toBe(theirs);
  });

  it('one of whom started from a text that nobody knows gets a conflict over the whole', async () => {
    await writeFile(yaml(), BASE);
    const { manager } = make();
    expect(await manager.save({ text: 'server: {}', base: 'never' })).toMatchObject({
      state: 'conflict',
      conflicts: [{ path: '' }],
    });
    expect(await readFile(yaml(), 'utf8')).toBe(BASE);
  });

  it('in two processes at once lose nothing', async () => {
    await writeFile(yaml(), BASE);
    const writers = [make(), make(), make()].map(({ manager }) => manager);
    const names = Array.from({ length: 24 }, (_, index) => `alias-${index}`);
    const results = await Promise.all(
      names.map((name, index) =>
        writers[index % writers.length]?.edit({
          changes: [{ path: ['aliases', name], value: 'a/m' }],
          base: versionOf(BASE),
        }),
      ),
    );
    expect(results.map((result) => result?.state)).toEqual(names.map(() => 'saved'));
    expect(Object.keys(loadConfig({ env: {}, folders }).config.aliases).sort()).toEqual(names.sort());
  });
});

describe('versions', () => {
  it('are the last ten that were in force, also of edits by hand, and each can be had back', async () => {
    await writeFile(yaml(), BASE);
    const made = make();
    for (let port = 4001; port <= 4012; port += 1) {
      await writeFile(yaml(), BASE.replace('4000', String(port)));
      await made.manager.reload();
    }
    const versions = await made.manager.versions();
    expect(versions.map(({ reason }) => reason)).toEqual(Array(10).fill('an edit of the file'));
    const oldest = versions.at(-1)?.id ?? '';
    expect((await made.manager.version(oldest)).text).toContain('4002');
    expect(await made.manager.rollback(oldest)).toMatchObject({ state: 'saved' });
    expect(portOf(made)).toBe(4002);
    expect((await made.manager.versions())[0]).toMatchObject({ reason: 'a rollback' });
    expect(await made.manager.rollback(undefined)).toMatchObject({ state: 'saved' });
    expect(portOf(made)).toBe(4012);
    await expect(made.manager.rollback('none')).rejects.toThrow("there is no version 'none'");
  });

  it('hold what somebody else wrote and was never in force, before it is overwritten', async () => {
    await writeFile(yaml(), BASE);
    const made = make();
    const bad = BASE.replace('4000', 'many # hours of work');
    await writeFile(yaml(), bad);
    await made.manager.reload();
    expect(await made.manager.save({ text: BASE, base: versionOf(bad) })).toMatchObject({ state: 'saved' });
    const [version] = await made.manager.versions();
    expect((await made.manager.version(version?.id ?? '')).text).toBe(bad);
    expect(made.manager.state.problems).toEqual([]);
  });
});
