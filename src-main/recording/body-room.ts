import type { HeardBody, RawBody } from './request-bodies.ts';

/**
 * Memory is taken from the system in such pieces, and kept; what of it is not used yet is not there. From this size on, glibc has it
 * mapped by itself (M_MMAP_THRESHOLD in mallopt(3)): smaller ones may lie above what is freed later, and hold it.
 */
const REGION_BYTES = 32 * 1024 * 1024;
const SLAB_BYTES = 16 * 1024;

/** A body that is kept. */
export interface RoomedBody {
  readonly slabs: readonly Buffer[];
  /** In the slabs. */
  readonly length: number;
  /** Of all of it. */
  readonly bytes: number;
}

/**
 * Memory for bodies, apart from all other: what a request leaves behind dies young then, as ever. Large bodies that are only referred
 * to, or copied to where all else is, would stay until a full collection and hold the memory between them.
 */
export class BodyRoom {
  readonly #free: Buffer[] = [];
  #region: Buffer | null = null;
  /** What of the region has been used. */
  #usedBytes = 0;

  /** What a body of so many bytes takes. */
  static sizeOf(length: number): number {
    return Math.ceil(length / SLAB_BYTES) * SLAB_BYTES;
  }

  /** @param maxBytes of a larger one, the beginning is kept. */
  put({ pieces, bytes }: HeardBody, maxBytes: number): RoomedBody {
    const slabs: Buffer[] = [];
    let length = 0;
    for (const piece of pieces) {
      const part = typeof piece === 'string' ? Buffer.from(piece) : piece;
      const end = Math.min(part.length, maxBytes - length);
      for (let at = 0; at < end; ) {
        const place = length % SLAB_BYTES;
        if (place === 0) slabs.push(this.#slab());
        const put = Math.min(end - at, SLAB_BYTES - place);
        slabs.at(-1)?.set(part.subarray(at, at + put), place);
        at += put;
        length += put;
      }
    }
    return { slabs, length, bytes };
  }

  /** A copy: what is kept may make way at any time. */
  static read({ slabs, length, bytes }: RoomedBody): RawBody {
    const content = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (const slab of slabs) {
      content.set(slab.subarray(0, Math.min(SLAB_BYTES, length - at)), at);
      at += SLAB_BYTES;
    }
    return { content, bytes };
  }

  /** Nobody reads it any more. */
  give({ slabs }: RoomedBody): void {
    this.#free.push(...slabs);
  }

  #slab(): Buffer {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#region === null || this.#usedBytes === REGION_BYTES) {
      this.#region = Buffer.allocUnsafeSlow(REGION_BYTES);
      this.#usedBytes = 0;
    }
    this.#usedBytes += SLAB_BYTES;
    return this.#region.subarray(this.#usedBytes - SLAB_BYTES, this.#usedBytes);
  }
}
