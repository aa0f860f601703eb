/**
 * Agents send the same tool definitions with every request, and these are a large part of it. Equal bytes are decoded once
 * and give the same frozen object, so that what is derived from it can be kept by its identity, too.
 */

interface Entry {
  bytes: Buffer;
  value: unknown;
}

/** A handful of clients, each with an agent and a few kinds of subagent. */
const MOST_ENTRIES = 32;
/** Together, so that odd clients cannot fill the memory. */
const MOST_BYTES = 8 * 1024 * 1024;

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}

export class SharedValues {
  /** Most recently used first. */
  readonly #entries: Entry[] = [];
  #bytes = 0;

  /** @throws SyntaxError where the bytes are no JSON. */
  decode(bytes: Buffer): unknown {
    const known = this.#entries.findIndex((entry) => entry.bytes.length === bytes.length && entry.bytes.equals(bytes));
    if (known > 0) this.#entries.unshift(...this.#entries.splice(known, 1));
    if (known !== -1) return this.#entries[0]?.value;
    const value: unknown = JSON.parse(bytes.toString());
    freeze(value);
    // A copy: the bytes are a part of a request that must not be kept alive for them.
    this.#entries.unshift({ bytes: Buffer.from(bytes), value });
    this.#bytes += bytes.length;
    while (this.#entries.length > MOST_ENTRIES || this.#bytes > MOST_BYTES) this.#bytes -= this.#entries.pop()?.bytes.length ?? 0;
    return value;
  }
}
