import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JsonWriter } from '../../../src-main/protocols/json-writer.ts';

it('writes what the pieces say, whatever their size and characters', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.constant('ä😀'.repeat(60_000)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const writer = new JsonWriter();
      for (const [index, text] of pieces.entries()) {
        if (index % 2 === 0) writer.text(text);
        else writer.bytes(Buffer.from(text));
      }
      expect(writer.finish().equals(Buffer.from(pieces.map((text) => Buffer.from(text).toString()).join('')))).toBe(
        true,
      );
    }),
    { numRuns: 50 },
  );
});

it('keeps nothing of one body in the next', () => {
  const first = new JsonWriter().text('x'.repeat(6_000_000)).finish();
  const second = new JsonWriter().value({ a: 'ü' }).finish();
  expect(second.toString()).toBe('{"a":"ü"}');
  expect(first.length).toBe(6_000_000);
  expect(first.every((byte) => byte === 0x78)).toBe(true);
});
