import fc from 'fast-check';

type Schema = Record<string, unknown>;

/** Values that only look like keywords stand among a schema's properties. */
const propertyName = fc.constantFrom('a', 'b', 'type', '$ref', 'properties', 'constructor', '__proto__');
const scalar = fc.constantFrom<unknown>('x', '', 1, 1.5, true, null);

/** @param inner schemas that stand in it. */
const keywords = (inner: fc.Arbitrary<unknown>): Record<string, fc.Arbitrary<unknown>> => ({
  type: fc.oneof(
    fc.constantFrom('object', 'array', 'string', 'integer', 'number', 'boolean', 'null', 'any', 'constructor'),
    fc.constantFrom(['string', 'null'], ['string', 'integer'], ['object', 'array', 'null'], []),
  ),
  properties: fc.dictionary(propertyName, inner, { maxKeys: 3 }),
  required: fc.constantFrom(['a'], ['a', 'gone'], []),
  additionalProperties: inner,
  items: fc.oneof(inner, fc.array(inner, { maxLength: 2 })),
  prefixItems: fc.array(inner, { maxLength: 2 }),
  anyOf: fc.array(inner, { maxLength: 3 }),
  oneOf: fc.array(inner, { maxLength: 2 }),
  allOf: fc.array(inner, { maxLength: 2 }),
  not: inner,
  if: inner,
  $ref: fc.constantFrom('#', '#/$defs/a', '#/$defs/b', '#/properties/a', '#/gone', 'https://x.test/s.json'),
  $defs: fc.dictionary(fc.constantFrom('a', 'b'), inner, { maxKeys: 2 }),
  enum: fc.array(scalar, { maxLength: 3 }),
  const: scalar,
  default: scalar,
  format: fc.constantFrom('uri', 'date-time', 'date', 'int32', 'double', 'enum'),
  pattern: fc.constantFrom('\\S', '^a$', '(?=x)'),
  minLength: fc.constantFrom(0, 5000),
  maxItems: fc.constantFrom(3, 5000),
  minimum: fc.constantFrom(0, 10),
  exclusiveMinimum: fc.constantFrom<unknown>(0, 5.5, true),
  exclusiveMaximum: fc.constantFrom<unknown>(9, false),
  uniqueItems: fc.boolean(),
  propertyNames: inner,
  patternProperties: fc.dictionary(fc.constantFrom('^x'), inner, { maxKeys: 1 }),
  nullable: fc.boolean(),
  description: fc.constantFrom('d', ''),
  title: fc.constant('t'),
  $schema: fc.constant('https://json-schema.org/draft/2020-12/schema'),
  $comment: fc.constant('c'),
});

/** A few keywords of each schema only: all of them at once would hide most of what they do. */
function schemaOf(inner: fc.Arbitrary<unknown>): fc.Arbitrary<Schema> {
  const all = keywords(inner);
  return fc
    .subarray(Object.keys(all), { minLength: 3, maxLength: 9 })
    .chain((keys) =>
      fc.record(Object.fromEntries(keys.map((key) => [key, all[key] ?? fc.constant(null)])), { noNullPrototype: true }),
    );
}

const orBoolean = (schemas: fc.Arbitrary<Schema>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 8, arbitrary: schemas }, { weight: 1, arbitrary: fc.boolean() });
const leaf = orBoolean(schemaOf(fc.constant({})));
const branch = orBoolean(schemaOf(leaf));

/** JSON Schemas as tools have them, with nearly every keyword, references that end nowhere or never, and nonsense. */
export const anySchema: fc.Arbitrary<Schema> = schemaOf(branch);

/** Every object of a sanitised schema that is a schema, itself included; what stands under a name is none. */
export function everySchema(schema: Schema): Schema[] {
  const inner = Object.entries(schema).flatMap(([key, value]): unknown[] => {
    if (key === 'properties' || key === '$defs') return Object.values(value as Schema);
    if (key === 'items' || key === 'additionalProperties') return [value];
    return key === 'anyOf' || key === 'oneOf' || key === 'allOf' ? (value as unknown[]) : [];
  });
  return [
    schema,
    ...inner.filter((one): one is Schema => typeof one === 'object' && one !== null).flatMap(everySchema),
  ];
}

/** Whether what both lists hold stands in both in the same order. */
export function isInOrder(before: readonly string[], after: readonly string[]): boolean {
  const kept = before.filter((key) => after.includes(key));
  return JSON.stringify(after.filter((key) => before.includes(key))) === JSON.stringify(kept);
}
