import { isObject } from './is-object.ts';

type Schema = Record<string, unknown>;

/** Keywords whose value is one schema, or a list of them. */
const SUBSCHEMAS = new Set([
  'items',
  'prefixItems',
  'additionalProperties',
  'anyOf',
  'oneOf',
  'allOf',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
]);
/** Keywords whose value is schemas by name. The names are the user's: `$id` there is a property, not a keyword. */
const NAMED_SUBSCHEMAS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
/** Deeper than any tool definition; below it a schema is passed as it is. */
const DEPTH_LIMIT = 64;

/**
 * A tool's `input_schema` as Chat Completions takes it for `function.parameters`: `$schema`, `$id`, `$comment` and null
 * defaults go, the root becomes an object with `properties`. Everything else stays, in its order, and what needs no change
 * is returned as the same object.
 */
export function toolParameters(schema: Schema): Schema {
  return asObjectRoot(withoutNoise(schema, 0));
}

function withoutNoise(schema: Schema, depth: number): Schema {
  if (depth > DEPTH_LIMIT) return schema;
  let changed: Schema | null = null;
  for (const key in schema) {
    const value = schema[key];
    if (key === '$schema' || key === '$id' || key === '$comment' || (key === 'default' && value === null)) {
      changed ??= { ...schema };
      delete changed[key];
      continue;
    }
    if (typeof value !== 'object' || value === null) continue;
    let next: unknown = value;
    if (SUBSCHEMAS.has(key))
      next = Array.isArray(value) ? eachOfList(value, depth) : withoutNoise(value as Schema, depth + 1);
    else if (NAMED_SUBSCHEMAS.has(key) && !Array.isArray(value)) next = eachByName(value as Schema, depth);
    if (next === value) continue;
    changed ??= { ...schema };
    changed[key] = next;
  }
  return changed ?? schema;
}

function eachOfList(schemas: unknown[], depth: number): unknown[] {
  const next = schemas.map((schema) => (isObject(schema) ? withoutNoise(schema, depth + 1) : schema));
  return next.every((schema, index) => schema === schemas[index]) ? schemas : next;
}

function eachByName(schemas: Schema, depth: number): Schema {
  let changed: Schema | null = null;
  for (const name in schemas) {
    const schema = schemas[name];
    if (!isObject(schema)) continue;
    const next = withoutNoise(schema, depth + 1);
    if (next === schema) continue;
    changed ??= { ...schemas };
    changed[name] = next;
  }
  return changed ?? schemas;
}

/** Chat Completions wants `type: "object"` with `properties` at the root, and no `anyOf`, `oneOf`, `allOf` or `$ref`. */
function asObjectRoot(schema: Schema): Schema {
  let root = schema;
  const target = typeof root.$ref === 'string' ? lookUp(root, root.$ref) : null;
  if (target !== null) {
    const { $ref: _, ...rest } = root;
    root = { ...target, ...rest };
  }
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const) if (Array.isArray(root[key])) root = mergeBranches(root, key);
  if (root.type === 'object' && isObject(root.properties)) return root;
  return { ...root, type: 'object', properties: isObject(root.properties) ? root.properties : {} };
}

/** A local reference such as `#/$defs/Input`; null where it leads nowhere. */
function lookUp(root: Schema, reference: string): Schema | null {
  if (!reference.startsWith('#/')) return null;
  let at: unknown = root;
  for (const step of reference.slice(2).split('/')) {
    if (!isObject(at)) return null;
    at = at[step.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return isObject(at) ? at : null;
}

/**
 * One object that every branch fits in: all their properties; required is what all branches (`allOf`: any branch) require.
 * The model may then give a combination that no branch allows, which the client's own validation catches.
 */
function mergeBranches(root: Schema, key: 'allOf' | 'anyOf' | 'oneOf'): Schema {
  const { [key]: listed, ...rest } = root;
  const branches = (Array.isArray(listed) ? listed : [])
    .filter(isObject)
    .map((branch) => (typeof branch.$ref === 'string' ? (lookUp(root, branch.$ref) ?? branch) : branch));
  // Without a prototype: a property may be called `constructor`.
  const properties: Schema = Object.create(null);
  for (const branch of [rest, ...branches])
    if (isObject(branch.properties)) for (const name in branch.properties) properties[name] ??= branch.properties[name];
  const required = branches.map((branch) => new Set(Array.isArray(branch.required) ? branch.required : []));
  const names = Object.keys(properties).filter((name) =>
    key === 'allOf'
      ? required.some((set) => set.has(name))
      : required.length > 0 && required.every((set) => set.has(name)),
  );
  const own = Array.isArray(rest.required) ? rest.required : [];
  const all = [...new Set([...own, ...names])];
  return { ...rest, type: 'object', properties, ...(all.length > 0 ? { required: all } : {}) };
}

/**
 * Whether a schema keeps the rules of OpenAI's strict mode that matter for `response_format`: every object closed, and
 * every property required.
 */
export function isStrict(schema: Schema): boolean {
  if (isObject(schema.properties)) {
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    if (schema.additionalProperties !== false) return false;
    if (Object.keys(schema.properties).some((name) => !required.has(name))) return false;
  }
  return Object.entries(schema).every(([key, value]) => {
    if (SUBSCHEMAS.has(key)) return (Array.isArray(value) ? value : [value]).filter(isObject).every(isStrict);
    return NAMED_SUBSCHEMAS.has(key) && isObject(value) ? Object.values(value).filter(isObject).every(isStrict) : true;
  });
}
