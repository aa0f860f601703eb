import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  FileChangedError,
  readUserFile,
  removeUserFile,
  UserFileError,
  writeUserFile,
} from '../../../src-main/documents/user-file.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cproxy-user-file-'));
  file = path.join(folder, 'own.yaml');
});
afterEach(() => rm(folder, { recursive: true }));

describe('a file of the user', () => {
  it('is made for its owner alone, also in a folder that is not there', async () => {
    const inside = path.join(folder, 'a', 'b', 'own.yaml');
    await writeUserFile(await readUserFile(inside), 'text');
    expect(await readFile(inside, 'utf8')).toBe('text');
    expect([(await stat(inside)).mode & 0o777, (await stat(path.dirname(inside))).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
  });

  it('is made where a link leads that leads to nothing yet', async () => {
    await symlink('target.yaml', file);
    await writeUserFile(await readUserFile(file), 'text');
    expect(await readFile(path.join(folder, 'target.yaml'), 'utf8')).toBe('text');
  });

  it('keeps its byte order mark', async () => {
    await writeFile(file, '\uFEFFa: 1\n');
    const read = await readUserFile(file);
    expect(read.text).toBe('\uFEFFa: 1\n');
    await writeUserFile(read, `${read.text}b: 2\n`);
    expect((await readFile(file)).subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
  });

  it('that somebody else has changed since is neither written nor removed', async () => {
    await writeFile(file, 'one');
    const read = await readUserFile(file);
    await writeFile(file, 'theirs');
    await expect(writeUserFile(read, 'ours')).rejects.toThrow(FileChangedError);
    await expect(removeUserFile(read)).rejects.toThrow(FileChangedError);
    expect([await readFile(file, 'utf8'), await readdir(folder)]).toEqual(['theirs', ['own.yaml']]);
    await removeUserFile(await readUserFile(file));
    expect(await readdir(folder)).toEqual([]);
  });

  it('is written although another writer died in the middle', async () => {
    await writeFile(file, 'one');
    await writeFile(path.join(folder, '.own.yaml.tmp'), 'ha');
    await utimes(path.join(folder, '.own.yaml.tmp'), 0, 0);
    await writeUserFile(await readUserFile(file), 'two');
    expect([await readFile(file, 'utf8'), await readdir(folder)]).toEqual(['two', ['own.yaml']]);
  });

  it('that is none is refused in words', async () => {
    await expect(readUserFile(folder)).rejects.toThrow('is a folder, not a file');
    await writeFile(file, Buffer.from([0xff, 0xfe, 0x41]));
    await expect(readUserFile(file)).rejects.toThrow('is not text in UTF-8');
    const round = path.join(folder, 'round');
    await symlink('round', round);
    await expect(readUserFile(round)).rejects.toThrow(UserFileError);
  });

  it('is the old or the new, and whole, whenever its writer is killed', async () => {
    const texts = ['a', 'b'].map((letter) => letter.repeat(200_000));
    await writeFile(file, texts[0] ?? '');
    const module = path.resolve(import.meta.dirname, '../../../src-main/documents/user-file.ts');
    const program = `
      const { readUserFile, writeUserFile } = await import(${JSON.stringify(module)});
      const texts = ['a', 'b'].map((letter) => letter.repeat(200_000));
      process.stdout.write('.');
      for (let round = 0; ; round += 1) await writeUserFile(await readUserFile(${JSON.stringify(file)}), texts[round % 2]);`;
    for (let round = 0; round < 8; round += 1) {
      const writer = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(writer.stdout, 'data');
      for (let waited = 0; waited < round * 7; waited += 1) await stat(file);
      writer.kill('SIGKILL');
      await once(writer, 'exit');
      expect(texts).toContain(await readFile(file, 'utf8'));
      // What it has left would else be waited for.
      await rm(path.join(folder, '.own.yaml.tmp'), { force: true });
    }
  });
});
