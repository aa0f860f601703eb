import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createKeyResolver } from '../../../src-main/secrets/key-references.ts';
import { type SecretStore, storeFailed } from '../../../src-main/secrets/secret-store.ts';
import type { KeyQuestion } from '../../../src-shared/keys.ts';
import { memoryStore } from '../../helpers/memory-store.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const keyFile = (name: string, content: string, mode = 0o600): string => {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
};

const origin = 'https://api.openai.com';
interface Surroundings {
  env?: NodeJS.ProcessEnv;
  store?: SecretStore;
  outsideShell?: boolean;
}
const ask = (
  question: Partial<KeyQuestion>,
  { env = {}, store = memoryStore(), outsideShell = false }: Surroundings = {},
) =>
  createKeyResolver({ env, baseFolder: folder, store, outsideShell })({
    reference: null,
    provider: 'p',
    origin,
    usualVariable: null,
    prefix: null,
    ...question,
  });
const resolve = (reference: string, env: NodeJS.ProcessEnv = {}) => ask({ reference }, { env });
const present = (value: string, reference: string, warning: unknown = null) => ({
  state: 'present',
  value,
  reference,
  warning,
});
const missing = (reason: RegExp) => ({ state: 'missing', reason: expect.stringMatching(reason) });

const broken = (reason: string): SecretStore => ({
  ...memoryStore(),
  get: async () => {
    throw storeFailed(reason);
  },
});

describe('env:', () => {
  test('the value, trimmed', async () => {
    expect(await resolve('env:KEY', { KEY: ' sk-1234\n' })).toEqual(present('sk-1234', 'env:KEY'));
  });

  test('not set and empty say what to do', async () => {
    expect(await resolve('env:KEY')).toEqual(missing(/KEY is not set\. Set it in the shell that starts CProxy/));
    expect(await resolve('env:KEY', { KEY: ' ' })).toEqual(missing(/KEY is empty/));
    expect(await ask({ reference: 'env:KEY' }, { outsideShell: true })).toEqual(
      missing(/not started from a shell here.*cproxy keys set p/),
    );
  });

  test.each([
    ['a line break', 'CANARY\nabc'],
    ['a space', 'CANARY abc'],
    ['a control character', 'CANARY\x07'],
    ['a letter outside ASCII', 'CANARYé'],
    ['quotes', '"CANARY"'],
    ['our own client token', 'cpx_CANARY'],
  ])('%s inside is refused without showing it', async (_, value) => {
    const key = await resolve('env:KEY', { KEY: value });
    expect(key.state).toBe('missing');
    expect(JSON.stringify(key)).not.toContain('CANARY');
  });

  test.each([
    [
      'sk-',
      'sk-or-v1-CANARY',
      /^Provider 'p': The key in the environment variable KEY looks like one of OpenRouter\.$/,
    ],
    ['sk-', 'gsk_CANARY', /looks like one of Groq/],
    ['sk-or-', 'sk-CANARY', /does not begin with sk-or-/],
    ['sk-or-', 'CANARY', /does not begin with sk-or-/],
  ])('one that should begin with %s and does otherwise is used, with a warning', async (prefix, value, words) => {
    const key = await ask({ reference: 'env:KEY', prefix }, { env: { KEY: value } });
    expect(key).toEqual(present(value, 'env:KEY', expect.stringMatching(words)));
    expect(JSON.stringify({ ...key, value: '' })).not.toContain('CANARY');
  });

  test('the right beginning is no warning', async () => {
    const key = await ask({ reference: 'env:KEY', prefix: 'sk-' }, { env: { KEY: 'sk-proj-1' } });
    expect(key).toEqual(present('sk-proj-1', 'env:KEY'));
  });
});

describe('file:', () => {
  test('relative to the configuration file, absolute, and in the home folder', async () => {
    const file = keyFile('key.txt', 'abc-123\n');
    expect(await resolve('file:key.txt')).toEqual(present('abc-123', 'file:key.txt'));
    expect(await resolve(`file:${file}`)).toEqual(present('abc-123', `file:${file}`));
    expect(await resolve('file:~/no-such-key-file')).toEqual(
      missing(new RegExp(`there is no file ${path.join(homedir(), 'no-such-key-file').replaceAll('\\', '.')}`)),
    );
  });

  test('what is no key file', async () => {
    mkdirSync(path.join(folder, 'sub'));
    keyFile('empty', ' \n');
    keyFile('two', 'CANARY\nCANARY\n');
    keyFile('large', 'x'.repeat(70_000));
    expect(await resolve('file:sub')).toEqual(missing(/is not a file/));
    expect(await resolve('file:empty')).toEqual(missing(/is empty/));
    expect(await resolve('file:large')).toEqual(missing(/too large/));
    const two = await resolve('file:two');
    expect(two).toEqual(missing(/line breaks/));
    expect(JSON.stringify(two)).not.toContain('CANARY');
  });

  test.skipIf(process.platform === 'win32')('one that others can read works, with a warning', async () => {
    const file = keyFile('open', 'abc-123', 0o644);
    expect(await resolve('file:open')).toEqual(
      present(
        'abc-123',
        'file:open',
        `The key file ${file} can be read by other users of this machine; close it with \`chmod 600\`.`,
      ),
    );
  });
});

describe('keychain:', () => {
  const store = memoryStore({
    work: { key: 'k-work', origin },
    other: { key: 'k-CANARY', origin: 'https://b.example' },
  });

  test('a key for this address', async () => {
    expect(await ask({ reference: 'keychain:work' }, { store })).toEqual(present('k-work', 'keychain:work'));
  });

  test('a key for another address is not sent, and words say how to consent', async () => {
    const key = await ask({ reference: 'keychain:other' }, { store });
    expect(key).toEqual(
      missing(
        /is for https:\/\/b\.example and is not sent to https:\/\/api\.openai\.com.*`cproxy keys set p --name other`/,
      ),
    );
    expect(JSON.stringify(key)).not.toContain('CANARY');
  });

  test('none of that name, and a keychain that fails', async () => {
    expect(await ask({ reference: 'keychain:nope' }, { store })).toEqual(missing(/has no key 'nope'.*--name nope/));
    expect(await ask({ reference: 'keychain:x' }, { store: broken('It is locked.') })).toEqual(
      missing(/^It is locked\.$/),
    );
  });
});

describe('none named', () => {
  const usualVariable = 'OPENAI_API_KEY';
  const env = { OPENAI_API_KEY: 'from-env' };

  test('the stored key of its name comes before the usual variable', async () => {
    const store = memoryStore({ p: { key: 'stored', origin } });
    expect(await ask({ usualVariable }, { env, store })).toEqual(present('stored', 'keychain:p'));
    expect(await ask({ usualVariable }, { env })).toEqual(present('from-env', 'env:OPENAI_API_KEY'));
  });

  test('a stored one for another address gives way to the variable, with a warning, and is never sent', async () => {
    const store = memoryStore({ p: { key: 'stored', origin: 'https://b.example' } });
    expect(await ask({ usualVariable }, { env, store })).toEqual(
      present('from-env', 'env:OPENAI_API_KEY', expect.stringContaining('is for https://b.example')),
    );
    expect(await ask({}, { store })).toEqual(missing(/is for https:\/\/b\.example/));
  });

  test('a keychain that fails is no trouble where there is a variable, and is told of where there is not', async () => {
    const store = broken('It is locked.');
    expect(await ask({ usualVariable }, { env, store })).toEqual(present('from-env', 'env:OPENAI_API_KEY'));
    expect(await ask({ usualVariable }, { store })).toEqual(
      missing(/^none is configured\. `cproxy keys set p` stores one, or set OPENAI_API_KEY .*\(It is locked\.\)$/),
    );
  });
});

test('client, and what is no reference', async () => {
  expect(await resolve('client')).toEqual({ state: 'from-client' });
  expect(await resolve('sk-CANARY')).toEqual(missing(/^the reference is none of/));
});
