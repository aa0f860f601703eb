import { hash } from 'node:crypto';
import { clearMergeCache, countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { splitRuns } from './split-runs.ts';

/** Tokens of a text by kind; together they are what the tokenizer gives. */
export interface TextTokens {
  text: number;
  numbers: number;
  foreign: number;
}

/** What looks like a special token is text here. */
const OPTIONS = { disallowedSpecial: new Set<string>() };

/** About how many tokens a character is worth: what shares a text's tokens out among its scripts. */
const FOREIGN_CHARACTER = 0.6;
const LATIN_CHARACTER = 0.25;

export function countText(text: string): TextTokens {
  let total = 0;
  const { numbers, foreign, latin } = splitRuns(text, (part) => {
    total += countTokens(part, OPTIONS);
  });
  const weight = foreign * FOREIGN_CHARACTER;
  const share = foreign === 0 ? 0 : weight / (weight + latin * LATIN_CHARACTER);
  const words = Math.max(0, total - numbers);
  return { text: words * (1 - share), numbers: total - words, foreign: words * share };
}

/** Shorter texts are counted sooner than looked up. */
const LEAST_LENGTH = 200;
/** Each some 120 bytes: a conversation has thousands at most. */
const ENTRIES = 40_000;

/** Characters after which the tokenizer forgets the words it has met: they keep the texts alive in which they stood. */
const FORGETS_AFTER = 16_000_000;

/** Remembers the counts of long texts, so that of a growing conversation only what is new is counted. Texts are not kept. */
export class TextCounter {
  readonly #known = new Map<string, TextTokens>();
  #sinceForgotten = 0;

  count(text: string): TextTokens {
    if (text.length < LEAST_LENGTH) return this.#count(text);
    const key = hash('sha256', text, 'base64');
    const known = this.#known.get(key);
    if (known !== undefined) {
      // Used last, dropped last.
      this.#known.delete(key);
      this.#known.set(key, known);
      return known;
    }
    const tokens = this.#count(text);
    this.#known.set(key, tokens);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= ENTRIES) break;
      this.#known.delete(oldest);
    }
    return tokens;
  }

  #count(text: string): TextTokens {
    this.#sinceForgotten += text.length;
    if (this.#sinceForgotten > FORGETS_AFTER) {
      this.#sinceForgotten = 0;
      clearMergeCache();
    }
    return countText(text);
  }
}
