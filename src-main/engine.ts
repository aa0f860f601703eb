import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { FastifyInstance } from 'fastify';
import packageJson from '../package.json' with { type: 'json' };
import { type Config, isLoopbackHost } from '../src-shared/config.ts';
import type {
  ConfigView,
  EngineStatus,
  HealthView,
  ModelListView,
  ModelsView,
  ProviderView,
} from '../src-shared/control.ts';
import { ProxyError } from '../src-shared/errors.ts';
import type { ResolveKey } from '../src-shared/keys.ts';
import { mapTexts } from '../src-shared/map-texts.ts';
import { configForDisplay } from './config/config-for-display.ts';
import { ensureFolders, type Folders } from './config/folders.ts';
import type { LoadedConfig } from './config/load-config.ts';
import { acquireLock, type LockHandle, LockHeldError } from './config/lock-file.ts';
import { writePrivateFile } from './config/private-file.ts';
import { AdminSessions } from './control/admin-sessions.ts';
import type { ControlRouter } from './control/control-router.ts';
import { TokenCounter } from './counting/token-counter.ts';
import { HealthBoard } from './observability/health-board.ts';
import type { Logger } from './observability/logger.ts';
import { RequestLog } from './observability/request-log.ts';
import { EventBus } from './pipeline/events.ts';
import type { Middleware } from './pipeline/middleware.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { noMemory } from './pipeline/reasoning-memory.ts';
import { addsSystemText, NO_SYSTEM_TEXT } from './pipeline/system-text.ts';
import type { BaseProvider } from './providers/base-provider.ts';
import { demoConfig } from './providers/demo-config.ts';
import { HealthProbes } from './providers/health-probes.ts';
import { ModelLists } from './providers/model-lists.ts';
import { isElsewhere } from './providers/online.ts';
import { createProvider } from './providers/provider-types.ts';
import { proxySecrets } from './providers/proxy.ts';
import { SubscriptionUse } from './providers/subscription-use.ts';
import { createTransport, type SystemProxy, type Transport } from './providers/transport.ts';
import { WarmUp } from './providers/warm-up.ts';
import type { KeptHomes } from './routing/affinity.ts';
import { Outcomes } from './routing/outcomes.ts';
import { ProviderRouter } from './routing/provider-router.ts';
import { RoutingState } from './routing/routing-state.ts';
import { type SavedOutcomes, savedOutcomesSchema } from './routing/saved-outcomes.ts';
import { createKeyResolver } from './secrets/key-references.ts';
import { keyUsersOf } from './secrets/key-users.ts';
import { openSecretStore } from './secrets/open-secret-store.ts';
import { createRedactor, headerSecrets } from './secrets/redact.ts';
import type { SecretStore } from './secrets/secret-store.ts';
import { StoredKeys } from './secrets/stored-keys.ts';
import { TokenStore } from './secrets/token-store.ts';
import { registerControlDoor } from './server/control-door.ts';
import { registerHealthDoor } from './server/health-door.ts';
import { registerMessagesDoor } from './server/messages-door.ts';
import { registerModelsDoor } from './server/models-door.ts';
import { registerOpenaiDoors } from './server/openai-doors.ts';
import { createServer } from './server/server.ts';
import { Simulation } from './simulation.ts';
import { KeptFile } from './storage/kept-file.ts';
import { ReasoningStore } from './storage/reasoning-store.ts';

export interface EngineOptions {
  loaded: LoadedConfig;
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
}

/** Why an engine could not start, in words for its user. */
export class EngineStartError extends Error {
  override readonly name = 'EngineStartError';
  readonly code: 'already_running' | 'port_in_use' | 'bad_host';

  constructor(code: EngineStartError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
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
  const warnings = [...loaded.warnings, ...ensureFolders(folders)];
  const lock = await lockOrExplain(folders.data, options.host);
  const { systemProxy } = options;
  const transport = createTransport({
    env: options.env,
    baseFolder: loaded.file === null ? folders.config : dirname(loaded.file),
    ...(systemProxy === undefined ? {} : { systemProxy }),
  });
  try {
    const engine = new RunningEngine(options, warnings, lock, transport);
    await engine.listen();
    return engine;
  } catch (error) {
    await transport.close();
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
  readonly #config: Config;
  readonly #warnings: string[];
  readonly #lock: LockHandle;
  readonly #transport: Transport;
  readonly #providers: readonly BaseProvider[];
  readonly #storedKeys: StoredKeys;
  readonly #router: ProviderRouter;
  readonly #routing: RoutingState;
  readonly #simulation: Simulation;
  readonly #outcomes: KeptFile<SavedOutcomes>;
  readonly #tokens: TokenStore;
  readonly #sessions: AdminSessions;
  readonly #requests: RequestLog;
  /** Every key that has been read; what they are hidden by follows. */
  readonly #secrets = new Set<string>();
  #redact = createRedactor([]);
  readonly #health: HealthBoard;
  readonly #probes: HealthProbes;
  readonly #modelLists: ModelLists;
  readonly #warmUp: WarmUp;
  readonly #store: ReasoningStore;
  readonly #counter: TokenCounter;
  readonly #pipeline: Pipeline;
  readonly #server: FastifyInstance;
  readonly #startedAt = Date.now();
  readonly #stopped = Promise.withResolvers<void>();
  #state: EngineStatus['state'] = 'starting';
  #endpoint = '';
  #port = 0;
  #firstToken: string | null = null;
  #control: Promise<ControlRouter> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: EngineOptions, warnings: string[], lock: LockHandle, transport: Transport) {
    const { loaded, folders, log } = options;
    const { config } = loaded;
    this.#options = options;
    this.#config = config;
    this.#warnings = warnings;
    this.#lock = lock;
    this.#transport = transport;

    // Some things show themselves only when they are used, long after the start.
    const onWarning = (warning: string): void => {
      warnings.push(warning);
      log.warn(warning);
    };
    this.#secrets.add(lock.contents.secret);
    const store = options.secrets ?? openSecretStore(config.secrets, folders.data);
    if (!store.encrypted) warnings.push(`Keys that \`cproxy keys set\` stores are kept in ${store.place}.`);
    const resolve = createKeyResolver({
      env: options.env,
      baseFolder: loaded.file === null ? folders.config : dirname(loaded.file),
      store,
      outsideShell: options.host === 'desktop' || options.env.TERM === undefined,
    });
    const warned = new Set<string>();
    const resolveKey: ResolveKey = async (question) => {
      const key = await resolve(question);
      if (key.state !== 'present') return key;
      this.#hide(key.value);
      if (key.warning !== null && !warned.has(key.warning)) {
        warned.add(key.warning);
        onWarning(key.warning);
      }
      return key;
    };
    // A header may carry a gateway's key.
    for (const { headers } of config.providers)
      for (const value of Object.values(headers)) for (const secret of headerSecrets(value)) this.#secrets.add(secret);
    const proxies = config.providers.map(({ proxy }) => proxy);
    for (const secret of proxySecrets(proxies, options.env)) this.#secrets.add(secret);
    this.#redact = createRedactor(this.#secrets);
    const resources = { transport, resolveKey };
    this.#providers = config.providers.map((provider) => createProvider(provider, resources));
    this.#storedKeys = new StoredKeys({
      store,
      providers: keyUsersOf(config),
      onKey: (key) => this.#hide(key),
      onChange: async (id) => {
        const keys = this.#providers.find((provider) => provider.id === id)?.keys;
        keys?.refresh();
        await keys?.read();
      },
    });
    this.#outcomes = new KeptFile({
      file: join(folders.data, 'outcomes.json'),
      schema: savedOutcomesSchema,
      write: writePrivateFile,
      onWarning,
    });
    const outcomes = new Outcomes({
      saved: this.#outcomes.read(),
      onLearned: () => this.#outcomes.changed(() => outcomes.saved()),
    });
    this.#routing = new RoutingState({
      outcomes,
      downReason: (provider) => this.#health.trouble(provider),
      settings: () => config.routing,
      ...(config.conversations.keep === 'nothing' ? {} : { homes: this.#keptHomes() }),
    });
    const demo = createProvider(demoConfig, resources);
    this.#router = new ProviderRouter({
      config,
      providers: this.#providers,
      demo,
      state: this.#routing,
    });
    for (const { baseUrl, id, enabled } of this.#providers)
      if (enabled && baseUrl !== null && this.#wouldBeSelf(baseUrl, config.server.port))
        warnings.push(`Provider '${id}' points at this CProxy itself (${baseUrl.href}); its requests are refused.`);

    this.#tokens = TokenStore.open(folders.data);
    warnings.push(...this.#tokens.warnings);
    this.#sessions = new AdminSessions({ secret: lock.contents.secret });
    const bus = new EventBus((error, event) => log.error('A listener failed', { event, reason: String(error) }));
    this.#requests = new RequestLog(bus);
    this.#simulation = new Simulation({
      loaded,
      env: options.env,
      folders,
      providers: this.#providers,
      demo,
      state: this.#routing,
      requests: this.#requests,
    });
    logRequests(bus, config.logging.level, log);
    this.#health = new HealthBoard(
      this.#providers.map(({ id, baseUrl, keys }) => ({
        id,
        keys: () => keys.views(),
        elsewhere: isElsewhere(baseUrl),
      })),
      config.routing.slowStreams.tokensPerSecond,
    );
    bus.on('attempt.finished', ({ attempt }) => {
      this.#health.attemptFinished(attempt);
      this.#probes.attemptFinished(attempt);
    });
    const enabled = this.#providers.filter((provider) => provider.enabled);
    this.#probes = new HealthProbes({
      providers: enabled,
      ...config.health,
      report: (provider, report) => {
        this.#health.probed(provider, report);
        if (report.state === 'ready') this.#routing.circuits.reached(provider);
      },
      onOnline: (online) => {
        this.#health.setOnline(online);
        log.info(online ? 'The network is back' : 'This machine is offline');
      },
      onWake: () => {
        this.#health.woke();
        transport.reset();
        log.info('This machine has slept; all providers are asked again');
      },
      onError: (provider, error) =>
        log.error('A probe failed inside CProxy', {
          provider,
          stack: error instanceof Error ? error.stack : String(error),
        }),
      redact: (text) => this.#redact(text),
      lastGood: (provider) => this.#health.lastGood(provider),
    });
    this.#modelLists = new ModelLists({
      providers: enabled,
      folder: folders.cache,
      refreshMs: config.modelLists.refreshMs,
      write: writePrivateFile,
      onWarning,
      onFetched: (fetched) => log.debug('A list of models was fetched', fetched),
      onFailed: ({ provider, reason }) =>
        log.warn('A list of models could not be fetched', { provider, reason: this.#redact(reason) }),
    });
    this.#modelLists.readKept();
    warnings.push(...enabled.flatMap((provider) => provider.warnings));
    this.#warmUp = new WarmUp({
      providers: enabled,
      onWarning,
      onLoaded: (loaded) => log.info('A model is loaded', loaded),
    });
    const onInternalError = (error: unknown, requestId: string): void =>
      log.error('A request failed inside CProxy', {
        requestId,
        stack: error instanceof Error ? error.stack : String(error),
      });
    const { keep, days, maxBytes } = config.conversations;
    const folder = keep === 'disk' ? folders.data : null;
    this.#store = ReasoningStore.open({ folder, keepDays: days, maxBytes, onWarning });
    if (keep === 'nothing' && addsSystemText(config.routing)) warnings.push(NO_SYSTEM_TEXT);
    this.#counter = new TokenCounter({ corrections: this.#store.corrections, onWarning });
    const { retries, slowStreams } = config.routing;
    const { tokensPerSecond, holdMs } = slowStreams;
    const slowStart = holdMs === undefined ? null : { tokensPerSecond, holdMs };
    const subscription = new SubscriptionUse({ providers: enabled, now: Date.now });
    this.#pipeline = new Pipeline({
      router: () => this.#router,
      facts: {
        headers: this.#router.headers,
        // Budgets come with the ledger.
        budget: () => 'none',
        subscription: () => subscription.used(),
        now: Date.now,
      },
      times: () => ({ holdMs: config.routing.holdMs, pingMs: config.server.pingMs }),
      failover: () => ({ retries, slowStart }),
      bus,
      middleware: options.middleware ?? [],
      instanceId: randomBytes(8).toString('hex'),
      isSelf: (url) => this.#wouldBeSelf(url, this.#port),
      redact: (text) => this.#redact(text),
      memory: keep === 'nothing' ? noMemory : this.#store,
      counter: this.#counter,
      onInternalError,
    });

    this.#server = createServer({
      origin: { ...config.server },
      auth: config.server.auth,
      bodyLimitBytes: config.server.bodyLimitBytes,
      matchesToken: (presented) => this.#tokens.matches(presented) !== null,
      isDraining: () => this.#state !== 'running',
      onInternalError,
    });
    const handle: Pipeline['handle'] = (request, reply) => this.#pipeline.handle(request, reply);
    const countTokens: Pipeline['countTokens'] = (request) => this.#pipeline.countTokens(request);
    registerMessagesDoor(this.#server, { handle, countTokens });
    registerOpenaiDoors(this.#server, { handle, countTokens });
    registerModelsDoor(this.#server, {
      list: () => this.#router.list(),
      find: (model) => this.#router.find(model),
      since: this.#startedAt,
    });
    registerHealthDoor(this.#server, () => ({
      state: this.#state,
      version: packageJson.version,
      pid: process.pid,
      startedAt: this.#startedAt,
    }));
    registerControlDoor(this.#server, {
      router: () => this.controlRouter(),
      sessions: this.#sessions,
      uiFolder: options.uiFolder,
      endpoint: () => this.#endpoint,
      logger: log,
    });
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  get firstToken(): string | null {
    return this.#firstToken;
  }

  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** @throws EngineStartError */
  async listen(): Promise<void> {
    const { host, port } = this.#config.server;
    try {
      await this.#server.listen({ host, port });
    } catch (error) {
      throw explainListenError(error, host, port);
    }
    this.#port = (this.#server.server.address() as AddressInfo).port;
    const shownHost =
      host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
    this.#endpoint = `http://${shownHost}:${this.#port}`;
    if (this.#tokens.isEmpty) this.#firstToken = (await this.#tokens.create('first')).token;
    this.#lock.update({ endpoint: this.#endpoint });
    if (this.#config.conversations.keep === 'disk') this.#store.readAhead();
    await this.#readWhatIsKept();
    this.#state = 'running';
    const { routing, modelLists } = this.#config;
    if (routing.loadBalancing.healthCheck) this.#probes.start();
    if (modelLists.fetch) this.#modelLists.start();
    this.#warmUp.start();
  }

  status(): EngineStatus {
    const circuits = this.#routing.circuits.views();
    return {
      version: packageJson.version,
      state: this.#state,
      pid: process.pid,
      startedAt: this.#startedAt,
      endpoint: this.#endpoint,
      auth: this.#config.server.auth,
      configFile: this.#options.loaded.file,
      host: this.#options.host,
      providers: this.#providers.map((provider) => ({
        ...viewProvider(provider, this.#health.view(provider.id)),
        circuits: circuits.filter((circuit) => circuit.provider === provider.id),
        models: this.#listView(provider),
      })),
      aliases: this.#config.aliases,
      requests: this.#requests.counts(),
      memoryBytes: process.memoryUsage.rss(),
      warnings: this.#allWarnings,
    };
  }

  /** Where names lead follows the providers' lists. */
  get #allWarnings(): string[] {
    return [...this.#warnings, ...this.#router.warnings];
  }

  controlRouter(): Promise<ControlRouter> {
    this.#control ??= import('./control/control-router.ts').then(({ createControlRouter }) =>
      createControlRouter({
        status: () => this.status(),
        config: () => this.#configView(),
        requests: this.#requests,
        explain: (which) => mapTexts(this.#requests.explain(which), this.#redact),
        routing: {
          view: () => mapTexts(this.#simulation.view(this.#allWarnings), this.#redact),
          simulate: async (question) => mapTexts(await this.#simulation.run(question), this.#redact),
        },
        circuits: this.#routing.circuits,
        probe: (provider) => this.#probes.probeNow(provider),
        models: (provider) => this.#modelsView(provider),
        refreshModels: (provider) => this.#modelLists.refresh(provider),
        tokens: this.#tokens,
        keys: this.#storedKeys,
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

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { log } = this.#options;
    this.#state = 'draining';
    try {
      await Promise.all([this.#probes.stop(), this.#modelLists.stop(), this.#warmUp.stop()]);
      const deadline = Date.now() + this.#config.server.graceMs;
      while (this.#pipeline.running > 0 && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 20));
      if (this.#pipeline.running > 0)
        log.warn('Answers in flight did not finish in time and are cut', { running: this.#pipeline.running });
      await this.#server.close();
      await this.#transport.close();
    } finally {
      await this.#counter.close();
      await this.#store.close();
      await this.#outcomes.close();
      this.#state = 'stopped';
      this.#lock.release();
      this.#stopped.resolve();
    }
  }

  /** @throws ProxyError `invalid_field` where there is no provider of that id. */
  #modelsView(id: string): ModelsView {
    const provider = this.#providers.find((candidate) => candidate.id === id);
    if (provider === undefined)
      throw ProxyError.of('invalid_field', { field: 'provider', expected: 'must be the id of a provider' });
    const models = provider.models.map((model) => ({
      id: model,
      displayName: provider.displayNameOf(model),
      ...provider.factsOf(model),
    }));
    return { ...this.#listView(provider), models };
  }

  /** Errors are told in the provider's words, which may hold what was sent. */
  #listView(provider: BaseProvider): ModelListView {
    const view = provider.modelsView();
    return view.error === null ? view : { ...view, error: this.#redact(view.error) };
  }

  #configView(): ConfigView {
    const { config, file, environment, sources } = this.#options.loaded;
    return { file, environment, sources, config: configForDisplay(config), warnings: this.#allWarnings };
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
    const read = Promise.all([
      this.#store.notes.ready(),
      ...this.#providers.filter(({ enabled }) => enabled).map(({ keys }) => keys.read()),
    ]);
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

  /** From now on, a key is cut out of whatever is written or shown. */
  #hide(key: string): void {
    if (this.#secrets.has(key)) return;
    this.#secrets.add(key);
    this.#redact = createRedactor(this.#secrets);
  }

  #wouldBeSelf(url: URL, port: number): boolean {
    const ownPort = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    return ownPort === port && (isLoopbackHost(url.hostname) || url.hostname === this.#config.server.host);
  }
}

/** Failed requests are told of; every request only when asked for, since lines cost more than requests do. */
function logRequests(bus: EventBus, level: Config['logging']['level'], log: Logger): void {
  bus.on('request.finished', (row) => {
    if (row.state === 'failed') {
      log.warn(`Request failed: ${row.error?.message ?? 'unknown'}`, {
        id: row.id,
        model: row.askedModel,
        status: row.status,
        ms: row.endedMs,
      });
    } else if (level === 'debug') {
      const attempt = row.attempts.at(-1);
      log.debug(`Request ${row.state}`, {
        id: row.id,
        model: row.askedModel,
        provider: attempt?.provider,
        attempts: row.attempts.length,
        status: row.status,
        ms: row.endedMs,
      });
    }
  });
}

function viewProvider(provider: BaseProvider, health: HealthView): Omit<ProviderView, 'models' | 'circuits'> {
  const { id, name, type, baseUrl, priority, enabled } = provider;
  return {
    id,
    name,
    type,
    baseUrl: baseUrl?.href ?? null,
    priority,
    enabled,
    keys: provider.keys.views(),
    health,
  };
}

function explainListenError(error: unknown, host: string, port: number): EngineStartError {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  switch (code) {
    case 'EADDRINUSE':
      return new EngineStartError(
        'port_in_use',
        `Port ${port} on ${host} is taken by another program. Stop that program, or choose another port with --port.`,
        error,
      );
    case 'EACCES':
      return new EngineStartError(
        'port_in_use',
        `This user may not listen on port ${port}. Choose one above 1023 with --port.`,
        error,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new EngineStartError(
        'bad_host',
        `This machine has no address '${host}'. Correct server.host, or use --host 127.0.0.1.`,
        error,
      );
    default:
      throw error;
  }
}
