import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toolParameters } from '../../../src-main/protocols/tool-schema.ts';
import { anySchema, everySchema, isInOrder } from './any-schema.ts';

type Schema = Record<string, unknown>;

describe('grammarSchema', () => {
  it('gives a schema that needs no change back as it is', () => {
    const schema = {
      type: 'object',
      properties: {
        a: { $ref: '#/$defs/a' },
        b: { type: ['string', 'null'], maxLength: 1000, format: 'uuid' },
        c: { anyOf: [{ const: 1 }, { type: 'array', items: {}, minItems: 1 }] },
      },
      $defs: { a: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, additionalProperties: false } },
      required: ['b'],
    };
    expect(toolParameters(schema, 'grammar')).toBe(schema);
  });

  it('loses what no grammar can be built of', () => {
    const schema = {
      type: 'object',
      properties: {
        pattern: { type: 'string', pattern: '\\S', format: 'uri', maxLength: 2000 },
        list: { type: 'array', items: true, uniqueItems: true, contains: { type: 'string' } },
        never: false,
        any: true,
        far: { $ref: 'https://x.test/s.json' },
        gone: { $ref: '#/$defs/gone', description: 'd' },
      },
      patternProperties: { '^x': { type: 'string' } },
      if: { properties: { list: {} } },
    };
    expect(toolParameters(schema, 'grammar')).toEqual({
      type: 'object',
      properties: {
        pattern: { type: 'string' },
        list: { type: 'array', items: {} },
        any: {},
        far: {},
        gone: { description: 'd' },
      },
    });
  });

  it('loses types that llama.cpp does not know, and refuses the request for', () => {
    const properties = {
      a: { type: 'any', description: 'd' },
      b: { type: ['file', 'string'] },
      c: { type: ['file'] },
      d: { type: 5 },
      e: { type: {} },
    };
    expect(toolParameters({ type: 'object', properties }, 'grammar').properties).toEqual({
      a: { description: 'd' },
      b: { type: ['string'] },
      c: {},
      d: {},
      e: {},
    });
  });

  it('loses keywords whose value is none of theirs, which llama.cpp refuses the request for', () => {
    const properties = {
      a: { type: 'integer', exclusiveMinimum: true, minimum: '1' },
      b: { enum: 'x', anyOf: [], oneOf: {}, description: 'd' },
      c: { type: 'object', additionalProperties: 5, properties: { x: 5, y: { type: 'string' } } },
      d: { type: 'array', items: 5, minItems: '3' },
      e: { anyOf: [true, false, 5, { type: 'string' }], oneOf: [false] },
      f: { type: 'array', prefixItems: [true, { type: 'string' }, false] },
    };
    expect(toolParameters({ type: 'object', properties }, 'grammar').properties).toEqual({
      a: { type: 'integer' },
      b: { description: 'd' },
      c: { type: 'object', properties: { y: { type: 'string' } } },
      d: { type: 'array' },
      e: { anyOf: [{}, { type: 'string' }] },
      f: { type: 'array', prefixItems: [{}, { type: 'string' }, {}] },
    });
  });

  it('loses bounds between which there is nothing: llama.cpp does not come back from them', () => {
    const properties = {
      a: { type: 'string', minLength: 5, maxLength: 3 },
      b: { type: 'array', minItems: 5, maxItems: 3, items: {} },
      c: { type: 'integer', minimum: 5, maximum: 3 },
      d: { type: 'integer', exclusiveMinimum: 7, maximum: 3 },
      e: { type: 'array', minItems: 1.5, maxItems: -2, items: {} },
      f: { type: 'integer', minimum: 3, maximum: 3, minLength: 4 },
    };
    expect(toolParameters({ type: 'object', properties }, 'grammar').properties).toEqual({
      a: { type: 'string' },
      b: { type: 'array', items: {} },
      c: { type: 'integer' },
      d: { type: 'integer' },
      e: { type: 'array', items: {} },
      f: { type: 'integer', minimum: 3, maximum: 3, minLength: 4 },
    });
  });

  it('leads nowhere, names no pattern, and is done after one pass, whatever it is given', () => {
    fc.assert(
      fc.property(anySchema, (given) => {
        const before = JSON.stringify(given);
        const once = toolParameters(given, 'grammar');
        expect(JSON.stringify(given)).toBe(before);
        expect(JSON.stringify(toolParameters(once, 'grammar'))).toBe(JSON.stringify(once));
        for (const schema of everySchema(once)) {
          for (const key of ['pattern', 'patternProperties', 'propertyNames', 'uniqueItems', 'not', 'if', '$schema'])
            expect(schema).not.toHaveProperty([key]);
          expect(schema.minLength).not.toBe(5000);
          if (schema.$ref !== undefined) expect(schema.$ref).toMatch(/^#\//);
        }
        if (given.$ref === undefined && given.allOf === undefined) {
          const names = Object.keys((given.properties as Schema) ?? {});
          expect(isInOrder(names, Object.keys(once.properties as Schema))).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
