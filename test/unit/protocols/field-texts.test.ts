import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fieldTexts, someFieldText } from '../../../src-main/protocols/field-texts.ts';

const textsIn = (json: string, field = 'signature') => [...fieldTexts(Buffer.from(json), field)];

it('gives the texts of a field wherever it stands', () => {
  const value = { signature: 'a', b: [{ signature: 'c+/=' }, { signature: 5 }, { signature: null }], signatures: 'no' };
  expect(textsIn(JSON.stringify(value))).toEqual(['a', 'c+/=']);
  expect(textsIn(JSON.stringify(value, null, '\t'))).toEqual(['a', 'c+/=']);
  expect(textsIn('{"signature"\r\n :\n "x\\/y"}')).toEqual(['x/y']);
});

it('takes nothing inside of a text for a field', () => {
  const text = JSON.stringify({ signature: 'a' });
  expect(textsIn(JSON.stringify({ text, more: [text, 'signature'] }))).toEqual([]);
  expect(textsIn('{"signature":"with \\" a quote"}')).toEqual([]);
  expect(textsIn('{"a":"signature","b":1')).toEqual([]);
  expect(textsIn('{"signature":"cut')).toEqual([]);
});

it('finds every one in any JSON', () => {
  const base64 = fc.base64String({ minLength: 1 });
  const tree = fc.letrec((tie) => ({
    node: fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.record({ signature: base64, rest: tie('node') }),
    ),
  })).node;
  const collect = (value: unknown, found: string[] = []): string[] => {
    if (typeof value !== 'object' || value === null) return found;
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'signature' && typeof inner === 'string') found.push(inner);
      else collect(inner, found);
    }
    return found;
  };
  fc.assert(
    fc.property(tree, fc.nat(2), (value, space) => {
      const expected = collect(value).filter((text) => !JSON.stringify(text).includes('\\"'));
      const found = textsIn(JSON.stringify(value, null, space));
      expect(found).toEqual(expect.arrayContaining(expected));
      expect(found.length).toBeLessThanOrEqual(collect(value).length);
    }),
  );
});

it('stops at the first that is meant', () => {
  const asked: string[] = [];
  const raw = Buffer.from('[{"signature":"a"},{"signature":"b"},{"signature":"c"}]');
  expect(someFieldText(raw, 'signature', (text) => asked.push(text) > 1)).toBe(true);
  expect(asked).toEqual(['a', 'b']);
});
