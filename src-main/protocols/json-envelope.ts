import type { KnownValues } from './known-values.ts';

/**
 * Finds the top-level fields of a JSON object in its bytes, without building anything of what is inside them. Most of a
 * request is conversation and tool definitions that only go through: decoding them costs more than all the rest of a
 * request's way.
 */

export interface FieldRange {
  /** Of the value, in bytes. */
  start: number;
  /** Just past the value. */
  end: number;
}

/** Ranges of each wanted key's value; a key that stands twice has two, of which JSON lets the last win. */
export type Envelope<Key extends string> = Record<Key, FieldRange[]>;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Keys, names and enum values end sooner than this; in what is longer, a native search is faster than looking at bytes. */
const SHORT_STRING_BYTES = 32;

/** Index just past the closing quote of the string that opens at `at`; past the end where it has none. */
export function endOfString(bytes: Buffer, at: number): number {
  let index = at + 1;
  const short = Math.min(index + SHORT_STRING_BYTES, bytes.length);
  while (index < short) {
    const byte = bytes[index];
    if (byte === QUOTE) return index + 1;
    index += byte === BACKSLASH ? 2 : 1;
  }
  for (let quote = bytes.indexOf(QUOTE, index); quote !== -1; quote = bytes.indexOf(QUOTE, quote + 1)) {
    // A quote is part of the string when an odd number of backslashes stands before it.
    let before = quote - 1;
    while (before >= index && bytes[before] === BACKSLASH) before -= 1;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
  return bytes.length + 1;
}

const isEnd = (byte: number | undefined): boolean =>
  byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte);

/** Index just past the value that begins at `at`. Brackets must close, in whatever kind: parsers see to the rest. */
export function endOfValue(bytes: Buffer, at: number): number {
  let depth = 0;
  let index = at;
  do {
    switch (bytes[index]) {
      case undefined:
        return bytes.length + 1;
      case QUOTE:
        index = endOfString(bytes, index);
        continue;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        break;
    }
    index += 1;
  } while (depth > 0);
  if (bytes[at] === QUOTE || bytes[at] === OPEN_BRACE || bytes[at] === OPEN_BRACKET) return index;
  // A number or a word ends where the next token begins.
  while (index < bytes.length && !isEnd(bytes[index])) index += 1;
  return index;
}

/** Index of the first byte from `at` on that is no white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let index = at;
  while (isSpace(bytes[index])) index += 1;
  return index;
}

/**
 * @param known values of wanted fields that were seen before.
 * @returns null where the bytes are not one whole JSON object, as far as that shows from outside its fields.
 */
export function readEnvelope<const Key extends string>(
  bytes: Buffer,
  wanted: readonly Key[],
  known: KnownValues | null = null,
): Envelope<Key> | null {
  const envelope = Object.fromEntries(wanted.map((key) => [key, [] as FieldRange[]])) as Envelope<Key>;
  const names: readonly string[] = wanted;
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_BRACE) return null;
  at = skipSpace(bytes, at + 1);
  if (bytes[at] !== CLOSE_BRACE) {
    for (;;) {
      if (bytes[at] !== QUOTE) return null;
      const keyEnd = endOfString(bytes, at);
      const key = readKey(bytes, at, keyEnd);
      at = skipSpace(bytes, keyEnd);
      if (bytes[at] !== COLON) return null;
      const start = skipSpace(bytes, at + 1);
      const isWanted = key !== null && names.includes(key);
      const skipped = isWanted && known !== null && bytes[start] === OPEN_BRACKET ? known.lengthAt(bytes, start) : 0;
      const end = skipped > 0 ? start + skipped : endOfValue(bytes, start);
      if (end > bytes.length) return null;
      if (isWanted) envelope[key as Key].push({ start, end });
      at = skipSpace(bytes, end);
      if (bytes[at] === CLOSE_BRACE) break;
      if (bytes[at] !== COMMA) return null;
      at = skipSpace(bytes, at + 1);
    }
  }
  return skipSpace(bytes, at + 1) === bytes.length ? envelope : null;
}

/** A short string. An escaped key such as "mod\u0065l" is the same key to every parser. null: it is no JSON. */
export function readKey(bytes: Buffer, start: number, end: number): string | null {
  const inner = bytes.toString('latin1', start + 1, end - 1);
  if (!inner.includes('\\')) return inner;
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as string;
  } catch {
    return null;
  }
}

/** A value that takes the place of another one; where `start` is `end`, that stands between two. */
export interface Edit extends FieldRange {
  value: string;
}

/** Puts values in their places; every other byte stays. @param edits in order, not overlapping. */
export function edited(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end, value } of edits) {
    parts.push(bytes.subarray(from, start), Buffer.from(value));
    from = end;
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts);
}

export interface Entry {
  /** Of the key's opening quote. */
  start: number;
  /** Just past the key. */
  keyEnd: number;
  value: FieldRange;
  key: string | null;
}

/** The entries of the object that begins at `at`, before anything of it that is not JSON. */
export function* entriesOf(bytes: Buffer, at: number): Generator<Entry> {
  let start = skipSpace(bytes, at + 1);
  while (bytes[start] === QUOTE) {
    const keyEnd = endOfString(bytes, start);
    const colon = skipSpace(bytes, keyEnd);
    if (bytes[colon] !== COLON) return;
    const from = skipSpace(bytes, colon + 1);
    const value = { start: from, end: endOfValue(bytes, from) };
    yield { start, keyEnd, value, key: readKey(bytes, start, keyEnd) };
    const comma = skipSpace(bytes, value.end);
    if (bytes[comma] !== COMMA) return;
    start = skipSpace(bytes, comma + 1);
  }
}

/** The object in which the last key of a path stands; null where it is not there. */
function parentOf(bytes: Buffer, path: readonly string[]): { entries: Entry[]; last: string } | null {
  const last = path.at(-1);
  if (last === undefined) return null;
  let at = skipSpace(bytes, 0);
  for (const step of path.slice(0, -1)) {
    if (bytes[at] !== OPEN_BRACE) return null;
    const entry = [...entriesOf(bytes, at)].findLast(({ key }) => key === step);
    if (entry === undefined) return null;
    at = entry.value.start;
  }
  return bytes[at] === OPEN_BRACE ? { entries: [...entriesOf(bytes, at)], last } : null;
}

/** Whether an object holds a field, by the keys that lead to it. */
export function hasField(bytes: Buffer, path: readonly string[]): boolean {
  const parent = parentOf(bytes, path);
  return parent?.entries.some(({ key }) => key === parent.last) === true;
}

/** The object without a field, wherever it stands twice too; every other byte stays but for a comma. */
export function withoutField(bytes: Buffer, path: readonly string[]): Buffer {
  const parent = parentOf(bytes, path);
  if (parent === null) return bytes;
  const { entries, last } = parent;
  const kept = entries.filter(({ key }) => key !== last);
  const [first] = entries;
  const end = entries.at(-1)?.value.end;
  if (first === undefined || end === undefined || kept.length === entries.length) return bytes;
  const parts = [bytes.subarray(0, first.start)];
  for (const [index, entry] of kept.entries()) {
    // With the comma and the space up to the next one of all, where another follows.
    const next = index === kept.length - 1 ? undefined : entries[entries.indexOf(entry) + 1];
    parts.push(bytes.subarray(entry.start, next?.start ?? entry.value.end));
  }
  parts.push(bytes.subarray(end));
  return Buffer.concat(parts);
}

/** The items of the list that begins at `at`, before anything of it that is not JSON. */
export function* itemsOf(bytes: Buffer, at: number): Generator<FieldRange> {
  let start = skipSpace(bytes, at + 1);
  while (start < bytes.length && bytes[start] !== CLOSE_BRACKET) {
    const end = endOfValue(bytes, start);
    if (end > bytes.length) return;
    yield { start, end };
    const comma = skipSpace(bytes, end);
    if (bytes[comma] !== COMMA) return;
    start = skipSpace(bytes, comma + 1);
  }
}

/** The object without a field of each object in one of its lists; every other byte stays but for commas. */
export function withoutFieldOfEach(bytes: Buffer, list: string, field: string): Buffer {
  const value = parentOf(bytes, [list])?.entries.findLast(({ key }) => key === list)?.value;
  if (value === undefined || bytes[value.start] !== OPEN_BRACKET) return bytes;
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end } of itemsOf(bytes, value.start)) {
    if (bytes[start] !== OPEN_BRACE) break;
    const item = bytes.subarray(start, end);
    const kept = withoutField(item, [field]);
    if (kept === item) continue;
    parts.push(bytes.subarray(from, start), kept);
    from = end;
  }
  return from === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(from)]);
}

/** The object with another name for a field; every other byte stays. */
export function withRenamedField(bytes: Buffer, name: string, renamed: string): Buffer {
  const ranges = (parentOf(bytes, [name])?.entries ?? [])
    .filter(({ key }) => key === name)
    .map(({ start, keyEnd }) => ({ start, end: keyEnd }));
  const value = JSON.stringify(renamed);
  return ranges.length === 0
    ? bytes
    : edited(
        bytes,
        ranges.map((range) => ({ ...range, value })),
      );
}
