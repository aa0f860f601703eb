import type { Config } from '../src-shared/config.ts';
import type { EngineStatus } from '../src-shared/control.ts';
import type { ResolveKey } from '../src-shared/keys.ts';
import { ResponseCache } from './cache/response-cache.ts';
import type { Folders } from './config/folders.ts';
import { AllRequests } from './observability/all-requests.ts';
import { alertInWords, CacheAlerts } from './observability/cache-alert.ts';
import { LastErrors } from './observability/last-errors.ts';
import type { Logger } from './observability/logger.ts';
import { LoopDelay } from './observability/loop-delay.ts';
import { Metrics } from './observability/metrics.ts';
import type { RequestLog } from './observability/request-log.ts';
import type { EventBus } from './pipeline/events.ts';
import type { Middleware } from './pipeline/middleware.ts';
import { HistoryStore } from './storage/history/history-store.ts';
import { RedisLink } from './storage/redis-link.ts';

/** What keeping accounts needs of the engine. */
export interface AccountsWorld {
  bus: EventBus;
  requests: RequestLog;
  folders: Folders;
  status: () => EngineStatus;
  /** In force now. */
  config: () => Config;
  log: Logger;
  /** Removes secrets from a text. */
  redact: (text: string) => string;
  /** Told what the user should know, in words, also long after the start. */
  onWarning: (warning: string) => void;
  resolveKey: ResolveKey;
}

/** What is written down of requests, and what hangs on their way: it outlives configurations. */
export class Accounts {
  /** What hangs on the pipeline, the outermost first. */
  readonly middleware: readonly Middleware[];
  readonly lastErrors: LastErrors;
  readonly requests: AllRequests;
  readonly cache: ResponseCache;
  readonly redis: RedisLink;
  readonly cacheAlerts: CacheAlerts;
  readonly #history: HistoryStore;
  /** Counts from the start; loaded beside it. */
  readonly #metrics: Promise<Metrics>;
  readonly loopDelay = new LoopDelay();

  constructor({ bus, requests, folders, status, config, log, redact, onWarning, resolveKey }: AccountsWorld) {
    this.#history = new HistoryStore({ folder: folders.data, settings: config().history, redact, onWarning });
    this.requests = new AllRequests(requests, this.#history);
    bus.on('request.finished', (row) => this.#history.add(row, requests.routeOf(row.id)));
    this.lastErrors = new LastErrors(bus);
    this.#metrics = Metrics.create(bus, {
      status,
      loopDelay: () => this.loopDelay.view(),
      history: () => this.#history.counts,
    });
    this.cacheAlerts = new CacheAlerts({
      bus,
      onAlert: (alert) => log.warn(alertInWords(alert), { id: alert.request }),
    });
    this.redis = new RedisLink({ settings: () => config().redis, resolveKey });
    this.cache = new ResponseCache({
      settings: () => ({ ...config().cache, prefix: config().redis.prefix }),
      redis: () => this.redis.client(),
      onTrouble: (warning) => log.warn(warning),
    });
    this.middleware = [this.cache];
  }

  /** Another configuration is in force. */
  follow({ history }: Config): void {
    this.#history.follow(history);
    this.cache.follow();
  }

  /** What the user should know now, in words. */
  get warnings(): string[] {
    return this.cache.warnings;
  }

  /** As Prometheus reads them. */
  async metrics(): Promise<{ contentType: string; text: string }> {
    return await (await this.#metrics).text();
  }

  /** Writes down what still waits. */
  async close(): Promise<void> {
    this.loopDelay.close();
    this.lastErrors.close();
    this.cacheAlerts.close();
    this.redis.close();
    await this.#history.close();
  }
}
