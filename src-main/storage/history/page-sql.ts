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

interface Condition {
  sql: string;
  values: readonly (string | number)[];
}

/** So many names as a text stands for are looked up by index; more of them are found sooner by looking through the newest. */
const MOST_LOOKED_UP = 20;

/**
 * Every index has the start beside what it is for, so that each way to fit is read in order and no further than the page goes: two
 * conditions of which one is enough are two such ways.
 * @returns null where nothing can fit.
 */
export function pageSql(
  filter: PageQuestion['filter'],
  { limit, after, state, idOf, idsLike }: PageNames,
): { sql: string; values: (string | number)[] } | null {
  const conditions: Condition[] = [];
  const where = (sql: string, ...values: (string | number)[]): unknown => conditions.push({ sql, values });
  for (const field of ['route', 'session', 'project', 'client', 'class', 'provider'] as const) {
    const text = filter[field];
    if (text === undefined) continue;
    const id = idOf(text);
    if (id === null) return null;
    where(`${field} = ?`, id);
  }
  if (filter.state !== undefined) where('state = ?', state(filter.state));
  if (filter.from !== undefined) where('started >= ?', filter.from);
  if (filter.to !== undefined) where('started < ?', filter.to);
  if (after !== null) where('(started, key) < (?, ?)', after.started, after.key);
  const ways = [modelWays(filter.model, idOf), textWays(filter.text, idsLike)].reduce<Condition[][]>(
    (all, more) => (more === null ? all : all.flatMap((way) => more.map((one) => [...way, one]))),
    [conditions],
  );
  if (ways.length === 0) return null;
  const selects = ways.map((way) => {
    const all = way.length === 0 ? '' : ` WHERE ${way.map(({ sql }) => sql).join(' AND ')}`;
    return `SELECT key, started FROM request${all} ORDER BY started DESC, key DESC LIMIT ?`;
  });
  const values = ways.flatMap((way) => [...way.flatMap((one) => one.values), limit]);
  const [only] = selects;
  if (selects.length === 1 && only !== undefined) return { sql: only, values };
  const union = selects.map((select) => `SELECT * FROM (${select})`).join(' UNION ');
  return { sql: `${union} ORDER BY started DESC, key DESC LIMIT ?`, values: [...values, limit] };
}

/** null: any model fits. */
function modelWays(model: string | undefined, idOf: PageNames['idOf']): Condition[] | null {
  if (model === undefined) return null;
  const id = idOf(model);
  return id === null ? [] : ['model', 'asked'].map((column) => ({ sql: `${column} = ?`, values: [id] }));
}

/** null: any fits. */
function textWays(text: string | undefined, idsLike: PageNames['idsLike']): Condition[] | null {
  if (text === undefined) return null;
  const beginning = text.startsWith('req_') ? text : `req_${text}`;
  const ofId = { sql: 'id >= ? AND id < ?', values: [beginning, `${beginning}\u{10ffff}`] };
  const ids = idsLike(text);
  const columns = ['asked', 'model', 'project'];
  if (ids.length > MOST_LOOKED_UP) {
    const list = ids.join(', ');
    return [{ sql: `(${columns.map((column) => `+${column} IN (${list})`).join(' OR ')})`, values: [] }, ofId];
  }
  return [ofId, ...ids.flatMap((id) => columns.map((column) => ({ sql: `${column} = ?`, values: [id] })))];
}
