const NEWLINE = 0x0a;

/** Divides bytes, however they come, into lines of UTF-8. A line that is too long is told once, and left out. */
export class LineReader {
  readonly #mostBytes: number;
  /** Of the line that has begun. */
  #parts: Buffer[] = [];
  #length = 0;
  #isTooLong = false;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** @returns lines that are whole now, without their ends; null for one that was too long. */
  push(bytes: Buffer): (string | null)[] {
    const lines: (string | null)[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      this.#add(bytes.subarray(from, end));
      lines.push(this.#take());
      from = end + 1;
    }
    this.#add(bytes.subarray(from));
    return lines;
  }

  /** The last line, where it has no end; null where it was too long, `''` where there is none. */
  end(): string | null {
    return this.#take();
  }

  #add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > this.#mostBytes) {
      this.#isTooLong = true;
      this.#parts = [];
    }
    if (!this.#isTooLong && part.length > 0) this.#parts.push(part);
  }

  #take(): string | null {
    const line = this.#isTooLong ? null : Buffer.concat(this.#parts).toString().replace(/\r$/, '');
    this.#parts = [];
    this.#length = 0;
    this.#isTooLong = false;
    return line;
  }
}
