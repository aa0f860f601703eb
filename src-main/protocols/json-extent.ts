const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Finds where a JSON object that arrives in pieces ends, looking at every character once. Parsing after each piece would
 * cost the square of the length. It does not validate: brackets are only counted.
 */
export class JsonExtent {
  /** The object has been closed. What follows cannot belong to it. */
  complete = false;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** Takes the next piece and returns how much of it belongs to the object. */
  push(piece: string): number {
    if (this.complete) return 0;
    for (let index = 0; index < piece.length; index += 1) {
      const code = piece.charCodeAt(index);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === BACKSLASH) this.#escaped = true;
        else if (code === QUOTE) this.#inString = false;
      } else if (code === QUOTE) {
        this.#inString = true;
      } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
        this.#depth += 1;
      } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
        this.#depth -= 1;
        if (this.#depth === 0) {
          this.complete = true;
          return index + 1;
        }
      }
    }
    return piece.length;
  }
}
