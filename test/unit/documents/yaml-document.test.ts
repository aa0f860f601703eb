import { describe, expect, it } from 'vitest';
import { openDocument } from '../../../src-main/documents/open-document.ts';

const set = (text: string, path: (string | number)[], value: unknown) =>
  openDocument('yaml', text).set(path, value).text;
const remove = (text: string, path: (string | number)[]) => openDocument('yaml', text).remove(path).text;

describe('a YAML document', () => {
  it('keeps its own way of writing lists, sections and quotes', () => {
    const text = `"server": {port: 4777,   host: '127.0.0.1'}   # one line

providers:
-   id: a

    type: "anthropic"
`;
    expect(set(text, ['server', 'port'], 5000)).toBe(text.replace('4777', '5000'));
    expect(set(text, ['server', 'auth'], 'none')).toBe(text.replace("'127.0.0.1'}", "'127.0.0.1', auth: none}"));
    expect(set(text, ['providers', 0, 'models'], ['m', 'a: b'])).toBe(`${text}    models:\n    - m\n    - "a: b"\n`);
    expect(set(text, ['providers', 1], { id: 'b', type: 'openai' })).toBe(`${text}- id: b\n  type: openai\n`);
  });

  it.each(['\u00a0', '\u2003', '\u2028', '\u3000', '\ufeff'])('quotes a text that begins or ends with %j', (blank) => {
    for (const text of [blank, `${blank}x`, `x${blank}`, `x${blank}y`])
      for (const value of [text, { a: text }, [text], { [text]: 1 }]) {
        const document = openDocument('yaml', 'a: {} # one\n').set(['a'], value);
        expect(openDocument('yaml', document.text).value).toEqual({ a: value });
      }
  });

  it('does not fold lines that are long', () => {
    const long = `a: ${'word '.repeat(60).trim()}\nb: "${'x'.repeat(200)} ${'y'.repeat(200)}"\n`;
    expect(set(long, ['c'], 'z '.repeat(200))).toBe(`${long}c: "${'z '.repeat(200)}"\n`);
  });

  it('leaves what refers to a place as it was, when that changes', () => {
    const text = 'base: &base { a: 1 } # shared\none: *base\ntwo:\n  <<: *base\n  b: 2\n';
    expect(set(text, ['base', 'a'], 9)).toBe(
      'base: &base { a: 9 } # shared\none: { a: 1 }\ntwo:\n  <<: { a: 1 }\n  b: 2\n',
    );
    expect(set(text, ['one', 'a'], 9)).toBe(text.replace('one: *base', 'one: { a: 9 }'));
    expect(set(text, ['two', 'a'], 9)).toBe(`${text}  a: 9\n`);
    expect(set(text, ['two', 'b'], 9)).toBe(text.replace('b: 2', 'b: 9'));
    expect(remove(text, ['base'])).toBe('# shared\none: { a: 1 }\ntwo:\n  <<: { a: 1 }\n  b: 2\n');
    expect(() => remove(text, ['two', 'a'])).toThrow('two.a comes from elsewhere (<<)');
  });

  it('replaces texts of several lines, and adds after them', () => {
    const text = 'a: |\n  one\n  two\n# then\nb: >-\n  three\n';
    expect(set(text, ['a'], 'x')).toBe('a: x\n# then\nb: >-\n  three\n');
    expect(set(text, ['c'], 'x')).toBe(`${text}c: x\n`);
    expect(remove(text, ['b'])).toBe('a: |\n  one\n  two\n# then\n');
    expect(openDocument('yaml', set(text, ['c'], 'two\nlines')).value).toMatchObject({ c: 'two\nlines' });
  });

  it('fills a section that has only comments', () => {
    expect(set('providers:\n  # none yet\nlogging: {}\n', ['providers', 0], { id: 'a', type: 'openai' })).toBe(
      'providers:\n  - id: a\n    type: openai\n  # none yet\nlogging: {}\n',
    );
    expect(set('# nothing yet\n', ['server', 'port'], 1)).toBe('# nothing yet\nserver:\n  port: 1\n');
    expect(set('', ['server', 'port'], 1)).toBe('server:\n  port: 1\n');
  });

  it('leaves brackets where the last of a list or section goes', () => {
    expect(remove('a:\n  b: 1 # one\nc: 2\n', ['a', 'b'])).toBe('a: {} # one\nc: 2\n');
    expect(remove('a:\n  - 1\nc: 2\n', ['a', 0])).toBe('a: []\nc: 2\n');
    expect(remove('- { a: 1 }\n', [0, 'a'])).toBe('- {}\n');
  });

  it('says where it cannot be read', () => {
    expect(() => openDocument('yaml', 'a: 1\nb: [')).toThrow(expect.objectContaining({ line: 2 }));
    expect(() => openDocument('yaml', 'a: 1\na: 2\n')).toThrow(/unique/);
    expect(() => openDocument('yaml', 'a: *none\n')).toThrow(/cannot be read|alias/i);
    expect(() => openDocument('yaml', 'a: 1\n---\nb: 1\n')).toThrow(/is no YAML/);
  });
});
