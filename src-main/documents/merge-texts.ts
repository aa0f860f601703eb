import { isDeepStrictEqual } from 'node:util';
import { applyPatch, structuredPatch } from 'diff';
import type { DocumentFormat, TextDocument } from './document.ts';
import { openDocument } from './open-document.ts';
import { applyChanges, type Change, type Conflict, mergeValues } from './three-way.ts';

export type MergedTexts = { state: 'merged'; text: string } | { state: 'conflict'; conflicts: Conflict[] };

/**
 * Brings two changed copies of a text together. Lines that only one has changed are taken as they are, comments and all; where
 * both have changed lines that are near, place by place. What cannot be brought over without losing some of it is a conflict.
 * @throws DocumentError where one of them cannot be read
 */
export function mergeTexts(format: DocumentFormat, base: string, ours: string, theirs: string): MergedTexts {
  const [before, mine, others] = [base, ours, theirs].map((text) => openDocument(format, text)) as [
    TextDocument,
    TextDocument,
    TextDocument,
  ];
  const { changes, conflicts } = mergeValues(before.value, mine.value, others.value);
  if (conflicts.length > 0) return { state: 'conflict', conflicts };
  const expected = applyChanges(others.value, changes);

  const patched = applyPatch(theirs, structuredPatch('', '', base, ours, '', '', { context: 2 }), {
    autoConvertLineEndings: false,
  });
  if (patched !== false && isDeepStrictEqual(readValue(format, patched), expected))
    return { state: 'merged', text: patched };

  const own = mergeValues(before.value, mine.value, before.value).changes;
  // Comments, order and the like are not in the values.
  const isAllInValues = layChanges(before, own).text === ours;
  if (isAllInValues) return { state: 'merged', text: layChanges(others, changes).text };
  return { state: 'conflict', conflicts: [{ path: [], before: before.value, theirs: others.value, ours: mine.value }] };
}

/**
 * A document with changes laid over it, one after the other.
 * @throws DocumentError where one has no place in it
 */
export const layChanges = (document: TextDocument, changes: readonly Change[]): TextDocument =>
  changes.reduce(
    (result, { path, value }) => (value === undefined ? result.remove(path) : result.set(path, value)),
    document,
  );

function readValue(format: DocumentFormat, text: string): unknown {
  try {
    return openDocument(format, text).value;
  } catch {
    // Lines that fit, but make no text together.
    return undefined;
  }
}
