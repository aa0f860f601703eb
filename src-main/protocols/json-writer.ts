/**
 * Puts JSON together from pieces, as bytes. One character beyond Latin-1 makes V8 keep a whole text in two bytes a
 * character, which makes writing a large body several times slower; in pieces only those that hold one pay for it.
 */

/** One for all: encoding is synchronous, and what is written is copied out at the end. */
let scratch = Buffer.allocUnsafeSlow(256 * 1024);
/** A larger one is not kept for the next request. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** UTF-8 of a UTF-16 code unit, at most. */
const BYTES_PER_UNIT = 3;

export class JsonWriter {
  #length = 0;

  text(piece: string): this {
    this.#reserve(piece.length * BYTES_PER_UNIT);
    this.#length += scratch.write(piece, this.#length);
    return this;
  }

  value(value: unknown): this {
    return this.text(JSON.stringify(value));
  }

  bytes(piece: Uint8Array): this {
    this.#reserve(piece.length);
    scratch.set(piece, this.#length);
    this.#length += piece.length;
    return this;
  }

  /** Gives what was written; the writer must not be used again. */
  finish(): Buffer {
    const written = Buffer.from(scratch.subarray(0, this.#length));
    if (scratch.length > KEPT_BYTES) scratch = Buffer.allocUnsafeSlow(256 * 1024);
    return written;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= scratch.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(scratch.length * 2, this.#length + bytes));
    scratch.copy(larger, 0, 0, this.#length);
    scratch = larger;
  }
}
