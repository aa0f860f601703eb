import { PerModel } from './per-model.ts';

const NONE: ReadonlySet<string> = new Set();

/** Parameters that models of one provider have refused, so that each is tried once only. Lives as long as the process. */
export class RefusedParameters {
  readonly #byModel = new PerModel<ReadonlySet<string>>();

  of(model: string): ReadonlySet<string> {
    return this.#byModel.get(model) ?? NONE;
  }

  /** @returns false where it was known already. */
  add(model: string, parameter: string): boolean {
    const known = this.of(model);
    if (known.has(parameter)) return false;
    this.#byModel.set(model, new Set([...known, parameter]));
    return true;
  }
}
