import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layChanges, mergeTexts } from '../../../src-main/documents/merge-texts.ts';
import { openDocument } from '../../../src-main/documents/open-document.ts';
import { unifiedDiff } from '../../../src-main/documents/text-diff.ts';
import { applyChanges, mergeValues } from '../../../src-main/documents/three-way.ts';
import { section } from './generators.ts';
import { writtenYaml } from './written.ts';

const merged = (base: unknown, ours: unknown, theirs: unknown) => {
  const { changes, conflicts } = mergeValues(base, ours, theirs);
  return { value: applyChanges(theirs, changes), conflicts: conflicts.map(({ path }) => path.join('.')) };
};

const item = (id: string, more: object = {}) => ({ id, ...more });

describe('merging values', () => {
  it('keeps what either changed', () => {
    fc.assert(
      fc.property(section(), section(), (base, changed) => {
        expect(merged(base, changed, base)).toEqual({ value: changed, conflicts: [] });
        expect(merged(base, base, changed)).toEqual({ value: changed, conflicts: [] });
        expect(merged(base, changed, changed)).toEqual({ value: changed, conflicts: [] });
      }),
    );
  });

  it('is the same from either side, where there is no conflict', () => {
    fc.assert(
      fc.property(section(), section(), section(), (base, ours, theirs) => {
        const one = merged(base, ours, theirs);
        const other = merged(base, theirs, ours);
        expect(one.conflicts.length > 0).toBe(other.conflicts.length > 0);
        if (one.conflicts.length === 0) expect(one.value).toEqual(other.value);
      }),
    );
  });

  it.each([
    ['different fields', { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 2 }, []],
    ['the same field alike', { a: 1 }, { a: 2 }, { a: 2 }, { a: 2 }, []],
    ['the same field differently', { a: 1 }, { a: 2 }, { a: 3 }, { a: 3 }, ['a']],
    ['one removed, another changed', { a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 }, { b: 2 }, []],
    ['removed here, changed there', { a: 1 }, {}, { a: 2 }, { a: 2 }, ['a']],
    ['lists without ids', { a: [1] }, { a: [1, 2] }, { a: [1, 3] }, { a: [1, 3] }, ['a']],
    ['both add a section', {}, { s: { a: 1 } }, { s: { b: 2 } }, { s: { a: 1, b: 2 } }, []],
    [
      'items by their ids',
      { l: [item('a'), item('b'), item('c')] },
      { l: [item('a', { x: 1 }), item('b'), item('c'), item('ours')] },
      { l: [item('theirs'), item('a', { y: 2 }), item('c')] },
      { l: [item('theirs'), item('a', { x: 1, y: 2 }), item('c'), item('ours')] },
      [],
    ],
    [
      'an item removed here, another changed there',
      { l: [item('a'), item('b')] },
      { l: [item('b')] },
      { l: [item('a'), item('b', { x: 1 })] },
      { l: [item('b', { x: 1 })] },
      [],
    ],
    [
      'an order of ours with an item of theirs',
      { l: [item('a'), item('b')] },
      { l: [item('b'), item('a')] },
      { l: [item('a', { x: 1 }), item('b'), item('c')] },
      { l: [item('b'), item('a', { x: 1 }), item('c')] },
      [],
    ],
    [
      'an item of theirs in front of all, and one of ours',
      { l: [item('a')] },
      { l: [item('ours'), item('a')] },
      { l: [item('a'), item('theirs')] },
      { l: [item('ours'), item('a'), item('theirs')] },
      [],
    ],
    [
      'an item changed here and removed there',
      { l: [item('a'), item('b')] },
      { l: [item('a', { x: 1 }), item('b')] },
      { l: [item('b')] },
      { l: [item('b')] },
      ['l.0'],
    ],
  ])('%s', (_, base, ours, theirs, value, conflicts) => {
    expect(merged(base, ours, theirs)).toEqual({ value, conflicts });
  });

  it('of lists with ids loses no item', () => {
    const list = fc.uniqueArray(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e'), x: fc.nat({ max: 1 }) }), {
      selector: ({ id }) => id,
    });
    fc.assert(
      fc.property(list, list, list, (base, ours, theirs) => {
        const { value, conflicts } = merged({ l: base }, { l: ours }, { l: theirs });
        if (conflicts.length > 0) return;
        const idsOf = (items: { id: string }[]) => new Set(items.map(({ id }) => id));
        const [before, mine, others, result] = [base, ours, theirs, (value as { l: { id: string }[] }).l].map(idsOf);
        for (const id of 'abcde') {
          const kept = before?.has(id) ? mine?.has(id) && others?.has(id) : mine?.has(id) || others?.has(id);
          expect(result?.has(id)).toBe(kept);
        }
      }),
    );
  });
});

describe('merging texts', () => {
  const base = 'a: 1 # one\n\nb: 2\n\nc: 3\n';

  it('keeps the comments of both', () => {
    const ours = base.replace('a: 1 # one', 'a: 10 # ours');
    const theirs = base.replace('c: 3', '# theirs\nc: 30');
    expect(mergeTexts('yaml', base, ours, theirs)).toEqual({
      state: 'merged',
      text: 'a: 10 # ours\n\nb: 2\n\n# theirs\nc: 30\n',
    });
  });

  it('lays values over where lines are too near', () => {
    const near = '{ "a": 1, "b": 2 }\n';
    expect(mergeTexts('json', near, '{ "a": 9, "b": 2 }\n', '{ "a": 1, "b": 8, "c": 0 }\n')).toEqual({
      state: 'merged',
      text: '{ "a": 9, "b": 8, "c": 0 }\n',
    });
  });

  it('is a conflict where a comment would get lost', () => {
    const near = '{ "a": 1, "b": 2 }\n';
    expect(mergeTexts('json', near, '{ "a": 9, /* ours */ "b": 2 }\n', '{ "a": 1, "b": 8 }\n')).toMatchObject({
      state: 'conflict',
      conflicts: [{ path: [] }],
    });
  });

  it('of a text with itself, or with one that did not change, is that text', () => {
    const text = section().chain(writtenYaml);
    fc.assert(
      fc.property(text, text, (before, { text: ours }) => {
        expect(mergeTexts('yaml', before.text, ours, before.text)).toEqual({ state: 'merged', text: ours });
      }),
    );
  });

  it('lays changes one after the other', () => {
    const document = layChanges(openDocument('yaml', base), [{ path: ['a'] }, { path: ['d', 'e'], value: [1] }]);
    expect(document.text).toBe('# one\n\nb: 2\n\nc: 3\nd:\n  e:\n    - 1\n');
  });
});

describe('a diff', () => {
  it('is unified, and empty where nothing changed', () => {
    expect(unifiedDiff('a\nb\n', 'a\nc\n', 'x.yaml')).toBe('--- x.yaml\n+++ x.yaml\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n');
    expect(unifiedDiff('a', 'a', 'x.yaml')).toBe('');
  });
});
