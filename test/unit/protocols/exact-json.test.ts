import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asDouble, asWritten, parseExact } from '../../../src-main/protocols/exact-json.ts';
import { parameterValue } from '../../../src-main/protocols/markup/parameter-value.ts';
import { RequestBody } from '../../../src-main/protocols/request-body.ts';
import { turnKey } from '../../../src-main/protocols/turn-key.ts';

const LARGE = '12345678901234567890';

describe('JSON with large whole numbers', () => {
  it.each([
    `{"id":${LARGE}}`,
    `{"ids":[1,-${LARGE},9007199254740993]}`,
    `{"id": ${LARGE}, "more": {"a\\\\":${LARGE}}}`.replaceAll(' ', ''),
    `[${LARGE}]`,
    `{"__proto__":${LARGE},"text":"\\"id\\":${LARGE}"}`,
  ])('is given out as it was: %s', (text) => {
    expect(JSON.stringify(parseExact(text))).toBe(text);
  });

  it.each(['{"a":9007199254740991,"b":0.12345678901234567,"c":1e300,"d":100000000000000000000}', LARGE, '"x"', 'null'])(
    'has no others: %s',
    (text) => {
      expect(parseExact(text)).toEqual(JSON.parse(text));
    },
  );

  it('is any other JSON as it always was, and keeps every digit of whole numbers', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.array(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })),
        fc.string({ maxLength: 40 }),
        (json, numbers, padding) => {
          expect(parseExact(json)).toEqual(JSON.parse(json));
          const text = `{${JSON.stringify(`p${padding}`)}:${JSON.stringify(padding)},"n":[${numbers.join()}]}`;
          expect(JSON.stringify(parseExact(text))).toBe(text);
        },
      ),
    );
  });

  it('is no number where it is a text, however long', () => {
    const text = JSON.stringify({ log: `{"ts":${LARGE}}`, digits: '7'.repeat(2_000_000), pairs: '8:'.repeat(500_000) });
    expect(parseExact(text)).toEqual(JSON.parse(text));
  });

  it('throws what JSON.parse throws', () => {
    expect(() => parseExact(`{"id":${LARGE}`)).toThrow(SyntaxError);
  });

  it('has numbers at the top of a request, and inside of it what was written', () => {
    const body = new RequestBody(
      Buffer.from(`{"model":"m","max_tokens":${LARGE},"messages":[{"n":${LARGE}}]}`),
    ).decode();
    expect(body.max_tokens).toBe(Number(LARGE));
    expect(JSON.stringify(body.messages)).toBe(`[{"n":${LARGE}}]`);
  });
});

it('a number is as it is written only where a double is another one', () => {
  expect(asWritten(5, '5')).toBe(5);
  expect(asWritten(1e21, '1e21')).toBe(1e21);
  expect(asDouble(asWritten(Number(LARGE), LARGE))).toBe(Number(LARGE));
  expect(asDouble('x')).toBe('x');
});

it('a parameter that a model wrote as mark-up keeps every digit', () => {
  const tool = { name: 'f', input_schema: { type: 'object', properties: { id: { type: 'integer' } } } };
  expect(JSON.stringify(parameterValue(LARGE, 'id', tool))).toBe(LARGE);
});

it('a call is the same to those who remember it, with the digits that a client has changed', () => {
  const keyOf = (input: unknown): string => turnKey([{ id: 'a', name: 'f', input }]);
  expect(keyOf(parseExact(`{"id":${LARGE}}`))).toBe(keyOf({ id: Number(LARGE) }));
});
