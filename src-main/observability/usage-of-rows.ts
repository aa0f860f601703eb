import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import type { UsagePart, UsageQuery, UsageRow, UsageSum, UsageView } from '../../src-shared/usage.ts';

const QUARTER_MS = 900_000;
const NOTHING: UsageSum = {
  ...{ requests: 0, attempts: 0, failed: 0, aborted: 0, input: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0 },
  ...{ output: 0, reasoning: 0, usd: 0, costUnknown: 0 },
};

/** The sums of requests that have ended, as they are in memory. */
export function usageOfRows(rows: readonly RequestRow[], query: UsageQuery): Omit<UsageView, 'source'> {
  const { by, limit } = query;
  const groups = new Map<string, UsageRow>();
  let total = NOTHING;
  const isActive = by.includes('session') ? activeSessions(rows, query) : null;
  for (const row of rows) {
    if (isActive?.has(row.sessionId) === false) continue;
    const attempts: readonly (AttemptRow | null)[] = row.attempts.length === 0 ? [null] : row.attempts;
    for (const [index, attempt] of attempts.entries()) {
      if (!fits(row, attempt, query)) continue;
      const sum = sumOf(attempt, index === attempts.length - 1);
      const parts = by.map((part) => partOf(row, attempt, part));
      const key = JSON.stringify(parts);
      groups.set(key, { parts, ...added(groups.get(key) ?? NOTHING, sum) });
      total = added(total, sum);
    }
  }
  const isTime = by[0] === 'day' || by[0] === 'hour';
  const uses = ({ input, cacheRead, cacheWrite, output }: UsageSum): number => input + cacheRead + cacheWrite + output;
  const sorted = [...groups.values()].sort(
    (a, b) =>
      (isTime ? String(a.parts[0]).localeCompare(String(b.parts[0])) : 0) ||
      b.usd - a.usd ||
      uses(b) - uses(a) ||
      b.requests - a.requests,
  );
  return { by: [...by], rows: sorted.slice(0, limit), total };
}

/** Those that had begun before the end and still went on after the beginning. */
function activeSessions(rows: readonly RequestRow[], { from, to }: UsageQuery): ReadonlySet<string | null> {
  const [begun, goingOn] = [new Set<string | null>(), new Set<string | null>()];
  for (const { sessionId, startedAt } of rows) {
    if (sessionId === null) continue;
    if (startedAt < to) begun.add(sessionId);
    if (startedAt >= from) goingOn.add(sessionId);
  }
  return new Set([...begun].filter((session) => goingOn.has(session)));
}

const added = (a: UsageSum, b: UsageSum): UsageSum => ({
  requests: a.requests + b.requests,
  attempts: a.attempts + b.attempts,
  failed: a.failed + b.failed,
  aborted: a.aborted + b.aborted,
  input: a.input + b.input,
  cacheRead: a.cacheRead + b.cacheRead,
  cacheWrite: a.cacheWrite + b.cacheWrite,
  cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
  output: a.output + b.output,
  reasoning: a.reasoning + b.reasoning,
  usd: a.usd + b.usd,
  costUnknown: a.costUnknown + b.costUnknown,
});

/** A request is counted with the attempt that ended it. */
function sumOf(attempt: AttemptRow | null, isLast: boolean): UsageSum {
  const requests = isLast ? 1 : 0;
  if (attempt === null) return { ...NOTHING, requests };
  const { usage, cost, outcome } = attempt;
  return {
    ...NOTHING,
    requests,
    attempts: 1,
    failed: outcome === 'failed' ? 1 : 0,
    aborted: outcome === 'aborted' ? 1 : 0,
    ...(usage === null ? {} : { ...usage, cacheWrite1h: usage.cacheWrite1h ?? 0, reasoning: usage.reasoning ?? 0 }),
    usd: cost?.usd ?? 0,
    costUnknown: usage !== null && cost === null ? 1 : 0,
  };
}

const startOf = (row: RequestRow, attempt: AttemptRow | null): number => row.startedAt + (attempt?.startedMs ?? 0);

function partOf(row: RequestRow, attempt: AttemptRow | null, part: UsagePart): string | null {
  switch (part) {
    case 'provider':
      return attempt?.provider ?? null;
    case 'model':
      return attempt?.model ?? row.askedModel;
    case 'session':
      return row.sessionId;
    case 'day':
    case 'hour':
      return localTime(startOf(row, attempt), part);
    default:
      return row[part];
  }
}

function localTime(at: number, part: 'day' | 'hour'): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return part === 'day' ? day : `${day} ${two(date.getHours())}:00`;
}

function fits(row: RequestRow, attempt: AttemptRow | null, query: UsageQuery): boolean {
  const { from, to, session } = query;
  const ofSessions = query.by.includes('session');
  if (session !== undefined && row.sessionId !== session) return false;
  const quarter = Math.floor(startOf(row, attempt) / QUARTER_MS);
  const isWithin = quarter >= Math.floor(from / QUARTER_MS) && quarter < Math.ceil(to / QUARTER_MS);
  if (!ofSessions && !isWithin) return false;
  return (['provider', 'model', 'route', 'project', 'client', 'class'] as const).every(
    (part) => query[part] === undefined || partOf(row, attempt, part) === query[part],
  );
}
