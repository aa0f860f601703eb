import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { customInput } from '../../../src-main/protocols/openai-settings.ts';
import { inputText, toolInput } from '../../../src-main/protocols/tool-input.ts';
import { decodeToolId, encodeToolName } from '../../../src-main/protocols/tool-names.ts';
import { turnKey } from '../../../src-main/protocols/turn-key.ts';

const use = (input: unknown, { id = 'call_0', name = 'Bash' } = {}) => ({ id, name, input });

describe('the key of a turn', () => {
  it('is that of no turn where no tool was called', () => {
    expect(turnKey([])).toBe('');
  });

  it.each([
    [
      'Go sorts the keys of a map',
      { b: { d: 1, c: [{ f: 1, e: 2 }] }, a: 2 },
      { a: 2, b: { c: [{ e: 2, f: 1 }], d: 1 } },
    ],
    ['an input of nothing is written as an empty text', {}, ''],
    ['an input of nothing is left out', {}, undefined],
    ['an input of nothing is null', {}, null],
    ['a text comes as it is, or as the input of a free-text tool', 'ls -l', { input: 'ls -l' }],
    ['what a model wrote instead of JSON comes back as text', { _raw: '{"a": ' }, '{"a": '],
    ['space in JSON means nothing', '{ "a": [1, 2.0] }', { a: [1, 2] }],
    ['a list is not what a tool takes, and comes back written anew', { _raw: '[1, 2]' }, '[1,2]'],
    ['a number has several ways to be written', '{"n":1e2,"m":1.50}', { n: 100, m: 1.5 }],
  ])('stays where %s', (_, given, returned) => {
    expect(turnKey([use(returned)])).toBe(turnKey([use(given)]));
  });

  it.each([
    ['an input', [use({ a: 2 })]],
    ['a name', [use({ a: 1 }, { name: 'Read' })]],
    ['an id', [use({ a: 1 }, { id: 'call_1' })]],
    ['the number of calls', [use({ a: 1 }), use({ a: 1 }, { id: 'call_1' })]],
    ['a number that became a text', [use({ a: '1' })]],
  ])('changes with %s', (_, changed) => {
    expect(turnKey(changed)).not.toBe(turnKey([use({ a: 1 })]));
  });

  it.each([
    'toolu_01A09q90qw90lq917835lq9',
    'call_abcDEFghi1jklMNOpqrs',
    'call_550e8400-e29b-41d4-a716-446655440000',
    'function-call-15803047104316384128',
    'D681PevKs',
    'call_x1y2z3a4',
  ])('is that of the id alone, where that is random: %s', (id) => {
    // As Claude Code changes its past calls.
    const changed = { replace_all: false, old_string: 'a', new_string: 'b' };
    expect(turnKey([use(changed, { id })])).toBe(turnKey([use({ new_string: 'b ', old_string: 'a' }, { id })]));
    expect(turnKey([use({}, { id, name: 'Task' })])).toBe(turnKey([use({}, { id, name: 'Agent' })]));
  });

  it.each([
    ['call_0', 'Bash'],
    ['call_00000012', 'Bash'],
    ['functions.Bash:0', 'Bash'],
    [decodeToolId('functions.Bash:0'), 'Bash'],
    ['mcp__server1tool2_with_a_long_name3_0', 'mcp__server1tool2_with_a_long_name3'],
    // The name as the provider knows it has a digest in it.
    [decodeToolId(`functions.${encodeToolName('github.search')}:0`), 'github.search'],
    ['', 'Bash'],
  ])('is that of the input too, where ids are counted: %s', (id, name) => {
    expect(turnKey([use({ a: 1 }, { id, name })])).not.toBe(turnKey([use({ a: 2 }, { id, name })]));
  });

  it('knows calls that were put in another order', () => {
    const [first, second] = [use({ a: 1 }, { id: 'x' }), use({ a: 2 }, { id: 'y' })];
    expect(turnKey([second, first])).not.toBe(turnKey([first, second]));
  });

  it('does not take ids and names apart in the wrong place', () => {
    expect(turnKey([use({}, { id: 'a","b', name: 'c' })])).not.toBe(turnKey([use({}, { id: 'a', name: 'b","c' })]));
  });

  it('is made of inputs with names that objects have by themselves', () => {
    const own = JSON.parse('{"__proto__": {"b": 1, "a": 2}, "constructor": 1}');
    const sorted = JSON.parse('{"constructor": 1, "__proto__": {"a": 2, "b": 1}}');
    expect(turnKey([use(sorted)])).toBe(turnKey([use(own)]));
    expect(turnKey([use({ constructor: 1 })])).not.toBe(turnKey([use(own)]));
  });

  it('is made of an input that is nested beyond all measure', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`);
    expect(turnKey([use(deep)])).toBe(turnKey([use(deep)]));
    expect(turnKey([use(deep)])).not.toBe(turnKey([use(deep, { id: 'call_1' })]));
  });

  it('survives the ways of every dialect', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc
            .dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true, maxKeys: 4 })
            // Of these two nothing else would be left.
            .filter((value) => !('_raw' in value || 'input' in value)),
          fc.string().map((text) => ({ input: text })),
          fc.string().map((text) => toolInput(text)),
        ),
        (input) => {
          const asked = JSON.parse(JSON.stringify(input)) as Record<string, unknown>;
          const key = turnKey([use(asked)]);
          // As arguments (Chat Completions, Responses); as a free-text tool's input.
          expect(turnKey([use(toolInput(inputText(asked)))])).toBe(key);
          expect(turnKey([use({ input: customInput(asked) })])).toBe(key);
        },
      ),
    );
  });
});
