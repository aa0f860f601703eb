import type { Quirks } from '../protocols/codec.ts';

/** Far more than any provider lists and anyone uses; a client may ask for names without end. */
const MOST_MODELS = 1000;

/** What models of one provider have turned out to want, against what was known of them. Lives as long as the process. */
export class LearnedQuirks {
  readonly #byModel = new Map<string, Partial<Quirks>>();

  add(model: string, quirks: Partial<Quirks>): void {
    const known = this.#byModel.get(model);
    this.#byModel.delete(model);
    this.#byModel.set(model, { ...known, ...quirks });
    const [oldest] = this.#byModel.keys();
    if (this.#byModel.size > MOST_MODELS && oldest !== undefined) this.#byModel.delete(oldest);
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
