import type { PageQuestion } from './history-calls.ts';

/** What a filter is put into numbers with. */
export interface PageNames {
  limit: number;
  after: PageQuestion['after'];
  state: (state: NonNullable<PageQuestion['filter']['state']>) => number;
  /** null: nothing is called so. */
  idOf: (text: string) => number | null;
  idsLike: (text: string) => number[];
}

/** @returns null where nothing can fit. */
export function pageSql(
  filter: PageQuestion['filter'],
  { limit, after, state, idOf, idsLike }: PageNames,
): { sql: string; values: (string | number)[] } | null {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, ...given: (string | number)[]): void => {
    conditions.push(condition);
    values.push(...given);
  };
  for (const field of ['route', 'session', 'project', 'client', 'class', 'provider'] as const) {
    const text = filter[field];
    if (text === undefined) continue;
    const id = idOf(text);
    if (id === null) return null;
    // A provider may have been asked before the one that answered.
    if (field === 'provider')
      where('(provider = ? OR EXISTS (SELECT 1 FROM attempt WHERE request = key AND attempt.provider = ?))', id, id);
    else where(`${field} = ?`, id);
  }
  if (filter.model !== undefined) {
    const id = idOf(filter.model);
    if (id === null) return null;
    where('(model = ? OR asked = ?)', id, id);
  }
  if (filter.state !== undefined) where('state = ?', state(filter.state));
  if (filter.from !== undefined) where('started >= ?', filter.from);
  if (filter.to !== undefined) where('started < ?', filter.to);
  if (filter.text !== undefined) {
    const ids = idsLike(filter.text).join(', ');
    const beginning = filter.text.startsWith('req_') ? filter.text : `req_${filter.text}`;
    where(
      `(asked IN (${ids}) OR model IN (${ids}) OR project IN (${ids}) OR (id >= ? AND id < ?))`,
      beginning,
      `${beginning}\u{10ffff}`,
    );
  }
  if (after !== null) where('(started, key) < (?, ?)', after.started, after.key);
  const all = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return {
    sql: `SELECT key, started FROM request${all} ORDER BY started DESC, key DESC LIMIT ?`,
    values: [...values, limit],
  };
}
