import { isDeepStrictEqual } from 'node:util';
import { DocumentError, type DocumentFormat, type DocumentPath, type TextDocument } from './document.ts';
import { readJson } from './json-document.ts';
import { isContainer, valueAt, valueWith, valueWithout, wrapped } from './json-values.ts';
import { readToml } from './toml-document.ts';
import { readYaml } from './yaml-document.ts';

/** A text as a format understands it. */
export interface ReadText {
  value: unknown;
  /**
   * The text with a value in a section or list that is there: in the place of what is there, or as the last.
   * @param whole what the document is to say then
   */
  put(container: DocumentPath, segment: string | number, value: unknown, whole: unknown): string;
  /** The text without what is at a place, where something is. */
  remove(path: DocumentPath, whole: unknown): string;
}

const readers: Record<DocumentFormat, (text: string) => ReadText> = { json: readJson, yaml: readYaml, toml: readToml };

/**
 * Reads a text that a person wrote: JSON (with comments and trailing commas), YAML or TOML.
 * @throws DocumentError where it cannot be read, with the place
 */
export function openDocument(format: DocumentFormat, text: string): TextDocument {
  const mark = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  return documentOf(format, mark, read(format, text.slice(mark.length)), text);
}

function documentOf(format: DocumentFormat, mark: string, current: ReadText, text: string): TextDocument {
  const next = (body: string, expected: unknown): TextDocument => {
    const changed = read(format, body);
    // The proof of every change. Formats have corners where a place cannot be changed without its surroundings.
    if (!isDeepStrictEqual(changed.value, expected))
      throw new DocumentError(
        'this place cannot be changed without rewriting what stands around it; change it by hand',
      );
    return documentOf(format, mark, changed, mark + body);
  };
  return {
    text,
    value: current.value,
    set(path, value) {
      if (path.length === 0) throw new DocumentError('a change needs a place');
      const plain: unknown = JSON.parse(JSON.stringify(value));
      const expected = valueWith(current.value, path, plain);
      if (isDeepStrictEqual(valueAt(current.value, path), plain)) return this;
      const depth = path.findIndex((_, index) => !isContainer(valueAt(current.value, path.slice(0, index + 1))));
      const at = depth === -1 ? path.length - 1 : depth;
      const segment = path[at] ?? '';
      const inner = wrapped(path.slice(at + 1), plain);
      return next(
        attempt(() => current.put(path.slice(0, at), segment, inner, expected)),
        expected,
      );
    },
    remove(path) {
      if (path.length === 0) throw new DocumentError('a change needs a place');
      if (valueAt(current.value, path) === undefined) return this;
      const expected = valueWithout(current.value, path);
      let body = attempt(() => current.remove(path, expected));
      // JSON may have a name twice; the last counts, and the one before it would next.
      for (
        let again = read(format, body);
        typeof path.at(-1) === 'string' && has(again, path);
        again = read(format, body)
      ) {
        const shorter = again.remove(path, expected);
        if (shorter.length >= body.length) break;
        body = shorter;
      }
      return next(body, expected);
    },
  };
}

const has = ({ value }: ReadText, path: DocumentPath): boolean => valueAt(value, path) !== undefined;

const read = (format: DocumentFormat, body: string): ReadText => attempt(() => readers[format](body));

/** Nesting that overflows the stack is a text that cannot be read, too. */
function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof DocumentError) throw error;
    throw new DocumentError(`cannot be read: ${(error as Error).message}`);
  }
}
