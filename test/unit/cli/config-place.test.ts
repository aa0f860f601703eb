import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePlace, parseValue } from '../../../src-main/cli/config-place.ts';
import { formatPath } from '../../../src-main/config/schema-shape.ts';

const file = {
  providers: [{ id: 'openrouter' }, { id: 'my.lab', models: ['a'] }],
  aliases: { 'gpt-4.1': ['openrouter/x'], gpt: ['openrouter/y'] },
};

describe('a place', () => {
  test.each<[string, (string | number)[]]>([
    ['server.port', ['server', 'port']],
    ['providers[1].models[0]', ['providers', 1, 'models', 0]],
    ['providers.openrouter.enabled', ['providers', 0, 'enabled']],
    ['providers.my.lab.enabled', ['providers', 1, 'enabled']],
    ['aliases.gpt-4.1', ['aliases', 'gpt-4.1']],
    ['aliases["claude-4.5"]', ['aliases', 'claude-4.5']],
    ['aliases.gpt', ['aliases', 'gpt']],
    ['providers[2]', ['providers', 2]],
  ])('%s', (text, path) => {
    expect(parsePlace(text, file)).toEqual(path);
  });

  test.each(['', '.', 'a..b', 'a[', 'a[x]', 'a["x]', 'a.'])('%j is none', (text) => {
    expect(() => parsePlace(text, {})).toThrow('is no place in a configuration');
  });

  test('of an item that is not there says which are', () => {
    expect(() => parsePlace('providers.anthropic.enabled', file)).toThrow(
      "There is no 'anthropic' in providers. It has openrouter, my.lab.",
    );
  });

  test('as messages write it leads back to where it came from', () => {
    const segment = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.constantFrom('providers', 'gpt-4.1', 'a b', '"', '\\', '__proto__'),
      fc.nat(50),
    );
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), (path) => {
        expect(parsePlace(formatPath(path), {})).toEqual(path);
      }),
    );
  });

  test('never ends in anything but a place or a word about it', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (text, value) => {
        try {
          expect(parsePlace(text, value).length).toBeGreaterThan(0);
        } catch (error) {
          expect((error as Error).name).toBe('CommandError');
        }
      }),
    );
  });
});

test.each<[string, (string | number)[], unknown]>([
  ['5000', ['server', 'port'], 5000],
  ['false', ['providers', 0, 'enabled'], false],
  ['5000', ['providers', 0, 'id'], '5000'],
  ['fastest', ['routing', 'loadBalancing', 'strategy'], 'fastest'],
  ['["a/b"]', ['aliases', 'x'], ['a/b']],
  ['a/b', ['aliases', 'x'], 'a/b'],
])('the value %s at %j', (text, place, value) => {
  expect(parseValue(text, place)).toEqual(value);
});
