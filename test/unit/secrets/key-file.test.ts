import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKeyFile } from '../../../src-main/secrets/key-file.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cproxy-key-file-'));
  file = path.join(folder, 'keys.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

const stored = { key: 'sk-CANARY', origin: 'https://a.example' };
const onWindows = process.platform === 'win32';

describe('keys in a file', () => {
  test('set, get, list, remove; another store of the same folder sees them', async () => {
    const store = openKeyFile(folder);
    expect(await store.get('a')).toBeNull();
    expect(await store.set('a', stored)).toBeNull();
    expect(await openKeyFile(folder).get('a')).toEqual(stored);
    expect(await store.list()).toEqual([{ name: 'a', origin: 'https://a.example' }]);
    expect([await store.remove('a'), await store.remove('a')]).toEqual([true, false]);
    expect(store.encrypted).toBe(false);
    expect(store.place).toContain('not encrypted');
  });

  test.skipIf(onWindows)('only its owner may read it', async () => {
    await openKeyFile(folder).set('a', stored);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('changes at once are all kept', async () => {
    const store = openKeyFile(folder);
    const names = Array.from({ length: 8 }, (_, index) => `k${index}`);
    await Promise.all(names.map((name) => store.set(name, stored)));
    expect((await store.list()).map(({ name }) => name)).toEqual(names);
  });

  test('a name may be anything', async () => {
    const store = openKeyFile(folder);
    await store.set('__proto__', stored);
    await store.set('constructor', stored);
    expect(await store.get('toString')).toBeNull();
    expect(await store.get('constructor')).toEqual(stored);
    expect(await store.get('__proto__')).toEqual(stored);
  });

  test.each(['', 'no json', '{"version":2,"keys":[]}', '{"version":1,"keys":[{"name":"sk-CANARY"}]}'])(
    'one that cannot be understood is left alone until a key is set, then moved aside: %j',
    async (text) => {
      writeFileSync(file, text, { mode: 0o600 });
      const store = openKeyFile(folder);
      for (const action of [() => store.get('a'), () => store.list(), () => store.remove('a')])
        await expect(action()).rejects.toThrow(/^(?!.*CANARY).*cannot be understood, so it is not used/);
      expect(readFileSync(file, 'utf8')).toBe(text);
      expect(await store.set('a', stored)).toMatch(/cannot be understood.*moved to .*unreadable-\d+/);
      const aside = readdirSync(folder).find((name) => name.includes('unreadable')) ?? '';
      expect(readFileSync(path.join(folder, aside), 'utf8')).toBe(text);
      expect(await store.get('a')).toEqual(stored);
    },
  );

  test.skipIf(onWindows)('one that others can read is not used and not overwritten', async () => {
    const store = openKeyFile(folder);
    await store.set('a', stored);
    chmodSync(file, 0o640);
    for (const action of [() => store.get('a'), () => store.set('b', stored)])
      await expect(action()).rejects.toThrow(/can be read by other users.*chmod 600/);
    chmodSync(file, 0o600);
    expect(await store.list()).toHaveLength(1);
  });

  test.skipIf(onWindows)('a link to another file is not followed', async () => {
    const elsewhere = path.join(folder, 'elsewhere.json');
    writeFileSync(elsewhere, '{"version":1,"keys":[]}', { mode: 0o600 });
    symlinkSync(elsewhere, file);
    await expect(openKeyFile(folder).get('a')).rejects.toThrow(/is not a plain file/);
  });
});
