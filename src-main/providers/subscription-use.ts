import type { KeyView } from '../../src-shared/control.ts';
import type { SubscriptionView } from '../../src-shared/usage.ts';

export interface SubscriptionUseOptions {
  providers: readonly { readonly id: string; readonly keys: { views(): KeyView[] } }[];
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
      this.#last = { used: this.windows()[0]?.used ?? null, at: now };
    return this.#last.used;
  }

  /** All windows, the fullest first. One that has begun anew since is empty. */
  windows(): SubscriptionView[] {
    const now = this.#options.now();
    const windows = this.#options.providers.flatMap(({ id, keys }) =>
      keys.views().flatMap((key) =>
        key.limits.flatMap(({ name, used, resetsAt }): SubscriptionView[] => {
          if (used === null || !WINDOW.test(name)) return [];
          const isOver = resetsAt !== null && resetsAt <= now;
          return [
            { provider: id, key: key.id, window: name, used: isOver ? 0 : used, resetsAt: isOver ? null : resetsAt },
          ];
        }),
      ),
    );
    return windows.sort((a, b) => b.used - a.used);
  }
}
