const LF = 0x0a;
const BYTE_ORDER_MARK = 0xfeff;

/** A line longer than any real answer: a broken server must not fill the memory. Bytes. */
const LINE_LIMIT = 32 * 1024 * 1024;

/**
 * Cuts bytes that arrive in any pieces into the lines of newline-delimited JSON. Text is decoded in whole lines only, so a
 * character split between chunks needs no care. Lines may end in CRLF; blank ones are left out.
 */
export class LineSplitter {
  /** Bytes of a line whose end has not arrived; joined once, when it does. */
  #partial: Uint8Array[] = [];
  #partialBytes = 0;
  #atStart = true;

  /**
   * Returns the lines that are whole now, without their ends.
   * @throws RangeError when a line grows beyond all measure (32 MB).
   */
  push(chunk: Uint8Array): string[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const end = bytes.lastIndexOf(LF) + 1;
    const lines = end === 0 ? [] : this.#cut(this.#takeText(bytes.subarray(0, end)));
    if (end < bytes.length) {
      this.#partialBytes += bytes.length - end;
      if (this.#partialBytes > LINE_LIMIT) throw new RangeError('a line of the stream is longer than 32 MB');
      this.#partial.push(end === 0 ? bytes : bytes.subarray(end));
    }
    return lines;
  }

  /** The stream has ended: what is left, a line without its end. */
  end(): string[] {
    return this.#cut(this.#takeText(Buffer.alloc(0)));
  }

  #takeText(tail: Buffer): string {
    let text: string;
    if (this.#partial.length === 0) {
      text = tail.toString('utf8');
    } else {
      text = Buffer.concat([...this.#partial, tail]).toString('utf8');
      this.#partial = [];
      this.#partialBytes = 0;
    }
    if (this.#atStart && text !== '') {
      this.#atStart = false;
      if (text.charCodeAt(0) === BYTE_ORDER_MARK) return text.slice(1);
    }
    return text;
  }

  #cut(text: string): string[] {
    return text.split('\n').filter((line) => line.trim() !== '');
  }
}
