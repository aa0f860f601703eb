import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStrict, toolParameters } from '../../../src-main/protocols/tool-schema.ts';

describe('toolParameters', () => {
  it('gives a schema that needs no change back as it is', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'array', items: { enum: [null, 1] } } },
      additionalProperties: false,
    };
    expect(toolParameters(schema)).toBe(schema);
  });

  it('takes off what validators want and providers refuse, at any depth, and keeps the order', () => {
    const schema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: 'x',
      type: 'object',
      properties: {
        b: { $comment: 'c', type: ['string', 'null'], default: null },
        a: {
          anyOf: [{ type: 'object', properties: { z: { $id: 'y', type: 'number', default: 0 } } }, { type: 'string' }],
        },
      },
      additionalProperties: { $comment: 'c', type: 'string' },
      required: ['b'],
    };
    const before = structuredClone(schema);
    expect(JSON.stringify(toolParameters(schema))).toBe(
      JSON.stringify({
        type: 'object',
        properties: {
          b: { type: ['string', 'null'] },
          a: { anyOf: [{ type: 'object', properties: { z: { type: 'number', default: 0 } } }, { type: 'string' }] },
        },
        additionalProperties: { type: 'string' },
        required: ['b'],
      }),
    );
    expect(schema).toEqual(before);
  });

  it('keeps properties and values that only look like keywords', () => {
    const schema = {
      type: 'object',
      properties: {
        $id: { type: 'string' },
        $schema: { type: 'string' },
        default: { const: { $id: 1 } },
        constructor: { enum: [{ $comment: 1 }] },
      },
    };
    expect(toolParameters(schema)).toBe(schema);
  });

  it.each([
    [{}, { type: 'object', properties: {} }],
    [{ type: 'object' }, { type: 'object', properties: {} }],
    [
      { type: ['object', 'null'], properties: { a: {} } },
      { type: 'object', properties: { a: {} } },
    ],
    [
      { type: 'object', properties: null },
      { type: 'object', properties: {} },
    ],
    [
      { type: 'object', properties: { a: { enum: [] } }, enum: [{}], not: { required: ['b'] } },
      { type: 'object', properties: { a: {} } },
    ],
  ])('makes the root of %j an object', (schema, wanted) => {
    expect(toolParameters(schema as Record<string, unknown>)).toEqual(wanted);
  });

  it('puts alternatives at the root together: required is what all of them require', () => {
    const schema = {
      properties: { id: { type: 'string' } },
      required: ['id'],
      oneOf: [
        { properties: { kind: { const: 'a' }, constructor: { type: 'number' } }, required: ['kind', 'constructor'] },
        { $ref: '#/$defs/b~1c' },
      ],
      $defs: { 'b/c': { properties: { kind: { const: 'b' } }, required: ['kind'] } },
    };
    expect(toolParameters(schema)).toEqual({
      type: 'object',
      properties: { id: { type: 'string' }, kind: { const: 'a' }, constructor: { type: 'number' } },
      required: ['id', 'kind'],
      $defs: schema.$defs,
    });
  });

  it('puts the parts of allOf at the root together: required is what any of them requires', () => {
    const schema = { allOf: [{ properties: { a: {} }, required: ['a'] }, { properties: { b: {} } }, true] };
    expect(toolParameters(schema)).toEqual({ type: 'object', properties: { a: {}, b: {} }, required: ['a'] });
  });

  it('follows a reference at the root, and survives one that leads nowhere', () => {
    const $defs = { In: { type: 'object', properties: { a: {} } } };
    expect(toolParameters({ $ref: '#/$defs/In', $defs })).toEqual({ type: 'object', properties: { a: {} }, $defs });
    for (const $ref of ['#/$defs/Nil', '#/$defs/In/type/x', 'https://x.test/s.json'])
      expect(toolParameters({ $ref, $defs })).toMatchObject({ type: 'object', properties: {} });
  });

  it('leaves what is very deep alone', () => {
    let schema: Record<string, unknown> = { $comment: 'deep' };
    for (let depth = 0; depth < 200; depth += 1) schema = { items: schema };
    expect(JSON.stringify(toolParameters({ type: 'object', properties: { a: schema } }))).toContain('deep');
  });

  it('survives any JSON, changes nothing in it and is done after one pass', () => {
    const schema = fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          'properties',
          'items',
          'anyOf',
          'allOf',
          'oneOf',
          '$ref',
          '$defs',
          '$id',
          'default',
          'required',
          'type',
        ),
        fc.string(),
      ),
      fc.jsonValue({ maxDepth: 4 }),
    );
    fc.assert(
      fc.property(schema, (given) => {
        const before = structuredClone(given);
        const once = toolParameters(given as Record<string, unknown>);
        expect(given).toEqual(before);
        expect(once.type).toBe('object');
        expect(toolParameters(once)).toEqual(once);
      }),
    );
  });
});

describe('isStrict', () => {
  const closed = (properties: Record<string, unknown>) => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  });

  it('holds for closed objects whose properties are all required', () => {
    expect(isStrict(closed({ a: { type: ['string', 'null'], format: 'date' }, b: closed({}) }))).toBe(true);
    expect(isStrict({ ...closed({ a: {} }), required: [] })).toBe(false);
    expect(isStrict({ ...closed({ a: {} }), additionalProperties: true })).toBe(false);
    expect(isStrict(closed({ a: { type: 'object' } }))).toBe(false);
    expect(isStrict({ ...closed({}), $defs: { a: { type: 'object', properties: {} } } })).toBe(false);
  });

  it.each([
    { allOf: [] },
    { oneOf: [{ type: 'string' }] },
    { not: {} },
    { type: 'string', format: 'uri' },
    { type: 'string', pattern: '^(?!x)' },
    { type: 'string', pattern: '(?<=x)y' },
  ])('does not hold for %j', (schema) => {
    expect(isStrict(closed({ a: schema }))).toBe(false);
  });
});
