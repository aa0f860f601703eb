import { z } from 'zod';
import type { BatchPlace } from './batches.ts';

/** As it is kept: id, provider, key; the newest last. */
export const batchPlacesSchema = z.array(z.tuple([z.string(), z.string(), z.string()]));
export type SavedBatchPlaces = z.output<typeof batchPlacesSchema>;

/** Vendors keep results for a month. */
const MOST = 5_000;

/** Where batches and files were made, for who asks for them later. */
export class BatchPlaces {
  readonly #places: Map<string, BatchPlace>;
  readonly #onLearned: () => void;

  constructor(saved: SavedBatchPlaces | null, onLearned: () => void) {
    this.#places = new Map((saved ?? []).map(([id, provider, key]) => [id, { provider, key }]));
    this.#onLearned = onLearned;
  }

  get(id: string): BatchPlace | null {
    return this.#places.get(id) ?? null;
  }

  set(id: string, place: BatchPlace): void {
    const known = this.#places.get(id);
    if (known?.provider === place.provider && known.key === place.key) return;
    this.#places.delete(id);
    this.#places.set(id, place);
    for (const oldest of this.#places.keys()) {
      if (this.#places.size <= MOST) break;
      this.#places.delete(oldest);
    }
    this.#onLearned();
  }

  saved(): SavedBatchPlaces {
    return [...this.#places].map(([id, { provider, key }]) => [id, provider, key]);
  }
}
