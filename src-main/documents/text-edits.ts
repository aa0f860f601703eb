import { DocumentError } from './document.ts';

/** What of a text is replaced: from an offset up to another. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

export const insertion = (at: number, text: string): Edit => ({ start: at, end: at, text });

/** @throws DocumentError where two edits are of the same characters. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const inOrder = edits.map((edit, index) => ({ ...edit, index }));
  inOrder.sort((a, b) => a.start - b.start || a.index - b.index);
  let result = '';
  let done = 0;
  for (const { start, end, text: replacement } of inOrder) {
    if (start < done) throw new DocumentError('cannot be changed without rewriting what stands around it');
    result += text.slice(done, start) + replacement;
    done = end;
  }
  return result + text.slice(done);
}

/** How lines of a text end. */
export const newlineOf = (text: string): string => (/\r?\n/.exec(text)?.[0] === '\r\n' ? '\r\n' : '\n');

export const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/** Before the line break. */
export function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  if (end === -1) return text.length;
  return end > offset && text[end - 1] === '\r' ? end - 1 : end;
}

/** The blanks with which the line of an offset begins. */
export const indentAt = (text: string, offset: number): string =>
  /^[ \t]*/.exec(text.slice(lineStart(text, offset), offset))?.[0] ?? '';

export const isBlank = (text: string): boolean => /^\s*$/.test(text);

/** Where the blanks before an offset begin, on its line. */
export function beforeBlanks(text: string, offset: number, from = 0): number {
  let at = offset;
  while (at > from && (text[at - 1] === ' ' || text[at - 1] === '\t')) at -= 1;
  return at;
}

export function afterBlanks(text: string, offset: number): number {
  let at = offset;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}

/** Before the line break that ends at an offset; the offset itself where none does. */
export function beforeNewline(text: string, offset: number): number {
  if (text[offset - 1] !== '\n') return offset;
  return text[offset - 2] === '\r' ? offset - 2 : offset - 1;
}

/** Takes whole lines out, from the one of an offset to the one of another, with one line break. */
export function withoutLines(text: string, first: number, last: number): Edit {
  const start = lineStart(text, first);
  const end = lineEnd(text, last);
  if (end < text.length) return { start, end: text.indexOf('\n', end) + 1, text: '' };
  return { start: beforeNewline(text, start), end, text: '' };
}
