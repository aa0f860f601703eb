import { isObject } from './is-object.ts';
import {
  DEPTH_LIMIT,
  mapValues,
  mergeBranches,
  References,
  type Resolved,
  type Schema,
  withoutKeys,
} from './json-schema.ts';

/** Keywords of Gemini's `Schema` (its API reference, "Caching: Schema"), by the type they belong to. */
const KEYWORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['string', ['enum', 'format', 'pattern', 'minLength', 'maxLength']],
  ['number', ['format', 'minimum', 'maximum']],
  ['integer', ['format', 'minimum', 'maximum']],
  ['boolean', []],
  ['array', ['items', 'minItems', 'maxItems']],
  ['object', ['properties', 'required', 'minProperties', 'maxProperties']],
]);
const COMMON = new Set(['type', 'title', 'description', 'nullable', 'default', 'example']);
/** "only 'enum' and 'date-time' are supported for STRING type" */
const FORMATS: ReadonlyMap<string, readonly unknown[]> = new Map([
  ['string', ['enum', 'date-time']],
  ['number', ['float', 'double']],
  ['integer', ['int32', 'int64']],
]);
/** Gemini wants a type everywhere; a text is what says the most where anything is allowed. */
const ANYTHING: Schema = { type: 'string' };

/**
 * A schema as Gemini takes it, natively and behind its imitation of Chat Completions: references written out, one type
 * with `nullable` for unions with null, `anyOf` alone, enums of texts, no other keyword than its own. What cannot be said is
 * left out, so the model may give what the schema forbids, which the client's own validation catches.
 */
export function geminiSchema(root: Schema): Schema {
  return new GeminiWriter(root).write(root, [], 0);
}

class GeminiWriter {
  readonly #root: Schema;
  readonly #references: References;

  constructor(root: Schema) {
    this.#root = root;
    this.#references = new References(root);
  }

  /** @param path references that lead here: one that comes again would never end. */
  write(given: unknown, path: readonly string[], depth: number): Schema {
    if (!isObject(given) || depth > DEPTH_LIMIT) return ANYTHING;
    const { schema, path: deeper } = this.#merge(this.#references.resolve(given, path));
    const inner = (value: unknown): Schema => this.write(value, deeper, depth + 1);
    return sameOr(given, this.#union(schema, inner) ?? this.#typed(schema, inner));
  }

  /** Alternatives of an object that has properties of its own are mostly about which of them are required. */
  #merge({ schema, path }: Resolved): Resolved {
    let merged = schema;
    let steps = path;
    for (const key of ['anyOf', 'oneOf'] as const) {
      const listed = merged[key];
      if (!isObject(merged.properties) || !Array.isArray(listed)) continue;
      const branches = listed.filter(isObject).map((branch) => {
        const resolved = this.#references.resolve(branch, steps);
        steps = resolved.path;
        return resolved.schema;
      });
      merged = mergeBranches({ ...merged, [key]: branches }, key, this.#root);
    }
    return { schema: merged, path: steps };
  }

  /** Null where there are no alternatives. `anyOf` may have no keyword beside it (opencode issue 14509). */
  #union(schema: Schema, inner: (value: unknown) => Schema): Schema | null {
    const { anyOf, oneOf, type, title, description, nullable, ...rest } = schema;
    const listed = [...(Array.isArray(anyOf) ? anyOf : []), ...(Array.isArray(oneOf) ? oneOf : [])].filter(isObject);
    const types = concreteTypes(type);
    const alternatives =
      listed.length > 0
        ? listed.map((branch) => (type === undefined ? branch : { type, ...branch }))
        : types.length > 1
          ? types.map((one) => ({ ...rest, type: one, ...enumOf(one, rest.enum) }))
          : [];
    const isNull = (branch: Schema) => branch.type === 'null' || branch.const === null;
    const possible = alternatives.filter((branch) => !isNull(branch));
    if (possible.length === 0) return null;
    const mayBeNull = nullable === true || allowsNull(type) || possible.length < alternatives.length;
    const heading = withoutUndefined({ title, description });
    const branches = possible.map(inner).flatMap((branch) => (Array.isArray(branch.anyOf) ? branch.anyOf : [branch]));
    const headed = distinct(
      branches.map((branch) => sameOr(branch, { ...heading, ...branch, ...(mayBeNull ? { nullable: true } : {}) })),
    );
    const only = headed[0];
    if (headed.length === 1 && only !== undefined) return { ...only, ...heading };
    return { anyOf: sameList(anyOf, headed) };
  }

  #typed(schema: Schema, inner: (value: unknown) => Schema): Schema {
    const type = concreteTypes(schema.type)[0] ?? typeOfShape(schema);
    const own = KEYWORDS.get(type);
    if (own === undefined) return this.#typed({ ...schema, type: 'string' }, inner);
    const said = { ...withLimits(withEnum(schema, type), type), type };
    const kept = withoutKeys(said, (key, value) => {
      if (key === 'format') return FORMATS.get(type)?.includes(value) !== true;
      if (key === 'default') return value === null;
      if (key === 'nullable') return value !== true;
      return !own.includes(key) && !COMMON.has(key);
    });
    const nullable = schema.nullable === true || allowsNull(schema.type) || schema.const === null;
    const written = mapValues(nullable ? { ...kept, nullable: true } : kept, (value, key) => {
      if (key === 'properties' && isObject(value)) return mapValues(value, inner);
      return key === 'items' ? inner(value) : value;
    });
    if (type === 'array') return { ...written, items: this.#items(schema, written.items, inner) };
    return type === 'object' ? withDefinedRequired(written) : written;
  }

  /** Gemini refuses an array without them, and has no tuples: any of a tuple's elements may then stand anywhere. */
  #items(schema: Schema, written: unknown, inner: (value: unknown) => Schema): unknown {
    const tuple = Array.isArray(schema.prefixItems) ? schema.prefixItems : schema.items;
    if (!Array.isArray(tuple)) return written ?? ANYTHING;
    return inner(tuple.length === 0 ? ANYTHING : { anyOf: tuple });
  }
}

const allowsNull = (type: unknown): boolean => type === 'null' || (Array.isArray(type) && type.includes('null'));

const concreteTypes = (type: unknown): string[] =>
  (Array.isArray(type) ? type : [type]).filter((one): one is string => typeof one === 'string' && one !== 'null');

/** The type of a schema that does not say it. */
function typeOfShape(schema: Schema): string {
  if (isObject(schema.properties) || schema.additionalProperties !== undefined) return 'object';
  if (schema.items !== undefined || schema.prefixItems !== undefined) return 'array';
  const values = 'const' in schema ? [schema.const] : Array.isArray(schema.enum) ? schema.enum : [];
  return typeOfValue(values.find((value) => value !== null)) ?? 'string';
}

function typeOfValue(value: unknown): string | null {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (typeof value === 'string' || typeof value === 'boolean') return typeof value;
  if (Array.isArray(value)) return 'array';
  return isObject(value) ? 'object' : null;
}

/** The values of an enum that are of one of several types. */
function enumOf(type: string, values: unknown): { enum?: unknown[] } {
  if (!Array.isArray(values)) return {};
  const isOfType = (value: unknown) => typeOfValue(value) === type || (type === 'number' && typeof value === 'number');
  return { enum: values.filter(isOfType) };
}

/** `const` and `enum` as Gemini has them: texts that are not empty. Others are told to the model in words. */
function withEnum(schema: Schema, type: string): Schema {
  const { const: constant, ...rest } = schema;
  const values = 'const' in schema ? [constant] : Array.isArray(schema.enum) ? schema.enum : null;
  if (values === null) return schema;
  const possible = values.filter((value) => value !== null && value !== '');
  const isEnum = type === 'string' && possible.every((value) => typeof value === 'string');
  const nullable = possible.length < values.length && values.includes(null) ? { nullable: true } : {};
  if (isEnum && possible.length > 0) return { ...rest, enum: sameList(schema.enum, possible), ...nullable };
  const told = possible.length > 0 ? `Allowed: ${possible.map((value) => JSON.stringify(value)).join(', ')}.` : '';
  const description = [schema.description, told].filter((text) => typeof text === 'string' && text !== '').join(' ');
  const withoutEnum = withoutKeys(rest, (key) => key === 'enum');
  return { ...withoutEnum, ...(description === '' ? {} : { description }), ...nullable };
}

/** Limits that a value may not reach become ones that it may. */
function withLimits(schema: Schema, type: string): Schema {
  const { exclusiveMinimum, exclusiveMaximum, ...rest } = schema;
  const step = type === 'integer' ? 1 : 0;
  if (typeof exclusiveMinimum === 'number')
    rest.minimum = Math.max(exclusiveMinimum + step, typeof rest.minimum === 'number' ? rest.minimum : -Infinity);
  if (typeof exclusiveMaximum === 'number')
    rest.maximum = Math.min(exclusiveMaximum - step, typeof rest.maximum === 'number' ? rest.maximum : Infinity);
  return rest;
}

/** "required[0]: property is not defined", "should be non-empty for OBJECT type" */
function withDefinedRequired(schema: Schema): Schema {
  const names = isObject(schema.properties) ? Object.keys(schema.properties) : [];
  const required = Array.isArray(schema.required) ? schema.required.filter((name) => names.includes(name)) : [];
  const defined = withoutKeys(
    schema,
    (key) => (key === 'properties' && names.length === 0) || (key === 'required' && required.length === 0),
  );
  return 'required' in defined ? { ...defined, required: sameList(schema.required, required) } : defined;
}

function distinct(schemas: readonly Schema[]): Schema[] {
  const seen = new Set<string>();
  return schemas.filter((schema) => {
    const json = JSON.stringify(schema);
    return seen.has(json) ? false : seen.add(json);
  });
}

const withoutUndefined = (object: Schema): Schema => withoutKeys(object, (_, value) => value === undefined);

/** The given list where the other has the same elements. */
const sameList = (given: unknown, list: readonly unknown[]): readonly unknown[] =>
  Array.isArray(given) && given.length === list.length && list.every((element, at) => element === given[at])
    ? given
    : list;

/** The given object where the other has the same keys in the same order and the same values. */
function sameOr(given: Schema, schema: Schema): Schema {
  const keys = Object.keys(given);
  const others = Object.keys(schema);
  const same =
    keys.length === others.length && keys.every((key, at) => key === others[at] && given[key] === schema[key]);
  return same ? given : schema;
}
