import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ensureFolders, expandHome, resolveFolders } from '../../../src-main/config/folders.ts';

const root = mkdtempSync(path.join(tmpdir(), 'cproxy-folders-'));
afterAll(() => rmSync(root, { recursive: true }));

test('CPROXY_HOME puts all under one', () => {
  const home = path.join(root, 'a');
  expect(resolveFolders({ CPROXY_HOME: home })).toEqual({
    config: home,
    data: path.join(home, 'data'),
    logs: path.join(home, 'logs'),
    cache: path.join(home, 'cache'),
  });
  expect(resolveFolders({ CPROXY_HOME: '~/x' }).config).toBe(path.join(homedir(), 'x'));
});

test('without it they are the usual ones, named cproxy and nothing else', () => {
  for (const env of [{}, { CPROXY_HOME: '' }])
    for (const folder of Object.values(resolveFolders(env))) {
      expect(path.isAbsolute(folder)).toBe(true);
      expect(folder.split(path.sep)).toContain('cproxy');
    }
});

test.skipIf(process.platform === 'win32')('the data folder is closed to others, also one that was open', () => {
  const folders = resolveFolders({ CPROXY_HOME: path.join(root, 'b') });
  mkdirSync(folders.data, { recursive: true });
  chmodSync(folders.data, 0o755);
  expect(ensureFolders(folders)).toEqual([]);
  expect(statSync(folders.data).mode & 0o777).toBe(0o700);
  expect(ensureFolders(folders)).toEqual([]);
});

test('a home folder is written ~', () => {
  expect(expandHome('~')).toBe(path.join(homedir()));
  expect(expandHome('~/a')).toBe(path.join(homedir(), 'a'));
  expect(expandHome('~a/b')).toBe('~a/b');
  expect(expandHome('/a/~')).toBe('/a/~');
});
