import { isObject } from '../is-object.ts';
import { DEPTH_LIMIT, mapSubschemas, References, type Schema, withoutKeys } from '../json-schema.ts';

/**
 * A tool's parameters in the keywords that Ollama keeps (`api.ToolProperty`: type, description, enum, items, properties,
 * required, anyOf). It drops others without a word, so what can be said in these is: references are written out, `oneOf`
 * becomes `anyOf`, `allOf` one schema, `const` an enum of one; and a property that is `true`, which it refuses with the whole
 * request, becomes `{}`. The same object where nothing changes.
 */
export function ollamaParameters(root: Schema): Schema {
  const references = new References(root);
  const visit = (given: Schema, path: readonly string[], depth: number): Schema => {
    if (depth > DEPTH_LIMIT) return {};
    const resolved = references.resolve(given, path);
    return mapSubschemas(inKnownWords(resolved.schema), (inner) => visit(inner, resolved.path, depth + 1));
  };
  return visit(
    withoutKeys(root, (key) => key === '$defs' || key === 'definitions'),
    [],
    0,
  );
}

function inKnownWords(given: Schema): Schema {
  let schema = given;
  if (Array.isArray(schema.oneOf) && !Array.isArray(schema.anyOf)) {
    const { oneOf, ...rest } = schema;
    schema = { ...rest, anyOf: oneOf };
  }
  if ('const' in schema && schema.enum === undefined) {
    const { const: only, ...rest } = schema;
    schema = { ...rest, enum: [only] };
  }
  const { properties } = schema;
  if (!isObject(properties) || Object.values(properties).every(isObject)) return schema;
  // `true` as a property says the same as `{}`; `false` allows nothing.
  const possible = Object.entries(properties).flatMap(([name, value]) => {
    if (value === true) return [[name, {}]];
    return isObject(value) ? [[name, value]] : [];
  });
  return { ...schema, properties: Object.fromEntries(possible) };
}
