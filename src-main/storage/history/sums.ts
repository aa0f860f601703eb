import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AttemptRow, RequestRow } from '../../../src-shared/requests.ts';
import type { UsagePart, UsageQuery, UsageRow, UsageSum, UsageView } from '../../../src-shared/usage.ts';

/** Every time zone is a number of these from UTC. */
export const QUARTER_MS = 900_000;

const NUMBERS = [
  ...['requests', 'attempts', 'failed', 'input', 'cache_read', 'cache_write', 'cache_write_1h', 'output', 'reasoning'],
  ...['usd', 'cost_unknown'],
];
const updates = NUMBERS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ');
const places = (count: number): string => Array.from({ length: count }, () => '?').join(', ');

const ADD = `INSERT INTO sum VALUES (${places(7 + NUMBERS.length)})
  ON CONFLICT (quarter, provider, model, route, project, client, class) DO UPDATE SET ${updates}`;
const ADD_TO_SESSION = `INSERT INTO session_sum VALUES (${places(3 + NUMBERS.length)})
  ON CONFLICT (session) DO UPDATE SET last = max(last, excluded.last), first = min(first, excluded.first), ${updates}`;

/** Adds requests to the sums, in the transaction that writes them. */
export class SumWriter {
  readonly #add: StatementSync;
  readonly #addToSession: StatementSync;

  constructor(db: DatabaseSync) {
    this.#add = db.prepare(ADD);
    this.#addToSession = db.prepare(ADD_TO_SESSION);
  }

  /** @param name the number of a text; 0 for null. */
  add(row: RequestRow, name: (text: string | null) => number): void {
    const attempts: readonly (AttemptRow | null)[] = row.attempts.length === 0 ? [null] : row.attempts;
    const of = [name(row.route), name(row.project), name(row.client), name(row.class)];
    for (const [index, attempt] of attempts.entries()) {
      const at = row.startedAt + (attempt?.startedMs ?? 0);
      const target = [name(attempt?.provider ?? null), name(attempt?.model ?? row.askedModel)];
      // A request is counted with the attempt that ended it.
      const numbers = numbersOf(attempt, index === attempts.length - 1 ? 1 : 0);
      this.#add.run(Math.floor(at / QUARTER_MS), ...target, ...of, ...numbers);
      if (row.sessionId !== null) this.#addToSession.run(name(row.sessionId), row.startedAt, row.startedAt, ...numbers);
    }
  }
}

function numbersOf(attempt: AttemptRow | null, requests: number): number[] {
  const usage = attempt?.usage ?? null;
  return [
    requests,
    attempt === null ? 0 : 1,
    attempt?.outcome === 'failed' ? 1 : 0,
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

/** How each part is read from the table. */
const expressions: Record<Exclude<UsagePart, 'session'>, string> = {
  ...{ provider: 'provider', model: 'model', route: 'route', project: 'project', client: 'client', class: 'class' },
  day: `strftime('%Y-%m-%d', quarter * ${QUARTER_MS / 1000}, 'unixepoch', 'localtime')`,
  hour: `strftime('%Y-%m-%d %H:00', quarter * ${QUARTER_MS / 1000}, 'unixepoch', 'localtime')`,
};

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
  const table = `${ofSessions ? 'session_sum' : 'sum'} WHERE ${where.sql}`;
  const parts = by.map((part) => (part === 'session' ? 'session' : expressions[part]));
  const names = parts.map((part, index) => {
    const named =
      by[index] === 'day' || by[index] === 'hour' ? `p${index}` : `(SELECT text FROM name WHERE id = p${index})`;
    return { column: `${part} AS p${index}`, named: `${named} AS n${index}` };
  });
  const isTime = by[0] === 'day' || by[0] === 'hour';
  const order = isTime ? 'p0, usd DESC' : 'usd DESC, input + cache_read + cache_write + output DESC, requests DESC';
  const grouped = `SELECT ${names.map(({ column }) => column).join(', ')}, ${sums} FROM ${table} GROUP BY ${names.map((_, index) => `p${index}`).join(', ')}`;
  const rows = db
    .prepare(`SELECT ${names.map(({ named }) => named).join(', ')}, * FROM (${grouped}) ORDER BY ${order} LIMIT ?`)
    .all(...where.values, limit);
  const total = db.prepare(`SELECT ${sums} FROM ${table}`).get(...where.values);
  return {
    by: [...by],
    rows: rows.map((row): UsageRow => {
      const text = (index: number): string | null => {
        const value = row[`n${index}`];
        return value === null || value === undefined ? null : String(value);
      };
      return { parts: by.map((_, index) => text(index)), ...sumOf(row) };
    }),
    total: sumOf(total ?? {}),
  };
}

interface Where {
  sql: string;
  values: number[];
}

/** null: nothing can fit. */
function conditions(query: UsageQuery, idOf: (text: string) => number | null): Where | null {
  const sql = ['quarter >= ?', 'quarter < ?'];
  const values = [Math.floor(query.from / QUARTER_MS), Math.ceil(query.to / QUARTER_MS)];
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
