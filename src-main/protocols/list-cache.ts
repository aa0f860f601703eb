/**
 * Keeps what was made of lists of tools. An agent sends the same ones with every request, and equal ones are one frozen object
 * (request-body.ts), so each is translated once. A list that is not frozen might change under us: of that nothing is kept.
 */
export class ListCache<Made> {
  readonly #made = new WeakMap<readonly unknown[], Map<string, Made>>();

  /** @param variant all that `make` depends on besides the list. */
  of(list: readonly unknown[], variant: string, make: () => Made): Made {
    if (!Object.isFrozen(list)) return make();
    let variants = this.#made.get(list);
    if (variants === undefined) {
      variants = new Map();
      this.#made.set(list, variants);
    }
    let made = variants.get(variant);
    if (made === undefined) {
      made = make();
      variants.set(variant, made);
    }
    return made;
  }
}
