import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createKeyResolver } from '../../../src-main/secrets/key-references.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const keyFile = (name: string, content: string, mode = 0o600): string => {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
};
const resolve = (reference: string, env: NodeJS.ProcessEnv = {}) =>
  createKeyResolver({ env, baseFolder: folder })(reference);
const present = (value: string) => ({ state: 'present', value, warning: null });
const missing = (reason: RegExp) => ({ state: 'missing', reason: expect.stringMatching(reason) });

describe('env:', () => {
  test('the value, trimmed', () => {
    expect(resolve('env:KEY', { KEY: ' sk-1234\n' })).toEqual(present('sk-1234'));
  });

  test('not set and empty say what to do', () => {
    expect(resolve('env:KEY')).toEqual(
      missing(/KEY is not set\. Set it where CProxy is started \(an app started from a dock/),
    );
    expect(resolve('env:KEY', { KEY: ' ' })).toEqual(missing(/KEY is empty/));
  });

  test.each([
    ['a line break', 'CANARY\nabc'],
    ['a space', 'CANARY abc'],
    ['a control character', 'CANARY\x07'],
    ['a letter outside ASCII', 'CANARYé'],
    ['quotes', '"CANARY"'],
    ['our own client token', 'cpx_CANARY'],
  ])('%s inside is refused without showing it', (_, value) => {
    const key = resolve('env:KEY', { KEY: value });
    expect(key.state).toBe('missing');
    expect(JSON.stringify(key)).not.toContain('CANARY');
  });
});

describe('file:', () => {
  test('relative to the configuration file, absolute, and in the home folder', () => {
    const file = keyFile('key.txt', 'abc-123\n');
    expect(resolve('file:key.txt')).toEqual(present('abc-123'));
    expect(resolve(`file:${file}`)).toEqual(present('abc-123'));
    expect(resolve('file:~/no-such-key-file')).toEqual(
      missing(new RegExp(`there is no file ${path.join(homedir(), 'no-such-key-file').replaceAll('\\', '.')}`)),
    );
  });

  test('what is no key file', () => {
    mkdirSync(path.join(folder, 'sub'));
    keyFile('empty', ' \n');
    keyFile('two', 'CANARY\nCANARY\n');
    keyFile('large', 'x'.repeat(70_000));
    expect(resolve('file:sub')).toEqual(missing(/is not a file/));
    expect(resolve('file:empty')).toEqual(missing(/is empty/));
    expect(resolve('file:large')).toEqual(missing(/too large/));
    expect(resolve('file:two')).toEqual(missing(/line breaks/));
    expect(JSON.stringify(resolve('file:two'))).not.toContain('CANARY');
  });

  test.skipIf(process.platform === 'win32')('one that others can read works, with a warning', () => {
    const file = keyFile('open', 'abc-123', 0o644);
    expect(resolve('file:open')).toEqual({
      state: 'present',
      value: 'abc-123',
      warning: `The key file ${file} can be read by other users of this machine; close it with \`chmod 600\`.`,
    });
  });
});

test('client and keychain:', () => {
  expect(resolve('client')).toEqual({ state: 'from-client' });
  expect(resolve('keychain:work')).toEqual(missing(/keychain:work cannot be read, because this version/));
  expect(resolve('sk-CANARY')).toEqual(missing(/^the reference is none of/));
});
