import type { MessagesRequest } from '../canonical.ts';
import { isObject } from '../is-object.ts';

type Schema = Record<string, unknown>;

/** Keywords that structured outputs take, besides those that hold schemas. */
const PLAIN = new Set(['type', 'description', 'title', 'required', 'additionalProperties', 'default', 'const']);
const FORMATS = new Set(['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid']);
/** Per request: properties that may be left out, and places where several types may stand. */
const MOST_OPTIONAL = 24;
const MOST_UNIONS = 16;

/**
 * Whether a schema keeps the limits of Anthropic's structured outputs (its page of that name, "JSON Schema limitations"): closed
 * objects, no recursion, no constraints on numbers and lengths.
 */
export function isOutputSchema(schema: Schema): boolean {
  return new SchemaCheck(schema).passes();
}

class SchemaCheck {
  readonly #root: Schema;
  /** Definitions that are being looked into: one that stands in itself is recursive. */
  readonly #within = new Set<string>();
  #optional = 0;
  #unions = 0;

  constructor(root: Schema) {
    this.#root = root;
  }

  passes(): boolean {
    return this.#schema(this.#root) && this.#optional <= MOST_OPTIONAL && this.#unions <= MOST_UNIONS;
  }

  #schema(schema: unknown): boolean {
    if (!isObject(schema)) return false;
    if (isObject(schema.properties) || schema.type === 'object') {
      if (schema.additionalProperties !== false) return false;
      const required = new Set(Array.isArray(schema.required) ? schema.required : []);
      const names = Object.keys(isObject(schema.properties) ? schema.properties : {});
      this.#optional += names.filter((name) => !required.has(name)).length;
    }
    if (Array.isArray(schema.anyOf) || Array.isArray(schema.type)) this.#unions += 1;
    return Object.entries(schema).every(([keyword, value]) => this.#keyword(keyword, value));
  }

  #keyword(keyword: string, value: unknown): boolean {
    switch (keyword) {
      case 'properties':
        return isObject(value) && Object.values(value).every((property) => this.#schema(property));
      case '$defs':
      case 'definitions':
        // Looked at where they are used.
        return isObject(value);
      case 'items':
        return this.#schema(value);
      case 'anyOf':
      case 'allOf':
        return Array.isArray(value) && value.every((branch) => this.#schema(branch));
      case 'enum':
        return Array.isArray(value) && value.every((choice) => typeof choice !== 'object' || choice === null);
      case 'format':
        return FORMATS.has(String(value));
      case 'minItems':
        return value === 0 || value === 1;
      case '$ref':
        return this.#reference(value);
      default:
        return PLAIN.has(keyword);
    }
  }

  #reference(reference: unknown): boolean {
    const path = typeof reference === 'string' ? /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) : null;
    if (path === null || this.#within.has(path[0])) return false;
    const definitions = this.#root[path[1] as string];
    this.#within.add(path[0]);
    const passes = isObject(definitions) && this.#schema(definitions[path[2] as string]);
    this.#within.delete(path[0]);
    return passes;
  }
}

interface OutputFormat {
  /** For `output_config.format`. */
  format?: { type: 'json_schema'; schema: Schema };
  /** For the end of the system prompt, where the format cannot be said otherwise. */
  instruction?: string;
}

/**
 * How the answer's form is asked for.
 * @param takesSchemas the model takes `output_config.format`.
 */
export function outputFormat({ openai, output_config }: MessagesRequest, takesSchemas: boolean): OutputFormat {
  const asked = openai?.format;
  if (asked?.type === 'json_object')
    return { instruction: 'Answer with one JSON object and nothing else: no text around it and no code fence.' };
  const schema = (asked?.type === 'json_schema' ? asked.schema : undefined) ?? output_config?.format?.schema;
  if (schema === undefined) return {};
  if (takesSchemas && isOutputSchema(schema)) return { format: { type: 'json_schema', schema } };
  const about = asked?.description ? `\n${asked.description}` : '';
  return {
    instruction: `Answer with one JSON value and nothing else: no text around it and no code fence. It must be valid under this JSON Schema:\n${JSON.stringify(schema)}${about}`,
  };
}
