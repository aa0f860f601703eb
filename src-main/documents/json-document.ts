import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { appendMember, type Bracketed, type BracketStyle, isOnLines, removeMember } from './brackets.ts';
import { DocumentError, type DocumentPath } from './document.ts';
import { isContainer, jsonLine } from './json-values.ts';
import type { ReadText } from './open-document.ts';
import { applyEdits, indentAt, lineStart, newlineOf } from './text-edits.ts';

/**
 * Reads JSON in which comments and trailing commas are tolerated.
 * @throws DocumentError at the first thing that cannot be read
 */
export function readJson(text: string): ReadText {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  const [error] = errors;
  if (error !== undefined) throw syntaxError(text, error);

  return {
    value: root === undefined ? {} : plainValue(root),
    put(container, segment, value) {
      const style = styleOf(text, root);
      if (root === undefined) {
        const before = text === '' || text.endsWith('\n') ? text : text + style.newline;
        return `${before}${written(Object.fromEntries([[segment, value]]), true, '', style)}${style.newline}`;
      }
      const node = nodeAt(root, container);
      const existing = childOf(node, segment);
      if (existing !== undefined) {
        const { offset: start, length } = existing;
        const onLines = keepsLines(text, existing) ?? (style.linesWhenEmpty && isOnLines(text, bracketed(node)));
        const replacement = written(value, onLines, indentAt(text, start), style);
        return applyEdits(text, [{ start, end: start + length, text: replacement }]);
      }
      const name = node.type === 'object' ? `${JSON.stringify(String(segment))}:${colonBlank(text, root, style)}` : '';
      const member = (onLines: boolean, indent: string) => name + written(value, onLines, indent, style);
      return applyEdits(text, appendMember(text, bracketed(node), member, style));
    },
    remove(path) {
      if (root === undefined) return text;
      const node = nodeAt(root, path.slice(0, -1));
      const members = node.children ?? [];
      const last = path.at(-1);
      const index =
        node.type === 'object' ? members.findLastIndex(({ children }) => children?.[0]?.value === String(last)) : last;
      return typeof index === 'number' ? applyEdits(text, removeMember(text, bracketed(node), index)) : text;
    },
  };
}

function syntaxError(text: string, { error, offset }: ParseError): DocumentError {
  const start = lineStart(text, offset);
  const line = text.slice(0, start).split('\n').length;
  const message = printParseErrorCode(error)
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toLowerCase();
  return new DocumentError(`is no JSON: ${message}`, { line, column: offset - start + 1 });
}

function plainValue({ type, children = [], value }: Node): unknown {
  if (type === 'array') return children.map(plainValue);
  if (type !== 'object') return value;
  // fromEntries defines properties, so a field called `__proto__` stays data.
  return Object.fromEntries(
    children.flatMap(({ children: [name, field] = [] }) =>
      name === undefined || field === undefined ? [] : [[name.value, plainValue(field)]],
    ),
  );
}

function childOf({ type, children = [] }: Node, segment: string | number): Node | undefined {
  if (type === 'array') return typeof segment === 'number' ? children[segment] : undefined;
  return children.findLast(({ children: [name] = [] }) => name?.value === String(segment))?.children?.[1];
}

function nodeAt(root: Node, path: DocumentPath): Node {
  let node: Node = root;
  for (const segment of path) {
    const child = childOf(node, segment);
    if (child === undefined) throw new DocumentError(`there is no ${path.join('.')}`);
    node = child;
  }
  return node;
}

const bracketed = ({ offset, length, children = [] }: Node): Bracketed => ({
  start: offset,
  end: offset + length,
  members: children.map((child) => ({ start: child.offset, end: child.offset + child.length })),
});

/** As the neighbours look. */
function styleOf(text: string, root: Node | undefined): BracketStyle {
  const newline = newlineOf(text);
  const linesWhenEmpty = root === undefined || text.trim().includes('\n') || (root.children ?? []).length === 0;
  return { newline, unit: unitOf(text, root) ?? '  ', linesWhenEmpty, blank: blankOf(text, root) };
}

/** By how much members stand further right than what they are in. */
function unitOf(text: string, node: Node | undefined): string | null {
  if (node === undefined) return null;
  const children = node.children ?? [];
  const [first] = children;
  if (first === undefined) return null;
  if (node.type !== 'property' && isOnLines(text, bracketed(node))) {
    const outer = indentAt(text, node.offset);
    const inner = indentAt(text, first.offset);
    if (inner.length > outer.length && inner.startsWith(outer)) return inner.slice(outer.length);
  }
  for (const child of children) {
    const unit = unitOf(text, child);
    if (unit !== null) return unit;
  }
  return null;
}

/** Nothing where all stands on one line without blanks. */
function blankOf(text: string, root: Node | undefined): string {
  return root !== undefined && (root.children ?? []).length > 0 && !/\s/.test(outsideStrings(text)) ? '' : ' ';
}

const outsideStrings = (text: string): string => text.trim().replace(/"(?:[^"\\]|\\.)*"/g, '""');

function colonBlank(text: string, root: Node, { blank }: BracketStyle): string {
  const [name, value] = root.children?.[0]?.children ?? [];
  if (root.type !== 'object' || name === undefined || value === undefined) return blank;
  return text.slice(name.offset + name.length, value.offset) === ':' ? '' : ' ';
}

/** Whether what a value is replaced by is to have lines; null where the old one does not show it. */
function keepsLines(text: string, { type, offset, length, children = [] }: Node): boolean | null {
  const shows = (type === 'object' || type === 'array') && children.length > 0;
  return shows ? text.slice(offset, offset + length).includes('\n') : null;
}

function written(value: unknown, onLines: boolean, indent: string, { newline, unit, blank }: BracketStyle): string {
  if (!isContainer(value) || !onLines) return jsonLine(value, blank);
  return JSON.stringify(value, null, unit).replaceAll('\n', newline + indent);
}
