import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type ModelFacts, unknownModel } from '../protocols/codec.ts';
import type { ReasoningEffort } from '../protocols/effort.ts';
import { free, type Price, withHour } from './model-prices.ts';

/** What is known of a model; what is absent is unknown. Token counts. */
export interface CatalogueEntry {
  contextWindow?: number;
  maxOutput?: number;
  reasoning?: boolean;
  efforts?: ReasoningEffort[];
  images?: boolean;
  cost?: Price;
}

type Models = Readonly<Record<string, Readonly<Record<string, CatalogueEntry>>>>;

interface Catalogue {
  /** By kind of provider, such as `openai`, and there by id. */
  models: ReadonlyMap<string, ReadonlyMap<string, CatalogueEntry>>;
  /** All of a bare name, whoever serves it. */
  byBareName: ReadonlyMap<string, readonly CatalogueEntry[]>;
}

/** As far below the project as dist/main, where the built program lies. */
const file = path.resolve(import.meta.dirname, '../../resources/models.json');

let loaded: Catalogue | null = null;

/** Read when first asked for; a unit test checks the file's form. */
function catalogue(): Catalogue {
  if (loaded !== null) return loaded;
  const { models } = JSON.parse(readFileSync(file, 'utf8')) as { models: Models };
  const byBareName = new Map<string, CatalogueEntry[]>();
  for (const byId of Object.values(models))
    for (const [id, entry] of Object.entries(byId)) {
      const name = bareName(id);
      const same = byBareName.get(name);
      if (same === undefined) byBareName.set(name, [entry]);
      else same.push(entry);
    }
  const byKind = Object.entries(models).map(([kind, byId]) => [kind, new Map(Object.entries(byId))] as const);
  loaded = { models: new Map(byKind), byBareName };
  return loaded;
}

/** `accounts/fireworks/models/GLM-5.3` and `z-ai/glm-5.3` are `glm-5-3`. */
export const bareName = (id: string): string =>
  id
    .slice(id.lastIndexOf('/') + 1)
    .toLowerCase()
    .replaceAll('.', '-');

/** Without the date of a version: `-20251001`, `@20251001`, `-2024-08-06`. */
export const undated = (name: string): string => name.replace(/[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$/, '');

/**
 * The names a model may be listed under, the most exact first: without Claude Code's window mark (`[1m]`), as a tag of
 * Ollama (`gpt-oss:120b-cloud`), without OpenRouter's variant (`:free`), and without the date of a version
 * (`-20251001`, `@20251001`, `-2024-08-06`).
 */
function namesOf(model: string): string[] {
  const plain = model.replace(/\[1m\]$/, '');
  const [untagged = plain, tag] = plain.split(':', 2);
  const names = [plain];
  if (tag !== undefined) {
    names.push(`${untagged}-${tag.replace(/-?cloud$/, '')}`);
    // A size makes another model.
    if (!/\d[bm]\b/i.test(tag)) names.push(untagged);
  }
  return [...names, ...names.map(undated)];
}

/**
 * What is known of a model.
 * @param kind of the provider, as the catalogue names it; null for a server of no known vendor.
 * @param model its name there. Where the kind does not list it, vendors that list a model of this name are asked, and what
 * they all agree on counts.
 */
export function factsOf(kind: string | null, model: string): ModelFacts {
  const { models, byBareName } = catalogue();
  const names = namesOf(model);
  const listed = kind === null ? undefined : models.get(kind);
  for (const name of names) {
    const entry = listed?.get(name);
    if (entry !== undefined) return agreed([entry]);
  }
  for (const name of names) {
    const entries = byBareName.get(bareName(name));
    if (entries !== undefined) return agreed(entries);
  }
  return agreed([]);
}

/** Whether the vendor's own list names a model; else what is known of it is what others of its name have. */
export function isListed(kind: string | null, model: string): boolean {
  const listed = kind === null ? undefined : catalogue().models.get(kind);
  return listed !== undefined && namesOf(model).some((name) => listed.has(name));
}

/**
 * What a vendor's model costs; null where that is not known. What others ask for a model of the same name says nothing of it.
 * @param kind as in `factsOf`.
 */
export function priceOf(kind: string, model: string): Price | null {
  const listed = catalogue().models.get(kind);
  const plain = model.replace(/\[1m\]$/, '');
  // OpenRouter's docs, "Model variants". What its other variants cost is for whoever they lead to to say.
  if (kind === 'openrouter' && plain.endsWith(':free')) return free;
  for (const name of [plain, undated(plain)]) {
    const entry = listed?.get(name);
    if (entry?.cost !== undefined) return isAnthropics(kind, name) ? withHour(entry.cost) : entry.cost;
    if (entry !== undefined) return null;
  }
  return null;
}

const isAnthropics = (kind: string, model: string): boolean =>
  kind === 'anthropic' || model.startsWith('anthropic/claude') || model.startsWith('~anthropic/');

function agreed(entries: readonly CatalogueEntry[]): ModelFacts {
  return {
    ...unknownModel,
    contextWindow: same(entries, ({ contextWindow }) => contextWindow),
    maxOutput: same(entries, ({ maxOutput }) => maxOutput),
    reasoning: same(entries, ({ reasoning }) => reasoning),
    efforts: same(entries, ({ efforts }) => efforts),
    images: same(entries, ({ images }) => images),
  };
}

/** What all entries say alike; null where they differ, or one does not say. */
function same<Value>(
  entries: readonly CatalogueEntry[],
  read: (entry: CatalogueEntry) => Value | undefined,
): Value | null {
  const [first, ...others] = entries.map(read);
  if (first === undefined) return null;
  return others.every((value) => String(value) === String(first)) ? first : null;
}
