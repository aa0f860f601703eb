import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { geminiSchema } from '../../../src-main/protocols/gemini-schema.ts';
import { outputSchema, toolParameters } from '../../../src-main/protocols/tool-schema.ts';
import { anySchema, everySchema, isInOrder } from './any-schema.ts';

type Schema = Record<string, unknown>;

/** What becomes of one property. */
const property = (schema: Schema, $defs: Schema = {}) => {
  const root = toolParameters({ type: 'object', properties: { p: schema }, $defs }, 'gemini');
  return (root.properties as Schema).p;
};

describe('geminiSchema', () => {
  it('gives a schema that needs no change back as it is', () => {
    const schema = {
      type: 'object',
      description: 'd',
      properties: {
        a: { type: 'array', items: { type: 'string', enum: ['x'] }, maxItems: 3 },
        b: { anyOf: [{ type: 'string' }, { type: 'number', format: 'double' }] },
        c: { type: 'integer', nullable: true, minimum: 1 },
      },
      required: ['a'],
    };
    expect(toolParameters(schema, 'gemini')).toBe(schema);
  });

  it.each<[string, Schema, Schema]>([
    ['a union with null', { type: ['string', 'null'] }, { type: 'string', nullable: true }],
    [
      'alternatives one of which is null',
      { description: 'd', anyOf: [{ type: 'string', format: 'uri' }, { type: 'null' }] },
      { type: 'string', nullable: true, description: 'd' },
    ],
    [
      'several types, each with its own keywords',
      { type: ['string', 'array'], items: { type: 'integer' }, maxLength: 3, title: 't' },
      {
        anyOf: [
          { title: 't', type: 'string', maxLength: 3 },
          { title: 't', type: 'array', items: { type: 'integer' } },
        ],
      },
    ],
    [
      'oneOf',
      { oneOf: [{ type: 'string' }, { type: 'integer' }] },
      { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    ],
    [
      'alternatives that become the same',
      { anyOf: [{ type: 'string', format: 'uri' }, { type: 'string' }] },
      { type: 'string' },
    ],
    [
      'alternatives about what is required',
      {
        type: 'object',
        properties: { a: { type: 'string' }, b: { type: 'string' } },
        anyOf: [{ required: ['a'] }, { required: ['b'] }],
      },
      { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } },
    ],
    [
      'the parts of allOf',
      { description: 'd', allOf: [{ $ref: '#/$defs/a' }, { properties: { b: { type: 'boolean' } }, required: ['b'] }] },
      {
        description: 'd',
        type: 'object',
        properties: { x: { type: 'string' }, b: { type: 'boolean' } },
        required: ['b'],
      },
    ],
    ['a constant text', { const: 'x' }, { enum: ['x'], type: 'string' }],
    ['a constant of another type', { const: true }, { type: 'boolean', description: 'Allowed: true.' }],
    [
      'an enum of numbers',
      { description: 'Level.', enum: [1, 2, null] },
      { description: 'Level. Allowed: 1, 2.', type: 'integer', nullable: true },
    ],
    ['an enum with an empty text', { type: 'string', enum: ['', 'a'] }, { type: 'string', enum: ['a'] }],
    ['an enum of nothing else', { type: 'string', enum: [''] }, { type: 'string' }],
    [
      'limits that may not be reached',
      { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 9, minimum: 5 },
      { type: 'integer', minimum: 5, maximum: 8 },
    ],
    [
      'the same as draft 4 says it',
      { type: 'number', minimum: 1, exclusiveMinimum: true },
      { type: 'number', minimum: 1 },
    ],
    ['formats', { type: 'integer', format: 'uint64' }, { type: 'integer' }],
    ['formats it has', { type: 'string', format: 'date-time' }, { type: 'string', format: 'date-time' }],
    ['an array of anything', { type: 'array' }, { type: 'array', items: { type: 'string' } }],
    [
      'a tuple',
      { type: 'array', items: [{ type: 'integer' }, { type: 'integer' }] },
      { type: 'array', items: { type: 'integer' } },
    ],
    ['a record', { type: 'object', additionalProperties: { type: 'string' }, properties: {} }, { type: 'object' }],
    ['anything', {}, { type: 'string' }],
    [
      'what is required and not there',
      { properties: { a: {} }, required: ['a', 'b'] },
      { properties: { a: { type: 'string' } }, required: ['a'], type: 'object' },
    ],
    ['a null default', { type: 'string', default: null }, { type: 'string' }],
    [
      'a reference with words of its own',
      { $ref: '#/$defs/a', description: 'e' },
      { type: 'object', properties: { x: { type: 'string' } }, description: 'e' },
    ],
    ['a reference to nowhere', { $ref: '#/$defs/gone', description: 'e' }, { description: 'e', type: 'string' }],
    [
      'a reference that never ends',
      { $ref: '#/$defs/list' },
      { type: 'object', properties: { next: { type: 'object' } } },
    ],
  ])('knows no other word for %s', (_, schema, wanted) => {
    const $defs = {
      a: { type: 'object', properties: { x: { type: 'string' } } },
      list: { type: 'object', properties: { next: { $ref: '#/$defs/list' } } },
    };
    const written = property(schema, $defs);
    expect(written).toEqual(wanted);
  });

  it('writes references out only so often', () => {
    const $defs: Schema = {};
    for (let step = 0; step < 40; step += 1) {
      const next = { $ref: `#/$defs/d${step + 1}` };
      $defs[`d${step}`] = { type: 'object', properties: { left: next, right: next } };
    }
    const written = toolParameters({ type: 'object', properties: { a: { $ref: '#/$defs/d0' } }, $defs }, 'gemini');
    expect(JSON.stringify(written).length).toBeLessThan(100_000);
  });

  it('is for schemas of answers, too', () => {
    const schema = { type: 'object', properties: { a: { const: 'x' } }, additionalProperties: false };
    expect(outputSchema(schema, 'gemini')).toEqual({
      type: 'object',
      properties: { a: { enum: ['x'], type: 'string' } },
    });
    expect(outputSchema(schema, 'full')).toBe(schema);
  });

  it('holds no keyword that Gemini refuses, whatever it is given', () => {
    const allowed = [
      ...['type', 'title', 'description', 'nullable', 'default', 'example', 'enum', 'format', 'pattern', 'minLength'],
      ...['maxLength', 'minimum', 'maximum', 'items', 'minItems', 'maxItems', 'properties', 'required'],
      ...['minProperties', 'maxProperties', 'anyOf'],
    ];
    fc.assert(
      fc.property(anySchema, (given) => {
        for (const schema of everySchema(toolParameters(given, 'gemini'))) {
          for (const key of Object.keys(schema)) expect(allowed).toContain(key);
          if (schema.anyOf !== undefined) {
            expect(Object.keys(schema)).toEqual(['anyOf']);
            expect((schema.anyOf as unknown[]).length).toBeGreaterThan(1);
            continue;
          }
          expect(['string', 'number', 'integer', 'boolean', 'array', 'object']).toContain(schema.type);
          if (schema.type === 'array') expect(schema.items).toBeTypeOf('object');
          const names = Object.keys((schema.properties as Schema | undefined) ?? {});
          for (const name of (schema.required as string[] | undefined) ?? []) expect(names).toContain(name);
          if (schema.enum !== undefined) {
            expect(schema.type).toBe('string');
            for (const value of schema.enum as unknown[]) expect(value).toMatch(/./);
          }
          if (schema.format !== undefined)
            expect(['string date-time', 'string enum', 'integer int32', 'number double']).toContain(
              `${schema.type} ${schema.format}`,
            );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is done after one pass, changes nothing it is given and keeps the order', () => {
    fc.assert(
      fc.property(anySchema, (given) => {
        const before = JSON.stringify(given);
        const once = toolParameters(given, 'gemini');
        expect(JSON.stringify(given)).toBe(before);
        expect(JSON.stringify(toolParameters(once, 'gemini'))).toBe(JSON.stringify(once));
        expect(JSON.stringify(geminiSchema(geminiSchema(given)))).toBe(JSON.stringify(geminiSchema(given)));
        if (given.$ref === undefined && given.allOf === undefined)
          expect(
            isInOrder(Object.keys((given.properties as Schema) ?? {}), Object.keys(once.properties as Schema)),
          ).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
