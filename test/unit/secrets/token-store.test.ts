import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TokenStore } from '../../../src-main/secrets/token-store.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cproxy-tokens-'));
  file = path.join(folder, 'tokens.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a token opens, again after a restart, and no longer once it is revoked', async () => {
  const store = TokenStore.open(folder);
  expect(store.isEmpty).toBe(true);
  expect(store.matches('cpx_x')).toBeNull();

  const { token, ...view } = await store.create('laptop');
  expect(token).toMatch(/^cpx_[A-Za-z0-9_-]{43}$/);
  expect(view).toMatchObject({ name: 'laptop', createdAt: expect.any(Number) });
  const other = await store.create('desk');

  const again = TokenStore.open(folder);
  for (const one of [store, again]) {
    expect(one.isEmpty).toBe(false);
    expect(one.matches(token)).toEqual(view);
    expect(one.matches(other.token)?.id).toBe(other.id);
    for (const wrong of ['', token.slice(0, -1), `${token}x`, token.toUpperCase()])
      expect(one.matches(wrong)).toBeNull();
    expect(one.list().map(({ name }) => name)).toEqual(['laptop', 'desk']);
  }

  expect(await again.revoke('nobody')).toBe(false);
  expect(await again.revoke(view.id)).toBe(true);
  expect(again.matches(token)).toBeNull();
  expect(
    TokenStore.open(folder)
      .list()
      .map(({ name }) => name),
  ).toEqual(['desk']);
});

test('only digests are kept', async () => {
  const { token } = await TokenStore.open(folder).create('a');
  expect(readFileSync(file, 'utf8')).not.toContain(token.slice(4));
});

test('tokens that are over leave it as empty as none', async () => {
  const store = TokenStore.open(folder);
  await store.create('short', 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(store.isEmpty).toBe(true);
  expect(TokenStore.open(folder).isEmpty).toBe(true);
});

test('changes at the same time are all kept', async () => {
  const store = TokenStore.open(folder);
  const made = await Promise.all(Array.from({ length: 10 }, (_, index) => store.create(`t${index}`)));
  await Promise.all([store.revoke(made[0]?.id ?? ''), store.create('last')]);
  expect(TokenStore.open(folder).list()).toHaveLength(10);
  expect(new Set(made.map(({ id }) => id)).size).toBe(10);
  expect(readdirSync(folder)).toEqual(['tokens.json']);
});

test('a token that could not be saved is not in force, and the next one can be', async () => {
  const store = TokenStore.open(folder);
  rmSync(folder, { recursive: true });
  await expect(store.create('a')).rejects.toMatchObject({ code: 'ENOENT' });
  expect(store.isEmpty).toBe(true);
  folder = mkdtempSync(path.join(tmpdir(), 'cproxy-tokens-'));
  expect(await TokenStore.open(folder).create('b')).toMatchObject({ name: 'b' });
});

describe.skipIf(process.platform === 'win32')('permissions', () => {
  test('the file is for its owner only', async () => {
    const store = TokenStore.open(folder);
    await store.create('a');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('one that was open is closed', async () => {
    await TokenStore.open(folder).create('a');
    chmodSync(file, 0o644);
    expect(TokenStore.open(folder).warnings).toEqual([]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

test.each([
  ['cut off', '{"version":1,"tokens":[{"id":"a"'],
  ['empty', ''],
  ['of another kind', '[]'],
  ['of a later version', '{"version":2,"tokens":[]}'],
  ['with a digest that is none', '{"version":1,"tokens":[{"id":"a","name":"a","createdAt":1,"digest":"xyz"}]}'],
])('a file %s is set aside and reported', (_, content) => {
  writeFileSync(file, content);
  const store = TokenStore.open(folder);
  const [aside] = readdirSync(folder);
  expect(aside).toMatch(/^tokens\.json\.unreadable-\d+$/);
  expect(readFileSync(path.join(folder, aside ?? ''), 'utf8')).toBe(content);
  expect(store.isEmpty).toBe(true);
  expect(store.warnings).toEqual([expect.stringContaining('could not be understood')]);
});
