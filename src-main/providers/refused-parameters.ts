const NONE: ReadonlySet<string> = new Set();
/** Far more than any provider lists and anyone uses; a client may ask for names without end. */
const MOST_MODELS = 1000;

/** Parameters that models of one provider have refused, so that each is tried once only. Lives as long as the process. */
export class RefusedParameters {
  readonly #byModel = new Map<string, ReadonlySet<string>>();

  of(model: string): ReadonlySet<string> {
    return this.#byModel.get(model) ?? NONE;
  }

  /** @returns false where it was known already. */
  add(model: string, parameter: string): boolean {
    const known = this.of(model);
    if (known.has(parameter)) return false;
    this.#byModel.delete(model);
    this.#byModel.set(model, new Set([...known, parameter]));
    const [oldest] = this.#byModel.keys();
    if (this.#byModel.size > MOST_MODELS && oldest !== undefined) this.#byModel.delete(oldest);
    return true;
  }
}
