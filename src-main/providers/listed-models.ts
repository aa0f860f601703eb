import type { Capabilities, ModelConfig } from '../../src-shared/config.ts';
import type { ModelListView } from '../../src-shared/control.ts';
import type { ModelFacts } from '../protocols/codec.ts';
import { bareName, undated } from './model-catalogue.ts';
import type { VendorModel } from './model-listing.ts';
import type { Price } from './model-prices.ts';

/** As many ids as a view has; a list may have thousands. */
const SHOWN = 200;

/** The models of one provider: those of the configuration, else those that it lists, else those that are known of its kind. */
export class ListedModels {
  readonly #configured: readonly ModelConfig[] | null;
  readonly #configuredFacts: ReadonlyMap<string, Partial<ModelFacts>>;
  readonly #prices: ReadonlyMap<string, Price>;
  readonly #builtIn: readonly string[];
  #fetched: { models: readonly VendorModel[]; at: number } | null = null;
  #error: string | null = null;
  #ids: readonly string[] = [];
  #facts: ReadonlyMap<string, Partial<ModelFacts>> = new Map();
  #displayNames: ReadonlyMap<string, string> = new Map();
  /** By names that mean the same; null where several models would be meant. */
  #alike: ReadonlyMap<string, string | null> = new Map();
  #alikeUndated: ReadonlyMap<string, string | null> = new Map();

  /** @param configured null: the provider's own list counts. */
  constructor(configured: readonly (string | ModelConfig)[] | null, builtIn: readonly string[]) {
    this.#configured = configured?.map((model) => (typeof model === 'string' ? { id: model } : model)) ?? null;
    this.#configuredFacts = new Map(this.#configured?.map((model) => [model.id, saidOf(model)]));
    this.#prices = new Map(this.#configured?.flatMap(({ id, price }) => (price === undefined ? [] : [[id, price]])));
    this.#builtIn = builtIn;
    this.#settle();
  }

  get ids(): readonly string[] {
    return this.#ids;
  }

  has(model: string): boolean {
    return this.#facts.has(model);
  }

  /**
   * The name by which a model is listed: its own, or one that is the same model's written otherwise, as OpenRouter's
   * `anthropic/claude-sonnet-5.5` is `claude-sonnet-5-5`. null where none is, or several could be meant.
   */
  nameOf(model: string): string | null {
    if (this.#facts.has(model)) return model;
    const name = bareName(model);
    const alike = this.#alike.get(name);
    const found = alike === undefined ? this.#alikeUndated.get(undated(name)) : alike;
    return found != null && mayBeSame(model, found) ? found : null;
  }

  /** How a model is called for people. */
  displayNameOf(model: string): string {
    return this.#displayNames.get(model) ?? model;
  }

  /** What the configuration, or the provider's list, says of a model; empty where they do not. */
  factsOf(model: string): Partial<ModelFacts> {
    return this.#facts.get(model) ?? {};
  }

  /** What the configuration alone says of a model. */
  configuredFacts(model: string): Partial<ModelFacts> {
    return this.#configuredFacts.get(model) ?? {};
  }

  /** What the configuration says that a model costs; null where it does not. */
  configuredPrice(model: string): Price | null {
    return this.#prices.get(model) ?? null;
  }

  /** @param at Unix time in ms at which the list was fetched. */
  setFetched(models: readonly VendorModel[], at: number): void {
    this.#fetched = { models, at };
    this.#error = null;
    this.#settle();
  }

  /** The list could not be fetched; the one before stays. */
  setFailed(reason: string): void {
    this.#error = reason;
  }

  view(): ModelListView {
    return {
      source: this.#source(),
      count: this.#ids.length,
      ids: this.#ids.slice(0, SHOWN),
      fetchedAt: this.#fetched?.at ?? null,
      error: this.#error,
    };
  }

  #source(): ModelListView['source'] {
    if (this.#configured !== null) return 'configured';
    if (this.#fetched !== null) return 'fetched';
    return this.#builtIn.length > 0 ? 'built-in' : 'none';
  }

  #settle(): void {
    const fetched = new Map(this.#fetched?.models.map(({ id, displayName: _, ...facts }) => [id, facts]));
    const facts = new Map<string, Partial<ModelFacts>>();
    if (this.#configured !== null) for (const { id } of this.#configured) facts.set(id, fetched.get(id) ?? {});
    else if (this.#fetched !== null) for (const [id, said] of fetched) facts.set(id, said);
    else for (const id of this.#builtIn) facts.set(id, {});
    this.#displayNames = new Map(
      this.#fetched?.models.flatMap(({ id, displayName }) => (displayName === undefined ? [] : [[id, displayName]])),
    );
    this.#facts = facts;
    this.#ids = [...facts.keys()];
    this.#alike = indexed(this.#ids, bareName);
    this.#alikeUndated = indexed(this.#ids, (id) => undated(bareName(id)));
  }
}

/**
 * Names without vendor and date that are alike may still be of two models: one that says another vendor (`a/m`, `b/m`) or
 * another date (`m-2024-05-13`, `m-2024-08-06`) is not meant.
 */
function mayBeSame(asked: string, listed: string): boolean {
  const differ = (read: (name: string) => string): boolean => {
    const [one, other] = [read(asked.toLowerCase()), read(listed.toLowerCase())];
    return one !== '' && other !== '' && one !== other;
  };
  return (
    !differ((name) => name.slice(0, name.lastIndexOf('/') + 1)) && !differ((name) => name.slice(undated(name).length))
  );
}

function indexed(ids: readonly string[], keyOf: (id: string) => string): Map<string, string | null> {
  const index = new Map<string, string | null>();
  for (const id of ids) {
    const key = keyOf(id);
    index.set(key, index.has(key) ? null : id);
  }
  return index;
}

function saidOf({ contextWindow, maxOutput, capabilities }: ModelConfig): Partial<ModelFacts> {
  return {
    ...(contextWindow === undefined ? {} : { contextWindow }),
    ...(maxOutput === undefined ? {} : { maxOutput }),
    ...saidOfAbilities(capabilities),
  };
}

/** Abilities as the configuration names them. */
export function saidOfAbilities(capabilities: Capabilities | undefined): Partial<ModelFacts> {
  const { vision, ...others } = capabilities ?? {};
  const named = { ...others, images: vision };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
