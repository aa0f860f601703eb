import { stringify } from '@decimalturn/toml-patch';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentError } from '../../../src-main/documents/document.ts';
import { valueAt, valueWith, valueWithout } from '../../../src-main/documents/json-values.ts';
import { openDocument } from '../../../src-main/documents/open-document.ts';
import { fieldName, jsonValue, placesOf, section } from './generators.ts';

const CODEX = `# my settings
model = "gpt-5" # the usual
approval_policy = 'on-request'
notify = [
  "sh", # a shell
  "-c",
]

# providers
[model_providers.own] # mine
name = "Own"
http_headers = { "x-a" = "1" }

[projects."/home/me/x"]
trust_level = "trusted"

[[hooks]]
at = 2026-01-02T03:04:05Z
`;

describe('a TOML document', () => {
  it('is read as plain data', () => {
    expect(openDocument('toml', CODEX).value).toEqual({
      model: 'gpt-5',
      approval_policy: 'on-request',
      notify: ['sh', '-c'],
      model_providers: { own: { name: 'Own', http_headers: { 'x-a': '1' } } },
      projects: { '/home/me/x': { trust_level: 'trusted' } },
      hooks: [{ at: '2026-01-02T03:04:05.000Z' }],
    });
  });

  it.each([
    ['a value', ['model'], 'gpt-6', ['"gpt-5"', '"gpt-6"']],
    ['a field of the whole', ['model_provider'], 'cproxy', ["'on-request'", `'on-request'`]],
    ['a field of a table', ['model_providers', 'own', 'base_url'], 'http://127.0.0.1:4777/v1', null],
    ['a field in braces', ['model_providers', 'own', 'http_headers', 'x-b'], '2', ['"1" }', '"1", x-b = "2" }']],
    ['an item', ['notify', 2], 'echo', null],
    ['a table', ['model_providers', 'cproxy'], { name: 'CProxy', http_headers: { 'x-c': '3' } }, null],
    ['a field of an element', ['hooks', 0, 'command'], 'x', null],
  ] as const)('changes %s, and nothing else', (_, place, value, edit) => {
    const document = openDocument('toml', CODEX);
    const changed = document.set(place, value);
    expect(changed.value).toEqual(valueWith(document.value, place, value));
    if (edit !== null && place[0] !== 'model_provider') expect(changed.text).toBe(CODEX.replace(edit[0], edit[1]));
    if (valueAt(document.value, place) === undefined) expect(changed.remove(place).text).toBe(CODEX);
  });

  it('gets fields of the whole above the first table, and tables at the end', () => {
    const changed = openDocument('toml', '[a]\nb = 1\n')
      .set(['c'], true)
      .set(['d'], { e: ['x'] });
    expect(changed.text).toBe('c = true\n[a]\nb = 1\n\n[d]\ne = ["x"]\n');
    expect(changed.remove(['d']).remove(['c']).text).toBe('[a]\nb = 1\n');
  });

  it('keeps line breaks as they are', () => {
    const text = 'a = 1\r\n\r\n[b]\r\nc = 2';
    const changed = openDocument('toml', text).set(['d'], 1).set(['b', 'e'], 1).set(['f'], { g: 1 });
    expect(changed.text).toBe('a = 1\r\nd = 1\r\n\r\n[b]\r\nc = 2\r\ne = 1\r\n\r\n[f]\r\ng = 1');
    expect(changed.remove(['f']).remove(['b', 'e']).remove(['d']).text).toBe(text);
  });

  it('leaves comments where what they stand at is removed', () => {
    const changed = openDocument('toml', CODEX).remove(['model']).remove(['model_providers', 'own']).text;
    expect(changed).toContain('# the usual');
    expect(changed).toContain('# mine');
    expect(changed).toContain('# providers');
  });

  it('says where it cannot be read, and what it has no word for', () => {
    try {
      openDocument('toml', 'a = 1\nb');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(DocumentError);
      expect(error).toMatchObject({ line: 2 });
    }
    expect(() => openDocument('toml', '').set(['a'], null)).toThrow('TOML has no empty values');
  });

  it('changed at random says what the model says, or that it cannot be, and a new field leaves without a trace', () => {
    let changes = 0;
    let refusals = 0;
    fc.assert(
      fc.property(section(false), fc.nat(), fieldName, jsonValue(false), (value, seed, name, change) => {
        const text = stringify(value);
        const document = openDocument('toml', text);
        const places = placesOf(document.value);
        const place = places[seed % Math.max(places.length, 1)];
        const attempt = (action: () => void) => {
          changes += 1;
          try {
            action();
          } catch (error) {
            if (!(error instanceof DocumentError)) throw error;
            refusals += 1;
          }
        };
        if (place !== undefined)
          attempt(() => {
            expect(document.set(place, change).value).toEqual(valueWith(document.value, place, change));
            expect(document.remove(place).value).toEqual(valueWithout(document.value, place));
          });
        if (valueAt(document.value, [name]) === undefined)
          attempt(() => expect(document.set([name], change).remove([name]).text).toBe(text));
      }),
      { numRuns: 500 },
    );
    expect(refusals / changes).toBeLessThan(0.1);
  });
});
