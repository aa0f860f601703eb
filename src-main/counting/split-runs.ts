/** Characters handed to the tokenizer without a place where it surely begins anew: its work grows with their square. */
export const LONGEST_RUN = 128;

/**
 * What a character is to the rules by which o200k cuts a text into the pieces that it then encodes:
 * `[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+('s|…)?`, `\p{N}{1,3}`, ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, `\s*[\r\n]+`, `\s+`.
 */
const LETTER = 0;
const DIGIT = 1;
const BLANK = 2;
/** Other white space: a piece of signs may go on with it. */
const LINE = 3;
const SIGN = 4;
/** Of which nothing is sure: marks, for one, stand among letters and among signs. */
const OTHER = 5;

const ascii = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z]/.test(character)) return LETTER;
  if (/\d/.test(character)) return DIGIT;
  if (character === ' ' || character === '\t') return BLANK;
  return /\s/.test(character) ? LINE : SIGN;
});

function classOf(code: number): number {
  if (code < 128) return ascii[code] ?? OTHER;
  if (code >= 0x4e00) {
    // Ideographs, Hangul; full-width marks of punctuation.
    if (code <= 0x9fff || (code >= 0xac00 && code <= 0xd7a3)) return LETTER;
    if (code >= 0xff01 && code <= 0xff0f) return SIGN;
    return code === 0xfeff ? LINE : OTHER;
  }
  // Cyrillic; Hiragana, Katakana; their punctuation.
  if (code >= 0x410 && code <= 0x44f) return LETTER;
  if ((code >= 0x3041 && code <= 0x3096) || (code >= 0x30a1 && code <= 0x30fa)) return LETTER;
  if (code >= 0x3001 && code <= 0x3003) return SIGN;
  return /\s/.test(String.fromCharCode(code)) ? LINE : OTHER;
}

/** Whether a piece surely ends between two characters of these classes, or at most three further on. */
function isBoundary(before: number, now: number): boolean {
  if (now === DIGIT || before === DIGIT) return true;
  if (now === before) return false;
  if (before === LETTER) return now !== OTHER;
  if (now === LETTER) return before !== OTHER;
  if (now === BLANK) return before !== LINE;
  return before === BLANK && now !== LINE;
}
const boundaries = Uint8Array.from({ length: 64 }, (_, pair) => (isBoundary(pair >> 3, pair & 7) ? 1 : 0));

/** Characters of a text, by what sets their tokens apart. */
export interface CharacterCounts {
  /** Numbers in groups of up to three digits, as o200k takes them. */
  numbers: number;
  /** Of other scripts than Latin. */
  foreign: number;
  latin: number;
}

/** Greek is where the scripts that are not Latin begin; dashes, quotes, arrows and frames (U+2000 to U+2BFF) belong to all. */
const isForeign = (code: number): boolean => code >= 0x370 && (code < 0x2000 || code > 0x2bff);
/** Whether the two are one character, which must not be cut. */
const areHalves = (first: number, second: number): boolean =>
  first >= 0xd800 && first <= 0xdbff && second >= 0xdc00 && second <= 0xdfff;

/**
 * Cuts a text where it runs on for long without a place at which a piece surely ends; ordinary text has such places everywhere.
 * A cut costs a token or two.
 * @param add is given each part in turn.
 */
export function splitRuns(text: string, add: (part: string) => void): CharacterCounts {
  let start = 0;
  let runStart = 0;
  let before = BLANK;
  let digits = 0;
  let numbers = 0;
  let foreign = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    const now = classOf(code);
    if (now === DIGIT) {
      if (digits % 3 === 0) numbers += 1;
      digits += 1;
    } else digits = 0;
    if (isForeign(code)) foreign += 1;
    if (boundaries[(before << 3) | now] === 1) runStart = index;
    else if (index - runStart >= LONGEST_RUN && !areHalves(text.charCodeAt(index - 1), code)) {
      add(text.slice(start, index));
      start = index;
      runStart = index;
    }
    before = now;
  }
  if (start < text.length) add(start === 0 ? text : text.slice(start));
  return { numbers, foreign, latin: text.length - foreign };
}
