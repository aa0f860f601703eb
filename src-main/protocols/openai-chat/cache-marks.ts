import type { CacheControl } from '../canonical.ts';
import type { EncodeTarget } from '../codec.ts';
import { type Breakpoint, breakpoint } from '../openai-fields.ts';

/** What a part of a message carries where its place is marked for the provider's prompt cache. */
export interface CacheMark {
  /** OpenRouter, which passes it on to Anthropic, Gemini and Qwen. */
  cache_control?: CacheControl;
  /** OpenAI. */
  prompt_cache_breakpoint?: Breakpoint;
}

/** Anthropic takes no more ("A maximum of 4 blocks with cache_control may be provided", aider-desk issue 513). */
export const MOST_MARKS = 4;

export const takesMarks = ({ quirks, refused }: EncodeTarget): boolean =>
  quirks.cacheMarks !== 'none' && !refused.has(quirks.cacheMarks);

/** The marks of one request, in the order of its prompt. */
export class CacheMarks {
  readonly #format: EncodeTarget['quirks']['cacheMarks'];
  readonly #marked: CacheMark[] = [];

  constructor(target: EncodeTarget) {
    this.#format = takesMarks(target) ? target.quirks.cacheMarks : 'none';
  }

  /** Marks a part, which must be ours to change, where the request marks it and the provider takes marks. */
  mark(part: CacheMark, control: CacheControl | null | undefined): void {
    if (this.#format === 'none' || control === undefined || control === null) return;
    if (this.#format === 'cache_control') part.cache_control = cacheControl(control);
    else part.prompt_cache_breakpoint = breakpoint(control);
    this.#marked.push(part);
  }

  /** The later ones reach further. OpenAI counts for itself. */
  keepLast(count: number): void {
    if (this.#format !== 'cache_control') return;
    for (const part of this.#marked.slice(0, Math.max(0, this.#marked.length - count))) {
      delete part.cache_control;
    }
  }
}

/** Without what is Anthropic's own beside it. */
export const cacheControl = ({ ttl }: CacheControl): CacheControl =>
  ttl === undefined ? { type: 'ephemeral' } : { type: 'ephemeral', ttl };
