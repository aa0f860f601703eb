/**
 * JSON with whole numbers beyond 2^53, such as ids of 64 bits in tools' inputs: a double would change their last digits, and a
 * call with them would mean something else. They are kept as they are written, which `JSON.stringify` gives out again
 * (TC39's "JSON.parse source text access").
 */

/** A number as it is written. */
export interface WrittenNumber {
  readonly rawJSON: string;
}

const json = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): WrittenNumber;
  isRawJSON(value: unknown): value is WrittenNumber;
};

/** Fewer digits are no number beyond 2^53. */
const LONG = 16;
const WHOLE = /^-?\d+$/;

/**
 * `JSON.parse`, but for such numbers inside of a list or an object.
 * @throws SyntaxError
 */
export function parseExact(text: string): unknown {
  if (!mayHoldLongNumber(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? asWritten(value, source) : value,
  );
}

const isDigit = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
};

/** Looks at one character of sixteen: a run of so many digits holds one of them. */
function mayHoldLongNumber(text: string): boolean {
  for (let at = LONG - 1; at < text.length; at += LONG) {
    if (!isDigit(text, at)) continue;
    let start = at;
    while (start > 0 && isDigit(text, start - 1)) start -= 1;
    let end = at + 1;
    while (isDigit(text, end)) end += 1;
    if (end - start >= LONG && isValue(text, start)) return true;
    // The last place before the run's end: it was looked at.
    at = end - (end % LONG) - 1;
  }
  return false;
}

const before = (text: string, at: number): number => {
  let index = at - 1;
  while (/\s/.test(text.charAt(index))) index -= 1;
  return index;
};

/** Whether a value may begin there; in a text, as logs hold them, the quotes of a key are escaped. */
function isValue(text: string, start: number): boolean {
  let at = before(text, text[start - 1] === '-' ? start - 1 : start);
  if (text[at] !== ':') return text[at] === ',' || text[at] === '[';
  at = before(text, at);
  if (text[at] !== '"') return false;
  let slashes = 0;
  while (text[at - 1 - slashes] === '\\') slashes += 1;
  return slashes % 2 === 0;
}

/** A number, or what it is written as where that says another one. */
export const asWritten = (value: number, source: string): number | WrittenNumber =>
  !Number.isSafeInteger(value) && WHOLE.test(source) && String(value) !== source ? json.rawJSON(source) : value;

/** A number as JavaScript's clients know it; every other value as it is. */
export const asDouble = (value: unknown): unknown => (json.isRawJSON(value) ? Number(value.rawJSON) : value);
