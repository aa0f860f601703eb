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
  for (const field of ['route', 'session', 'project', 'client', 'class'] as const) {
    const text = filter[field];
    if (text === undefined) continue;
    const id = idOf(text);
    if (id === null) return null;
    conditions.push({ sql: `${field} = ?`, values: [id] });
  }
  if (filter.state !== undefined) conditions.push({ sql: 'state = ?', values: [state(filter.state)] });
  const provider = filter.provider === undefined ? undefined : idOf(filter.provider);
  if (provider === null) return null;
  const sources = provider === undefined ? [ALL] : [endedAt(provider), leftFor(provider)];
  const ways = [modelWays(filter.model, idOf), textWays(filter.text, idsLike)].reduce<Condition[][]>(
    (all, more) => (more === null ? all : all.flatMap((way) => more.map((one) => [...way, one]))),
    [conditions],
  );
  if (ways.length === 0) return null;
  const selects = sources.flatMap((source) =>
    ways.map((way) => {
      const all = [...source.conditions, ...times(source, filter, after), ...way];
      const where = all.length === 0 ? '' : ` WHERE ${all.map(({ sql }) => sql).join(' AND ')}`;
      const { from, key, started } = source;
      return {
        sql: `SELECT ${key} AS key, ${started} AS started FROM ${from}${where} ORDER BY ${started} DESC, ${key} DESC LIMIT ?`,
        values: [...all.flatMap(({ values }) => values), limit],
      };
    }),
  );
  const [only] = selects;
  if (selects.length === 1 && only !== undefined) return only;
  return {
    sql: `${selects.map(({ sql }) => `SELECT * FROM (${sql})`).join(' UNION ')} ORDER BY started DESC, key DESC LIMIT ?`,
    values: [...selects.flatMap(({ values }) => values), limit],
  };
}

/** Where requests are read from, in the order of their start. */
interface Source {
  from: string;
  key: string;
  started: string;
  conditions: readonly Condition[];
}

const ALL: Source = { from: 'request', key: 'key', started: 'started', conditions: [] };

/** Requests whose last attempt was at a provider. */
const endedAt = (provider: number): Source => ({ ...ALL, conditions: [{ sql: 'provider = ?', values: [provider] }] });

/** Requests that had an attempt there before they went on to another. */
const leftFor = (provider: number): Source => ({
  from: `(SELECT request AS left_key, left_for FROM attempt WHERE provider = ${provider} AND left_for IS NOT NULL)
    CROSS JOIN request ON request.key = left_key`,
  key: 'left_key',
  started: 'left_for',
  conditions: [],
});

function times(
  { key, started }: Source,
  { from, to }: PageQuestion['filter'],
  after: PageQuestion['after'],
): Condition[] {
  return [
    ...(from === undefined ? [] : [{ sql: `${started} >= ?`, values: [from] }]),
    ...(to === undefined ? [] : [{ sql: `${started} < ?`, values: [to] }]),
    ...(after === null ? [] : [{ sql: `(${started}, ${key}) < (?, ?)`, values: [after.started, after.key] }]),
  ];
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
