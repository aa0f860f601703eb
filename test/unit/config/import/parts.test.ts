import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readKeyText, variableWith } from '../../../../src-main/config/import/key-reference.ts';
import { mergeInto } from '../../../../src-main/config/import/merge-into.ts';
import { providerAt } from '../../../../src-main/config/import/provider-at.ts';
import { rowsInserted } from '../../../../src-main/config/import/sql-rows.ts';
import { openDocument } from '../../../../src-main/documents/open-document.ts';

describe('rows of a dump', () => {
  const literal = (value: string | number | null) =>
    value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
  const cell = fc.oneof(
    fc.string(),
    fc.constant(null),
    fc.integer(),
    fc.constantFrom("a'b", ';', '--', '/*', "');\n", '"'),
  );

  it('are read back as they were, whatever the texts hold', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1 }), (rows) => {
        const values = rows.map((row) => `(${row.map(literal).join(', ')})`).join(',');
        const sql = `CREATE TABLE t (a, b);\nINSERT INTO "other" ("a", "b") VALUES ${values};\nINSERT INTO "t" ("a", "b") VALUES ${values};\nCOMMIT;`;
        expect(rowsInserted(sql, 't')).toEqual(rows.map(([a, b]) => ({ a, b })));
      }),
    );
  });

  it('texts that SQL cannot hold are in hex', () => {
    expect(rowsInserted("INSERT INTO t (a) VALUES (CAST(X'6100' AS TEXT))", 't')).toEqual([{ a: 'a\0' }]);
  });

  it.each(["INSERT INTO t (a) VALUES ('a'", 'INSERT INTO t (a) VALUES (a)', "INSERT INTO t (a, b) VALUES ('a')"])(
    '%s cannot be read',
    (sql) => {
      expect(() => rowsInserted(sql, 't')).toThrow();
    },
  );
});

describe('keys', () => {
  it.each([
    ['$KEY', 'KEY'],
    [`\${KEY}`, 'KEY'],
    [`\${KEY:-sk-default-0123456789}`, 'KEY'],
    ['os.environ/KEY', 'KEY'],
    ['Bearer $KEY', 'KEY'],
  ])('%s is a variable', (text, name) => {
    expect(readKeyText(text)).toEqual({ kind: 'variable', name });
  });

  it.each([
    '',
    'sk-',
    'sk-xxx',
    'sk-or-v1-xxxx',
    'sk-your-key',
    'YOUR_API_KEY',
    '<key>',
    '{{apiKey}}',
    'ollama',
    'none',
    'sk-unused',
    7,
  ])('%s is a filler', (text) => {
    expect(readKeyText(text)).toEqual({ kind: 'none' });
  });

  it('anything else is a key', () => {
    expect(readKeyText(' sk-or-v1-0a1b2c3d4e ')).toEqual({ kind: 'secret', key: 'sk-or-v1-0a1b2c3d4e' });
  });

  it('the vendor’s own variable is preferred, and none that is not for keys is taken', () => {
    const env = { A_KEY: 'k', OPENAI_API_KEY: 'k', HOME: 'h' };
    expect(variableWith('k', env, 'OPENAI_API_KEY')).toBe('OPENAI_API_KEY');
    expect(variableWith('k', env, 'XAI_API_KEY')).toBe('A_KEY');
    expect(variableWith('h', env, undefined)).toBeUndefined();
  });
});

it('an address with a login loses it, and no text throws', () => {
  const place = providerAt('https://me:canary@p.example.com/v1/chat/completions', 'openai-chat');
  expect(place).toMatchObject({ baseUrl: 'https://p.example.com/v1' });
  expect(JSON.stringify(place)).not.toContain('canary');
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl()), (address) => {
      const found = providerAt(address, 'openai-chat');
      if (typeof found !== 'string' && found.baseUrl !== undefined) expect(new URL(found.baseUrl).search).toBe('');
    }),
  );
});

describe('merging into a file', () => {
  const id = fc.constantFrom('a', 'b', 'c');
  const provider = fc.record({ id, type: fc.constantFrom('vllm', 'ollama') });
  const config = fc.record({
    providers: fc.uniqueArray(provider, { selector: (one) => one.id }),
    aliases: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('a/m', 'b/m')),
    server: fc.record({ port: fc.integer({ min: 1, max: 9 }) }),
  });

  it('keeps everything that is there, and has all else of what is added', () => {
    fc.assert(
      fc.property(config, config, (there, added) => {
        const text = JSON.stringify(there, null, 2);
        const { document, left } = mergeInto(openDocument('json', text), { version: 1, ...added });
        expect(document.value).toEqual({
          ...there,
          providers: [
            ...there.providers,
            ...added.providers.filter((one) => !there.providers.some((own) => own.id === one.id)),
          ],
          aliases: { ...added.aliases, ...there.aliases },
        });
        const differing = added.providers.filter((one) =>
          there.providers.some((own) => own.id === one.id && own.type !== one.type),
        );
        for (const one of differing) expect(left.join('\n')).toContain(`provider '${one.id}'`);
        if (there.server.port !== added.server.port) expect(left.join('\n')).toContain('server.port');
      }),
    );
  });
});
