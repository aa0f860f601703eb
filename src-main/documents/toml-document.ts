import { parseDocument } from '@decimalturn/toml-patch';
import { appendMember, type Bracketed, type BracketStyle, removeMember } from './brackets.ts';
import { DocumentError, type DocumentPath } from './document.ts';
import { isContainer, isSection, valueAt } from './json-values.ts';
import type { ReadText } from './open-document.ts';
import {
  afterBlanks,
  applyEdits,
  beforeNewline,
  type Edit,
  insertion,
  isBlank,
  lineEnd,
  lineStart,
  newlineOf,
  withoutLines,
} from './text-edits.ts';

/** What of the parser's tree is looked at. Lines count from 1, columns from 0. */
interface TomlNode {
  readonly type: string;
  readonly loc: { readonly start: Position; readonly end: Position };
  readonly items?: readonly TomlNode[];
  readonly item?: TomlNode;
  readonly key?: TomlNode;
  readonly value?: unknown;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/** `name = value`, with the whole place that it sets. */
interface Field {
  path: DocumentPath;
  node: TomlNode;
  valueNode: TomlNode;
}

/** What stands below a `[header]`, or before the first. */
interface Table {
  path: DocumentPath;
  /** null for what stands before the first header. */
  node: TomlNode | null;
  fields: Field[];
}

/**
 * Reads TOML.
 * @throws DocumentError where it cannot be read
 */
export function readToml(text: string): ReadText {
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text);
  } catch (error) {
    throw syntaxError(error);
  }
  const value = plain(document.toJsObject);
  const tables = tablesOf(document.cst);
  const fields = tables.flatMap((table) => table.fields);
  const newline = newlineOf(text);

  const put: ReadText['put'] = (container, segment, change, whole) => {
    const path = [...container, segment];
    const exact = fields.find((field) => isSame(field.path, path));
    if (exact !== undefined) return applyEdits(text, [{ ...rangeOf(text, exact.valueNode), text: inline(change) }]);
    const inlined = fields.find((field) => startsWith(path, field.path));
    if (inlined !== undefined) return inInline(text, inlined, path, change, whole);
    if (valueAt(value, path) !== undefined) {
      const without = readToml(remove(path, whole));
      return without.put(container, segment, change, whole);
    }
    const own = tables.find((table) => isSame(table.path, container));
    if (own !== undefined && !isSection(change)) return applyEdits(text, [appendField(text, own, segment, change)]);
    if (isSection(change)) return appendTable(text, tables, path, change);
    const dotted = fields.findLast((field) => startsWith(field.path, container));
    const table = tables.find((one) => dotted !== undefined && one.fields.includes(dotted));
    if (dotted !== undefined && table !== undefined && typeof segment === 'string') {
      const name = [...container.slice(table.path.length), segment].map((part) => bareKey(String(part))).join('.');
      const line = `${newline}${name} = ${inline(change)}`;
      return applyEdits(text, [insertion(lineEnd(text, rangeOf(text, dotted.node).end), line)]);
    }
    return appendTable(text, tables, container, { [segment]: change });
  };

  const remove: ReadText['remove'] = (path, whole) => {
    const inlined = fields.find((field) => field.path.length < path.length && startsWith(path, field.path));
    if (inlined !== undefined) return inInline(text, inlined, path, undefined, whole);
    const gone = tables.filter((table) => table.node !== null && startsWith(table.path, path));
    const single = fields.filter(
      (field) => startsWith(field.path, path) && !gone.some((one) => one.fields.includes(field)),
    );
    const edits = [
      ...single.map((field) => takeOut(text, field.node)),
      ...gone.flatMap((table) => takeOutTable(text, table)),
    ];
    const shorter = applyEdits(text, merged(text, edits));
    // What existed only through what was in it.
    const above = path.slice(0, -1);
    const left = readToml(shorter);
    const lost = above.findIndex((_, index) => valueAt(left.value, above.slice(0, index + 1)) === undefined);
    return lost === -1
      ? shorter
      : left.put(above.slice(0, lost), above[lost] ?? '', valueAt(whole, above.slice(0, lost + 1)), whole);
  };

  return { value, put, remove };
}

function syntaxError(error: unknown): DocumentError {
  const { message, line, column } = error as Error & { line?: number; column?: number };
  const place = typeof line === 'number' && typeof column === 'number' ? { line, column: column + 1 } : null;
  return new DocumentError(`is no TOML: ${message.trim().split('\n').at(-1) ?? message}`, place);
}

function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (!isSection(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

function tablesOf(blocks: readonly TomlNode[]): Table[] {
  const tables: Table[] = [{ path: [], node: null, fields: [] }];
  /** How many elements a list of tables has so far. */
  const counts = new Map<string, number>();
  const keyOf = (path: DocumentPath) => JSON.stringify(path);
  const resolved = (names: readonly string[]): DocumentPath => {
    const path: (string | number)[] = [];
    for (const [index, name] of names.entries()) {
      path.push(name);
      const count = index < names.length - 1 ? counts.get(keyOf(path)) : undefined;
      if (count !== undefined) path.push(count - 1);
    }
    return path;
  };
  for (const block of blocks) {
    if (block.type === 'KeyValue') tables[0]?.fields.push(fieldOf([], block));
    if (block.type !== 'Table' && block.type !== 'TableArray') continue;
    let path = resolved(namesOf(block.key?.item));
    if (block.type === 'TableArray') {
      const count = counts.get(keyOf(path)) ?? 0;
      counts.set(keyOf(path), count + 1);
      path = [...path, count];
    }
    const rows = (block.items ?? []).filter(({ type }) => type === 'KeyValue');
    tables.push({ path, node: block, fields: rows.map((row) => fieldOf(path, row)) });
  }
  return tables;
}

const fieldOf = (above: DocumentPath, node: TomlNode): Field => ({
  path: [...above, ...namesOf(node.key)],
  node,
  valueNode: node.value as TomlNode,
});

const namesOf = (key: TomlNode | undefined): string[] => (Array.isArray(key?.value) ? key.value.map(String) : []);

function rangeOf(text: string, { loc }: TomlNode): { start: number; end: number } {
  return { start: offsetOf(text, loc.start), end: offsetOf(text, loc.end) };
}

function offsetOf(text: string, { line, column }: Position): number {
  let start = 0;
  for (let left = line; left > 1; left -= 1) start = text.indexOf('\n', start) + 1;
  return start + column;
}

const isSame = (a: DocumentPath, b: DocumentPath): boolean => a.length === b.length && startsWith(a, b);

const startsWith = (path: DocumentPath, beginning: DocumentPath): boolean =>
  beginning.length <= path.length && beginning.every((segment, index) => segment === path[index]);

/** Below an inline table or list: `{ a = 1 }`, `[1, 2]`. */
function inInline(text: string, field: Field, path: DocumentPath, change: unknown, whole: unknown): string {
  const rewritten = () =>
    applyEdits(text, [{ ...rangeOf(text, field.valueNode), text: inline(valueAt(whole, field.path)) }]);
  let node = field.valueNode;
  const rest = path.slice(field.path.length);
  for (const [index, segment] of rest.entries()) {
    const items = node.items ?? [];
    const place = items.findIndex(({ item }, position) =>
      node.type === 'InlineArray' ? position === segment : isSame(namesOf(item?.key), [segment]),
    );
    const item = items[place]?.item;
    const isLast = index === rest.length - 1;
    if (isLast && change === undefined)
      return place === -1 ? rewritten() : applyEdits(text, removeMember(text, bracketed(text, node), place));
    if (item === undefined) {
      const dotted = items.some(({ item: other }) => namesOf(other?.key)[0] === segment);
      if (!isLast || dotted) return rewritten();
      const member = node.type === 'InlineArray' ? inline(change) : `${bareKey(String(segment))} = ${inline(change)}`;
      return applyEdits(
        text,
        appendMember(text, bracketed(text, node), () => member, styleOf(text, node)),
      );
    }
    node = node.type === 'InlineArray' ? item : (item.value as TomlNode);
  }
  return applyEdits(text, [{ ...rangeOf(text, node), text: inline(change) }]);
}

const bracketed = (text: string, node: TomlNode): Bracketed => ({
  ...rangeOf(text, node),
  members: (node.items ?? []).map((member) => rangeOf(text, member.item ?? member)),
});

const styleOf = (text: string, { type }: TomlNode): BracketStyle => ({
  newline: newlineOf(text),
  unit: '  ',
  linesWhenEmpty: false,
  blank: type === 'InlineArray' && !/\[ /.test(text) ? '' : ' ',
});

function appendField(text: string, { node, fields }: Table, name: string | number, value: unknown): Edit {
  const newline = newlineOf(text);
  const line = `${bareKey(String(name))} = ${inline(value)}`;
  const last = fields.at(-1)?.node ?? node?.key;
  if (last === undefined) return insertion(0, line + newline);
  return insertion(lineEnd(text, rangeOf(text, last).end), newline + line);
}

/** A table of its own, after those that belong together with it, with an empty line before. */
function appendTable(
  text: string,
  tables: readonly Table[],
  path: DocumentPath,
  value: Record<string, unknown>,
): string {
  const newline = newlineOf(text);
  const names = path.filter((segment) => typeof segment === 'string');
  const lines = tableLines(names, value);
  const relative = tables.findLast(({ path: other, node }) => node !== null && startsWith(other, path.slice(0, -1)));
  const isInList = path.some((segment) => typeof segment === 'number');
  if (isInList && relative?.node) {
    const last = relative.fields.at(-1)?.node ?? relative.node.key ?? relative.node;
    const at = lineEnd(text, rangeOf(text, last).end);
    return applyEdits(text, [insertion(at, newline + newline + lines.join(newline))]);
  }
  const open = text !== '' && !text.endsWith('\n');
  const gap = text === '' ? '' : open ? newline + newline : newline;
  return text + gap + lines.join(newline) + (open ? '' : newline);
}

function tableLines(names: readonly string[], value: Record<string, unknown>): string[] {
  const fields = Object.entries(value);
  const own = fields.filter(([, field]) => !isSection(field));
  const inner = fields.filter((field): field is [string, Record<string, unknown>] => isSection(field[1]));
  const isNeeded = own.length > 0 || inner.length === 0;
  const head = isNeeded
    ? [`[${names.map(bareKey).join('.')}]`, ...own.map(([name, field]) => `${bareKey(name)} = ${inline(field)}`)]
    : [];
  const tables = inner.map(([name, field]) => tableLines([...names, name], field));
  return [head, ...tables]
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

/** A row out, with its line unless a comment stands there as well. */
function takeOut(text: string, node: TomlNode): Edit {
  const { start, end } = rangeOf(text, node);
  const leads = isBlank(text.slice(lineStart(text, start), start));
  const rest = afterBlanks(text, end);
  return leads && rest === lineEnd(text, rest) ? withoutLines(text, start, end) : { start, end: rest, text: '' };
}

function takeOutTable(text: string, { node, fields }: Table): Edit[] {
  const key = node?.key;
  if (key === undefined) return [];
  const header = takeOut(text, key);
  const before = lineStart(text, header.start);
  const above = before === 0 ? null : lineStart(text, before - 1);
  const hasGap = above !== null && header.start === before && isBlank(text.slice(above, before));
  return [
    ...(hasGap ? [{ start: above, end: header.end, text: '' }] : [header]),
    ...fields.map((field) => takeOut(text, field.node)),
  ];
}

/** At the end of a file without a last line break, lines are taken out together with the break before them. */
function merged(text: string, edits: readonly Edit[]): Edit[] {
  const result: Edit[] = [];
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last === undefined || edit.start > last.end) result.push({ ...edit });
    else last.end = Math.max(last.end, edit.end);
  }
  const last = result.at(-1);
  if (last?.end === text.length && !text.endsWith('\n')) last.start = beforeNewline(text, last.start);
  return result;
}

const bareKey = (name: string): string => (/^[A-Za-z0-9_-]+$/.test(name) ? name : basicString(name));

/** JSON's escapes are TOML's, except for what JSON leaves as it is. */
const basicString = (text: string): string => JSON.stringify(text).replaceAll('\u007F', '\\u007F');

function inline(value: unknown): string {
  if (value === null || value === undefined) throw new DocumentError('TOML has no empty values');
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (isContainer(value)) {
    const fields = Object.entries(value).map(([name, field]) => `${bareKey(name)} = ${inline(field)}`);
    return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
  }
  return typeof value === 'string' ? basicString(value) : String(value);
}
