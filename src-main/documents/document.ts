/** A place in a document, as in `['providers', 0, 'baseUrl']`. */
export type DocumentPath = readonly (string | number)[];

export type DocumentFormat = 'json' | 'yaml' | 'toml';

/** A text that a person wrote, to be changed in single places: every other byte, comments and order stay as they are. */
export interface TextDocument {
  readonly text: string;
  /** What it says, as plain JSON data; an empty text is an empty section. */
  readonly value: unknown;
  /**
   * The document with a value at a place, where it is replaced, or added as the last of its section; sections that are missing
   * on the way are made.
   * @throws DocumentError where something on the way is no section.
   */
  set(path: DocumentPath, value: unknown): TextDocument;
  /** The document without what is at a place; the same where there is nothing. */
  remove(path: DocumentPath): TextDocument;
}

/** A text that cannot be read, or not changed as was asked. Counted from 1; null where no place is known. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly line: number | null;
  readonly column: number | null;

  constructor(message: string, place: { line: number; column: number } | null = null) {
    super(message);
    this.line = place?.line ?? null;
    this.column = place?.column ?? null;
  }
}
