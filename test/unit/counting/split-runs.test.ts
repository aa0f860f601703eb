import fc from 'fast-check';
import { O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import { describe, expect, it } from 'vitest';
import { LONGEST_RUN, splitRuns } from '../../../src-main/counting/split-runs.ts';

function partsOf(text: string): string[] {
  const parts: string[] = [];
  splitRuns(text, (part) => parts.push(part));
  return parts;
}

/** The longest piece that the tokenizer will encode at once, which it does in time that grows with the piece's square. */
function longestPiece(text: string): number {
  let longest = 0;
  for (const part of partsOf(text))
    for (const [piece] of part.matchAll(O200K_TOKEN_SPLIT_REGEX)) longest = Math.max(longest, piece.length);
  return longest;
}

/** A run, what may stand before it and behind it, and the second half of a character at the cut. */
const LONGEST_PIECE = LONGEST_RUN + 8;

/** Whatever the tokenizer's rules tell apart, and what they join. */
const characters = [
  ...['a', 'Z', '7', ' ', '\t', '\n', '\r', '/', '.', "'", '"', '-', '(', '\u000b'],
  ...['\u0301', '\u00a0', '\u2003', '\u3000', '\ufeff', 'é', 'ß', 'ǅ', 'ʰ', 'ы', 'Ы', 'ا', 'ि', '५', '²'],
  ...[
    '一',
    'あ',
    'ア',
    'ー',
    '゙',
    '한',
    '。',
    '！',
    '、',
    '·',
    '…',
    '→',
    '😀',
    '👩‍👩‍👧',
    '\ud83d',
    '\ude00',
    'ﬁ',
    '𝒳',
    '𒀀',
  ],
];

describe('cutting long runs', () => {
  it.each(characters.map((one) => [JSON.stringify(one), one]))('holds for a million characters of %s', (_, one) => {
    const text = one.repeat(1_000_000 / one.length);
    expect(longestPiece(text)).toBeLessThanOrEqual(LONGEST_PIECE);
  });

  it('holds for any repeated mixture', () => {
    const unit = fc.array(fc.constantFrom(...characters), { minLength: 1, maxLength: 6 }).map((list) => list.join(''));
    fc.assert(
      fc.property(fc.array(unit, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 400 }), (units, times) => {
        const text = units.map((one) => one.repeat(times)).join('');
        expect(longestPiece(text)).toBeLessThanOrEqual(LONGEST_PIECE);
        expect(partsOf(text).join('')).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves ordinary text whole', () => {
    const code = 'function aVeryLongName(parameter: string) { return `$1/*…*/`; } // don’t\n'.repeat(2000);
    const prose = 'Слова разделены пробелами, and so are these; 単語は。区切られます、ここで。'.repeat(2000);
    expect(partsOf(code)).toEqual([code]);
    expect(partsOf(prose)).toEqual([prose]);
    expect(partsOf('')).toEqual([]);
  });

  it('never cuts a character in two', () => {
    const parts = partsOf(`x${'😀'.repeat(1000)}`);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(part.isWellFormed()).toBe(true);
  });

  it('counts numbers as the tokenizer groups them, and characters by script', () => {
    expect(splitRuns('a1 22 333 4444 55555-66 7', () => undefined).numbers).toBe(9);
    expect(splitRuns('über “naïve” → 你好 мир', () => undefined)).toMatchObject({ foreign: 5, latin: 16 });
  });
});
