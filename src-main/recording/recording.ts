import { ProxyError } from '../../src-shared/errors.ts';
import type { StoreHealth } from '../../src-shared/health.ts';
import type { HistoryConfig } from '../../src-shared/history-config.ts';
import type { BodiesView, BodyView, RecordingView, RecordMode } from '../../src-shared/recording.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { Answer } from '../pipeline/answer.ts';
import type { AttemptOutcome } from '../pipeline/attempt-outcome.ts';
import type { AttemptContext, RequestContext } from '../pipeline/context.ts';
import type { EventBus } from '../pipeline/events.ts';
import type { Middleware } from '../pipeline/middleware.ts';
import type { Secrets } from './bodies-calls.ts';
import { Capture } from './capture.ts';
import { Cleaning } from './cleaning.ts';
import { RecentBodies } from './recent-bodies.ts';
import { type RecordSession, recordMode, type SavedSession } from './record-session.ts';
import { RecordedBodies, type RecordedBodiesOptions } from './recorded-bodies.ts';

type Settings = HistoryConfig['bodies'];

export interface RecordingOptions {
  bus: EventBus;
  /** The data folder. */
  folder: string;
  /** Of the configuration in force. */
  settings: () => Settings;
  /** Where a recording for a while is remembered. */
  session: { read(): SavedSession | null; changed(take: () => SavedSession): void; close(): Promise<void> };
  /** What is cut out, besides whatever looks like a key. */
  secrets: () => Secrets;
  /** Told what the user should know, in words. Nothing twice. */
  onWarning: (text: string) => void;
  /** Unix time in ms. */
  now?: () => number;
  startWorker?: RecordedBodiesOptions['startWorker'];
}

/** What a client asked. */
export interface Question {
  path: string;
  /** With its question mark, or empty. */
  query: string;
  headers: Record<string, string>;
  body: Buffer;
}

const ONLY_ITS_BEGINNING = 'Only its beginning was kept: history.bodies.maxBodyBytes says how much of a body is.';

/** What was said: of the newest requests in memory, and on disk where somebody asked for that. The outermost middleware. */
export class Recording implements Middleware {
  readonly name = 'recording';
  readonly #options: RecordingOptions;
  readonly #now: () => number;
  readonly #running = new Map<string, Capture>();
  readonly #recent: RecentBodies;
  readonly #disk: RecordedBodies;
  readonly #cleaning: Cleaning;
  readonly #unsubscribe: () => void;
  #session: RecordSession | null;

  constructor(options: RecordingOptions) {
    const { bus, folder, settings, session, secrets, onWarning, now = Date.now, startWorker } = options;
    this.#options = options;
    this.#now = now;
    this.#recent = new RecentBodies(settings);
    this.#disk = new RecordedBodies({
      ...{ folder, recent: this.#recent, limits: settings, secrets, onWarning, now },
      ...(startWorker === undefined ? {} : { startWorker }),
    });
    this.#cleaning = new Cleaning(secrets);
    this.#session = session.read()?.session ?? null;
    this.#unsubscribe = bus.on('request.finished', (row) => this.#finished(row));
  }

  /** Another configuration is in force. */
  follow(): void {
    this.#recent.trim();
    this.#disk.follow();
  }

  async request(context: RequestContext, next: () => Promise<void>, answer: Answer): Promise<void> {
    const { memory, maxBodyBytes } = this.#options.settings();
    if (memory > 0 || this.#mode !== 'off') {
      const capture = new Capture(context, { maxBodyBytes, takeRoom: (bytes) => this.#recent.takeRoom(bytes) });
      this.#running.set(context.row.id, capture);
      answer.tap(capture);
    }
    await next();
  }

  attempt(context: AttemptContext, next: () => Promise<AttemptOutcome>): Promise<AttemptOutcome> {
    this.#running.get(context.request.row.id)?.attempt(context);
    return next();
  }

  /** @param id whole. */
  async bodies(id: string): Promise<BodiesView> {
    const notKept = (reason: string): BodiesView => ({ state: 'not_kept', id, reason });
    if (this.#running.has(id)) return notKept('The request is still under way.');
    const recent = this.#recent.get(id);
    if (recent !== null) return { state: 'kept', from: 'memory', ...(await this.#cleaning.request(recent)) };
    try {
      const stored = await this.#disk.read(id);
      return stored === null ? notKept(this.#whyNot()) : { state: 'kept', from: 'disk', ...stored };
    } catch {
      return notKept(`What was recorded cannot be read now: ${this.#disk.trouble ?? 'the disk does not answer'}.`);
    }
  }

  /** What was asked, to be asked again: as it was sent, where it is in memory. @throws ProxyError `body_not_kept` */
  async question(id: string): Promise<Question> {
    const recent = this.#recent.get(id);
    if (recent !== null) {
      const { path, query, requestHeaders: headers, request } = recent;
      if (request.content.length < request.bytes) throw ProxyError.of('body_not_kept', { reason: ONLY_ITS_BEGINNING });
      return { path, query, headers, body: Buffer.from(request.content) };
    }
    const kept = await this.bodies(id);
    if (kept.state === 'not_kept') throw ProxyError.of('body_not_kept', { reason: kept.reason });
    const { path, requestHeaders: headers, request } = kept;
    if (request.truncated) throw ProxyError.of('body_not_kept', { reason: ONLY_ITS_BEGINNING });
    const at = path.indexOf('?');
    const body = Buffer.from(request.text, request.encoding);
    return at === -1
      ? { path, query: '', headers, body }
      : { path: path.slice(0, at), query: path.slice(at), headers, body };
  }

  /** Cuts keys out. */
  clean(bytes: Uint8Array): Promise<BodyView> {
    return this.#cleaning.bytes(bytes);
  }

  /** Records for a while. What ran for a while before makes way. */
  start({ forMs, errorsOnly }: { forMs: number; errorsOnly: boolean }): Promise<RecordingView> {
    this.#keepSession({ until: this.#now() + forMs, errorsOnly });
    return this.view();
  }

  /** What is recorded by the configuration goes on. */
  stop(): Promise<RecordingView> {
    this.#keepSession(null);
    return this.view();
  }

  /** Forgets all, in memory and on disk. @returns how many requests that were. */
  async clear(): Promise<number> {
    const { requests } = this.#recent.counts;
    this.#recent.clear();
    return Math.max(requests, await this.#disk.clear());
  }

  async view(): Promise<RecordingView> {
    const { memory, memoryBytes, record } = this.#options.settings();
    const { requests, bytes, waiting, dropped } = this.#recent.counts;
    const stats = (await this.#disk.stats()) ?? { requests: 0, bytes: 0, oldest: null };
    return {
      record: this.#mode,
      until: this.#sessionNow?.until ?? null,
      configured: record,
      memory: { requests, bytes, maxRequests: memory, maxBytes: memoryBytes },
      disk: { trouble: this.#disk.trouble, ...stats, waiting, dropped },
    };
  }

  /** How its store does; null while nothing is recorded and all is well. */
  async health(): Promise<StoreHealth | null> {
    const stats = this.#mode === 'off' && this.#disk.trouble === null ? null : await this.#disk.stats();
    const { trouble } = this.#disk;
    if (this.#mode === 'off' && trouble === null) return null;
    return { name: 'bodies', state: trouble === null ? 'disk' : 'memory', reason: trouble, bytes: stats?.bytes ?? 0 };
  }

  /** What the user should know now, in words: people forget that they record. */
  get warnings(): string[] {
    const { record } = this.#options.settings();
    const mode = this.#mode;
    if (mode === 'off') return [];
    const what = mode === 'all' ? 'What is said in all requests' : 'What is said in requests that fail';
    const session = this.#sessionNow;
    return [
      session !== null && mode !== record
        ? `${what} is recorded on the disk until ${new Date(session.until).toLocaleString('en-GB')}. \`cproxy record --stop\` ends that.`
        : `${what} is recorded on the disk, by history.bodies.record of the configuration.`,
    ];
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await Promise.all([this.#disk.close(), this.#cleaning.close(), this.#options.session.close()]);
  }

  get #sessionNow(): RecordSession | null {
    return this.#session !== null && this.#session.until > this.#now() ? this.#session : null;
  }

  get #mode(): RecordMode {
    return recordMode(this.#options.settings().record, this.#session, this.#now());
  }

  #keepSession(session: RecordSession | null): void {
    this.#session = session;
    this.#options.session.changed(() => ({ session: this.#sessionNow }));
  }

  #finished(row: RequestRow): void {
    const capture = this.#running.get(row.id);
    if (capture === undefined) return;
    this.#running.delete(row.id);
    this.#recent.giveRoom(capture.heldBytes);
    const mode = this.#mode;
    const isRecorded = mode === 'all' || (mode === 'errors' && row.state === 'failed');
    if (!isRecorded && this.#options.settings().memory === 0) return;
    this.#recent.add(capture.bodies(), isRecorded);
    if (isRecorded) this.#disk.writeSoon();
  }

  #whyNot(): string {
    const { memory } = this.#options.settings();
    const inMemory =
      memory === 0
        ? 'None are kept in memory (history.bodies.memory)'
        : `The newest ${memory} at most are kept in memory`;
    return `${inMemory}, and this one is not on the disk. \`cproxy record --for 30m\` records what comes; history.bodies.record does so for good.`;
  }
}
