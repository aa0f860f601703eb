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
