import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../src-shared/config.ts';

/** Entries with an id, of two configurations. */
interface Entries {
  added: string[];
  changed: string[];
  removed: string[];
}

/** Sections whose settings are told apart. */
const SECTIONS = ['server', 'logging', 'secrets', 'health', 'modelLists', 'conversations'] as const;

/**
 * What of a configuration is otherwise than before, by the names of its providers, rules and settings, never by what these say:
 * `provider p changed; rule cheap added; routing.retries`. Empty where all of it is the same.
 */
export function changesInWords(before: Config, after: Config): string {
  const { rules: rulesBefore, ...routingBefore } = before.routing;
  const { rules: rulesAfter, ...routingAfter } = after.routing;
  const rules = compare(rulesBefore, rulesAfter);
  const isReordered = !isDeepStrictEqual(
    rulesBefore.map(idOf).filter((id) => !rules.removed.includes(id)),
    rulesAfter.map(idOf).filter((id) => !rules.added.includes(id)),
  );
  return [
    ...entriesInWords('provider', compare(before.providers, after.providers)),
    ...entriesInWords('rule', rules),
    ...(isReordered ? ['the order of the rules'] : []),
    ...(isDeepStrictEqual(before.aliases, after.aliases) ? [] : ['aliases']),
    ...settings('routing', routingBefore, routingAfter),
    ...SECTIONS.flatMap((section) => settings(section, before[section], after[section])),
  ].join('; ');
}

/** Names of the settings of a section that are otherwise: `server.port`. */
export function settings(section: string, before: object, after: object): string[] {
  const now = new Map<string, unknown>(Object.entries(after));
  const was = new Map<string, unknown>(Object.entries(before));
  return [...new Set([...was.keys(), ...now.keys()])]
    .filter((name) => !isDeepStrictEqual(was.get(name), now.get(name)))
    .map((name) => `${section}.${name}`);
}

const idOf = ({ id }: { id: string }): string => id;

function compare(before: readonly { id: string }[], after: readonly { id: string }[]): Entries {
  const was = new Map(before.map((entry) => [entry.id, entry]));
  const is = new Set(after.map(idOf));
  return {
    added: after.map(idOf).filter((id) => !was.has(id)),
    changed: after.filter((entry) => was.has(entry.id) && !isDeepStrictEqual(was.get(entry.id), entry)).map(idOf),
    removed: before.map(idOf).filter((id) => !is.has(id)),
  };
}

function entriesInWords(what: string, { added, changed, removed }: Entries): string[] {
  return Object.entries({ added, changed, removed }).flatMap(([word, ids]) =>
    ids.length === 0 ? [] : [`${what}${ids.length > 1 ? 's' : ''} ${ids.join(', ')} ${word}`],
  );
}
