import { randomUUID } from 'node:crypto';
import { ValidationError } from '@orpc/contract';
import { implement, ORPCError } from '@orpc/server';
import type { BudgetView } from '../../src-shared/budgets.ts';
import type { CacheView } from '../../src-shared/cache.ts';
import type { CacheAlertView } from '../../src-shared/cache-alert.ts';
import {
  type ConfigFileView,
  type ConfigSavedView,
  type ConfigStateView,
  type ConfigVersionView,
  type ConfigView,
  controlContract,
  type EngineStatus,
  type KeySetView,
  type ModelsView,
  type SimulationQuestion,
  type StoredKeysView,
  type TokenView,
} from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { HealthSnapshot } from '../../src-shared/health.ts';
import type { RatesView } from '../../src-shared/rates.ts';
import type {
  BodiesView,
  ExportPage,
  ExportQuery,
  RecordingView,
  ReplayQuestion,
  ReplayView,
} from '../../src-shared/recording.ts';
import type { CircuitView, ExplanationView, RoutingView, SimulationsView } from '../../src-shared/routing.ts';
import type { SubscriptionView } from '../../src-shared/usage.ts';
import type { AllRequests } from '../observability/all-requests.ts';
import type { Logger } from '../observability/logger.ts';
import type { RequestLog } from '../observability/request-log.ts';
import type { AdminSessions } from './admin-sessions.ts';

/** The file of the configuration, for whoever edits it. */
export interface ConfigFiles {
  file(): Promise<ConfigFileView>;
  reload(): Promise<ConfigStateView>;
  check(text: string): Promise<{ problems: string[]; warnings: string[] }>;
  save(change: { text: string; base: string }): Promise<ConfigSavedView>;
  edit(change: { changes: readonly ConfigChange[]; base: string }): Promise<ConfigSavedView>;
  versions(): Promise<ConfigVersionView[]>;
  /** @throws ProxyError `invalid_field` where there is no such version. */
  version(id: string): Promise<{ id: string; text: string }>;
  /** @throws ProxyError `invalid_field` where there is no such version. */
  rollback(id: string | undefined): Promise<ConfigSavedView>;
}

/** A place in the file, and what is to stand there; without a value, nothing. */
export interface ConfigChange {
  path: readonly (string | number)[];
  value?: unknown;
}

/** What the control API needs of the engine. None of it may hold a secret, except a token that has just been made. */
export interface ControlContext {
  status(): EngineStatus;
  config: { view(): ConfigView; manager: ConfigFiles };
  /** @throws ProxyError `invalid_field` where there is no provider of that id. */
  models(provider: string): ModelsView;
  /** Fetches the models of a provider, or all. @throws ProxyError `invalid_field` where there is none of that id. */
  refreshModels(provider: string | undefined): Promise<void>;
  requests: RequestLog;
  /** Why a request went where it went; null where there is none such. @throws ProxyError `invalid_field` */
  explain(which: string): Promise<ExplanationView | null>;
  /** Those on disk as well. */
  past: Pick<AllRequests, 'page' | 'find' | 'usage' | 'view'>;
  /** What was said in requests. */
  recording: {
    bodies(id: string): Promise<BodiesView>;
    view(): Promise<RecordingView>;
    start(session: { forMs: number; errorsOnly: boolean }): Promise<RecordingView>;
    stop(): Promise<RecordingView>;
    /** @returns how many requests there were. */
    clear(): Promise<number>;
  };
  export(query: ExportQuery): Promise<ExportPage>;
  /** @throws ProxyError `body_not_kept` */
  replay(question: ReplayQuestion, signal: AbortSignal): Promise<ReplayView>;
  subscriptions(): SubscriptionView[];
  cacheAlerts(): CacheAlertView[];
  routing: {
    view(): RoutingView;
    /** @throws ProxyError `invalid_field` */
    simulate(question: SimulationQuestion): Promise<SimulationsView>;
  };
  cache: {
    view(): Promise<CacheView>;
    /** @returns how many answers there were. */
    clear(): Promise<number>;
  };
  rates: { view(): Promise<RatesView> };
  budgets: {
    view(): BudgetView[];
    /** @throws ProxyError `invalid_field` where there is no such budget. */
    reset(id: string): Promise<void>;
  };
  circuits: {
    views(): CircuitView[];
    reset(provider?: string, model?: string): number;
  };
  health(): Promise<HealthSnapshot>;
  /** Asks a provider, or all, how it is. @throws ProxyError `invalid_field` where there is none of that id. */
  probe(provider: string | undefined): Promise<void>;
  tokens: {
    list(): TokenView[];
    /** @param lifetimeMs how long it opens anything; until it is revoked where absent. */
    create(name: string, lifetimeMs?: number): Promise<TokenView & { token: string }>;
    /** False: there is none with that id. */
    revoke(id: string): Promise<boolean>;
  };
  keys: {
    list(): Promise<StoredKeysView>;
    set(entry: { provider: string; name?: string | undefined; key: string }): Promise<KeySetView>;
    remove(entry: { provider: string; name?: string | undefined }): Promise<{ name: string; removed: boolean }>;
  };
  sessions: AdminSessions;
  /** Begins to stop the engine and returns at once. */
  stop(): void;
  logger: Logger;
}

export type ControlRouter = ReturnType<typeof createControlRouter>;

/** The control API, for any transport. Whoever serves it has checked the admin session. */
export function createControlRouter(context: ControlContext) {
  const { requests, tokens, keys, sessions, logger } = context;
  const files = context.config.manager;
  const api = implement(controlContract).use(async ({ next, path }) => {
    try {
      return await next();
    } catch (error) {
      throw toControlError(error, path, logger);
    }
  });
  return api.router({
    status: api.status.handler(() => context.status()),
    config: {
      view: api.config.view.handler(() => context.config.view()),
      file: api.config.file.handler(() => files.file()),
      reload: api.config.reload.handler(() => files.reload()),
      check: api.config.check.handler(({ input }) => files.check(input.text)),
      save: api.config.save.handler(({ input }) => files.save(input)),
      edit: api.config.edit.handler(({ input }) => files.edit(input)),
      versions: api.config.versions.handler(() => files.versions()),
      version: api.config.version.handler(({ input }) => files.version(input.id)),
      rollback: api.config.rollback.handler(({ input }) => files.rollback(input.id)),
    },
    requests: {
      list: api.requests.list.handler(({ input }) => requests.list(input.limit)),
      page: api.requests.page.handler(({ input }) => context.past.page(input)),
      find: api.requests.find.handler(({ input }) => context.past.find(input.id)),
      explain: api.requests.explain.handler(({ input }) => context.explain(input.id)),
      live: api.requests.live.handler(({ input, signal }) => requests.live(signal, input.limit)),
      bodies: api.requests.bodies.handler(({ input }) => context.recording.bodies(input.id)),
      replay: api.requests.replay.handler(({ input, signal }) =>
        context.replay(input, signal ?? new AbortController().signal),
      ),
    },
    recording: {
      view: api.recording.view.handler(() => context.recording.view()),
      start: api.recording.start.handler(({ input }) => context.recording.start(input)),
      stop: api.recording.stop.handler(() => context.recording.stop()),
      clear: api.recording.clear.handler(async () => ({ cleared: await context.recording.clear() })),
      export: api.recording.export.handler(({ input }) => context.export(input)),
    },
    usage: {
      sums: api.usage.sums.handler(({ input }) => context.past.usage(input)),
      subscriptions: api.usage.subscriptions.handler(() => context.subscriptions()),
      alerts: api.usage.alerts.handler(() => context.cacheAlerts()),
    },
    history: {
      view: api.history.view.handler(() => context.past.view()),
    },
    routing: {
      view: api.routing.view.handler(() => context.routing.view()),
      simulate: api.routing.simulate.handler(({ input }) => context.routing.simulate(input)),
    },
    health: {
      snapshot: api.health.snapshot.handler(() => context.health()),
      probe: api.health.probe.handler(async ({ input }) => {
        await context.probe(input.provider);
        return context.status();
      }),
    },
    cache: {
      view: api.cache.view.handler(() => context.cache.view()),
      clear: api.cache.clear.handler(async () => ({ cleared: await context.cache.clear() })),
    },
    limits: {
      view: api.limits.view.handler(() => context.rates.view()),
    },
    budgets: {
      view: api.budgets.view.handler(() => context.budgets.view()),
      reset: api.budgets.reset.handler(async ({ input }) => {
        await context.budgets.reset(input.id);
        return context.budgets.view();
      }),
    },
    circuits: {
      list: api.circuits.list.handler(() => context.circuits.views()),
      reset: api.circuits.reset.handler(({ input }) => ({
        closed: context.circuits.reset(input.provider, input.model),
      })),
    },
    tokens: {
      list: api.tokens.list.handler(() => tokens.list()),
      create: api.tokens.create.handler(({ input }) => tokens.create(input.name, input.lifetimeMs)),
      revoke: api.tokens.revoke.handler(async ({ input }) => ({ revoked: await tokens.revoke(input.id) })),
    },
    models: {
      list: api.models.list.handler(({ input }) => context.models(input.provider)),
      refresh: api.models.refresh.handler(async ({ input }) => {
        await context.refreshModels(input.provider);
        return context.status();
      }),
    },
    keys: {
      list: api.keys.list.handler(() => keys.list()),
      set: api.keys.set.handler(({ input }) => keys.set(input)),
      remove: api.keys.remove.handler(({ input }) => keys.remove(input)),
    },
    sessions: {
      createLoginCode: api.sessions.createLoginCode.handler(() => sessions.createLoginCode()),
    },
    engine: {
      stop: api.engine.stop.handler(() => {
        context.stop();
        return { stopping: true as const };
      }),
    },
  });
}

/** Our own errors keep their code and message; anything else is logged and says nothing of our insides. */
function toControlError(error: unknown, path: readonly string[], logger: Logger): ORPCError<string, undefined> {
  const known = error instanceof ProxyError ? error : invalidInput(error);
  if (known !== null) return new ORPCError(known.code, { status: known.status, message: known.message });
  const requestId = `ctl_${randomUUID()}`;
  logger.error('A control call failed', { call: path.join('.'), requestId, error: describe(error) });
  const internal = ProxyError.of('internal', { requestId });
  return new ORPCError(internal.code, { status: internal.status, message: internal.message });
}

function invalidInput(error: unknown): ProxyError | null {
  if (!(error instanceof ORPCError) || error.code !== 'BAD_REQUEST') return null;
  const issue = error.cause instanceof ValidationError ? error.cause.issues[0] : undefined;
  const field = issue?.path?.map((part) => (typeof part === 'object' ? part.key : part)).join('.');
  return ProxyError.of('invalid_field', { field: field || 'input', expected: issue?.message ?? error.message });
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
