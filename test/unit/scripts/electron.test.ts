import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findElectron } from '../../../scripts/lib/electron-binary.ts';
import { downloadElectron } from '../../../scripts/lib/electron-download.ts';

let folder: string;
const put = async (file: string, text: string) => {
  await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
  await writeFile(path.join(folder, file), text);
};
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cproxy-electron-test-'));
  await put('package.json', '{ "version": "45.4.1" }');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('looking for the program of Electron', () => {
  const find = (env: NodeJS.ProcessEnv = {}) => findElectron(folder, env, 'linux');

  it('finds the version that the package pins', async () => {
    await put('path.txt', 'electron');
    await put('dist/electron', '');
    await put('dist/version', '45.4.1');
    expect(find()).toEqual({ executable: path.join(folder, 'dist/electron') });
  });

  it('finds nothing after npm ci, which brings no program', () => {
    expect(find()).toEqual({ missing: expect.stringContaining('Electron 45.4.1'), fetchable: true });
  });

  it('does not take another version, nor one that is only half there', async () => {
    await put('dist/electron', '');
    expect(find()).toMatchObject({ fetchable: true });
    await put('dist/version', 'v44.0.0');
    expect(find()).toMatchObject({ fetchable: true });
  });

  it('takes any version from the folder that was named, and downloads nothing over it', async () => {
    await put('named/electron', '');
    const named = path.join(folder, 'named');
    expect(find({ ELECTRON_OVERRIDE_DIST_PATH: named })).toEqual({ executable: path.join(named, 'electron') });
    expect(find({ ELECTRON_OVERRIDE_DIST_PATH: '/nowhere' })).toEqual({
      missing: expect.stringContaining('/nowhere'),
      fetchable: false,
    });
  });

  it('says so where the package itself is not there', async () => {
    await rm(path.join(folder, 'package.json'));
    expect(find()).toEqual({ missing: 'the package electron is not installed', fetchable: false });
  });
});

describe('bringing the program of Electron', () => {
  const lines: string[] = [];
  const download = (limits: { stalledMs: number; totalMs: number }) =>
    downloadElectron(folder, (line) => lines.push(line), limits, 10);
  beforeEach(() => {
    lines.length = 0;
  });

  it('runs the installer of the package and shows what arrives', async () => {
    await put(
      'install.js',
      `const fs = require('node:fs'), path = require('node:path');
       const file = path.join(require('node:os').tmpdir(), 'electron.zip');
       // At once, so that no look at it comes while it is being written.
       fs.writeFileSync(file, '');
       fs.truncateSync(file, 12e6);
       setTimeout(() => {}, 150);`,
    );
    expect(await download({ stalledMs: 5_000, totalMs: 10_000 })).toEqual({ done: true });
    expect(lines).toEqual(['  12 MB received']);
  });

  it('gives up on one that stands still', async () => {
    await put('install.js', 'setInterval(() => {}, 1000);');
    const result = await download({ stalledMs: 100, totalMs: 10_000 });
    expect(result).toEqual({ done: false, reason: 'the download stood still for 0.1 s' });
  });

  it('gives up on one that never comes to an end', async () => {
    await put(
      'install.js',
      `const file = require('node:path').join(require('node:os').tmpdir(), 'electron.zip');
       setInterval(() => require('node:fs').appendFileSync(file, 'x'), 5);`,
    );
    const result = await download({ stalledMs: 5_000, totalMs: 200 });
    expect(result).toEqual({ done: false, reason: 'the download took longer than 0.2 s' });
  });

  it('says what the installer says', async () => {
    await put('install.js', `console.error('Error: EACCES: permission denied'); process.exit(1);`);
    expect(await download({ stalledMs: 5_000, totalMs: 10_000 })).toEqual({
      done: false,
      reason: 'the download failed with Error: EACCES: permission denied',
    });
    await put('install.js', `console.error('TypeError: fetch failed'); process.exit(1);`);
    expect(await download({ stalledMs: 5_000, totalMs: 10_000 })).toEqual({
      done: false,
      reason: 'github.com, where it is published, could not be reached',
    });
  });
});
