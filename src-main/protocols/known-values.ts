/**
 * Long values that stand in many requests: an agent sends the same tool definitions with every one, and they are a large
 * part of it. Known bytes are recognised at once: their end need not be looked for, they are decoded once, and what is
 * derived from the decoded object can be kept by its identity.
 */

interface Entry {
  bytes: Buffer;
  /** Frozen; undefined until someone asks for it. */
  decoded: unknown;
}

/** Below, reading is as quick as comparing. */
const SHORTEST_BYTES = 1024;
/** Far above any agent's tools; all entries together stay below 8 MB. */
const LONGEST_BYTES = 256 * 1024;
/** A handful of clients, each with an agent and a few kinds of subagent. */
const MOST_ENTRIES = 32;

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}

export class KnownValues {
  /** Newest first. */
  readonly #entries: Entry[] = [];

  /** Length of the known value that begins at `start`; 0 where none does. No JSON array is the beginning of another. */
  lengthAt(bytes: Buffer, start: number): number {
    return this.#find(bytes, start)?.bytes.length ?? 0;
  }

  /** Takes note of the JSON array or object in this range. */
  remember(bytes: Buffer, start: number, end: number): void {
    if (end - start < SHORTEST_BYTES || end - start > LONGEST_BYTES || this.#find(bytes, start) !== undefined) return;
    // A copy: the bytes are a part of a request that must not be kept alive for them.
    this.#entries.unshift({ bytes: Buffer.from(bytes.subarray(start, end)), decoded: undefined });
    if (this.#entries.length > MOST_ENTRIES) this.#entries.pop();
  }

  /** The kept copy of the known value that begins at `start`, by which what is derived of it can be kept; null where none does. */
  copyAt(bytes: Buffer, start: number): Buffer | null {
    return this.#find(bytes, start)?.bytes ?? null;
  }

  /**
   * Decodes a range; a known one gives the same frozen object each time.
   * @throws SyntaxError where the bytes are no JSON.
   */
  decode(bytes: Buffer, start: number, end: number): unknown {
    const entry = this.#find(bytes, start);
    if (entry === undefined) return JSON.parse(bytes.toString('utf8', start, end));
    if (entry.decoded === undefined) {
      const decoded: unknown = JSON.parse(entry.bytes.toString());
      freeze(decoded);
      entry.decoded = decoded;
    }
    return entry.decoded;
  }

  #find(bytes: Buffer, start: number): Entry | undefined {
    for (const entry of this.#entries) {
      const { length } = entry.bytes;
      const end = start + length;
      // Most that are something else end elsewhere, which costs less to see than to compare them.
      if (bytes[end - 1] !== entry.bytes[length - 1]) continue;
      if (end <= bytes.length && bytes.compare(entry.bytes, 0, length, start, end) === 0) return entry;
    }
    return undefined;
  }
}
