import { isObject } from './is-object.ts';
import { DEPTH_LIMIT, lookUp, mapSubschemas, mapValues, type Schema, withoutKeys } from './json-schema.ts';

/**
 * What makes servers that turn a schema into a grammar refuse the whole request, even where the tool is never called:
 * patterns without anchors or with `\d` (llama.cpp issues 26930, 27580), and keywords that a grammar cannot say.
 */
const IMPOSSIBLE = new Set([
  'pattern',
  'patternProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'multipleOf',
  'uniqueItems',
  'contains',
  'minContains',
  'maxContains',
  'unevaluatedProperties',
  'unevaluatedItems',
  'dependentRequired',
  'dependentSchemas',
  'not',
  'if',
  'then',
  'else',
]);
const NUMBERS = new Set(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']);
const LISTS = new Set(['enum', 'anyOf', 'oneOf', 'allOf']);
const LISTS_OF_SCHEMAS = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems', 'items']);
const REPETITIONS = new Set(['minLength', 'maxLength', 'minItems', 'maxItems']);
/** llama.cpp gives up at 2000, nested ones sooner ("number of repetitions exceeds sane defaults", its issue 25746). */
const MOST_REPETITIONS = 1000;
/** Other types are refused with the whole request ("unrecognized type any"). */
const TYPES = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);
/** From these to those. llama.cpp 0.7.0 does not come back from a schema that allows nothing between its bounds. */
const BOUNDS = [
  [['minLength'], ['maxLength']],
  [['minItems'], ['maxItems']],
  [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ],
] as const;
/** What llama.cpp has rules for; other formats are ignored there and refused elsewhere. */
const FORMATS = new Set(['date', 'time', 'date-time', 'uuid']);

/** A schema of which a grammar can be built. Says less than the given one, never something else. */
export function grammarSchema(root: Schema): Schema {
  const goes = (key: string, value: unknown): boolean => {
    if (IMPOSSIBLE.has(key)) return true;
    if (key === 'format') return typeof value !== 'string' || !FORMATS.has(value);
    if (key === '$ref') return typeof value !== 'string' || !value.startsWith('#/') || lookUp(root, value) === null;
    // As of JSON Schema's draft 4, where it is a boolean ("exclusiveMinimum must be a number").
    if (NUMBERS.has(key)) return typeof value !== 'number';
    if (LISTS.has(key)) return !Array.isArray(value) || value.length === 0;
    if (key === 'additionalProperties' || key === 'items')
      return typeof value !== 'boolean' && !isObject(value) && !Array.isArray(value);
    if (key === 'type') return !Array.isArray(value) && !isType(value);
    return (
      REPETITIONS.has(key) && !(Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MOST_REPETITIONS)
    );
  };
  const visit = (schema: Schema, depth: number): Schema => {
    if (depth > DEPTH_LIMIT) return {};
    const possible = withKnownTypes(withoutEmptyBounds(withoutKeys(withoutBooleans(schema), goes)));
    return mapSubschemas(possible, (inner) => visit(inner, depth + 1));
  };
  return visit(root, 0);
}

const isType = (value: unknown): boolean => typeof value === 'string' && TYPES.has(value);

function withKnownTypes(schema: Schema): Schema {
  const known = mapValues(schema, (value, key) =>
    key === 'type' && Array.isArray(value) && !value.every(isType) ? value.filter(isType) : value,
  );
  return withoutKeys(known, (key, value) => key === 'type' && Array.isArray(value) && value.length === 0);
}

function withoutEmptyBounds(schema: Schema): Schema {
  let result = schema;
  for (const [lower, upper] of BOUNDS) {
    const least = lower.map((key) => schema[key]).filter((value) => typeof value === 'number');
    const most = upper.map((key) => schema[key]).filter((value) => typeof value === 'number');
    if (least.length === 0 || most.length === 0 || Math.max(...least) <= Math.min(...most)) continue;
    const keys: readonly string[] = [...lower, ...upper];
    result = withoutKeys(result, (key) => keys.includes(key));
  }
  return result;
}

/** `true` becomes `{}`, which says the same; `false` allows nothing and goes, but for its place in a list where that counts. */
function withoutBooleans(schema: Schema): Schema {
  const open = mapValues(schema, (value, key) => {
    if (key === 'items' && value === true) return {};
    if (Array.isArray(value) && LISTS_OF_SCHEMAS.has(key)) {
      if (value.every(isObject)) return value;
      const isTuple = key === 'items' || key === 'prefixItems';
      return value.flatMap((inner) => (isObject(inner) ? [inner] : inner === true || isTuple ? [{}] : []));
    }
    if (key !== 'properties' || !isObject(value)) return value;
    const possible = withoutKeys(value, (_, inner) => inner !== true && !isObject(inner));
    return mapValues(possible, (inner) => (inner === true ? {} : inner));
  });
  return withoutKeys(open, (key, value) => key === 'items' && value === false);
}
