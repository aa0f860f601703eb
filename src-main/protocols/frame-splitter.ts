import { isObject } from './is-object.ts';

/** An event longer than any real one: a broken server must not fill the memory. Bytes. */
const FRAME_LIMIT = 32 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * Looks at one frame, `bytes` from `start` to `end`, its empty line not included.
 * @returns whether it could be read; a last frame that lacks its empty line is given out only then. `hidden`: it could, and
 * is never given out.
 */
type FrameInspector = (bytes: Buffer, start: number, end: number) => boolean | 'hidden';

/**
 * Lets a `text/event-stream` through in whole frames, as the bytes they are, and shows each of them to an inspector. So an
 * error event can follow a stream that was cut inside a frame.
 */
export class FrameSplitter {
  readonly #inspect: FrameInspector;
  /** What has arrived of a frame that is incomplete. */
  #tail: Buffer | null = null;
  /** Where the tail grows, once a frame has taken more than one chunk. */
  #room: Buffer | null = null;

  constructor(inspect: FrameInspector) {
    this.#inspect = inspect;
  }

  /**
   * @returns the bytes that end with a whole frame; empty while a frame is incomplete.
   * @throws RangeError when a frame grows beyond all measure (32 MB).
   */
  push(chunk: Buffer): Buffer {
    const bytes = this.#tail === null ? chunk : this.#join(this.#tail, chunk);
    let frameStart = 0;
    /** What is given out of what stands before a hidden frame. */
    const before: Buffer[] = [];
    let outStart = 0;
    // A frame ends at an empty line; the search starts a little before the new bytes, where its first line end may lie.
    let at = this.#tail === null ? 0 : Math.max(0, this.#tail.length - 3);
    for (let lineEnd = bytes.indexOf(LF, at); lineEnd !== -1; lineEnd = bytes.indexOf(LF, at)) {
      at = lineEnd + 1;
      let after = at;
      if (bytes[after] === CR) after += 1;
      if (bytes[after] !== LF) continue;
      const isHidden = this.#inspect(bytes, frameStart, lineEnd) === 'hidden';
      if (isHidden) before.push(bytes.subarray(outStart, frameStart));
      frameStart = after + 1;
      if (isHidden) outStart = frameStart;
      at = frameStart;
    }
    this.#tail = frameStart === bytes.length ? null : bytes.subarray(frameStart);
    // What is given out must not be written over.
    if (frameStart > 0) this.#room = null;
    if (before.length > 0) return Buffer.concat([...before, bytes.subarray(outStart, frameStart)]);
    return frameStart === bytes.length ? bytes : bytes.subarray(0, frameStart);
  }

  /**
   * The stream has ended.
   * @returns a last frame that lacks its empty line, with one, where it could be read; half a frame is dropped.
   */
  end(): string {
    const tail = this.#tail;
    this.#tail = null;
    return tail !== null && this.#inspect(tail, 0, tail.length) === true ? `${tail.toString()}\n\n` : '';
  }

  /** Room doubles, so that a long frame in many chunks is not copied once more with each of them. */
  #join(tail: Buffer, chunk: Buffer): Buffer {
    const length = tail.length + chunk.length;
    if (length > FRAME_LIMIT) throw new RangeError('an event of the stream is longer than 32 MB');
    if (this.#room === null || this.#room.length < length) {
      const larger = Buffer.allocUnsafe(this.#room === null ? length : length * 2);
      tail.copy(larger);
      this.#room = larger;
    }
    chunk.copy(this.#room, tail.length);
    return this.#room.subarray(0, length);
  }
}

/** Whether a frame begins with some bytes: most frames carry nothing to account for, and are recognised by that alone. */
export function frameStartsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false;
  for (let index = 0; index < prefix.length; index += 1) if (bytes[start + index] !== prefix[index]) return false;
  return true;
}

/** All `data:` lines of a frame, joined with LF; null where it has none. */
export function frameData(bytes: Buffer, start: number, end: number): string | null {
  const data: string[] = [];
  for (const line of bytes.toString('utf8', start, end).split(/\r?\n/))
    if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
  return data.length === 0 ? null : data.join('\n');
}

/** The JSON object that a frame carries; null where it carries something else, which is for the client to judge. */
export function frameObject(bytes: Buffer, start: number, end: number): Record<string, unknown> | null {
  const data = frameData(bytes, start, end);
  if (data === null) return null;
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
