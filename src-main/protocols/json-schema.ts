import { isObject } from './is-object.ts';

/** A JSON Schema that is an object; `true` and `false` are schemas too, and mean anything and nothing. */
export type Schema = Record<string, unknown>;

/** Keywords whose value is one schema, or a list of them. */
const SUBSCHEMAS = new Set([
  'items',
  'prefixItems',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
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

/** Deeper than any tool definition. */
export const DEPTH_LIMIT = 64;

/** Every schema directly inside this one. */
export function subschemasOf(schema: Schema): Schema[] {
  return Object.entries(schema).flatMap(([key, value]) => {
    if (SUBSCHEMAS.has(key)) return (Array.isArray(value) ? value : [value]).filter(isObject);
    return NAMED_SUBSCHEMAS.has(key) && isObject(value) ? Object.values(value).filter(isObject) : [];
  });
}

/** The schema with those inside it changed, in its order; the same object where nothing changes. */
export function mapSubschemas(schema: Schema, change: (inner: Schema) => Schema): Schema {
  return mapValues(schema, (value, key) => {
    if (SUBSCHEMAS.has(key)) {
      if (isObject(value)) return change(value);
      return Array.isArray(value) ? mapList(value, (inner) => (isObject(inner) ? change(inner) : inner)) : value;
    }
    if (!NAMED_SUBSCHEMAS.has(key) || !isObject(value)) return value;
    return mapValues(value, (inner) => (isObject(inner) ? change(inner) : inner));
  });
}

/** The list with its elements changed; the same one where nothing changes. */
function mapList(list: readonly unknown[], change: (element: unknown) => unknown): readonly unknown[] {
  const changed = list.map(change);
  return changed.every((element, index) => element === list[index]) ? list : changed;
}

/** The object with its values changed; the same one where nothing changes. */
export function mapValues(object: Schema, change: (value: unknown, key: string) => unknown): Schema {
  let changed: Schema | null = null;
  for (const key in object) {
    const next = change(object[key], key);
    if (next === object[key]) continue;
    changed ??= { ...object };
    changed[key] = next;
  }
  return changed ?? object;
}

/** The object without some of its keys; the same one where it has none of them. */
export function withoutKeys(object: Schema, goes: (key: string, value: unknown) => boolean): Schema {
  const entries = Object.entries(object);
  const left = entries.filter(([key, value]) => !goes(key, value));
  return left.length === entries.length ? object : Object.fromEntries(left);
}

/** What a local reference such as `#/$defs/Input` names; null where it leads nowhere. */
export function lookUp(root: Schema, reference: string): Schema | null {
  if (reference === '#') return root;
  if (!reference.startsWith('#/')) return null;
  let at: unknown = root;
  for (const step of reference.slice(2).split('/')) {
    if (!isObject(at) && !Array.isArray(at)) return null;
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!Object.hasOwn(at, key)) return null;
    at = (at as Schema)[key];
  }
  return isObject(at) ? at : null;
}

/**
 * One object that every branch fits in: all their properties; required is what all branches (`allOf`: any branch) require.
 * The model may then give a combination that no branch allows, which the client's own validation catches.
 * @param root where references are looked up.
 */
export function mergeBranches(schema: Schema, key: 'allOf' | 'anyOf' | 'oneOf', root: Schema): Schema {
  const { [key]: listed, ...rest } = schema;
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

/** References that are written out, at most: some schemas grow without measure when they are. */
const MOST_REFERENCES = 300;

export interface Resolved {
  schema: Schema;
  /** References that led to it: one that comes again would never end. */
  path: readonly string[];
}

/** Writes the references of one schema out, for providers that know none. */
export class References {
  readonly #root: Schema;
  #written = 0;

  constructor(root: Schema) {
    this.#root = root;
  }

  /** A schema without `$ref` and `allOf`; the same object where it has neither. */
  resolve(given: Schema, path: readonly string[]): Resolved {
    let schema = given;
    let steps = path;
    while (typeof schema.$ref === 'string' || Array.isArray(schema.allOf)) {
      if (Array.isArray(schema.allOf)) {
        const { allOf, ...rest } = schema;
        const branches: Schema[] = [];
        for (const branch of allOf.filter(isObject)) {
          const resolved = this.resolve(branch, steps);
          branches.push(resolved.schema);
          steps = resolved.path;
        }
        schema = allTogether(rest, branches);
        continue;
      }
      const { $ref, ...rest } = schema;
      const reference = String($ref);
      const target = lookUp(this.#root, reference);
      this.#written += 1;
      if (target === null) schema = rest;
      else if (steps.includes(reference) || this.#written > MOST_REFERENCES)
        schema = { type: typeof target.type === 'string' ? target.type : 'object', ...rest };
      else schema = { ...target, ...rest };
      steps = [...steps, reference];
    }
    return { schema, path: steps };
  }
}

/** The parts of an `allOf` in one schema: what is said first counts. */
function allTogether(own: Schema, branches: readonly Schema[]): Schema {
  const properties: Schema = Object.create(null);
  const required = new Set<unknown>();
  let together: Schema = own;
  for (const part of [own, ...branches]) {
    if (isObject(part.properties)) for (const name in part.properties) properties[name] ??= part.properties[name];
    if (Array.isArray(part.required)) for (const name of part.required) required.add(name);
    together = { ...together, ...withoutKeys(part, (key) => Object.hasOwn(together, key)) };
  }
  return {
    ...together,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(required.size > 0 ? { required: [...required] } : {}),
  };
}
