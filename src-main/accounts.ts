import { join } from 'node:path';
import type { Config } from '../src-shared/config.ts';
import type { EngineStatus } from '../src-shared/control.ts';
import type { ResolveKey } from '../src-shared/keys.ts';
import { ResponseCache } from './cache/response-cache.ts';
import type { Folders } from './config/folders.ts';
import { writePrivateFile } from './config/private-file.ts';
import { spentByLedger } from './limits/budget-ledger.ts';
import { Budgets, savedBudgetsSchema } from './limits/budgets.ts';
import { Rates, savedRatesSchema } from './limits/rates.ts';
import { AllRequests } from './observability/all-requests.ts';
import { alertInWords, CacheAlerts } from './observability/cache-alert.ts';
import { LastErrors } from './observability/last-errors.ts';
import type { Logger } from './observability/logger.ts';
import { LoopDelay } from './observability/loop-delay.ts';
import { Metrics } from './observability/metrics.ts';
import type { RequestLog } from './observability/request-log.ts';
import { Telemetry } from './observability/telemetry.ts';
import type { EventBus } from './pipeline/events.ts';
import type { Middleware } from './pipeline/middleware.ts';
import { savedSessionSchema } from './recording/record-session.ts';
import { Recording } from './recording/recording.ts';
import { HistoryStore } from './storage/history/history-store.ts';
import { KeptFile } from './storage/kept-file.ts';
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
  /** What it cuts out, for a thread that does so. */
  secrets: () => readonly string[];
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
  readonly budgets: Budgets;
  readonly rates: Rates;
  readonly telemetry: Telemetry;
  readonly recording: Recording;
  readonly cacheAlerts: CacheAlerts;
  readonly #history: HistoryStore;
  /** Counts from the start; loaded beside it. */
  readonly #metrics: Promise<Metrics>;
  readonly loopDelay = new LoopDelay();

  constructor(world: AccountsWorld) {
    const { bus, requests, folders, status, config, log, redact, secrets, onWarning, resolveKey } = world;
    this.#history = new HistoryStore({ folder: folders.data, settings: config().history, redact, onWarning });
    this.requests = new AllRequests(requests, this.#history);
    bus.on('request.finished', (row) => this.#history.add(row, requests.routeOf(row.id)));
    this.lastErrors = new LastErrors(bus);
    this.#metrics = Metrics.create(bus, {
      status,
      loopDelay: () => this.loopDelay.view(),
      history: () => this.#history.counts,
      rates: () => this.rates.counts,
      budgets: () => this.budgets.view(),
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
    this.rates = new Rates({
      settings: () => ({ ...config().limits, prefix: config().redis.prefix }),
      redis: () => this.redis.client(),
      kept: new KeptFile({
        file: join(folders.data, 'rates.json'),
        schema: savedRatesSchema,
        write: writePrivateFile,
        onWarning,
      }),
      onTrouble: (warning) => log.warn(warning),
    });
    this.budgets = new Budgets({
      settings: () => config().limits.budgets,
      bus,
      kept: new KeptFile({
        file: join(folders.data, 'budgets.json'),
        schema: savedBudgetsSchema,
        write: writePrivateFile,
        onWarning,
      }),
      ledger: (of, from) => spentByLedger((query) => this.requests.usage(query), of, from),
      onReached: (warning) => log.warn(warning),
    });
    this.telemetry = new Telemetry({ bus, config: config().telemetry, resolveKey, redact, log });
    this.recording = new Recording({
      ...{ bus, folder: folders.data, secrets, onWarning },
      settings: () => config().history.bodies,
      session: new KeptFile({
        file: join(folders.data, 'recording.json'),
        schema: savedSessionSchema,
        write: writePrivateFile,
        onWarning,
      }),
    });
    this.middleware = [this.recording, this.telemetry, this.budgets, this.rates, this.cache];
  }

  /** Another configuration is in force. */
  follow({ history, telemetry }: Config): void {
    this.#history.follow(history);
    this.telemetry.follow(telemetry);
    this.cache.follow();
    this.recording.follow();
    this.budgets.follow();
    this.rates.follow();
  }

  /** What the user should know now, in words. */
  get warnings(): string[] {
    return [
      ...this.budgets.problems.keys(),
      ...this.cache.warnings,
      ...this.rates.warnings,
      ...this.telemetry.warnings,
      ...this.recording.warnings,
    ];
  }

  /** As Prometheus reads them. */
  async metrics(): Promise<{ contentType: string; text: string }> {
    return await (await this.#metrics).text();
  }

  /** CProxy begins to stop. */
  drain(): void {
    this.rates.drain();
  }

  /** Writes down what still waits. */
  async close(): Promise<void> {
    this.loopDelay.close();
    this.lastErrors.close();
    this.cacheAlerts.close();
    this.redis.close();
    await Promise.all([
      this.#history.close(),
      this.budgets.close(),
      this.rates.close(),
      this.telemetry.close(),
      this.recording.close(),
    ]);
  }
}
