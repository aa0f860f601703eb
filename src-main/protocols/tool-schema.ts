import { geminiSchema } from './gemini-schema.ts';
import { grammarSchema } from './grammar-schema.ts';
import { isObject } from './is-object.ts';
import {
  DEPTH_LIMIT,
  lookUp,
  mapSubschemas,
  mergeBranches,
  type Schema,
  subschemasOf,
  withoutKeys,
} from './json-schema.ts';

/** What of JSON Schema a provider takes: nearly all, Gemini's subset, or what grammars are built of (llama.cpp). */
type SchemaKind = 'full' | 'gemini' | 'grammar';

/**
 * A tool's `input_schema` as a function's `parameters`: `$schema`, `$id`, `$comment`, null defaults and empty enums go, the
 * root becomes an object with `properties`, and what the kind has no room for goes or becomes what is nearest. Everything else
 * stays, in its order, and what needs no change is returned as the same object.
 */
export function toolParameters(schema: Schema, kind: SchemaKind = 'full'): Schema {
  return asObjectRoot(reduced(asObjectRoot(withoutNoise(schema, 0)), kind));
}

/** A schema for answers (`response_format`): as it is given, as far as the kind has room for it. */
export function outputSchema(schema: Schema, kind: SchemaKind): Schema {
  return reduced(schema, kind);
}

function reduced(schema: Schema, kind: SchemaKind): Schema {
  if (kind === 'gemini') return geminiSchema(schema);
  return kind === 'grammar' ? grammarSchema(schema) : schema;
}

/** OpenAI refuses an enum without values ("[] is too short"). */
const isNoise = (key: string, value: unknown): boolean =>
  key === '$schema' ||
  key === '$id' ||
  key === '$comment' ||
  (key === 'default' && value === null) ||
  (key === 'enum' && Array.isArray(value) && value.length === 0);

/** Below the limit a schema is passed as it is. */
function withoutNoise(schema: Schema, depth: number): Schema {
  if (depth > DEPTH_LIMIT) return schema;
  return mapSubschemas(withoutKeys(schema, isNoise), (inner) => withoutNoise(inner, depth + 1));
}

/**
 * Chat Completions wants `type: "object"` with `properties` at the root ("schema must have type 'object' and not have
 * 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level"), and no `$ref`.
 */
function asObjectRoot(schema: Schema): Schema {
  let root = schema;
  const target = typeof root.$ref === 'string' ? lookUp(root, root.$ref) : null;
  if (target !== null) {
    const { $ref: _, ...rest } = root;
    root = { ...target, ...rest };
  }
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const)
    if (Array.isArray(root[key])) root = mergeBranches(root, key, root);
  root = withoutKeys(root, (key) => key === 'enum' || key === 'not');
  if (root.type === 'object' && isObject(root.properties)) return root;
  return { ...root, type: 'object', properties: isObject(root.properties) ? root.properties : {} };
}

/** Of OpenAI's strict mode, "Structured model outputs" in its documentation. */
const NOT_STRICT = new Set([
  'allOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentRequired',
  'dependentSchemas',
  'patternProperties',
]);
const STRICT_FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid']);
const LOOKAROUND = /\(\?<?[=!]/;

/**
 * Whether a schema keeps the rules of OpenAI's strict mode: every object closed, every property required, and no keyword,
 * format or regular expression that it does not know.
 */
export function isStrict(schema: Schema): boolean {
  if (schema.type === 'object' || isObject(schema.properties)) {
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    if (schema.additionalProperties !== false) return false;
    if (Object.keys(schema.properties ?? {}).some((name) => !required.has(name))) return false;
  }
  if (Object.keys(schema).some((key) => NOT_STRICT.has(key))) return false;
  if (schema.format !== undefined && !STRICT_FORMATS.has(String(schema.format))) return false;
  if (typeof schema.pattern === 'string' && LOOKAROUND.test(schema.pattern)) return false;
  return subschemasOf(schema).every(isStrict);
}
