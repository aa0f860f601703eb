import { isObject } from '../is-object.ts';
import { DEPTH_LIMIT, lookUp, mapSubschemas, type Schema, withoutKeys } from '../json-schema.ts';

/** References that are written out, at most: some schemas grow without measure when they are. */
const MOST_REFERENCES = 300;

/**
 * A tool's parameters in the keywords that Ollama keeps (`api.ToolProperty`: type, description, enum, items, properties,
 * required, anyOf). It drops others without a word, so what can be said in these is: references are written out, `oneOf`
 * becomes `anyOf`, `allOf` one schema, `const` an enum of one; and a property that is `true`, which it refuses with the whole
 * request, becomes `{}`. The same object where nothing changes.
 */
export function ollamaParameters(root: Schema): Schema {
  return new SchemaWriter(root).write();
}

interface Resolved {
  schema: Schema;
  /** References that led to it: one that comes again would never end. */
  path: readonly string[];
}

class SchemaWriter {
  readonly #root: Schema;
  #references = 0;

  constructor(root: Schema) {
    this.#root = root;
  }

  write(): Schema {
    const written = withoutKeys(this.#root, (key) => key === '$defs' || key === 'definitions');
    return this.#visit(written, [], 0);
  }

  #visit(given: Schema, path: readonly string[], depth: number): Schema {
    if (depth > DEPTH_LIMIT) return {};
    const resolved = this.#resolve(given, path);
    return mapSubschemas(inKnownWords(resolved.schema), (inner) => this.#visit(inner, resolved.path, depth + 1));
  }

  /** Without `$ref` and `allOf`. */
  #resolve(given: Schema, path: readonly string[]): Resolved {
    let schema = given;
    let steps = path;
    while (typeof schema.$ref === 'string' || Array.isArray(schema.allOf)) {
      if (Array.isArray(schema.allOf)) {
        const { allOf, ...rest } = schema;
        const branches: Schema[] = [];
        for (const branch of allOf.filter(isObject)) {
          const resolved = this.#resolve(branch, steps);
          branches.push(resolved.schema);
          steps = resolved.path;
        }
        schema = allTogether([...branches, rest]);
        continue;
      }
      const { $ref, ...rest } = schema;
      const reference = String($ref);
      const target = lookUp(this.#root, reference);
      this.#references += 1;
      const endless = steps.includes(reference) || this.#references > MOST_REFERENCES;
      if (target === null || endless) schema = { type: target?.type ?? 'object', ...rest };
      else schema = { ...target, ...rest };
      steps = [...steps, reference];
    }
    return { schema, path: steps };
  }
}

/** One schema that says what all of these say; of two words for one thing the later counts. */
function allTogether(schemas: readonly Schema[]): Schema {
  const merged: Schema = Object.fromEntries(schemas.flatMap(Object.entries));
  const properties = schemas.flatMap((schema) =>
    isObject(schema.properties) ? Object.entries(schema.properties) : [],
  );
  const required = schemas.flatMap((schema) => (Array.isArray(schema.required) ? schema.required : []));
  return {
    ...merged,
    ...(properties.length > 0 ? { properties: Object.fromEntries(properties) } : {}),
    ...(required.length > 0 ? { required: [...new Set(required)] } : {}),
  };
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
