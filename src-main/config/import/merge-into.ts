import { isDeepStrictEqual } from 'node:util';
import type { TextDocument } from '../../documents/document.ts';
import { isSection, valueAt } from '../overlay.ts';
import type { ConfigPath } from '../schema-shape.ts';
import { formatPath } from '../schema-shape.ts';
import { listOf, sectionOf, textOf } from './values.ts';

/**
 * Adds a configuration to a file that is there: providers, rules and aliases that it does not have, and settings that it does
 * not make. What is there stays as it is.
 * @returns the changed document, and what was left out, in words
 * @throws DocumentError where a place cannot be changed
 */
export function mergeInto(
  document: TextDocument,
  added: Record<string, unknown>,
): { document: TextDocument; left: string[] } {
  const left: string[] = [];
  let result = document;
  const addEntries = (path: ConfigPath, what: string) => {
    for (const entry of listOf(valueAt(added, path))) {
      const id = textOf(sectionOf(entry).id);
      const there = listOf(valueAt(result.value, path));
      const same = there.find((other) => sectionOf(other).id === id);
      if (same === undefined) result = result.set([...path, there.length], entry);
      else if (!isDeepStrictEqual(same, entry)) left.push(`${what} '${id}': the file has one of that name already`);
    }
  };
  const addFields = (path: ConfigPath) => {
    for (const [name, value] of Object.entries(sectionOf(valueAt(added, path)))) {
      const place = [...path, name];
      const there = valueAt(result.value, place);
      if (isList(place)) continue;
      if (isSection(value) && (there === undefined || isSection(there))) addFields(place);
      else if (there === undefined) result = result.set(place, value);
      else if (!isDeepStrictEqual(there, value))
        left.push(`${formatPath(place)}: the file says something else already`);
    }
  };
  addEntries(['providers'], 'provider');
  addEntries(['routing', 'rules'], 'rule');
  const { version: _, providers: __, ...others } = added;
  for (const name of Object.keys(others)) addFields([name]);
  return { document: result, left };
}

const isList = (path: ConfigPath): boolean => formatPath(path) === 'routing.rules';
