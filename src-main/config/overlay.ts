import type { ConfigPath } from './schema-shape.ts';

type Section = Record<string, unknown>;

export function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path; undefined where there is none. Looks at own properties only. */
export function valueAt(value: unknown, path: ConfigPath): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Section)[segment];
  }
  return current;
}

/**
 * Lays an overlay on a configuration. Sections are merged, providers by their id (new ones are added at the end), other
 * lists and values are replaced, and an empty value (`null`) takes back what the base says.
 */
export function layOver(base: unknown, overlay: unknown, path: ConfigPath = []): unknown {
  if (overlay === undefined) return base;
  if (path.length === 1 && path[0] === 'providers' && Array.isArray(base) && Array.isArray(overlay))
    return layProvidersOver(base, overlay);
  if (!isSection(base) || !isSection(overlay)) return overlay;
  const names = new Set([...Object.keys(base), ...Object.keys(overlay)]);
  // fromEntries defines properties, so a field called `__proto__` stays data.
  return Object.fromEntries(
    [...names].map((name) => [name, layOver(valueAt(base, [name]), valueAt(overlay, [name]), [...path, name])]),
  );
}

function layProvidersOver(base: readonly unknown[], overlay: readonly unknown[]): unknown[] {
  const merged = [...base];
  for (const provider of overlay) {
    const index = indexOfProvider(merged, providerId(provider));
    if (index === -1) merged.push(provider);
    else merged[index] = layOver(merged[index], provider, ['providers', index]);
  }
  return merged;
}

/**
 * Where in one layer the value stands that the merged configuration has at a path: providers may have another place in
 * the list there. null where the layer does not have it.
 */
export function pathInLayer(merged: unknown, layer: unknown, path: ConfigPath): ConfigPath | null {
  const [list, index, ...rest] = path;
  let own = path;
  if (list === 'providers' && typeof index === 'number') {
    const provider = valueAt(merged, [list, index]);
    const providers = valueAt(layer, [list]);
    own = [list, placeOfProvider(Array.isArray(providers) ? providers : [], provider, index), ...rest];
  }
  return own.length > 0 && valueAt(layer, own) === undefined ? null : own;
}

function providerId(provider: unknown): unknown {
  return isSection(provider) ? provider.id : undefined;
}

function indexOfProvider(providers: readonly unknown[], id: unknown): number {
  return id === undefined ? -1 : providers.findIndex((other) => providerId(other) === id);
}

/** Its old place first: two providers may have the same id, which is then what is wrong. */
function placeOfProvider(providers: readonly unknown[], provider: unknown, index: number): number {
  const id = providerId(provider);
  if (index < providers.length && providerId(providers[index]) === id) return index;
  return id === undefined ? providers.indexOf(provider) : indexOfProvider(providers, id);
}

/** Without them a rule means every request, or sends it wherever its name leads: an oversight must not (`~` is empty in YAML). */
const NEVER_LEFT_OUT: ReadonlySet<string> = new Set(['when', 'targets']);

/**
 * Leaves out fields that were written without a value, as in a YAML section whose lines are all comments; but not what a rule
 * asks for, and where it sends requests: there it is a mistake to be told.
 */
export function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isSection(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, field]) => field !== null || NEVER_LEFT_OUT.has(name))
      .map(([name, field]) => [name, name === 'when' ? field : withoutEmpty(field)]),
  );
}
