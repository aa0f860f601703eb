import type { Quirks } from '../protocols/codec.ts';
import { PerModel } from './per-model.ts';

/** What models of one provider have turned out to want, against what was known of them. Lives as long as the process. */
export class LearnedQuirks {
  readonly #byModel = new PerModel<Partial<Quirks>>();

  add(model: string, quirks: Partial<Quirks>): void {
    this.#byModel.set(model, { ...this.#byModel.get(model), ...quirks });
  }

  /** What has turned out to be no help. */
  remove(model: string, quirks: Partial<Quirks>): void {
    const kept = Object.entries(this.#byModel.get(model) ?? {}).filter(([name]) => !(name in quirks));
    if (kept.length === 0) this.#byModel.delete(model);
    else this.#byModel.set(model, Object.fromEntries(kept));
  }

  /** The same object where nothing has been learned. */
  laidOver(quirks: Quirks, model: string): Quirks {
    const learned = this.#byModel.get(model);
    return learned === undefined ? quirks : { ...quirks, ...learned };
  }
}
