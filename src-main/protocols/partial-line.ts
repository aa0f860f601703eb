const BYTE_ORDER_MARK = 0xfeff;
/** Longer than any real answer: a broken server must not fill the memory. Bytes. */
const LINE_LIMIT = 32 * 1024 * 1024;

/**
 * The beginning of a line whose end has not arrived. Text is decoded in whole lines only, so a character split between chunks
 * needs no care.
 */
export class PartialLine {
  /** Joined once, when the end is there. */
  #bytes: Uint8Array[] = [];
  #length = 0;
  #atStart = true;

  /** @throws RangeError when the line grows beyond all measure (32 MB). */
  keep(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > LINE_LIMIT) throw new RangeError('a line of the stream is longer than 32 MB');
    this.#bytes.push(bytes);
  }

  /** What was kept, and what ends it, as text; without the byte order mark that a stream may begin with. */
  take(end: Uint8Array): string {
    let text: string;
    if (this.#bytes.length === 0) {
      text = Buffer.from(end.buffer, end.byteOffset, end.byteLength).toString('utf8');
    } else {
      this.#bytes.push(end);
      text = Buffer.concat(this.#bytes).toString('utf8');
      this.#bytes = [];
      this.#length = 0;
    }
    if (this.#atStart && text !== '') {
      this.#atStart = false;
      if (text.charCodeAt(0) === BYTE_ORDER_MARK) return text.slice(1);
    }
    return text;
  }
}
