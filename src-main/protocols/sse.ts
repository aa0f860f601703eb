import { PartialLine } from './partial-line.ts';

/** One event of a `text/event-stream` (WHATWG HTML, "Server-sent events"). */
export interface SseFrame {
  /** The `event:` field; null where the frame has none. */
  event: string | null;
  /** All `data:` lines of the frame, joined with LF. */
  data: string;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;

/** All the `data:` lines of one event. Characters. */
const EVENT_LIMIT = 32 * 1024 * 1024;

/**
 * Reads a `text/event-stream` from bytes cut anywhere. Comments, which only say that bytes arrived, are ignored, and so are
 * `id:` and `retry:`, which are for reconnecting.
 */
export class SseParser {
  readonly #partial = new PartialLine();
  /** The last chunk ended in CR: a LF that comes next belongs to the same line end. */
  #endedInCr = false;
  #event: string | null = null;
  #data: string | null = null;

  /**
   * Returns the frames that are whole now.
   * @throws RangeError when a line or an event grows beyond all measure (32 MB).
   */
  push(chunk: Uint8Array): SseFrame[] {
    const frames: SseFrame[] = [];
    let start = 0;
    if (this.#endedInCr && chunk.length > 0) {
      this.#endedInCr = false;
      if (chunk[0] === LF) start = 1;
    }
    const end = afterLastLine(chunk);
    if (end > start) {
      this.#endedInCr = chunk[chunk.length - 1] === CR;
      this.#lines(this.#partial.take(chunk.subarray(start, end)), frames);
      start = end;
    }
    if (start < chunk.length) this.#partial.keep(chunk.subarray(start));
    return frames;
  }

  /**
   * The stream has ended. A last frame that lacks its empty line is given too: servers forget it, and a frame that was
   * really cut does not parse.
   */
  end(): SseFrame[] {
    const frames: SseFrame[] = [];
    this.#lines(`${this.#partial.take(new Uint8Array())}\n\n`, frames);
    return frames;
  }

  #lines(text: string, frames: SseFrame[]): void {
    const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
    let start = 0;
    for (let end = lines.indexOf('\n'); end !== -1; end = lines.indexOf('\n', start)) {
      if (end === start) this.#dispatch(frames);
      else this.#field(lines, start, end);
      start = end + 1;
    }
  }

  #field(lines: string, start: number, end: number): void {
    if (lines.startsWith('data', start)) {
      const value = fieldValue(lines, start + 4, end);
      if (value !== null) this.#data = this.#data === null ? value : continued(this.#data, value);
    } else if (lines.startsWith('event', start)) {
      const value = fieldValue(lines, start + 5, end);
      if (value !== null) this.#event = value;
    }
  }

  #dispatch(frames: SseFrame[]): void {
    if (this.#data !== null) frames.push({ event: this.#event || null, data: this.#data });
    this.#event = null;
    this.#data = null;
  }
}

function continued(data: string, line: string): string {
  if (data.length + line.length >= EVENT_LIMIT) throw new RangeError('an event of the stream is longer than 32 MB');
  return `${data}\n${line}`;
}

/** Where the last whole line of a chunk ends; nearly always at its end, which needs no search. */
function afterLastLine(chunk: Uint8Array): number {
  const last = chunk[chunk.length - 1];
  if (last === LF || last === CR) return chunk.length;
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Math.max(bytes.lastIndexOf(LF), bytes.lastIndexOf(CR)) + 1;
}

/** What follows a field's name: `:` and at most one space are taken off. Null where the name goes on. */
function fieldValue(lines: string, colon: number, end: number): string | null {
  if (colon === end) return '';
  if (lines.charCodeAt(colon) !== COLON) return null;
  const start = lines.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
  return lines.slice(start, end);
}
