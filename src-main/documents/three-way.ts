import { isDeepStrictEqual } from 'node:util';
import type { DocumentPath } from './document.ts';
import { isSection, type Section, valueAt, valueWith, valueWithout } from './json-values.ts';

/** Puts a value at a place; without a value, takes away what is there. */
export interface Change {
  path: DocumentPath;
  value?: unknown;
}

/** A place that both changed, each in another way; undefined where somebody has nothing there. */
export interface Conflict {
  path: DocumentPath;
  before: unknown;
  theirs: unknown;
  ours: unknown;
}

export interface Merge {
  /** To be laid over theirs, in this order; what both changed in the same way is not among them. */
  changes: Change[];
  conflicts: Conflict[];
}

/**
 * Merges two changed copies of a value, place by place. A list whose items all have ids of their own is merged item by
 * item; of any other list there is only the whole.
 */
export function mergeValues(base: unknown, ours: unknown, theirs: unknown): Merge {
  const merge: Merge = { changes: [], conflicts: [] };
  mergeAt(merge, [], base, ours, theirs);
  return merge;
}

function mergeAt(merge: Merge, path: DocumentPath, base: unknown, ours: unknown, theirs: unknown): void {
  if (isDeepStrictEqual(base, ours) || isDeepStrictEqual(ours, theirs)) return;
  const [before, mine, others] = [base ?? [], ours, theirs].map(byId);
  if (isSection(ours) && isSection(theirs)) mergeSections(merge, path, isSection(base) ? base : {}, ours, theirs);
  else if (isDeepStrictEqual(base, theirs)) change(merge, path, ours, theirs);
  else if (before && mine && others) mergeLists(merge, path, before, mine, others);
  else merge.conflicts.push({ path, before: base, theirs, ours });
}

function mergeSections(merge: Merge, path: DocumentPath, base: Section, ours: Section, theirs: Section): void {
  for (const name of new Set([...Object.keys(base), ...Object.keys(ours)]))
    mergeAt(merge, [...path, name], valueAt(base, [name]), valueAt(ours, [name]), valueAt(theirs, [name]));
}

/** Only we changed it: as little of theirs as can be is written anew. */
function change(merge: Merge, path: DocumentPath, ours: unknown, theirs: unknown): void {
  const mine = byId(ours);
  const others = byId(theirs);
  if (mine && others) mergeLists(merge, path, others, mine, others);
  else merge.changes.push(ours === undefined ? { path } : { path, value: ours });
}

type Items = ReadonlyMap<string, unknown>;

/** null: no list, or one with an item that no id tells from the others. */
function byId(list: unknown): Items | null {
  if (!Array.isArray(list)) return null;
  const items = new Map<string, unknown>();
  for (const item of list) {
    const id = valueAt(item, ['id']);
    if (!isSection(item) || typeof id !== 'string' || items.has(id)) return null;
    items.set(id, item);
  }
  return items;
}

function mergeLists(merge: Merge, path: DocumentPath, base: Items, ours: Items, theirs: Items): void {
  const places = [...theirs.keys()];
  const order = [...ours.keys()];
  const reordered =
    !isDeepStrictEqual(inCommon(order, base), inCommon([...base.keys()], ours)) ||
    // Only at the end can something be added without moving what is there.
    !isDeepStrictEqual(
      order.filter((id) => !base.has(id)),
      order.slice(order.findLastIndex((id) => base.has(id)) + 1),
    );
  if (reordered) {
    mergeReordered(merge, path, base, ours, theirs);
    return;
  }
  const removed: DocumentPath[] = [];
  for (const [id, before] of base) {
    const place = places.indexOf(id);
    const mine = ours.get(id);
    if (place === -1) {
      if (mine !== undefined && !isDeepStrictEqual(mine, before))
        merge.conflicts.push({ path: [...path, [...base.keys()].indexOf(id)], before, theirs: undefined, ours: mine });
    } else if (mine !== undefined) mergeAt(merge, [...path, place], before, mine, theirs.get(id));
    else if (isDeepStrictEqual(before, theirs.get(id))) removed.push([...path, place]);
    else merge.conflicts.push({ path: [...path, place], before, theirs: theirs.get(id), ours: undefined });
  }
  let end = places.length;
  for (const [id, item] of ours) {
    if (base.has(id)) continue;
    if (theirs.has(id)) mergeAt(merge, [...path, places.indexOf(id)], undefined, item, theirs.get(id));
    else merge.changes.push({ path: [...path, end++], value: item });
  }
  // From the last on, so that places stay what they are; after all that is addressed by a place.
  merge.changes.push(...removed.sort((a, b) => Number(b.at(-1)) - Number(a.at(-1))).map((gone) => ({ path: gone })));
}

/** We chose an order: it holds, where they did not choose another. */
function mergeReordered(merge: Merge, path: DocumentPath, base: Items, ours: Items, theirs: Items): void {
  const theirOrder = inCommon([...theirs.keys()], base);
  const listOf = (items: Items) => [...items.values()];
  const conflict = () =>
    merge.conflicts.push({ path, before: listOf(base), theirs: listOf(theirs), ours: listOf(ours) });
  if (!isDeepStrictEqual(theirOrder, inCommon([...base.keys()], theirs))) {
    conflict();
    return;
  }
  const items: unknown[] = [];
  for (const [id, mine] of ours) {
    const before = base.get(id);
    const other = theirs.get(id);
    if (other === undefined && before === undefined) items.push(mine);
    else if (other === undefined) {
      if (!isDeepStrictEqual(mine, before)) {
        conflict();
        return;
      }
    } else {
      const inner = mergeValues(before, mine, other);
      if (inner.conflicts.length > 0) {
        conflict();
        return;
      }
      items.push(applyChanges(other, inner.changes));
    }
  }
  for (const [id, other] of theirs) {
    if (ours.has(id)) continue;
    if (!base.has(id)) items.push(other);
    else if (!isDeepStrictEqual(base.get(id), other)) {
      conflict();
      return;
    }
  }
  merge.changes.push({ path, value: items });
}

const inCommon = (ids: readonly string[], other: Items): string[] => ids.filter((id) => other.has(id));

/** A copy of a value with changes laid over it. */
export function applyChanges(value: unknown, changes: readonly Change[]): unknown {
  return changes.reduce<unknown>(
    (result, one) =>
      one.value === undefined ? valueWithout(result, one.path) : valueWith(result, one.path, one.value),
    value,
  );
}
