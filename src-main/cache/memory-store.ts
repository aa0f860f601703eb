import { LRUCache } from 'lru-cache';
import type { AnswerStore, KeptAnswer } from './kept-answer.ts';

/** What an entry takes besides its bytes: its key, and objects around it. */
const ENTRY_BYTES = 512;

/** Answers in memory; those that were not used for longest make way. */
export class MemoryStore implements AnswerStore {
  readonly trouble = null;
  readonly #kept: LRUCache<string, KeptAnswer>;
  readonly #now: () => number;

  constructor(maxBytes: number, now: () => number) {
    this.#now = now;
    this.#kept = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ bytes }) => bytes.length + ENTRY_BYTES });
  }

  get(key: string): KeptAnswer | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    if (kept.until > this.#now()) return kept;
    this.#kept.delete(key);
    return null;
  }

  put(key: string, answer: KeptAnswer): void {
    this.#kept.set(key, answer);
  }

  async clear(): Promise<number> {
    const { size } = this.#kept;
    this.#kept.clear();
    return size;
  }

  async size(): Promise<{ answers: number; bytes: number }> {
    for (const [key, { until }] of this.#kept.entries()) if (until <= this.#now()) this.#kept.delete(key);
    return { answers: this.#kept.size, bytes: this.#kept.calculatedSize };
  }
}
