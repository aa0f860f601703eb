import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AttemptRow, RequestRow } from '../../../src-shared/requests.ts';
import type { UsagePart, UsageQuery, UsageRow, UsageSum, UsageView } from '../../../src-shared/usage.ts';

/** Every time zone is a number of these from UTC. */
export const QUARTER_MS = 900_000;

const NUMBERS = [
  ...['requests', 'attempts', 'failed', 'aborted', 'input', 'cache_read', 'cache_write', 'cache_write_1h'],
  ...['output', 'reasoning', 'usd', 'cost_unknown'],
];
const updates = NUMBERS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ');
const places = (count: number): string => Array.from({ length: count }, () => '?').join(', ');

const addTo = (table: 'sum' | 'day_sum', time: 'quarter' | 'day'): string =>
  `INSERT INTO ${table} VALUES (${places(7 + NUMBERS.length)})
  ON CONFLICT (${time}, provider, model, route, project, client, class) DO UPDATE SET ${updates}`;
const ADD_TO_SESSION = `INSERT INTO session_sum VALUES (${places(3 + NUMBERS.length)})
  ON CONFLICT (session) DO UPDATE SET last = max(last, excluded.last), first = min(first, excluded.first), ${updates}`;

/** Adds requests to the sums, in the transaction that writes them. */
export class SumWriter {
  readonly #add: StatementSync;
  readonly #addToDay: StatementSync;
  readonly #addToSession: StatementSync;

  constructor(db: DatabaseSync) {
    this.#add = db.prepare(addTo('sum', 'quarter'));
    this.#addToDay = db.prepare(addTo('day_sum', 'day'));
    this.#addToSession = db.prepare(ADD_TO_SESSION);
  }

  /** @param name the number of a text; 0 for null. */
  add(rows: readonly RequestRow[], name: (text: string | null) => number): void {
    // Most of what is written together belongs to the same sums.
    const [quarters, days, sessions] = [new Batch(), new Batch(), new Map<number, SessionSum>()];
    for (const row of rows) {
      const attempts: readonly (AttemptRow | null)[] = row.attempts.length === 0 ? [null] : row.attempts;
      const of = [name(row.route), name(row.project), name(row.client), name(row.class)];
      for (const [index, attempt] of attempts.entries()) {
        const at = row.startedAt + (attempt?.startedMs ?? 0);
        const parts = [name(attempt?.provider ?? null), name(attempt?.model ?? row.askedModel), ...of];
        // A request is counted with the attempt that ended it.
        const numbers = numbersOf(attempt, index === attempts.length - 1 ? 1 : 0);
        quarters.add([Math.floor(at / QUARTER_MS), ...parts], numbers);
        days.add([dayOf(at), ...parts], numbers);
        if (row.sessionId !== null) addToSession(sessions, name(row.sessionId), row.startedAt, numbers);
      }
    }
    for (const { parts, numbers } of quarters.sums) this.#add.run(...parts, ...numbers);
    for (const { parts, numbers } of days.sums) this.#addToDay.run(...parts, ...numbers);
    for (const [session, { first, last, numbers }] of sessions)
      this.#addToSession.run(session, first, last, ...numbers);
  }
}

/** Numbers that are added up by what they belong to, before the database sees them. */
class Batch {
  readonly #sums = new Map<string, { parts: readonly number[]; numbers: number[] }>();

  add(parts: readonly number[], numbers: readonly number[]): void {
    const key = parts.join(' ');
    const known = this.#sums.get(key);
    if (known === undefined) this.#sums.set(key, { parts, numbers: [...numbers] });
    else addNumbers(known.numbers, numbers);
  }

  get sums(): Iterable<{ parts: readonly number[]; numbers: readonly number[] }> {
    return this.#sums.values();
  }
}

interface SessionSum {
  /** Unix times in ms. */
  first: number;
  last: number;
  numbers: number[];
}

function addToSession(sums: Map<number, SessionSum>, session: number, at: number, numbers: readonly number[]): void {
  const known = sums.get(session);
  if (known === undefined) {
    sums.set(session, { first: at, last: at, numbers: [...numbers] });
    return;
  }
  known.first = Math.min(known.first, at);
  known.last = Math.max(known.last, at);
  addNumbers(known.numbers, numbers);
}

function addNumbers(to: number[], numbers: readonly number[]): void {
  for (const [index, number] of numbers.entries()) to[index] = (to[index] ?? 0) + number;
}

/** The local day, as in 20261124. @param at Unix time in ms. */
function dayOf(at: number): number {
  const date = new Date(at);
  return (date.getFullYear() * 100 + date.getMonth() + 1) * 100 + date.getDate();
}

function numbersOf(attempt: AttemptRow | null, requests: number): number[] {
  const usage = attempt?.usage ?? null;
  return [
    requests,
    attempt === null ? 0 : 1,
    attempt?.outcome === 'failed' ? 1 : 0,
    attempt?.outcome === 'aborted' ? 1 : 0,
    usage?.input ?? 0,
    usage?.cacheRead ?? 0,
    usage?.cacheWrite ?? 0,
    usage?.cacheWrite1h ?? 0,
    usage?.output ?? 0,
    usage?.reasoning ?? 0,
    attempt?.cost?.usd ?? 0,
    usage !== null && (attempt?.cost ?? null) === null ? 1 : 0,
  ];
}

const sums = NUMBERS.map((column) => `total(${column}) AS ${column}`).join(', ');

/** How a time that is grouped by as a number is told. */
const told: Partial<Record<UsagePart, (column: string) => string>> = {
  day: (day) => `substr(${day}, 1, 4) || '-' || substr(${day}, 5, 2) || '-' || substr(${day}, 7, 2)`,
  hour: (quarter) => `strftime('%Y-%m-%d %H:00', ${quarter} * ${QUARTER_MS / 1000}, 'unixepoch', 'localtime')`,
};
const columnsOf = (day: string, quarter: string): string =>
  `${day} AS day, ${quarter} AS quarter, provider, model, route, project, client, class, ${NUMBERS.join(', ')}`;
const DAY_OF_QUARTER = `CAST(strftime('%Y%m%d', quarter * ${QUARTER_MS / 1000}, 'unixepoch', 'localtime') AS INTEGER)`;

/** Whole days are read from the sums of days, and what is before and behind them by the quarter. */
function times(query: UsageQuery): Where {
  const [from, to] = [Math.floor(query.from / QUARTER_MS), Math.ceil(query.to / QUARTER_MS)];
  const quarters = (first: number, end: number): Where => ({
    sql: `SELECT ${columnsOf(DAY_OF_QUARTER, 'quarter')} FROM sum WHERE quarter >= ? AND quarter < ?`,
    values: [first, end],
  });
  const firstDay = nextMidnight(from * QUARTER_MS);
  const endDay = lastMidnight(Math.min(to * QUARTER_MS, LAST_MS));
  if (query.by.includes('hour') || firstDay >= endDay) return quarters(from, to);
  const days: Where = {
    sql: `SELECT ${columnsOf('day', 'NULL')} FROM day_sum WHERE day >= ? AND day < ?`,
    values: [dayOf(firstDay), dayOf(endDay)],
  };
  const all = [quarters(from, firstDay / QUARTER_MS), days, quarters(endDay / QUARTER_MS, to)];
  return { sql: all.map(({ sql }) => sql).join(' UNION ALL '), values: all.flatMap(({ values }) => values) };
}

/** The end of time, as far as calendars go. */
const LAST_MS = Date.UTC(9000, 0);

/** The local midnight that follows, or this moment where it is one. @param at Unix time in ms. */
function nextMidnight(at: number): number {
  const midnight = lastMidnight(at);
  if (midnight === at) return at;
  const date = new Date(midnight);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}

function lastMidnight(at: number): number {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** @param idOf the number of a text; null where there is none such. */
export function readSums(
  db: DatabaseSync,
  query: UsageQuery,
  idOf: (text: string) => number | null,
): Omit<UsageView, 'source'> {
  const { by, limit } = query;
  const ofSessions = by.includes('session');
  const where = ofSessions ? sessionConditions(query, idOf) : conditions(query, idOf);
  const nothing = { by: [...by], rows: [], total: sumOf({}) };
  if (where === null) return nothing;
  const source = ofSessions ? { sql: 'session_sum', values: [] } : times(query);
  const table = `${ofSessions ? source.sql : `(${source.sql})`} WHERE ${where.sql}`;
  const values = [...source.values, ...where.values];
  const numbered = by.map((part, index) => `${part === 'hour' ? 'quarter' : part} AS p${index}`).join(', ');
  const timed = by.map((part, index) => `${told[part]?.(`p${index}`) ?? `p${index}`} AS p${index}`).join(', ');
  const named = by.map((part, index) =>
    told[part] === undefined ? `(SELECT text FROM name WHERE id = p${index})` : `p${index}`,
  );
  const parts = by.map((_, index) => `p${index}`).join(', ');
  const order =
    by[0] === 'day' || by[0] === 'hour'
      ? 'p0, usd DESC'
      : 'usd DESC, input + cache_read + cache_write + output DESC, requests DESC';
  const isTimed = by.some((part) => told[part] !== undefined);
  const numbers = `SELECT ${numbered}, ${sums} FROM ${table} GROUP BY ${parts}`;
  const inWords = `SELECT ${timed}, ${sums} FROM numbered GROUP BY ${by.map((_, index) => index + 1).join(', ')}`;
  // The table is gone through once, by its numbers; all else is done with the little that comes of it.
  const rows = db
    .prepare(
      `WITH ${isTimed ? `numbered AS (${numbers}), ` : ''}grouped AS MATERIALIZED (${isTimed ? inWords : numbers})
      SELECT NULL AS n0, NULL AS n1, ${sums} FROM grouped
      UNION ALL SELECT * FROM (
        SELECT ${named[0]}, ${named[1] ?? 'NULL'}, ${NUMBERS.join(', ')} FROM grouped ORDER BY ${order} LIMIT ?)`,
    )
    .all(...values, limit);
  const [total = {}, ...groups] = rows;
  return {
    by: [...by],
    rows: groups.map((row): UsageRow => {
      const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
      return { parts: [text(row.n0), text(row.n1)].slice(0, by.length), ...sumOf(row) };
    }),
    total: sumOf(total),
  };
}

interface Where {
  sql: string;
  values: number[];
}

/** null: nothing can fit. */
function conditions(query: UsageQuery, idOf: (text: string) => number | null): Where | null {
  const sql = ['1'];
  const values: number[] = [];
  for (const part of ['provider', 'model', 'route', 'project', 'client', 'class'] as const) {
    const text = query[part];
    if (text === undefined) continue;
    const id = idOf(text);
    if (id === null) return null;
    sql.push(`${part} = ?`);
    values.push(id);
  }
  return { sql: sql.join(' AND '), values };
}

function sessionConditions({ from, to, session }: UsageQuery, idOf: (text: string) => number | null): Where | null {
  if (session === undefined) return { sql: 'last >= ? AND first < ?', values: [from, to] };
  const id = idOf(session);
  return id === null ? null : { sql: 'last >= ? AND first < ? AND session = ?', values: [from, to, id] };
}

function sumOf(row: Readonly<Record<string, unknown>>): UsageSum {
  const number = (column: string): number => Number(row[column] ?? 0);
  return {
    requests: number('requests'),
    attempts: number('attempts'),
    failed: number('failed'),
    aborted: number('aborted'),
    input: number('input'),
    cacheRead: number('cache_read'),
    cacheWrite: number('cache_write'),
    cacheWrite1h: number('cache_write_1h'),
    output: number('output'),
    reasoning: number('reasoning'),
    usd: number('usd'),
    costUnknown: number('cost_unknown'),
  };
}
