/** Far more than any provider lists and anyone uses; a client may ask for names without end. */
const MOST_MODELS = 1000;

/** What is known of each model of one provider, while the process lives. Of too many, the one that was set first goes. */
export class PerModel<Value> {
  readonly #byModel = new Map<string, Value>();

  get(model: string): Value | undefined {
    return this.#byModel.get(model);
  }

  set(model: string, value: Value): void {
    this.#byModel.delete(model);
    this.#byModel.set(model, value);
    const [oldest] = this.#byModel.keys();
    if (this.#byModel.size > MOST_MODELS && oldest !== undefined) this.#byModel.delete(oldest);
  }

  entries(): Iterable<[model: string, Value]> {
    return this.#byModel;
  }

  delete(model: string): void {
    this.#byModel.delete(model);
  }

  clear(): void {
    this.#byModel.clear();
  }
}
