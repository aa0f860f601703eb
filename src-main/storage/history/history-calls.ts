import type { RequestFilter } from '../../../src-shared/history.ts';
import type { RequestRow } from '../../../src-shared/requests.ts';
import type { RouteView } from '../../../src-shared/routing.ts';
import type { UsageQuery, UsageView } from '../../../src-shared/usage.ts';

/** A request that has ended, as JSON: that costs the thread that answers requests less than a copy would. */
export interface HistoryEntry {
  /** A RequestRow. */
  row: string;
  /** A RouteView; null where it was refused before it was routed. */
  route: string | null;
}

/** A place in the log: requests that began before, and of those that began at the same ms what was written before. */
export interface HistoryPlace {
  started: number;
  key: number;
}

export interface PageQuestion {
  filter: Omit<RequestFilter, 'text'> & { text?: string | undefined };
  limit: number;
  after: HistoryPlace | null;
}

export interface PageAnswer {
  rows: RequestRow[];
  next: HistoryPlace | null;
}

export interface StoredRequest {
  row: RequestRow;
  route: RouteView | null;
}

export interface HistoryStats {
  requests: number;
  /** Of all its files. */
  bytes: number;
  /** Unix time in ms. */
  oldest: number | null;
}

/** What the worker is asked, and what it answers. */
export interface HistoryCalls {
  write: { asked: readonly HistoryEntry[]; answer: null };
  page: { asked: PageQuestion; answer: PageAnswer };
  /** By an id or the beginning of one, `latest`, or `failed`. Two where the beginning is that of several. */
  find: { asked: { which: string }; answer: readonly StoredRequest[] };
  usage: { asked: UsageQuery; answer: Omit<UsageView, 'source'> };
  /** Forgets what is too old, or too much. */
  expire: { asked: { days: number; maxBytes: number }; answer: null };
  stats: { asked: null; answer: HistoryStats };
  close: { asked: null; answer: null };
}

/** What the worker is started with. */
export interface HistoryOptions {
  file: string;
}
