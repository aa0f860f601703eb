import { ProxyError } from '../../src-shared/errors.ts';
import { asDouble, parseExact } from './exact-json.ts';
import { isObject } from './is-object.ts';
import { type Envelope, edited, type FieldRange, readEnvelope, skipSpace } from './json-envelope.ts';
import { KnownValues } from './known-values.ts';
import { type OfferedTool, readOfferedTools } from './offered-tools.ts';
import { readTurns, type Turns } from './read-turns.ts';

/** What is read of a body without decoding it. */
const fields = [
  'model',
  'stream',
  'stream_options',
  'messages',
  'thread',
  'tools',
  'reasoning_effort',
  'previous_response_id',
  'conversation',
  'background',
  'prompt',
  'input',
  'system',
  'instructions',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'thinking',
  'reasoning',
  'output_config',
  'stop_sequences',
] as const;
export type RequestField = (typeof fields)[number];
type Field = RequestField;
/** Values of fields. */
export type RequestFields = Partial<Record<RequestField, unknown>>;

const knownTools = new KnownValues();
/** The tools of each known list, by its kept bytes. */
const offeredTools = new WeakMap<Buffer, readonly OfferedTool[]>();

/** Settings are smaller; nobody waits for what is not. */
const LONGEST_SETTING_BYTES = 4096;

/**
 * A request's body: the client's bytes, what routing needs of them, and the whole decoded when someone asks for it.
 * A request that is passed through is never decoded; its provider judges what is inside.
 */
export class RequestBody {
  readonly raw: Buffer;
  readonly model: string;
  readonly stream: boolean;
  readonly #envelope: Envelope<Field>;

  /** @throws ProxyError `invalid_json`, `invalid_field` */
  constructor(raw: Buffer) {
    this.raw = raw;
    const envelope = readEnvelope(raw, fields, knownTools);
    if (envelope === null) {
      decodeObject(raw);
      throw ProxyError.of('invalid_json', { reason: 'it is not one whole object' });
    }
    this.#envelope = envelope;
    const tools = envelope.tools[0];
    if (tools !== undefined) knownTools.remember(raw, tools.start, tools.end);
    const model = this.#read('model');
    if (model === undefined) throw ProxyError.of('invalid_field', { field: 'model', expected: 'is required' });
    if (typeof model !== 'string' || model === '')
      throw ProxyError.of('invalid_field', { field: 'model', expected: 'must be a non-empty string' });
    this.model = model;
    const stream = this.#read('stream') ?? false;
    if (typeof stream !== 'boolean')
      throw ProxyError.of('invalid_field', { field: 'stream', expected: 'must be a boolean' });
    this.stream = stream;
    const messages = this.#last('messages');
    if (messages !== undefined && raw[messages.start] !== '['.charCodeAt(0))
      throw ProxyError.of('invalid_field', { field: 'messages', expected: 'must be an array' });
  }

  /** Whether a field is there, at whatever value. */
  has(field: RequestField): boolean {
    return this.#envelope[field].length > 0;
  }

  /** Whether a field is there and says something: not null, not false. */
  isSet(field: RequestField): boolean {
    const value = this.#last(field);
    return (
      value !== undefined &&
      !/^(null|false)$/.test(this.raw.toString('latin1', value.start, Math.min(value.end, value.start + 6)).trim())
    );
  }

  /** A field's value, where it is a text; else null. */
  text(field: RequestField): string | null {
    const range = this.#last(field);
    if (range === undefined || this.raw[range.start] !== '"'.charCodeAt(0)) return null;
    const value = this.#read(field);
    return typeof value === 'string' ? value : null;
  }

  /** Where a field's value stands; null where it does not. */
  rangeOf(field: RequestField): FieldRange | null {
    return this.#last(field) ?? null;
  }

  /** A small field's value, decoded; undefined where there is none, or it is too long for a setting, or no JSON. */
  setting(field: RequestField): unknown {
    const range = this.#last(field);
    return range === undefined ? undefined : this.settingAt(range);
  }

  /** The same of a value anywhere in the body. */
  settingAt({ start, end }: FieldRange): unknown {
    if (end - start > LONGEST_SETTING_BYTES) return undefined;
    try {
      return asDouble(parseExact(this.raw.toString('utf8', start, end)));
    } catch {
      return undefined;
    }
  }

  /** The tools that are offered. Those of a known list are the same array each time. */
  offeredTools(): readonly OfferedTool[] {
    const range = this.#last('tools');
    if (range === undefined) return [];
    const copy = knownTools.copyAt(this.raw, range.start);
    if (copy === null) return readOfferedTools(this.raw, range);
    const known = offeredTools.get(copy);
    if (known !== undefined) return known;
    const tools = readOfferedTools(copy, { start: 0, end: copy.length });
    offeredTools.set(copy, tools);
    return tools;
  }

  /** What shows of its messages without decoding them. Reads through all of them: a caller keeps it. */
  turns(): Turns {
    return readTurns(this.raw, this.#last('messages') ?? this.#last('input') ?? null);
  }

  /**
   * The whole body, decoded anew at each call: kept, it would live as long as the provider takes to answer. Equal `tools`
   * of several requests are one frozen object.
   *
   * @throws ProxyError `invalid_json`
   */
  decode(): Readonly<Record<string, unknown>> {
    const { raw } = this;
    const [tools, another] = this.#envelope.tools;
    if (tools === undefined || another !== undefined) return decodeObject(raw);
    const decoded = parse(`${raw.toString('utf8', 0, tools.start)}null${raw.toString('utf8', tools.end)}`);
    const shared = guarded(() => knownTools.decode(raw, tools.start, tools.end));
    return Object.assign(settings(decoded), { tools: shared });
  }

  /** The same bytes with another model name in its place: providers' prompt caches live on an unchanged body. */
  withModel(model: string): Buffer {
    return this.with({ model });
  }

  /** The same bytes with other values of these fields; one that was not there comes first. */
  with(values: RequestFields): Buffer {
    const { model, ...others } = values;
    const changed = Object.entries(model === this.model ? others : values) as [RequestField, unknown][];
    if (changed.length === 0) return this.raw;
    const first = skipSpace(this.raw, 0) + 1;
    const edits = changed.flatMap(([field, value]) => {
      const written = JSON.stringify(value);
      const ranges = this.#envelope[field];
      if (ranges.length === 0) return { start: first, end: first, value: `"${field}":${written},` };
      return ranges.map(({ start, end }) => ({ start, end, value: written }));
    });
    return edited(
      this.raw,
      edits.toSorted((one, other) => one.start - other.start),
    );
  }

  /** Of a key that stands twice JSON lets the last win. */
  #last(field: Field): FieldRange | undefined {
    return this.#envelope[field].at(-1);
  }

  #read(field: Field): unknown {
    const range = this.#last(field);
    return range === undefined ? undefined : parse(this.raw.toString('utf8', range.start, range.end));
  }
}

const parse = (text: string): unknown => guarded(() => parseExact(text));

function guarded<Value>(decode: () => Value): Value {
  try {
    return decode();
  } catch (error) {
    throw ProxyError.of(
      'invalid_json',
      { reason: error instanceof Error ? error.message : String(error) },
      { cause: error },
    );
  }
}

/** A body whose own fields are numbers where they are: only inside of them they may be kept as they are written. */
function settings(body: unknown): Record<string, unknown> {
  if (!isObject(body)) throw ProxyError.of('invalid_field', { field: 'body', expected: 'must be a JSON object' });
  for (const name in body) body[name] = asDouble(body[name]);
  return body;
}

/** @throws ProxyError `invalid_json`, `invalid_field` */
function decodeObject(raw: Buffer): Record<string, unknown> {
  if (raw.length === 0) throw ProxyError.of('invalid_json', { reason: 'it is empty' });
  return settings(parse(raw.toString()));
}
