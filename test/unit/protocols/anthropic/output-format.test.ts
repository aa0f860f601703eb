import { describe, expect, it } from 'vitest';
import { isOutputSchema } from '../../../../src-main/protocols/anthropic/output-format.ts';

const object = (properties: Record<string, unknown>, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const text = { type: 'string' };

describe('structured outputs', () => {
  it.each<[string, Record<string, unknown>]>([
    ['closed objects', object({ a: text, b: object({}) })],
    [
      'lists, unions and definitions',
      {
        ...object({ a: { $ref: '#/$defs/A' }, b: { $ref: '#/$defs/A' }, c: { anyOf: [text, { type: 'null' }] } }),
        $defs: { A: { type: 'array', items: text, minItems: 1 } },
      },
    ],
    [
      'formats, constants and choices',
      object({ a: { ...text, format: 'date', title: 'A' }, b: { enum: ['x', 1, null] }, c: { const: 1 } }),
    ],
    ['old definitions', { ...object({ a: { $ref: '#/definitions/A' } }), definitions: { A: text } }],
  ])('take %s', (_what, schema) => {
    expect(isOutputSchema(schema)).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ['open objects', { type: 'object', properties: {} }],
    ['limits of numbers', object({ a: { type: 'integer', minimum: 1 } })],
    ['limits of length', object({ a: { type: 'array', items: text, minItems: 2 } })],
    ['other formats', object({ a: { ...text, format: 'regex' } })],
    ['objects as choices', object({ a: { enum: [{ x: 1 }] } })],
    ['exclusive unions', object({ a: { oneOf: [text] } })],
    ['tuples', object({ a: { type: 'array', items: [text] } })],
    ['recursion', { ...object({ a: { $ref: '#/$defs/A' } }), $defs: { A: object({ a: { $ref: '#/$defs/A' } }) } }],
    ['references to elsewhere', object({ a: { $ref: 'https://example.com/schema' } })],
    ['references to nothing', object({ a: { $ref: '#/$defs/A' } })],
    [
      'more than 24 properties that may be left out',
      object(Object.fromEntries([...Array(25).keys()].map((n) => [`p${n}`, text])), []),
    ],
    [
      'more than 16 unions',
      object(Object.fromEntries([...Array(17).keys()].map((n) => [`p${n}`, { type: ['string', 'null'] }]))),
    ],
    ['what is no schema', object({ a: true })],
  ])('do not take %s', (_what, schema) => {
    expect(isOutputSchema(schema)).toBe(false);
  });
});
