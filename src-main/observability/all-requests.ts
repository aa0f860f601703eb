import { ProxyError } from '../../src-shared/errors.ts';
import type { HistoryView, RequestFilter, RequestPage, RequestQuery } from '../../src-shared/history.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { ExplanationView, RouteView } from '../../src-shared/routing.ts';
import type { UsageQuery, UsageView } from '../../src-shared/usage.ts';
import type { RequestLog } from './request-log.ts';
import { usageOfRows } from './usage-of-rows.ts';

/** A place in what is kept. */
interface Place {
  started: number;
  key: number;
}

/** Requests that have ended, as they are kept on disk. All of it rejects where that does not work at present. */
export interface KeptRequests {
  page(question: {
    filter: RequestFilter;
    limit: number;
    after: Place | null;
  }): Promise<{ rows: RequestRow[]; next: Place | null }>;
  find(which: string): Promise<readonly { row: RequestRow; route: RouteView | null }[]>;
  usage(query: UsageQuery): Promise<Omit<UsageView, 'source'>>;
  view(): Promise<HistoryView>;
}

/** The newest requests, in memory, and behind them all that are kept. */
export class AllRequests {
  readonly #log: RequestLog;
  readonly #kept: KeptRequests;

  constructor(log: RequestLog, kept: KeptRequests) {
    this.#log = log;
    this.#kept = kept;
  }

  /** Newest first. Those under way stand in `RequestLog`. @throws ProxyError `invalid_field` for a place that is none. */
  async page({ limit, after, ...filter }: RequestQuery): Promise<RequestPage> {
    const place = after === undefined ? null : placeOf(after);
    try {
      const { rows, next } = await this.#kept.page({ filter, limit, after: place });
      return { rows, next: next === null ? null : `${next.started}.${next.key}`, source: 'disk' };
    } catch {
      return this.#pageOfMemory(filter, limit, place);
    }
  }

  /** null: no such request, or one that has been forgotten since. */
  async find(id: string): Promise<RequestRow | null> {
    return this.#log.find(id) ?? (await this.#keptOnes(id)).find(({ row }) => row.id === id)?.row ?? null;
  }

  /**
   * How a request went and why.
   * @param which an id, or the beginning of one; `latest`, or `failed` for the latest that failed.
   * @throws ProxyError `invalid_field` where several ids begin so.
   */
  async explain(which: string): Promise<ExplanationView | null> {
    const known = this.#log.explain(which);
    if (known !== null) return known;
    const [found, another] = await this.#keptOnes(which);
    if (another !== undefined)
      throw ProxyError.of('invalid_field', {
        field: 'id',
        expected: `must be the beginning of one id; several begin with '${which}'`,
      });
    if (found === undefined) return null;
    return { request: found.row, route: found.route, steps: [] };
  }

  /** What was used, and what it cost. */
  async usage(query: UsageQuery): Promise<UsageView> {
    try {
      return { ...(await this.#kept.usage(query)), source: 'disk' };
    } catch {
      const ended = this.#log.list(Number.MAX_SAFE_INTEGER).filter(({ state }) => state !== 'running');
      return { ...usageOfRows(ended, query), source: 'memory' };
    }
  }

  view(): Promise<HistoryView> {
    return this.#kept.view();
  }

  async #keptOnes(which: string): Promise<readonly { row: RequestRow; route: RouteView | null }[]> {
    try {
      return await this.#kept.find(which);
    } catch {
      // What is not to be had now is told of where the state is.
      return [];
    }
  }

  #pageOfMemory(filter: RequestFilter, limit: number, after: Place | null): RequestPage {
    const ended = this.#log
      .list(Number.MAX_SAFE_INTEGER)
      .filter((row) => row.state !== 'running' && fits(row, filter))
      .sort((a, b) => b.startedAt - a.startedAt);
    const first = after?.key ?? 0;
    const rows = ended.slice(first, first + limit).map((row) => ({ ...row, trace: [] }));
    const isLast = first + limit >= ended.length;
    return { rows, next: isLast ? null : `0.${first + limit}`, source: 'memory' };
  }
}

function placeOf(text: string): Place {
  const [, started, key] = /^(\d{1,16})\.(\d{1,16})$/.exec(text) ?? [];
  if (started === undefined || key === undefined)
    throw ProxyError.of('invalid_field', { field: 'after', expected: 'must be what an earlier page gave as next' });
  return { started: Number(started), key: Number(key) };
}

function fits(row: RequestRow, filter: RequestFilter): boolean {
  const { state, provider, model, route, session, project, client, from, to, text } = filter;
  const last = row.attempts.at(-1);
  const isOr = (wanted: string | undefined, ...given: (string | null | undefined)[]): boolean =>
    wanted === undefined || given.includes(wanted);
  const includes = (part: string): boolean =>
    [row.askedModel, last?.model, row.project].some((one) => one?.toLowerCase().includes(part.toLowerCase())) ||
    row.id.replace(/^req_/, '').startsWith(part.replace(/^req_/, ''));
  return (
    isOr(state, row.state) &&
    isOr(provider, ...row.attempts.map((attempt) => attempt.provider)) &&
    isOr(model, row.askedModel, last?.model) &&
    isOr(route, row.route) &&
    isOr(session, row.sessionId) &&
    isOr(project, row.project) &&
    isOr(client, row.client) &&
    isOr(filter.class, row.class) &&
    (from === undefined || row.startedAt >= from) &&
    (to === undefined || row.startedAt < to) &&
    (text === undefined || includes(text))
  );
}
