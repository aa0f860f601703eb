/**
 * Replaces the model name in a request body without touching any other byte: providers' prompt caches and the check on
 * replayed thinking live on an unchanged body.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Index just past the closing quote of the string that opens at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Byte ranges of the string values of top-level `model` keys. A key that stands twice counts twice: JSON lets the last win. */
function modelValueRanges(bytes: Buffer): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  let depth = 0;
  let key: string | null = null;
  let at = 0;
  while (at < bytes.length) {
    switch (bytes[at]) {
      case QUOTE: {
        const end = endOfString(bytes, at);
        if (depth === 1) {
          if (key === null) {
            // An escaped key such as "mod\u0065l" is the same key to every JSON parser.
            key = JSON.parse(bytes.toString('utf8', at, end)) as string;
          } else if (key === 'model') {
            ranges.push({ start: at, end });
          }
        }
        at = end;
        continue;
      }
      case 0x7b: // {
      case 0x5b: // [
        depth += 1;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth -= 1;
        break;
      case 0x2c: // ,
        if (depth === 1) key = null;
        break;
    }
    at += 1;
  }
  return ranges;
}

/**
 * @param body JSON bytes that have been parsed before: an object whose `model` is a string.
 * @returns the same bytes with the model's value replaced; a body without a model is returned as it is.
 */
export function spliceModel(body: Buffer, model: string): Buffer {
  const ranges = modelValueRanges(body);
  const value = Buffer.from(JSON.stringify(model));
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end } of ranges) {
    parts.push(body.subarray(from, start), value);
    from = end;
  }
  parts.push(body.subarray(from));
  return Buffer.concat(parts);
}
