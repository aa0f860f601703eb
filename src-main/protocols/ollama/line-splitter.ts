import { PartialLine } from '../partial-line.ts';

const LF = 0x0a;

/**
 * Cuts bytes that arrive in any pieces into the lines of newline-delimited JSON. Lines may end in CRLF; blank ones are left
 * out.
 */
export class LineSplitter {
  readonly #partial = new PartialLine();

  /**
   * Returns the lines that are whole now, without their ends.
   * @throws RangeError when a line grows beyond all measure (32 MB).
   */
  push(chunk: Uint8Array): string[] {
    const end = chunk.lastIndexOf(LF) + 1;
    const lines = end === 0 ? [] : cut(this.#partial.take(chunk.subarray(0, end)));
    if (end < chunk.length) this.#partial.keep(chunk.subarray(end));
    return lines;
  }

  /** The stream has ended: what is left, a line without its end. */
  end(): string[] {
    return cut(this.#partial.take(new Uint8Array()));
  }
}

const cut = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
