import type { RequestEvent } from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { ExplanationView, RouteView } from '../../src-shared/routing.ts';
import type { EventBus } from '../pipeline/events.ts';

/** Between two batches for one reader, in ms. */
const batchMs = 100;

export interface RequestCounts {
  running: number;
  /** Since the start. */
  total: number;
  /** Since the start; requests that the client gave up are not among them. */
  failed: number;
}

/**
 * The newest requests, in memory. Rows it hands out are snapshots. While nobody watches, an event costs a look at an
 * empty set.
 */
export class RequestLog {
  readonly #capacity: number;
  /** Oldest first. The rows are the pipeline's own, so that no event copies anything. */
  readonly #rows = new Map<string, RequestRow>();
  /** How each was routed, put into words only for who asks; and how long its trace was then. */
  readonly #routes = new Map<string, { view: () => RouteView; steps: number }>();
  readonly #readers = new Set<LiveReader>();
  readonly #subscriptions: (() => void)[];
  #running = 0;
  #total = 0;
  #failed = 0;

  constructor(bus: EventBus, capacity = 1000) {
    this.#capacity = capacity;
    const changed = (row: RequestRow) => this.#changed(row);
    const attemptChanged = ({ request }: { request: RequestRow }) => this.#changed(request);
    this.#subscriptions = [
      bus.on('request.started', (row) => this.#started(row)),
      bus.on('request.routed', ({ request, plan }) => this.#routed(request, () => plan.explain())),
      bus.on('request.unroutable', ({ request, route }) => this.#routed(request, () => route)),
      bus.on('attempt.started', attemptChanged),
      bus.on('attempt.finished', attemptChanged),
      bus.on('request.answering', changed),
      bus.on('request.finished', (row) => this.#finished(row)),
    ];
  }

  /** Newest first. */
  list(limit: number): RequestRow[] {
    if (limit <= 0) return [];
    return [...this.#rows.values()].slice(-limit).reverse().map(snapshot);
  }

  find(id: string): RequestRow | null {
    const row = this.#rows.get(id);
    return row === undefined ? null : snapshot(row);
  }

  /**
   * How a request went and why.
   * @param which an id, or the beginning of one; `latest`, or `failed` for the latest that failed.
   * @returns null where there is none, or it has been forgotten since.
   * @throws ProxyError `invalid_field` where several ids begin so.
   */
  explain(which: string): ExplanationView | null {
    const row = this.#meant(which);
    if (row === null) return null;
    const routed = this.#routes.get(row.id);
    const request = snapshot(row);
    const steps = request.trace.slice(routed?.steps ?? 0).filter(({ step }) => step !== 'attempt failed');
    return { request, route: routed?.view() ?? null, steps };
  }

  /** How a request was routed, put into words when asked; null where it was not, or has been forgotten. */
  routeOf(id: string): (() => RouteView) | null {
    return this.#routes.get(id)?.view ?? null;
  }

  /** How the newest `limit` requests were routed, of those that were. Newest first. */
  routed(limit: number): { id: string; view: () => RouteView }[] {
    return [...this.#routes]
      .slice(-limit)
      .reverse()
      .map(([id, { view }]) => ({ id, view }));
  }

  counts(): RequestCounts {
    return { running: this.#running, total: this.#total, failed: this.#failed };
  }

  /** How many live readers there are. */
  get readers(): number {
    return this.#readers.size;
  }

  /**
   * A snapshot of the newest `limit` rows, then what changes, until `signal` is aborted, the reader stops or the log is
   * closed. What waits for a slow reader is at most one entry for each row still remembered.
   */
  live(signal?: AbortSignal, limit = 100): AsyncIteratorObject<RequestEvent, undefined, void> {
    const reader: LiveReader = new LiveReader({
      first: () => this.list(limit),
      row: (id) => this.find(id),
      ended: () => this.#readers.delete(reader),
      signal,
    });
    if (!reader.done) this.#readers.add(reader);
    return reader;
  }

  /** Stops listening and ends all readers. */
  close(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    for (const reader of this.#readers) reader.end();
  }

  #meant(which: string): RequestRow | null {
    const exact = this.#rows.get(which);
    if (exact !== undefined) return exact;
    const newestFirst = [...this.#rows.values()].reverse();
    if (which === 'latest') return newestFirst[0] ?? null;
    if (which === 'failed') return newestFirst.find(({ state }) => state === 'failed') ?? null;
    const [found, another] = newestFirst.filter(({ id }) => id.startsWith(which) || shortId(id).startsWith(which));
    if (another !== undefined)
      throw ProxyError.of('invalid_field', {
        field: 'id',
        expected: `must be the beginning of one id; several begin with '${which}'`,
      });
    return found ?? null;
  }

  #routed(row: RequestRow, view: () => RouteView): void {
    if (this.#rows.has(row.id)) this.#routes.set(row.id, { view, steps: row.trace.length });
    this.#changed(row);
  }

  #started(row: RequestRow): void {
    this.#total += 1;
    this.#running += 1;
    this.#rows.set(row.id, row);
    if (this.#rows.size > this.#capacity) this.#forgetOldest();
    this.#changed(row);
  }

  #finished(row: RequestRow): void {
    this.#running -= 1;
    if (row.state === 'failed') this.#failed += 1;
    this.#changed(row);
  }

  #changed(row: RequestRow): void {
    for (const reader of this.#readers) reader.changed(row.id);
  }

  #forgetOldest(): void {
    for (const id of this.#rows.keys()) {
      this.#rows.delete(id);
      this.#routes.delete(id);
      for (const reader of this.#readers) reader.forgotten(id);
      return;
    }
  }
}

interface LiveSource {
  first(): RequestRow[];
  row(id: string): RequestRow | null;
  ended(): void;
  signal: AbortSignal | undefined;
}

type Next = IteratorResult<RequestEvent, undefined>;

/**
 * One reader. Written as an iterator and not as a generator, because `return()` must take effect while `next()` waits: a
 * generator would hold it back until the next request.
 */
class LiveReader implements AsyncIteratorObject<RequestEvent, undefined, void> {
  readonly #source: LiveSource;
  readonly #waiting: ((next: Next) => void)[] = [];
  readonly #changed = new Set<string>();
  readonly #onAbort = () => this.end();
  #timer: NodeJS.Timeout | null = null;
  #lastBatchAt = Number.NEGATIVE_INFINITY;
  #greeted = false;
  #done = false;

  constructor(source: LiveSource) {
    this.#source = source;
    if (source.signal?.aborted) this.#done = true;
    else source.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get done(): boolean {
    return this.#done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Next> {
    if (this.#done) return Promise.resolve({ done: true, value: undefined });
    if (!this.#greeted) {
      this.#greeted = true;
      this.#changed.clear();
      return Promise.resolve({ done: false, value: { type: 'snapshot', rows: this.#source.first() } });
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#schedule();
    });
  }

  return(): Promise<Next> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  changed(id: string): void {
    this.#changed.add(id);
    this.#schedule();
  }

  forgotten(id: string): void {
    this.#changed.delete(id);
  }

  end(): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#source.signal?.removeEventListener('abort', this.#onAbort);
    this.#changed.clear();
    this.#source.ended();
    for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  #schedule(): void {
    if (this.#timer !== null || this.#waiting.length === 0 || this.#changed.size === 0) return;
    const wait = Math.max(0, this.#lastBatchAt + batchMs - performance.now());
    this.#timer = setTimeout(() => this.#deliver(), wait);
  }

  #deliver(): void {
    this.#timer = null;
    const rows = [...this.#changed].map((id) => this.#source.row(id)).filter((row) => row !== null);
    this.#changed.clear();
    if (rows.length === 0) return;
    this.#lastBatchAt = performance.now();
    this.#waiting.shift()?.({ done: false, value: { type: 'changed', rows } });
    this.#schedule();
  }
}

/** Without what is the same in all of them. */
const shortId = (id: string): string => id.replace(/^req_/, '');

function snapshot(row: RequestRow): RequestRow {
  return structuredClone(row);
}
