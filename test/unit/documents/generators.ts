import fc from 'fast-check';

/** A place of a value. */
export type Place = (string | number)[];

const name = fc.oneof(
  { weight: 5, arbitrary: fc.stringMatching(/^[a-z]{1,5}$/) },
  fc.constantFrom('a.b', 'with blank', 'ä', '-', 'null', '1', '#', 'x: y', '"', "'", '[', '__proto__', 'constructor'),
);
const text = fc.oneof(
  fc.stringMatching(/^[a-z ]{0,12}$/),
  fc.constantFrom(
    'true',
    '12',
    '# no',
    'a: b',
    '- x',
    '{',
    'C:\\x',
    'line\nline',
    '"',
    "it's",
    ' padded ',
    '*a',
    '&a',
    '@',
    '~',
    '\t',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);
const scalar = (withNull: boolean) =>
  fc.oneof(text, fc.integer({ min: -1e6, max: 1e6 }), fc.boolean(), ...(withNull ? [fc.constant(null)] : []));

/** Plain JSON data. */
export const jsonValue = (withNull = true): fc.Arbitrary<unknown> =>
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      scalar(withNull),
      fc.array(tie('value'), { maxLength: 3 }),
      dictionary(tie('value')),
    ),
  })).value;

const dictionary = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> =>
  fc.uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([key]) => key }).map(Object.fromEntries);

/** A section, as documents are. */
export const section = (withNull = true): fc.Arbitrary<Record<string, unknown>> => dictionary(jsonValue(withNull));

export const fieldName = name;

/** All places of a value but the whole. */
export function placesOf(value: unknown, above: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) => [[...above, key], ...placesOf(inner, [...above, key])]);
}

/** All places where something can be added, and the sections and lists they are in. */
export function containersOf(value: unknown, above: Place = []): { path: Place; value: unknown }[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [{ path: above, value }, ...entries.flatMap(([key, inner]) => containersOf(inner, [...above, key]))];
}
