import { DocumentError, type DocumentPath } from './document.ts';

export type Section = Record<string, unknown>;

export function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const isContainer = (value: unknown): value is Section | unknown[] =>
  typeof value === 'object' && value !== null;

export const isEmptyContainer = (value: unknown): boolean => isContainer(value) && Object.keys(value).length === 0;

/** The value at a place; undefined where there is none. Looks at own properties only. */
export function valueAt(value: unknown, path: DocumentPath): unknown {
  let current = value;
  for (const segment of path) {
    if (!isContainer(current) || !Object.hasOwn(current, segment)) return undefined;
    if (Array.isArray(current) && typeof segment !== 'number') return undefined;
    current = (current as Section)[segment];
  }
  return current;
}

/**
 * A copy with a value at a place, for which sections and lists are made on the way; something empty (`null`) counts as nothing.
 * @throws DocumentError where something on the way is no section
 */
export function valueWith(value: unknown, path: DocumentPath, change: unknown, above: DocumentPath = []): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return change;
  const here = [...above, segment];
  const whole = value ?? (typeof segment === 'number' ? [] : {});
  if (!isContainer(whole)) throw new DocumentError(`${words(above)} is no section, so nothing can be put in it`);
  const inner = valueWith(valueAt(whole, [segment]), rest, change, here);
  if (!Array.isArray(whole)) return Object.fromEntries([...Object.entries(whole), [String(segment), inner]]);
  if (typeof segment !== 'number')
    throw new DocumentError(`${words(above)} is a list, so nothing of it is called ${segment}`);
  if (segment > whole.length)
    throw new DocumentError(`${words(above)} is a list of ${whole.length}, so it has no place ${segment}`);
  return [...whole.slice(0, segment), inner, ...whole.slice(segment + 1)];
}

/** A copy without what is at a place. */
export function valueWithout(value: unknown, path: DocumentPath): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined || valueAt(value, path) === undefined || !isContainer(value)) return value;
  const inner = () => valueWithout((value as Section)[segment], rest);
  if (Array.isArray(value))
    return value.flatMap((item, index) => (index !== segment ? [item] : rest.length === 0 ? [] : [inner()]));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) =>
      name !== String(segment) ? [[name, field]] : rest.length === 0 ? [] : [[name, inner()]],
    ),
  );
}

/** A value inside sections and lists that do not exist yet. */
export function wrapped(path: DocumentPath, value: unknown): unknown {
  return path.reduceRight<unknown>(
    (inner, segment) => (typeof segment === 'number' ? [inner] : Object.fromEntries([[segment, inner]])),
    value,
  );
}

/** On one line: `{ "a": 1, "b": [ 2 ] }`. */
export const jsonLine = (value: unknown, blank = ' '): string =>
  blank === '' ? JSON.stringify(value) : JSON.stringify(value, null, 1).replaceAll(/\n */g, ' ');

const words = (path: DocumentPath): string => (path.length === 0 ? 'the whole' : path.join('.'));
