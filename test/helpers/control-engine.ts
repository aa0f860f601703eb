import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, type Socket } from 'node:net';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { ConfigManager } from '../../src-main/config/config-manager.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { AdminSessions } from '../../src-main/control/admin-sessions.ts';
import { type ControlContext, createControlRouter } from '../../src-main/control/control-router.ts';
import { AllRequests } from '../../src-main/observability/all-requests.ts';
import { healthSnapshot } from '../../src-main/observability/health-snapshot.ts';
import type { Logger } from '../../src-main/observability/logger.ts';
import { RequestLog } from '../../src-main/observability/request-log.ts';
import { EventBus } from '../../src-main/pipeline/events.ts';
import { StoredKeys } from '../../src-main/secrets/stored-keys.ts';
import { registerControlDoor } from '../../src-main/server/control-door.ts';
import type { ConfigStateView, EngineStatus, TokenView } from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { RecordingView } from '../../src-shared/recording.ts';

import { memoryStore } from './memory-store.ts';

/** Lies where answers must not look: in the token store, in errors, in the configuration's surroundings. */
export const canary = 'sk-canary-7f3a9b-must-stay-inside';

const noFile: ConfigStateView = { file: null, version: null, since: 0, problems: [], afterRestart: [] };
const nothingRecorded: RecordingView = {
  ...{ record: 'off', until: null, configured: 'off' },
  memory: { requests: 0, bytes: 0, maxRequests: 100, maxBytes: 24e6 },
  disk: { trouble: null, requests: 0, bytes: 0, oldest: null, waiting: 0, dropped: 0 },
};
const nowhere = { config: '/nowhere', data: '/nowhere', logs: '/nowhere', cache: '/nowhere' };

export interface ControlEngine {
  server: FastifyInstance;
  /** `http://127.0.0.1:PORT` */
  url: string;
  host: string;
  bus: EventBus;
  requests: RequestLog;
  sessions: AdminSessions;
  secret: string;
  context: ControlContext;
  status: EngineStatus;
  stops: number;
  /** What probes were asked for; null: of all. */
  probed: (string | null)[];
  /** Providers whose circuits were closed; null: all. */
  reset: (string | null)[];
  logged: string[];
  /** Connections that are open now. */
  openSockets(): Iterable<Socket>;
  /** Logs in with a fresh code. Gives the value of a `cookie` header. */
  login(): Promise<string>;
  close(): Promise<void>;
}

/** The control door on a real listener, with everything behind it real but the engine itself. */
export async function startControlEngine(
  options: {
    uiFolder?: string | null;
    now?: () => number;
    port?: number;
    /** A check of the whole listener. */
    guard?: (request: FastifyRequest) => Promise<void>;
  } = {},
): Promise<ControlEngine> {
  const logged: string[] = [];
  const log = (message: string, fields?: Record<string, unknown>) =>
    logged.push(`${message} ${JSON.stringify(fields ?? {})}`);
  const logger: Logger = { error: log, warn: log, info: log, debug: log };
  const bus = new EventBus((error) => {
    throw error;
  });
  const requests = new RequestLog(bus, 50);
  const secret = randomBytes(32).toString('base64url');
  const sessions = new AdminSessions({ secret, ...(options.now && { now: options.now }) });
  const tokens = new Map<string, TokenView & { digestSource: string }>();

  const server = fastify();
  if (options.guard !== undefined) server.addHook('onRequest', options.guard);
  server.get('/v1/models', async () => ({ data: [] }));
  const sockets = new Set<Socket>();
  server.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const engine: ControlEngine = {
    server,
    url: '',
    host: '',
    bus,
    requests,
    sessions,
    secret,
    logged,
    stops: 0,
    probed: [],
    reset: [],
    status: {
      version: '0.1.0',
      state: 'running',
      pid: process.pid,
      startedAt: Date.now() - 65_000,
      endpoint: '',
      auth: 'token',
      configFile: null,
      config: noFile,
      host: 'headless',
      providers: [],
      aliases: {},
      requests: { running: 0, total: 0, failed: 0 },
      memoryBytes: 96_000_000,
      telemetry: null,
      warnings: [],
    },
    context: {
      status: () => ({ ...engine.status, requests: requests.counts() }),
      config: {
        view: () => ({ ...noFile, environment: null, sources: ['defaults'], config: { server: {} }, warnings: [] }),
        manager: new ConfigManager({
          loaded: { ...loadConfig({ env: {}, folders: nowhere }), file: null },
          load: null,
          folders: nowhere,
          env: {},
          apply: async () => [],
          log: logger,
        }),
      },
      requests,
      explain: async (which) => requests.explain(which),
      subscriptions: () => [],
      cacheAlerts: () => [],
      past: new AllRequests(requests, {
        page: () => Promise.reject(new Error('no disk')),
        find: () => Promise.reject(new Error('no disk')),
        usage: () => Promise.reject(new Error('no disk')),
        view: () => Promise.reject(new Error('no disk')),
      }),
      recording: {
        bodies: async (id) => ({ state: 'not_kept', id, reason: 'None are kept here.' }),
        view: async () => nothingRecorded,
        start: async () => nothingRecorded,
        stop: async () => nothingRecorded,
        clear: async () => 0,
      },
      export: async () => ({ text: '', requests: 0, withBodies: 0, next: null }),
      replay: async () => {
        throw ProxyError.of('body_not_kept', { reason: 'None are kept here.' });
      },
      routing: {
        view: () => ({ rules: [], strategy: 'priority', failover: true, circuits: [], warnings: [] }),
        simulate: async () => ({ results: [], notes: [] }),
      },
      cache: {
        view: async () => ({
          ...{ store: 'memory', answers: 1, bytes: 600, maxBytes: 1e6, maxAnswerBytes: 1e5 },
          ...{ hits: 3, shared: 0, misses: 1, stored: 1 },
        }),
        clear: async () => 1,
      },
      budgets: { view: () => [], reset: async () => undefined },
      rates: { view: async () => ({ store: 'memory', trouble: null, rates: [] }) },
      circuits: {
        views: () => engine.status.providers.flatMap(({ circuits }) => circuits),
        reset: (provider) => {
          engine.reset.push(provider ?? null);
          return 1;
        },
      },
      models: (provider) => {
        throw ProxyError.of('invalid_field', { field: provider, expected: 'must be the id of a provider' });
      },
      refreshModels: async () => undefined,
      health: async () =>
        healthSnapshot(
          engine.status,
          {
            ...{ memoryBytes: 96_000_000, heapBytes: 40_000_000, loopDelayMs: { p50: 0, p99: 1.5, max: 12 } },
            ...{ disk: null, stores: [] },
          },
          [],
          Date.now(),
        ),
      probe: async (provider) => {
        engine.probed.push(provider ?? null);
      },
      tokens: {
        list: () => [...tokens.values()].map(({ digestSource: _, ...view }) => view),
        create: async (name) => {
          const view = { id: `tok_${tokens.size + 1}`, name, createdAt: Date.now(), expiresAt: null };
          tokens.set(view.id, { ...view, digestSource: canary });
          return { ...view, token: `cpx_${name.replaceAll(' ', '-')}_fresh` };
        },
        revoke: async (id) => tokens.delete(id),
      },
      keys: new StoredKeys({
        store: memoryStore({ held: { key: canary, origin: 'https://api.openai.com' } }),
        providers: [],
      }),
      sessions,
      stop: () => {
        engine.stops += 1;
      },
      logger,
    },
    openSockets: () => [...sockets],
    async login() {
      const { code } = sessions.createLoginCode();
      const answer = await fetch(`${engine.url}/ui/login`, {
        method: 'POST',
        body: new URLSearchParams({ code }),
        redirect: 'manual',
      });
      return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    },
    async close() {
      requests.close();
      await server.close();
    },
  };
  registerControlDoor(server, {
    router: () => createControlRouter(engine.context),
    sessions,
    uiFolder: options.uiFolder ?? null,
    endpoint: () => engine.url,
    logger,
  });
  await server.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const { port } = server.server.address() as AddressInfo;
  engine.host = `127.0.0.1:${port}`;
  engine.url = `http://${engine.host}`;
  engine.status.endpoint = engine.url;
  return engine;
}

/** Polls until `probe` gives something other than false, null or undefined; fails after `limitMs`. */
export async function until<T>(probe: () => T | Promise<T>, limitMs = 3000): Promise<NonNullable<T>> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`Not so within ${limitMs} ms: ${probe}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Sends bytes as they are and gives all that comes back: for paths that HTTP clients would tidy up first. */
export function rawRequest(engine: ControlEngine, lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const port = Number(engine.host.split(':')[1]);
    const socket = connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
