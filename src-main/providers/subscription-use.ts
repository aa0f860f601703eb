import type { KeyView } from '../../src-shared/control.ts';

export interface SubscriptionUseOptions {
  providers: readonly { readonly keys: { views(): KeyView[] } }[];
  /** Unix time in ms. */
  now: () => number;
}

/** A limit that is named by how long it lasts, as a subscription's are: `5h`, `7d`, `7d_sonnet`. */
const WINDOW = /^\d+[hd](?:$|[-_])/;
/** Every request asks, and it changes only with answers. */
const KEPT_MS = 1_000;

/** How far the subscriptions behind the keys are used up, as their vendors said last. */
export class SubscriptionUse {
  readonly #options: SubscriptionUseOptions;
  #last: { used: number | null; at: number } | null = null;

  constructor(options: SubscriptionUseOptions) {
    this.#options = options;
  }

  /** The used part of the fullest window, 0 to 1; null where nobody has said. One that has begun anew since is empty. */
  used(): number | null {
    const now = this.#options.now();
    if (this.#last === null || Math.abs(now - this.#last.at) >= KEPT_MS)
      this.#last = { used: this.#fullest(now), at: now };
    return this.#last.used;
  }

  #fullest(now: number): number | null {
    let fullest: number | null = null;
    for (const { keys } of this.#options.providers)
      for (const { limits } of keys.views())
        for (const { name, used, resetsAt } of limits) {
          if (used === null || !WINDOW.test(name)) continue;
          fullest = Math.max(fullest ?? 0, resetsAt !== null && resetsAt <= now ? 0 : used);
        }
    return fullest;
  }
}
