import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, lstat, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  commitSetUp,
  commitUndo,
  findSetUps,
  type PreparedSetUp,
  prepareSetUp,
  prepareUndo,
  type SetUpChange,
} from '../../../src-main/clients/client-set-up.ts';
import { SetUpLedger } from '../../../src-main/clients/set-up-ledger.ts';
import { resolveFolders } from '../../../src-main/config/folders.ts';
import { valueAt } from '../../../src-main/documents/json-values.ts';
import { openDocument } from '../../../src-main/documents/open-document.ts';

let home = '';
let file = '';
let ledger: SetUpLedger;

beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-set-up-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
beforeEach(async () => {
  const folder = mkdtempSync(path.join(home, 'case-'));
  await mkdir(path.join(folder, 'data'));
  file = path.join(folder, 'settings.json');
  ledger = new SetUpLedger(path.join(folder, 'data'));
});

const canary = 'cpx_canary-of-a-token-that-nobody-may-see';

const tokenChanges = (endpoint: string, token: string): SetUpChange[] => [
  { path: ['env', 'ANTHROPIC_BASE_URL'], value: endpoint, why: 'where' },
  { path: ['env', 'ANTHROPIC_AUTH_TOKEN'], value: token, secret: true, why: 'token' },
  { path: ['permissions', 'defaultMode'], value: 'acceptEdits', why: 'mode' },
];
const headerChanges = (endpoint: string, token: string): SetUpChange[] => [
  { path: ['env', 'ANTHROPIC_BASE_URL'], value: endpoint, why: 'where' },
  {
    path: ['env', 'ANTHROPIC_CUSTOM_HEADERS'],
    value: `x-cproxy-token: ${token}`,
    line: 'x-cproxy-token:',
    secret: true,
    why: 'token',
  },
];

interface Wanted {
  changes?: typeof tokenChanges;
  endpoint?: string;
  token?: { id: string; value: string };
}

async function prepare({
  changes = tokenChanges,
  endpoint = 'http://127.0.0.1:4777',
  token = { id: 't1', value: canary },
}: Wanted = {}): Promise<PreparedSetUp> {
  return await prepareSetUp({
    client: 'claude-code',
    format: 'json',
    file,
    changes: changes(endpoint, token.value),
    endpoint,
    options: {},
    token,
    earlier: await ledger.find('claude-code', file),
    now: 1_700_000_000_000,
  });
}

async function apply(wanted: Wanted = {}): Promise<PreparedSetUp> {
  const prepared = await prepare(wanted);
  await commitSetUp(prepared, ledger);
  return prepared;
}

async function undo(): Promise<Awaited<ReturnType<typeof prepareUndo>>> {
  const entry = await ledger.find('claude-code', file);
  if (entry === null) throw new Error('there is no set-up');
  const prepared = await prepareUndo(entry);
  await commitUndo(prepared);
  await ledger.remove(entry);
  return prepared;
}

const text = (): Promise<string> => readFile(file, 'utf8');
const isThere = (): Promise<boolean> =>
  lstat(file).then(
    () => true,
    () => false,
  );

describe('a set-up', () => {
  it('keeps comments, order, indentation, line ends and the byte order mark', async () => {
    const before =
      '\uFEFF{\r\n\t// mine\r\n\t"model": "opus",\r\n\t"env": {\r\n\t\t"FOO": "1", // why\r\n\t\t"BAR": "2"\r\n\t},\r\n\t"x": [1,2]\r\n}\r\n';
    await writeFile(file, before);
    await apply();
    const after = await text();
    expect(
      after.startsWith('\uFEFF{\r\n\t// mine\r\n\t"model": "opus",\r\n\t"env": {\r\n\t\t"FOO": "1", // why\r\n'),
    ).toBe(true);
    expect(after).toContain('\r\n\t\t"ANTHROPIC_BASE_URL": "http://127.0.0.1:4777"');
    expect(after).toContain('"x": [1,2]');
    expect(after.replaceAll('\r\n', '')).not.toContain('\n');
    await undo();
    expect(await text()).toBe(before);
  });

  it('makes a file that only its owner reads, and takes it away again', async () => {
    await apply();
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(openDocument('json', await text()).value).toMatchObject({ permissions: { defaultMode: 'acceptEdits' } });
    await undo();
    expect(await isThere()).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('writes through symbolic links and keeps permissions', async () => {
    const real = path.join(path.dirname(file), 'dotfiles.json');
    await writeFile(real, '{}\n');
    await chmod(real, 0o640);
    await symlink('dotfiles.json', file);
    await apply();
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect(await readFile(real, 'utf8')).toContain('ANTHROPIC_BASE_URL');
    expect((await stat(real)).mode & 0o777).toBe(0o640);
    await undo();
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect(await readFile(real, 'utf8')).toBe('{}\n');
  });

  it('is the same when it is made again, and then says so', async () => {
    await writeFile(file, '{ "env": { "ANTHROPIC_BASE_URL": "https://mine" } }');
    await apply();
    const [once, entry] = [await text(), await ledger.find('claude-code', file)];
    const again = await apply();
    expect(again.state).toBe('same');
    expect(again.diff).toBe('');
    expect(await text()).toBe(once);
    expect(await ledger.find('claude-code', file)).toEqual(entry);
  });

  it('follows another endpoint in place and keeps what was there at first', async () => {
    const before = '{ "env": { "ANTHROPIC_BASE_URL": "https://mine", "Z": "1" } }';
    await writeFile(file, before);
    await apply();
    await apply({ endpoint: 'http://127.0.0.1:5000' });
    expect(await text()).toContain('"ANTHROPIC_BASE_URL": "http://127.0.0.1:5000"');
    await undo();
    expect(await text()).toBe(before);
  });

  it('changes from a token to a header and back, without leaving anything', async () => {
    const before = '{\n  "env": {\n    "ANTHROPIC_CUSTOM_HEADERS": "a: b\\nc: d"\n  }\n}\n';
    await writeFile(file, before);
    await apply();
    const second = await apply({ changes: headerChanges, token: { id: 't2', value: `${canary}2` } });
    expect(second.spentTokens).toEqual(['t1']);
    expect(openDocument('json', await text()).value).toEqual({
      env: {
        ANTHROPIC_CUSTOM_HEADERS: `a: b\nc: d\nx-cproxy-token: ${canary}2`,
        ANTHROPIC_BASE_URL: 'http://127.0.0.1:4777',
      },
    });
    await apply();
    expect(openDocument('json', await text()).value).toMatchObject({ env: { ANTHROPIC_CUSTOM_HEADERS: 'a: b\nc: d' } });
    await undo();
    expect(await text()).toBe(before);
  });

  it('takes its line out of headers that the user has changed since', async () => {
    await writeFile(file, '{}');
    await apply({ changes: headerChanges });
    await writeFile(file, (await text()).replace('"x-cproxy-token', '"mine: 1\\nx-cproxy-token'));
    const { kept } = await undo();
    expect(kept).toEqual([]);
    expect(openDocument('json', await text()).value).toEqual({ env: { ANTHROPIC_CUSTOM_HEADERS: 'mine: 1' } });
  });

  it('leaves what the user has changed since, and says so', async () => {
    await writeFile(file, '{ "env": { "ANTHROPIC_BASE_URL": "https://mine" } }');
    await apply();
    await writeFile(file, (await text()).replace('http://127.0.0.1:4777', 'https://other'));
    const { kept } = await undo();
    expect(kept).toEqual([{ path: ['env', 'ANTHROPIC_BASE_URL'], state: 'changed' }]);
    expect(openDocument('json', await text()).value).toEqual({ env: { ANTHROPIC_BASE_URL: 'https://other' } });
  });

  it('keeps a section with a comment of the user in it', async () => {
    await writeFile(file, '{}');
    await apply();
    await writeFile(file, (await text()).replace('"env": {', '"env": { // mine'));
    await undo();
    expect(await text()).toContain('// mine');
    expect(await text()).not.toContain('ANTHROPIC');
  });

  it('refuses files that it cannot read, with the place, and changes nothing', async () => {
    await writeFile(file, '{\n  "env": nope\n}');
    await expect(apply()).rejects.toThrow(`${file}:2:`);
    await writeFile(file, '[1]');
    await expect(apply()).rejects.toThrow('holds no settings');
    await writeFile(file, Buffer.from([0x7b, 0xff, 0x7d]));
    await expect(apply()).rejects.toThrow('UTF-8');
    await writeFile(file, '{ "env": "text" }');
    await expect(apply()).rejects.toThrow('section');
    expect(await text()).toBe('{ "env": "text" }');
    expect(await ledger.list()).toEqual([]);
  });

  it('does not overwrite what somebody wrote after it was read', async () => {
    await writeFile(file, '{}');
    const prepared = await prepare();
    await writeFile(file, '{ "theirs": 1 }');
    await expect(commitSetUp(prepared, ledger)).rejects.toThrow('changed by somebody else');
    expect(await text()).toBe('{ "theirs": 1 }');
    expect(await ledger.list()).toEqual([]);
  });

  it('shows no secret: neither ours nor what the user has there', async () => {
    const secrets = ['user-canary-1', 'user-canary-2', 'sk-ant-canary-3-0000000000', 'user-canary-4'];
    const [key, token, comment, header] = secrets;
    await writeFile(
      file,
      `{\n  "env": {\n    // "OLD": "${comment}"\n    "ANTHROPIC_API_KEY": "${key}",\n    "ANTHROPIC_AUTH_TOKEN": "${token}",\n    "ANTHROPIC_CUSTOM_HEADERS": "a: ${header}"\n  }\n}\n`,
    );
    const first = await apply();
    const second = await apply({ changes: headerChanges });
    const last = await undo();
    for (const { diff } of [first, second, last]) {
      expect(diff).toContain('ANTHROPIC_');
      for (const secret of [...secrets, canary]) expect(diff).not.toContain(secret);
    }
  });

  it('of several that are made at once are all remembered, and a lock that was left behind is no obstacle', async () => {
    await writeFile(`${ledger.file}.lock`, '4194399');
    const names = ['a', 'b', 'c', 'd', 'e'];
    const all = await Promise.all(
      names.map((client) =>
        prepareSetUp({
          ...{ client, format: 'json' as const, file: `${file}.${client}`, changes: tokenChanges('http://x', canary) },
          ...{ endpoint: 'http://x', options: {}, token: null, earlier: null, now: 1 },
        }),
      ),
    );
    await Promise.all(all.map((prepared) => commitSetUp(prepared, new SetUpLedger(path.dirname(ledger.file)))));
    expect((await ledger.list()).map(({ client }) => client).sort()).toEqual(names);
  });

  it('of two that were prepared at once only one is made', async () => {
    const [first, second] = await Promise.all([prepare(), prepare({ endpoint: 'http://127.0.0.1:1' })]);
    await commitSetUp(first, ledger);
    await expect(commitSetUp(second, ledger)).rejects.toThrow('by another command just now');
    expect((await ledger.list()).map(({ endpoint }) => endpoint)).toEqual(['http://127.0.0.1:4777']);
    expect(await text()).toContain('4777');
  });

  it('refuses a ledger that it cannot understand instead of forgetting it', async () => {
    await writeFile(ledger.file, '{"version":1,"setUps":[{}]}');
    await expect(apply()).rejects.toThrow('cannot be understood');
    expect(await isThere()).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('keeps the ledger for its owner alone', async () => {
    await apply();
    expect((await stat(ledger.file)).mode & 0o777).toBe(0o600);
  });

  it('is found with its state', async () => {
    const folders = { ...resolveFolders({ CPROXY_HOME: path.dirname(file) }), data: path.dirname(ledger.file) };
    const state = async (): Promise<string | undefined> => (await findSetUps(folders))[0]?.state;
    expect(await state()).toBeUndefined();
    await apply();
    expect(await findSetUps(folders)).toEqual([
      {
        ...{ client: 'claude-code', file, at: 1_700_000_000_000, endpoint: 'http://127.0.0.1:4777' },
        ...{ tokenIds: ['t1'], state: 'in place' },
      },
    ]);
    await writeFile(file, (await text()).replace('4777', '1'));
    expect(await state()).toBe('changed');
    await writeFile(file, 'broken');
    expect(await state()).toBe('changed');
    rmSync(file);
    expect(await state()).toBe('missing');
  });
});

describe('a crash', () => {
  const before = '{\n  "env": { "ANTHROPIC_BASE_URL": "https://mine" } // x\n}\n';

  it('before the file of a first set-up is written leaves nothing to take back', async () => {
    await writeFile(file, before);
    await ledger.put((await prepare()).meanwhile);
    expect((await undo()).kept).toEqual([]);
    expect(await text()).toBe(before);
  });

  it('before the file of a second set-up is written leaves the first, which can be taken back', async () => {
    await writeFile(file, before);
    await apply();
    const second = await prepare({
      changes: headerChanges,
      endpoint: 'http://127.0.0.1:5',
      token: { id: 't2', value: 'x' },
    });
    await ledger.put(second.meanwhile);
    const entry = await ledger.find('claude-code', file);
    expect(entry?.tokens.map(({ id }) => id)).toEqual(['t2', 't1']);
    expect((await undo()).kept).toEqual([]);
    expect(await text()).toBe(before);
  });

  it('after the file of a second set-up is written leaves the second, which can be taken back or made again', async () => {
    await writeFile(file, before);
    await apply();
    const wanted = { changes: headerChanges, endpoint: 'http://127.0.0.1:5', token: { id: 't2', value: 'x' } };
    const second = await prepare(wanted);
    await ledger.put(second.meanwhile);
    await writeFile(file, second.text);
    expect((await apply(wanted)).spentTokens).toEqual(['t1']);
    expect((await ledger.find('claude-code', file))?.places.map(({ ours }) => ours.length)).toEqual([1, 1]);
    expect((await undo()).kept).toEqual([]);
    expect(await text()).toBe(before);
  });

  it('in the middle of taking back leaves something to take back again', async () => {
    await writeFile(file, before);
    await apply();
    const entry = await ledger.find('claude-code', file);
    if (entry === null) throw new Error('there is no set-up');
    await commitUndo(await prepareUndo(entry));
    expect(await text()).toBe(before);
    expect(await undo()).toMatchObject({ diff: '', kept: [] });
    expect(await text()).toBe(before);
  });
});

/** Settings files as people write them. */
const blank = fc.constantFrom('', ' ', '\n', '\n  ', '\r\n\t', ' /* c */ ', ' // note\n  ');
const scalar = fc.constantFrom(
  '"v"',
  '"ü\\u00e9\\n"',
  '1',
  '-2.5e3',
  'true',
  'null',
  '[1, 2]',
  '{ "a" : 1 }',
  '"https://x.test/?a=//b"',
);
const memberOf = (names: readonly string[], values: fc.Arbitrary<string>): fc.Arbitrary<[string, string]> =>
  fc.tuple(fc.constantFrom(...names), values);
const objectOf = (members: fc.Arbitrary<[string, string]>): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.uniqueArray(members, { maxLength: 4, selector: ([name]) => name }),
      fc.array(blank, { minLength: 30, maxLength: 30 }),
      fc.boolean(),
    )
    .map(([pairs, blanks, trailing]) => {
      let next = 0;
      const b = (): string => blanks[next++ % blanks.length] ?? '';
      const inner = pairs.map(([name, value]) => `${b()}"${name}"${b()}:${b()}${value}${b()}`).join(',');
      return `{${inner}${trailing && pairs.length > 0 ? ',' : ''}${b()}}`;
    });
const strings = fc.constantFrom('"https://mine.test"', '"sk-mine"', '""', '"a: b"', '"a: b\\nc: d"', '"1"');
const env = objectOf(
  memberOf(['FOO', 'ANTHROPIC_BASE_URL', 'ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_CUSTOM_HEADERS', 'PATH2'], strings),
);
const settings = fc
  .tuple(
    objectOf(
      fc.oneof(
        memberOf(['model', 'hooks', 'x y', '$schema'], scalar),
        memberOf(['env'], env),
        memberOf(
          ['permissions'],
          objectOf(memberOf(['allow', 'defaultMode'], fc.constantFrom('"plan"', '["Bash"]', '"ask"'))),
        ),
      ),
    ),
    fc.constantFrom('', '\uFEFF'),
    fc.constantFrom('', '\n', '\r\n', '\n// end\n'),
  )
  .map(([object, mark, end]) => mark + object + end);

/** What a user does to the file afterwards, as text. */
type Edit = { at: 'begin' | 'env' | 'end'; words: string } | { value: 'ANTHROPIC_BASE_URL' | 'ANTHROPIC_AUTH_TOKEN' };
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({
    at: fc.constantFrom('begin' as const, 'env' as const, 'end' as const),
    words: fc.stringMatching(/^[a-z]{3,8}$/),
  }),
  fc.record({ value: fc.constantFrom('ANTHROPIC_BASE_URL' as const, 'ANTHROPIC_AUTH_TOKEN' as const) }),
);

function edited(source: string, change: Edit, index: number): string {
  if ('value' in change) {
    const document = openDocument('json', source);
    return valueAt(document.value, ['env', change.value]) === undefined
      ? source
      : document.set(['env', change.value], `user-${index}`).text;
  }
  if (change.at === 'end') return `${source}\n// user-${index}-${change.words}\n`;
  if (change.at === 'begin') return source.replace('{', `{ /* user-${index}-${change.words} */ `);
  return openDocument('json', source).set(['env', `USER_${index}`], change.words).text;
}

describe('any settings file', () => {
  const wanted = fc.constantFrom<Wanted[]>(
    { changes: tokenChanges },
    { changes: headerChanges },
    { changes: tokenChanges, endpoint: 'http://127.0.0.1:5000', token: { id: 't2', value: `${canary}-2` } },
  );

  it('comes back with its very bytes', async () => {
    await fc.assert(
      fc.asyncProperty(settings, fc.array(wanted, { minLength: 1, maxLength: 3 }), async (before, rounds) => {
        await writeFile(file, before);
        for (const round of rounds) {
          await apply(round);
          const once = await text();
          expect((await apply(round)).state).toBe('same');
          expect(await text()).toBe(once);
        }
        expect((await undo()).kept).toEqual([]);
        expect(await text()).toBe(before);
      }),
      { numRuns: 80 },
    );
  }, 60_000);

  it('keeps every word that the user writes, before and after, and nothing of ours', async () => {
    await fc.assert(
      fc.asyncProperty(
        settings,
        fc.array(fc.oneof(edit, wanted), { minLength: 1, maxLength: 5 }),
        async (before, steps) => {
          await writeFile(file, before);
          await apply();
          // The same edits of the file as it would be without a set-up.
          const theirs: string[] = [];
          const replaced = new Map<string, string>();
          for (const [index, step] of steps.entries()) {
            if (!('at' in step || 'value' in step)) {
              await apply(step);
              continue;
            }
            const source = await text();
            const next = edited(source, step, index);
            await writeFile(file, next);
            if (next === source) continue;
            if ('value' in step) replaced.set(step.value, `user-${index}`);
            else theirs.push(step.at === 'env' ? `"USER_${index}"` : `user-${index}-${step.words}`);
          }
          await undo();
          const after = (await isThere()) ? await text() : '';
          expect(after).not.toContain(canary);
          expect(after).not.toContain('127.0.0.1');
          expect(after).not.toContain('x-cproxy-token');
          for (const word of theirs) expect(after).toContain(word);
          const [was, is] = [before, after].map((each) => openDocument('json', each).value);
          for (const place of [
            ['model'],
            ['hooks'],
            ['x y'],
            ['$schema'],
            ['permissions'],
            ['env', 'FOO'],
            ['env', 'PATH2'],
            ['env', 'ANTHROPIC_CUSTOM_HEADERS'],
          ])
            expect(valueAt(is, place)).toEqual(valueAt(was, place));
          for (const name of ['ANTHROPIC_BASE_URL', 'ANTHROPIC_AUTH_TOKEN'])
            expect(valueAt(is, ['env', name])).toEqual(replaced.get(name) ?? valueAt(was, ['env', name]));
          for (const comment of before.match(/\/\* c \*\/|\/\/ (note|end)/g) ?? []) expect(after).toContain(comment);
        },
      ),
      { numRuns: 80 },
    );
  }, 60_000);
});
