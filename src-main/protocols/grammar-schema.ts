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
const REPETITIONS = new Set(['minLength', 'maxLength', 'minItems', 'maxItems']);
/** llama.cpp gives up at 2000, nested ones sooner ("number of repetitions exceeds sane defaults", its issue 25746). */
const MOST_REPETITIONS = 1000;
/** What llama.cpp has rules for; other formats are ignored there and refused elsewhere. */
const FORMATS = new Set(['date', 'time', 'date-time', 'uuid']);

/** A schema of which a grammar can be built. Says less than the given one, never something else. */
export function grammarSchema(root: Schema): Schema {
  const goes = (key: string, value: unknown): boolean => {
    if (IMPOSSIBLE.has(key)) return true;
    if (key === 'format') return typeof value !== 'string' || !FORMATS.has(value);
    if (key === '$ref') return typeof value !== 'string' || !value.startsWith('#/') || lookUp(root, value) === null;
    return REPETITIONS.has(key) && !(typeof value === 'number' && value <= MOST_REPETITIONS);
  };
  const visit = (schema: Schema, depth: number): Schema => {
    if (depth > DEPTH_LIMIT) return {};
    return mapSubschemas(withoutBooleans(withoutKeys(schema, goes)), (inner) => visit(inner, depth + 1));
  };
  return visit(root, 0);
}

/** `true` as a property or an element becomes `{}`, which says the same; `false` allows nothing and goes. */
function withoutBooleans(schema: Schema): Schema {
  const open = mapValues(schema, (value, key) => {
    if (key === 'items' && value === true) return {};
    if (key !== 'properties' || !isObject(value)) return value;
    const possible = withoutKeys(value, (_, inner) => inner === false);
    return mapValues(possible, (inner) => (inner === true ? {} : inner));
  });
  return withoutKeys(open, (key, value) => key === 'items' && value === false);
}
