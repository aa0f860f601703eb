import type { AttemptRow } from '../src-shared/requests.ts';
import type { Folders } from './config/folders.ts';
import { writePrivateFile } from './config/private-file.ts';
import type { Configured } from './configured.ts';
import { HealthBoard } from './observability/health-board.ts';
import type { Logger } from './observability/logger.ts';
import { HealthProbes } from './providers/health-probes.ts';
import { ModelLists } from './providers/model-lists.ts';
import type { Transport } from './providers/transport.ts';
import { WarmUp } from './providers/warm-up.ts';
import type { RoutingState } from './routing/routing-state.ts';

export interface BackgroundOptions {
  /** What is in force at first. */
  configured: Configured;
  folders: Folders;
  transport: Transport;
  routing: RoutingState;
  log: Logger;
  redact: (text: string) => string;
  /** Told what the user should know; with the id of the provider that it is about, where it is about one. */
  onWarning: (warning: string, provider?: string) => void;
  /** Told what may be another than before. */
  onChanged: (what: 'health' | 'models') => void;
}

/** What goes on beside requests: providers are probed and asked for their models, and load those that they are to have ready. */
export class Background {
  readonly health: HealthBoard;
  readonly #probes: HealthProbes;
  readonly #modelLists: ModelLists;
  readonly #warmUp: WarmUp;

  /** Nothing is asked yet, and lists of models that were kept are known. */
  constructor({ configured, folders, transport, routing, log, redact, onWarning, onChanged }: BackgroundOptions) {
    const { config, enabled, onBoard } = configured;
    this.health = new HealthBoard(onBoard, config.routing.slowStreams.tokensPerSecond);
    this.#probes = new HealthProbes({
      providers: enabled,
      ...config.health,
      report: (provider, report) => {
        this.health.probed(provider, report);
        if (report.state === 'ready') routing.circuits.reached(provider);
        onChanged('health');
      },
      onOnline: (online) => {
        this.health.setOnline(online);
        onChanged('health');
        log.info(online ? 'The network is back' : 'This machine is offline');
      },
      onWake: () => {
        this.health.woke();
        transport.reset();
        log.info('This machine has slept; all providers are asked again');
      },
      onError: (provider, error) =>
        log.error('A probe failed inside CProxy', {
          provider,
          stack: error instanceof Error ? error.stack : String(error),
        }),
      redact,
      lastGood: (provider) => this.health.lastGood(provider),
    });
    this.#modelLists = new ModelLists({
      providers: enabled,
      folder: folders.cache,
      refreshMs: config.modelLists.refreshMs,
      write: writePrivateFile,
      onWarning: (warning) => onWarning(warning),
      onFetched: (fetched) => {
        log.debug('A list of models was fetched', fetched);
        onChanged('models');
      },
      onFailed: ({ provider, reason }) =>
        log.warn('A list of models could not be fetched', { provider, reason: redact(reason) }),
    });
    this.#modelLists.readKept();
    this.#warmUp = new WarmUp({
      onWarning: (warning, { id }) => onWarning(warning, id),
      onLoaded: (loaded) => log.info('A model is loaded', loaded),
    });
  }

  /** Does from now on what a configuration has done; what is known of providers that it has as before goes on. */
  follow({ config, onBoard, enabled }: Configured): void {
    const { routing, health, modelLists } = config;
    this.health.follow(onBoard, routing.slowStreams.tokensPerSecond);
    if (!routing.loadBalancing.healthCheck) this.#probes.pause();
    this.#probes.follow(enabled, health);
    if (routing.loadBalancing.healthCheck) this.#probes.start();
    if (!modelLists.fetch) this.#modelLists.pause();
    this.#modelLists.follow(enabled, modelLists.refreshMs);
    if (modelLists.fetch) this.#modelLists.start();
    this.#warmUp.follow(enabled);
  }

  /** An attempt at a provider in force has ended. */
  attemptFinished(attempt: AttemptRow): void {
    this.health.attemptFinished(attempt);
    this.#probes.attemptFinished(attempt);
  }

  /** Probes a provider, or all, now. @throws ProxyError `invalid_field` for one that is not there or not enabled. */
  probe(provider?: string): Promise<void> {
    return this.#probes.probeNow(provider);
  }

  /** Fetches the models of a provider, or all, now. @throws ProxyError `invalid_field` where it cannot be asked. */
  refreshModels(provider?: string): Promise<void> {
    return this.#modelLists.refresh(provider);
  }

  /** Gives up what is under way. */
  async stop(): Promise<void> {
    await Promise.all([this.#probes.stop(), this.#modelLists.stop(), this.#warmUp.stop()]);
  }
}
