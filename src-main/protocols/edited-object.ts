import { parseExact } from './exact-json.ts';
import { entriesOf, itemsOf, skipSpace } from './json-envelope.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

interface Field {
  readonly key: string | null;
  /** What stands between the value before and this one. */
  readonly head: Buffer;
  readonly value: Buffer;
}

/**
 * A JSON object that is changed in few places. Whatever is not changed stays byte for byte, and is looked through once, however
 * much is changed. Of a key that stands twice the last is read, as JSON wants it, and all are changed.
 */
export class EditedObject {
  readonly #start: Buffer;
  readonly #end: Buffer;
  #fields: readonly Field[];

  /** @param bytes that are no object stay as they are. */
  constructor(bytes: Buffer) {
    const at = skipSpace(bytes, 0);
    const fields: Field[] = [];
    let from = bytes[at] === OPEN_BRACE ? at + 1 : bytes.length;
    this.#start = bytes.subarray(0, from);
    if (from < bytes.length)
      for (const { key, value } of entriesOf(bytes, at)) {
        fields.push({ key, head: bytes.subarray(from, value.start), value: bytes.subarray(value.start, value.end) });
        from = value.end;
      }
    this.#fields = fields;
    this.#end = bytes.subarray(from);
  }

  get bytes(): Buffer {
    return Buffer.concat([this.#start, ...this.#fields.flatMap(({ head, value }) => [head, value]), this.#end]);
  }

  has(key: string): boolean {
    return this.#fields.some((field) => field.key === key);
  }

  /** A field's value as it is written; null where it is not there. */
  written(key: string): Buffer | null {
    return this.#fields.findLast((field) => field.key === key)?.value ?? null;
  }

  /** A value, by the keys that lead to it; undefined where it is not there, or no JSON: a provider judges that. */
  get(...path: [string, ...string[]]): unknown {
    const [key, ...rest] = path;
    const written = this.written(key);
    if (written === null) return undefined;
    const [next, ...others] = rest;
    if (next !== undefined) return new EditedObject(written).get(next, ...others);
    try {
      return parseExact(written.toString());
    } catch {
      return undefined;
    }
  }

  /** Where it was not there, it becomes the last one; objects on the way to it are made. */
  set(path: readonly [string, ...string[]], value: unknown): void {
    const [key, ...rest] = path;
    const [next, ...others] = rest;
    if (next === undefined) {
      this.write(key, Buffer.from(JSON.stringify(value)));
      return;
    }
    const written = this.written(key);
    const inner = new EditedObject(written?.[0] === OPEN_BRACE ? written : Buffer.from('{}'));
    inner.set([next, ...others], value);
    this.write(key, inner.bytes);
  }

  /** Puts a value there as it is written. */
  write(key: string, value: Buffer): void {
    if (this.#start.length === 0 || this.#end.length === 0) return;
    if (this.has(key)) {
      this.#fields = this.#fields.map((field) => (field.key === key ? { ...field, value } : field));
      return;
    }
    const head = Buffer.from(`${this.#fields.length > 0 ? ',' : ''}${JSON.stringify(key)}:`);
    this.#fields = [...this.#fields, { key, head, value }];
  }

  remove(key: string): void {
    const [first, ...rest] = this.#fields.filter((field) => field.key !== key);
    if (first === undefined) this.#fields = [];
    else this.#fields = [first === this.#fields[0] ? first : { ...first, head: afterComma(first.head) }, ...rest];
  }
}

const afterComma = (head: Buffer): Buffer => head.subarray(head.indexOf(COMMA) + 1);

export const isText = (written: Buffer): boolean => written[0] === QUOTE;
export const isList = (written: Buffer): boolean => written[0] === OPEN_BRACKET;

/** A written text that goes on with another one, as a paragraph of its own. */
export function withParagraph(written: Buffer, text: string): Buffer {
  const added = JSON.stringify(written.length === '""'.length ? text : `\n\n${text}`).slice(1);
  return Buffer.concat([written.subarray(0, -1), Buffer.from(added)]);
}

/** A written list with one more item, at its end. */
export function withItem(written: Buffer, item: unknown): Buffer {
  const last = [...itemsOf(written, 0)].at(-1)?.end;
  const json = `${last === undefined ? '' : ','}${JSON.stringify(item)}`;
  return Buffer.concat([written.subarray(0, last ?? 1), Buffer.from(json), written.subarray(last ?? 1)]);
}
