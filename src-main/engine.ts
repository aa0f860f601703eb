import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import packageJson from '../package.json' with { type: 'json' };
import { type Config, isLoopbackHost } from '../src-shared/config.ts';
import type { ConfigView, EngineStatus, ModelsView } from '../src-shared/control.ts';
import { ProxyError } from '../src-shared/errors.ts';
import type { HealthSnapshot, StoreHealth } from '../src-shared/health.ts';
import type { ResolveKey } from '../src-shared/keys.ts';
import { mapTexts } from '../src-shared/map-texts.ts';
import type { ExportPage, ExportQuery, ReplayQuestion, ReplayView } from '../src-shared/recording.ts';
import { Accounts } from './accounts.ts';
import { Background } from './background.ts';
import { changesInWords, settings as settingsChanged } from './config/config-changes.ts';
import { configForDisplay } from './config/config-for-display.ts';
import { ConfigManager, type EditedFile } from './config/config-manager.ts';
import { ensureFolders, type Folders } from './config/folders.ts';
import type { LoadedConfig } from './config/load-config.ts';
import { acquireLock, type LockHandle, LockHeldError, noLock } from './config/lock-file.ts';
import { writePrivateFile } from './config/private-file.ts';
import { Configured, type ConfiguredWorld } from './configured.ts';
import { AdminSessions } from './control/admin-sessions.ts';
import type { ControlRouter } from './control/control-router.ts';
import { TokenCounter } from './counting/token-counter.ts';
import { EngineStartError, explainListenError } from './engine-start-error.ts';
import { EngineChanges } from './mcp/engine-changes.ts';
import type { HttpSessions } from './mcp/http/http-sessions.ts';
import type { McpEngine } from './mcp/mcp-engine.ts';
import { healthSnapshot, systemHealth } from './observability/health-snapshot.ts';
import type { Logger } from './observability/logger.ts';
import { logRequests } from './observability/request-lines.ts';
import { RequestLog } from './observability/request-log.ts';
import { BatchPlaces, batchPlacesSchema, type SavedBatchPlaces } from './pipeline/batch-places.ts';
import { Batches } from './pipeline/batches.ts';
import { EventBus } from './pipeline/events.ts';
import type { Middleware } from './pipeline/middleware.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { noMemory } from './pipeline/reasoning-memory.ts';
import { viewList, viewModels, viewProvider } from './provider-views.ts';
import { demoConfig } from './providers/demo-config.ts';
import { createProvider } from './providers/provider-types.ts';
import { proxySecrets } from './providers/proxy.ts';
import { createTransport, type SystemProxy, type Transport } from './providers/transport.ts';
import { exportPage } from './recording/export-page.ts';
import { replay } from './recording/replay.ts';
import type { KeptHomes } from './routing/affinity.ts';
import { Outcomes } from './routing/outcomes.ts';
import { RoutingState } from './routing/routing-state.ts';
import { type SavedOutcomes, savedOutcomesSchema } from './routing/saved-outcomes.ts';
import { createKeyResolver } from './secrets/key-references.ts';
import { openSecretStore } from './secrets/open-secret-store.ts';
import { headerSecrets } from './secrets/redact.ts';
import { Redactor } from './secrets/redactor.ts';
import type { SecretStore } from './secrets/secret-store.ts';
import { TokenStore } from './secrets/token-store.ts';
import { registerBatchesDoor } from './server/batches-door.ts';
import { registerControlDoor } from './server/control-door.ts';
import { registerHealthDoor } from './server/health-door.ts';
import { Listeners } from './server/listeners.ts';
import { registerMcpDoor } from './server/mcp-door.ts';
import { registerMessagesDoor } from './server/messages-door.ts';
import { registerMetricsDoor } from './server/metrics-door.ts';
import { registerModelsDoor } from './server/models-door.ts';
import { registerOpenaiDoors } from './server/openai-doors.ts';
import { createServer } from './server/server.ts';
import { KeptFile } from './storage/kept-file.ts';
import { ReasoningStore } from './storage/reasoning-store.ts';

export { EngineStartError } from './engine-start-error.ts';

export interface EngineOptions {
  loaded: LoadedConfig;
  /** Loads the configuration again, when its file changes; where absent, it stays as it is. @throws ConfigError */
  load?: (edited?: EditedFile) => Promise<LoadedConfig>;
  folders: Folders;
  env: NodeJS.ProcessEnv;
  /** What the engine runs in. */
  host: EngineStatus['host'];
  log: Logger;
  /** Folder of the built renderer; null where there is none. */
  uiFolder: string | null;
  middleware?: readonly Middleware[];
  /** Where stored keys are; what the configuration names where absent. */
  secrets?: SecretStore;
  /** Where the host knows of proxies that the environment does not name. */
  systemProxy?: SystemProxy;
  /**
   * It listens nowhere, and holds no data folder: one client in this process has it. `data`: the user's data folder, where texts of
   * the configuration are kept that it changes; all else goes into `folders`.
   */
  alone?: { data: string };
}

/** One running CProxy. */
export interface Engine {
  /** Base URL for clients, such as `http://127.0.0.1:4777`. */
  readonly endpoint: string;
  /** The client token made at the very first start, to be shown once; null later. */
  readonly firstToken: string | null;
  status(): EngineStatus;
  /** The control API, for a transport of the host's own. Loaded when first asked for. */
  controlRouter(): Promise<ControlRouter>;
  /** What an MCP server needs of it. Loaded when first asked for. */
  mcpEngine(): Promise<McpEngine>;
  /** Told whenever it has begun to listen at another address. */
  onMoved(listener: () => void): void;
  /** Takes no new requests, lets those in flight finish within `server.graceMs`, then ends. */
  stop(): Promise<void>;
  /** Resolves when it has stopped, whoever asked. */
  readonly stopped: Promise<void>;
}

/** How long a start waits for what is read then. */
const READ_AT_START_MS = 1_000;

/**
 * Composes configuration, secrets, router, providers and server into one running engine.
 * @throws EngineStartError
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { loaded, folders } = options;
  // What a request leaves behind dies young, and there is little to copy: several threads that share the work cost a
  // fifth more processor time than one. (A V8 that does not know the flag ignores it.)
  setFlagsFromString('--no-parallel-scavenge');
  const warnings = ensureFolders(folders);
  const lock = options.alone === undefined ? await lockOrExplain(folders.data, options.host) : noLock(options.host);
  const { systemProxy } = options;
  const transport = createTransport({
    env: options.env,
    baseFolder: loaded.file === null ? folders.config : dirname(loaded.file),
    ...(systemProxy === undefined ? {} : { systemProxy }),
  });
  let engine: RunningEngine | null = null;
  try {
    engine = new RunningEngine(options, warnings, lock, transport);
    await engine.listen();
    return engine;
  } catch (error) {
    // It may listen by now, on a full disk for instance: that would hold the port, and the process.
    await (engine ?? { stop: transport.close }).stop().catch(() => undefined);
    lock.release();
    throw error;
  }
}

async function lockOrExplain(dataFolder: string, host: EngineStatus['host']): Promise<LockHandle> {
  try {
    return await acquireLock(dataFolder, { host });
  } catch (error) {
    if (error instanceof LockHeldError) throw new EngineStartError('already_running', error.message, error);
    throw error;
  }
}

class RunningEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #manager: ConfigManager;
  /** What the start was made with, and no later configuration changes. */
  readonly #startedWith: Config;
  readonly #world: ConfiguredWorld;
  #inForce: Configured;
  /** Of the start itself, whatever the configuration says later. */
  readonly #warnings: string[];
  /** What showed itself only when it was used; of a provider, or of none. */
  #met: { provider: string | null; warning: string }[] = [];
  readonly #lock: LockHandle;
  readonly #transport: Transport;
  readonly #routing: RoutingState;
  readonly #outcomes: KeptFile<SavedOutcomes>;
  readonly #batchPlaces: KeptFile<SavedBatchPlaces>;
  readonly #tokens: TokenStore;
  readonly #sessions: AdminSessions;
  readonly #requests: RequestLog;
  readonly #secrets = new Redactor();
  readonly #accounts: Accounts;
  readonly #background: Background;
  readonly #store: ReasoningStore;
  readonly #counter: TokenCounter;
  readonly #pipeline: Pipeline;
  readonly #batches: Batches;
  readonly #changes: EngineChanges;
  readonly #listeners: Listeners;
  readonly #startedAt = Date.now();
  readonly #stopped = Promise.withResolvers<void>();
  #state: EngineStatus['state'] = 'starting';
  #firstToken: string | null = null;
  #control: Promise<ControlRouter> | null = null;
  #mcpEngine: Promise<McpEngine> | null = null;
  #mcpSessions: Promise<HttpSessions> | null = null;
  #stopping: Promise<void> | null = null;
  readonly #moveListeners: (() => void)[] = [];

  constructor(options: EngineOptions, warnings: string[], lock: LockHandle, transport: Transport) {
    const { loaded, folders, log } = options;
    const { config } = loaded;
    this.#options = options;
    this.#manager = new ConfigManager({
      loaded,
      load: options.load ?? null,
      folders: { ...folders, ...options.alone },
      env: options.env,
      apply: (next) => this.#apply(next),
      log,
    });
    this.#startedWith = config;
    this.#warnings = warnings;
    this.#lock = lock;
    this.#transport = transport;

    const { redact } = this.#secrets;
    this.#secrets.hide([lock.contents.secret]);
    const store = options.secrets ?? openSecretStore(config.secrets, folders.data);
    if (!store.encrypted) warnings.push(`Keys that \`cproxy keys set\` stores are kept in ${store.place}.`);
    const { keep, days, maxBytes } = config.conversations;
    const onWarning = (warning: string): void => this.#warn(warning);
    this.#store = ReasoningStore.open({
      folder: keep === 'disk' ? folders.data : null,
      keepDays: days,
      maxBytes,
      onWarning,
    });
    this.#outcomes = new KeptFile({
      file: join(folders.data, 'outcomes.json'),
      schema: savedOutcomesSchema,
      write: writePrivateFile,
      onWarning,
    });
    this.#batchPlaces = new KeptFile({
      file: join(folders.data, 'batches.json'),
      schema: batchPlacesSchema,
      write: writePrivateFile,
      onWarning,
    });
    const outcomes = new Outcomes({
      saved: this.#outcomes.read(),
      onLearned: () => this.#outcomes.changed(() => outcomes.saved()),
    });
    this.#routing = new RoutingState({
      outcomes,
      downReason: (provider) => this.#background.health.trouble(provider),
      settings: () => this.#inForce.config.routing,
      isInForce: (provider) => this.#inForce.has(provider),
      ...(keep === 'nothing' ? {} : { homes: this.#keptHomes() }),
    });
    const bus = new EventBus((error, event) => log.error('A listener failed', { event, reason: String(error) }));
    this.#requests = new RequestLog(bus);
    this.#changes = new EngineChanges(bus);
    const resources = { transport, resolveKey: this.#keyResolver(store) };
    this.#world = {
      env: options.env,
      folders,
      resources,
      demo: createProvider(demoConfig, resources),
      state: this.#routing,
      requests: this.#requests,
      store,
      onKey: (key) => this.#secrets.hide([key]),
      remembers: keep !== 'nothing',
      budgets: (who) => this.#accounts.budgets.standing(who),
    };
    this.#inForce = this.#configure(loaded, null);
    this.#followLog(config);

    this.#tokens = TokenStore.open(folders.data);
    warnings.push(...this.#tokens.warnings);
    this.#sessions = new AdminSessions({ secret: lock.contents.secret });
    this.#accounts = new Accounts({
      bus,
      requests: this.#requests,
      folders,
      status: () => this.status(),
      config: () => this.#inForce.config,
      log,
      redact,
      secrets: this.#secrets.known,
      onWarning,
      resolveKey: resources.resolveKey,
    });
    logRequests(bus, () => this.#inForce.config.logging.level, log);
    this.#background = new Background({
      configured: this.#inForce,
      folders,
      transport,
      routing: this.#routing,
      log,
      redact,
      onWarning: (warning, provider) => this.#warn(warning, provider),
      onChanged: (what) => this.#changes.tell(what),
    });
    bus.on('attempt.finished', ({ attempt, target }) => {
      if (this.#inForce.has(target.provider)) this.#background.attemptFinished(attempt);
    });
    const onInternalError = (error: unknown, requestId: string): void =>
      log.error('A request failed inside CProxy', {
        requestId,
        stack: error instanceof Error ? error.stack : String(error),
      });
    this.#counter = new TokenCounter({ corrections: this.#store.corrections, onWarning });
    const instanceId = randomBytes(8).toString('hex');
    const isSelf = (url: URL): boolean => this.#isSelf(url);
    this.#pipeline = new Pipeline({
      router: () => this.#inForce.router,
      facts: () => this.#inForce.facts,
      times: () => this.#inForce.times,
      failover: () => this.#inForce.failover,
      bus,
      middleware: [...this.#accounts.middleware, ...(options.middleware ?? [])],
      instanceId,
      isSelf,
      redact,
      memory: keep === 'nothing' ? noMemory : this.#store,
      counter: this.#counter,
      onInternalError,
    });

    const server = createServer({
      settings: () => this.#inForce.config.server,
      findToken: (presented) => this.#tokens.matches(presented),
      isOwnSecret: (presented) => this.#sessions.isSecret(presented),
      isDraining: () => this.#state !== 'running',
      onInternalError,
    });
    const handle: Pipeline['handle'] = (request, reply) => this.#pipeline.handle(request, reply);
    const countTokens: Pipeline['countTokens'] = (request) => this.#pipeline.countTokens(request);
    registerMessagesDoor(server, { handle, countTokens });
    registerOpenaiDoors(server, { handle, countTokens });
    const places = new BatchPlaces(this.#batchPlaces.read(), () => this.#batchPlaces.changed(() => places.saved()));
    this.#batches = new Batches({ providers: () => this.#inForce.enabled, instanceId, isSelf, redact, places });
    registerBatchesDoor(server, { handle: (request) => this.#batches.handle(request) });
    registerModelsDoor(server, {
      list: () => this.#inForce.router.list(),
      find: (model) => this.#inForce.router.find(model),
      since: this.#startedAt,
    });
    registerHealthDoor(server, () => ({
      state: this.#state,
      version: packageJson.version,
      pid: process.pid,
      startedAt: this.#startedAt,
      providers: this.#inForce.enabled.map(({ id }) => this.#background.health.view(id).state),
    }));
    registerMetricsDoor(server, () => this.#accounts.metrics());
    registerMcpDoor(server, {
      isEnabled: () => this.#inForce.config.mcp.enabled,
      sessions: () => this.#openMcp(),
    });
    registerControlDoor(server, {
      router: () => this.controlRouter(),
      sessions: this.#sessions,
      uiFolder: options.uiFolder,
      endpoint: () => this.endpoint,
      logger: log,
    });
    this.#listeners = new Listeners(server);
  }

  get endpoint(): string {
    return this.#listeners.endpoint;
  }

  get firstToken(): string | null {
    return this.#firstToken;
  }

  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** @throws EngineStartError */
  async listen(): Promise<void> {
    if (this.#options.alone === undefined) await this.#open();
    const { conversations } = this.#inForce.config;
    if (conversations.keep === 'disk') this.#store.readAhead();
    await this.#readWhatIsKept();
    // Over the control API, which is there already, it may have been stopped meanwhile.
    if (this.#stopping !== null) return;
    this.#state = 'running';
    this.#background.follow(this.#inForce);
    if (this.#options.load !== undefined) await this.#watch();
  }

  /** @throws EngineStartError */
  async #open(): Promise<void> {
    const { host, port } = this.#inForce.config.server;
    try {
      await this.#listeners.listen({ host, port });
    } catch (error) {
      throw await explainListenError(error, host, port, this.#options.folders.data);
    }
    if (this.#tokens.isEmpty) this.#firstToken = (await this.#tokens.create('first')).token;
    this.#lock.update({ endpoint: this.endpoint });
  }

  async #watch(): Promise<void> {
    try {
      await this.#manager.watch();
    } catch (error) {
      // Some systems allow few watches, or none in this folder.
      this.#warn(`Changes of the configuration file are not noticed until CProxy is started again: ${String(error)}`);
    }
  }

  status(): EngineStatus {
    const circuits = this.#routing.circuits.views();
    const { loaded, config, providers } = this.#inForce;
    return {
      version: packageJson.version,
      state: this.#state,
      pid: process.pid,
      startedAt: this.#startedAt,
      endpoint: this.endpoint,
      auth: config.server.auth,
      configFile: loaded.file,
      config: this.#manager.state,
      host: this.#options.host,
      providers: providers.map((provider) => ({
        ...viewProvider(provider),
        health: this.#background.health.view(provider.id),
        circuits: circuits.filter((circuit) => circuit.provider === provider.id),
        models: viewList(provider, this.#secrets.redact),
      })),
      aliases: config.aliases,
      requests: this.#requests.counts(),
      memoryBytes: process.memoryUsage.rss(),
      telemetry: this.#accounts.telemetry.view,
      warnings: this.#allWarnings,
    };
  }

  get #allWarnings(): string[] {
    const loops = this.#inForce.enabled.flatMap(({ id, baseUrl }) =>
      baseUrl !== null && this.#isSelf(baseUrl)
        ? [`Provider '${id}' points at this CProxy itself (${baseUrl.href}); its requests are refused.`]
        : [],
    );
    return [
      ...this.#warnings,
      ...this.#met.map(({ warning }) => warning),
      ...this.#inForce.warnings,
      ...this.#accounts.warnings,
      ...loops,
    ];
  }

  controlRouter(): Promise<ControlRouter> {
    const { redact } = this.#secrets;
    this.#control ??= import('./control/control-router.ts').then(({ createControlRouter }) =>
      createControlRouter({
        status: () => this.status(),
        config: { view: () => this.#configView(), manager: this.#manager },
        requests: this.#requests,
        past: this.#accounts.requests,
        subscriptions: () => this.#inForce.subscription.windows(),
        recording: this.#accounts.recording,
        export: (query) => this.#export(query),
        replay: (question, signal) => this.#replay(question, signal),
        cacheAlerts: () => mapTexts(this.#accounts.cacheAlerts.list(), redact),
        explain: async (which) => mapTexts(await this.#accounts.requests.explain(which), redact),
        routing: {
          view: () => mapTexts(this.#inForce.simulation.view(this.#allWarnings), redact),
          simulate: async (question) => mapTexts(await this.#inForce.simulation.run(question), redact),
        },
        cache: this.#accounts.cache,
        rates: this.#accounts.rates,
        budgets: this.#accounts.budgets,
        circuits: this.#routing.circuits,
        health: () => this.#healthSnapshot(),
        probe: (provider) => this.#background.probe(provider),
        models: (provider) => this.#modelsView(provider),
        refreshModels: (provider) => this.#background.refreshModels(provider),
        tokens: this.#tokens,
        keys: {
          list: () => this.#inForce.storedKeys.list(),
          set: (entry) => this.#inForce.storedKeys.set(entry),
          remove: (entry) => this.#inForce.storedKeys.remove(entry),
        },
        sessions: this.#sessions,
        stop: () => {
          this.stop().catch((error: unknown) =>
            this.#options.log.error('The engine did not stop cleanly', { reason: String(error) }),
          );
        },
        logger: this.#options.log,
      }),
    );
    return this.#control;
  }

  mcpEngine(): Promise<McpEngine> {
    this.#mcpEngine ??= import('./mcp/local-engine.ts').then(({ localEngine }) =>
      localEngine({
        version: packageJson.version,
        controlRouter: () => this.controlRouter(),
        handle: (request, reply) => this.#pipeline.handle(request, reply),
        countTokens: (request) => this.#pipeline.countTokens(request),
        batches: (request) => this.#batches.handle(request),
        onChange: (listener) => this.#changes.on(listener),
        settings: () => this.#inForce.config.mcp,
        redact: this.#secrets.redact,
      }),
    );
    return this.#mcpEngine;
  }

  #openMcp(): Promise<HttpSessions> {
    this.#mcpSessions ??= import('./mcp/open-http.ts').then(async ({ openHttp }) =>
      openHttp(await this.mcpEngine(), this.#options.log),
    );
    return this.#mcpSessions;
  }

  /** Where it could not be loaded, whoever asked has been told, and there is nothing to end. */
  async #endMcp(end: (sessions: HttpSessions) => Promise<void>): Promise<void> {
    const sessions = await this.#mcpSessions?.catch(() => null);
    if (sessions) await end(sessions);
  }

  async #healthSnapshot(): Promise<HealthSnapshot> {
    const { state, reason, bytes } = await this.#store.stats();
    const isAsked = this.#startedWith.conversations.keep !== 'disk';
    const history = await this.#accounts.requests.view();
    const stores: StoreHealth[] = [
      { name: 'conversations', state, reason: isAsked ? null : reason, bytes },
      { name: 'history', state: history.state, reason: history.reason, bytes: history.bytes },
    ];
    const bodies = await this.#accounts.recording.health();
    if (bodies !== null) stores.push(bodies);
    const system = await systemHealth(this.#options.folders.data, this.#accounts.loopDelay.view(), stores);
    const { lastErrors, budgets } = this.#accounts;
    const snapshot = healthSnapshot(this.status(), system, lastErrors.list(), Date.now(), budgets.problems);
    return mapTexts(snapshot, this.#secrets.redact);
  }

  #export(query: ExportQuery): Promise<ExportPage> {
    const { requests, recording } = this.#accounts;
    return exportPage(query, {
      page: (asked) => requests.page(asked),
      find: (id) => requests.find(id),
      bodies: (id) => recording.bodies(id),
      redact: this.#secrets.redact,
      endpoint: this.endpoint,
      version: packageJson.version,
    });
  }

  /** @throws ProxyError `body_not_kept`, `draining` */
  async #replay(question: ReplayQuestion, signal: AbortSignal): Promise<ReplayView> {
    if (this.#state !== 'running') throw ProxyError.of('draining', {});
    const { requests, recording } = this.#accounts;
    const handle: Pipeline['handle'] = (request, reply) => this.#pipeline.handle(request, reply);
    const { id, answer } = await replay(question, { recording, handle }, signal);
    const request = await requests.find(id);
    if (request === null) throw new Error('the request that was made again is not in the log');
    return { request: mapTexts(request, this.#secrets.redact), answer };
  }

  onMoved(listener: () => void): void {
    this.#moveListeners.push(listener);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { log } = this.#options;
    this.#state = 'draining';
    this.#accounts.drain();
    try {
      await this.#manager.close();
      await this.#background.stop();
      const deadline = Date.now() + this.#inForce.config.server.graceMs;
      while (this.#pipeline.running > 0 && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      if (this.#pipeline.running > 0)
        log.warn('Answers in flight did not finish in time and are cut', { running: this.#pipeline.running });
      await this.#endMcp((sessions) => sessions.close(deadline));
      await this.#listeners.close();
      await this.#transport.close();
    } finally {
      await this.#counter.close();
      await this.#store.close();
      await this.#accounts.close();
      await this.#outcomes.close();
      await this.#batchPlaces.close();
      this.#state = 'stopped';
      this.#lock.release();
      this.#stopped.resolve();
    }
  }

  /**
   * Puts a configuration in force: what can fail comes first, and then all of it at once. Requests under way have their plans.
   * Where it is listened follows: that can wait, and stays as it was where it cannot be otherwise.
   * @returns what of it takes effect with the next start only.
   * @throws what a provider that cannot be made throws; nothing has changed then.
   */
  async #apply(loaded: LoadedConfig): Promise<string[]> {
    if (this.#stopping !== null) throw new Error('CProxy is about to stop.');
    const before = this.#inForce;
    const next = this.#configure(loaded, before);
    this.#putInForce(next, before);
    const changes = changesInWords(before.config, next.config);
    if (changes !== '') this.#options.log.info(`The configuration has changed: ${changes}`);
    const notThere = await this.#moveTo(next.config.server);
    return [...(notThere === null ? [] : [notThere]), ...this.#fixedAtStart(next.config)];
  }

  #configure(loaded: LoadedConfig, before: Configured | null): Configured {
    const { providers, routing } = loaded.config;
    // A header may carry a gateway's key.
    const uses = [...routing.rules.map(({ use }) => use), ...Object.values(routing.routes)];
    const headers = [
      ...providers.map((provider) => provider.headers),
      ...uses.map((use) => (typeof use === 'object' ? (use.change?.headers ?? {}) : {})),
    ];
    this.#secrets.hide(headers.flatMap((set) => Object.values(set).flatMap(headerSecrets)));
    const proxies = providers.map(({ proxy }) => proxy);
    this.#secrets.hide(proxySecrets(proxies, this.#options.env));
    return new Configured(loaded, before, this.#world);
  }

  #putInForce(next: Configured, before: Configured): void {
    this.#inForce = next;
    const replaced = next.replacedOf(before);
    for (const { id, isElsewhere } of replaced) this.#routing.forget(id, isElsewhere);
    this.#met = this.#met.filter(({ provider }) => !replaced.some(({ id }) => id === provider));
    this.#followLog(next.config);
    this.#background.follow(next);
    this.#accounts.follow(next.config);
    if (!next.config.mcp.enabled) void this.#endMcp((sessions) => sessions.endAll());
    this.#changes.tell('config', 'providers', 'models', 'routing', 'health');
    // What reading throws, the first request meets as well.
    for (const provider of next.enabled) if (!before.has(provider)) provider.keys.read().catch(() => undefined);
  }

  #followLog({ logging }: Config): void {
    const file = logging.file ? join(this.#options.folders.logs, 'cproxy.log') : null;
    this.#options.log.follow?.({ ...logging, file, redact: this.#secrets.redact });
  }

  /** @returns why it is not listened there, in words. */
  async #moveTo({ host, port }: Config['server']): Promise<string | null> {
    if (this.#options.alone !== undefined || this.#listeners.isAt({ host, port })) return null;
    const { endpoint } = this;
    try {
      await this.#listeners.listen({ host, port });
    } catch (error) {
      const { data } = this.#options.folders;
      const reason = await explainListenError(error, host, port, data).then(
        ({ message }) => message,
        (unknown: unknown) => String(unknown),
      );
      this.#options.log.warn(`CProxy still listens at ${endpoint}: ${reason}`);
      return `server.host and server.port: CProxy still listens at ${endpoint}. ${reason}`;
    }
    try {
      this.#lock.update({ endpoint: this.endpoint });
    } catch (error) {
      // All of it is in force by now: on a disk that is full, say, only the command line looks at the old address.
      this.#warn(`\`cproxy status\` and the like do not find ${this.endpoint}: ${String(error)}`);
    }
    this.#options.log.info(`CProxy listens at ${this.endpoint} now, and no longer at ${endpoint}`);
    for (const listener of this.#moveListeners) listener();
    return null;
  }

  /** What is opened once, by what the configuration said then. */
  #fixedAtStart({ secrets, conversations }: Config): string[] {
    const { place } = this.#world.store;
    return [
      ...settingsChanged('secrets', this.#startedWith.secrets, secrets).map(
        (name) => `${name}: until CProxy is started again, keys are kept in ${place}.`,
      ),
      ...settingsChanged('conversations', this.#startedWith.conversations, conversations).map(
        (name) => `${name}: until CProxy is started again, conversations are remembered as before.`,
      ),
    ];
  }

  #keyResolver(store: SecretStore): ResolveKey {
    const { env, loaded, folders, host } = this.#options;
    const resolve = createKeyResolver({
      env,
      baseFolder: loaded.file === null ? folders.config : dirname(loaded.file),
      store,
      outsideShell: host === 'desktop' || env.TERM === undefined,
    });
    return async (question) => {
      const key = await resolve(question);
      if (key.state !== 'present') return key;
      // From now on, it is cut out of whatever is written or shown.
      this.#secrets.hide([key.value]);
      const { warning } = key;
      if (warning !== null && !this.#met.some((met) => met.warning === warning)) this.#warn(warning, question.provider);
      return key;
    };
  }

  /** Some things show themselves only when they are used, long after the start. */
  #warn(warning: string, provider: string | null = null): void {
    this.#met.push({ provider, warning });
    this.#options.log.warn(warning);
  }

  /** @throws ProxyError `invalid_field` where there is no provider of that id. */
  #modelsView(id: string): ModelsView {
    const provider = this.#inForce.find(id);
    if (provider === null)
      throw ProxyError.of('invalid_field', { field: 'provider', expected: 'must be the id of a provider' });
    return viewModels(provider, this.#secrets.redact);
  }

  #configView(): ConfigView {
    const { config, environment, sources } = this.#inForce.loaded;
    return {
      ...this.#manager.state,
      environment,
      sources,
      config: configForDisplay(config),
      warnings: this.#allWarnings,
    };
  }

  #keptHomes(): KeptHomes {
    return {
      get: (conversation) => this.#store.notes.get(conversation)?.home ?? null,
      put: (conversation, home) => this.#store.notes.put(conversation, { home }),
    };
  }

  /**
   * What a start message or a status tells of keys should be known by then, and where conversations are at home; but a keychain may
   * wait for its user.
   */
  async #readWhatIsKept(): Promise<void> {
    const read = Promise.all([this.#store.notes.ready(), ...this.#inForce.enabled.map(({ keys }) => keys.read())]);
    // What it throws, the first request meets as well.
    const settled = read.then(
      () => undefined,
      () => undefined,
    );
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, READ_AT_START_MS);
    await Promise.race([settled, limit.promise]);
    clearTimeout(timer);
  }

  /** Whether an address is this engine's own listener. */
  #isSelf(url: URL): boolean {
    const { host, port } = this.#inForce.config.server;
    const ownPort = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    return ownPort === (this.#listeners.port || port) && (isLoopbackHost(url.hostname) || url.hostname === host);
  }
}
