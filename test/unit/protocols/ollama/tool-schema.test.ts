import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ollamaParameters } from '../../../../src-main/protocols/ollama/tool-schema.ts';

const text = { type: 'string' };
const point = { type: 'object', properties: { y: { type: 'number' } }, required: ['y'] };

describe('a tool schema', () => {
  it('that says nothing else than Ollama keeps is the same object', () => {
    const schema = {
      type: 'object',
      properties: { a: text, b: { type: 'array', items: text }, c: { anyOf: [text, point] }, d: { enum: ['x'] } },
      required: ['a'],
    };
    expect(ollamaParameters(schema)).toBe(schema);
  });

  it('says in the keywords that Ollama keeps what it can', () => {
    expect(
      ollamaParameters({
        type: 'object',
        properties: {
          one: { $ref: '#/$defs/Point', description: 'Where' },
          list: { type: 'array', items: { $ref: '#/$defs/Point' } },
          kind: { const: 'a' },
          either: { oneOf: [text, { $ref: '#/$defs/Point' }] },
          // As pydantic writes a reference with a default.
          level: { allOf: [{ $ref: '#/$defs/Level' }], default: 'low' },
          both: { allOf: [{ properties: { x: { const: 1 } }, required: ['x'] }, { $ref: '#/$defs/Point' }] },
          any: true,
          never: false,
          lost: { $ref: '#/$defs/Nothing' },
        },
        required: ['one'],
        $defs: { Point: point, Level: { type: 'string', enum: ['low', 'high'] } },
      }),
    ).toEqual({
      type: 'object',
      properties: {
        one: { ...point, description: 'Where' },
        list: { type: 'array', items: point },
        kind: { enum: ['a'] },
        either: { anyOf: [text, point] },
        level: { type: 'string', enum: ['low', 'high'], default: 'low' },
        both: { type: 'object', properties: { x: { enum: [1] }, y: { type: 'number' } }, required: ['x', 'y'] },
        any: {},
        lost: {},
      },
      required: ['one'],
    });
  });

  it('that contains itself ends somewhere', () => {
    const Tree = { type: 'object', properties: { left: { $ref: '#/$defs/Tree' }, right: { $ref: '#/$defs/Tree' } } };
    expect(
      ollamaParameters({ type: 'object', properties: { root: { $ref: '#/$defs/Tree' } }, $defs: { Tree } }),
    ).toEqual({
      type: 'object',
      properties: { root: { type: 'object', properties: { left: { type: 'object' }, right: { type: 'object' } } } },
    });
  });

  it('holds no reference, no allOf and no boolean property, and is of bounded size, whatever it was', () => {
    const names = ['A', 'B', 'C'];
    const { schema } = fc.letrec<{ schema: unknown }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        fc.constantFrom<unknown>(text, true, false, { const: 1 }, { enum: [1, 2] }),
        fc.constantFrom(...names, 'D').map((name) => ({ $ref: `#/$defs/${name}` })),
        fc.dictionary(fc.constantFrom('p', 'q', 'constructor'), tie('schema')).map((properties) => ({ properties })),
        fc
          .constantFrom('allOf', 'anyOf', 'oneOf')
          .chain((key) => fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((list) => ({ [key]: list }))),
        tie('schema').map((items) => ({ type: 'array', items })),
      ),
    }));
    const check = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      expect(Object.keys(value)).not.toContain('$ref');
      expect(Object.keys(value)).not.toContain('allOf');
      if ('properties' in value)
        for (const inner of Object.values(value.properties ?? {})) expect(inner).toBeTypeOf('object');
      for (const inner of Object.values(value)) check(inner);
    };
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), schema, { maxKeys: 3 }),
        fc.tuple(schema, schema, schema),
        (properties, defs) => {
          const $defs = Object.fromEntries(defs.map((def, index) => [names[index], def]));
          const root = { $defs, type: 'object', properties };
          const written = ollamaParameters(root);
          check(written);
          expect(JSON.stringify(written).length).toBeLessThan(2_000_000);
        },
      ),
      { numRuns: 200 },
    );
  });
});
