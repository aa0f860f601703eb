import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import type { BudgetView } from './budgets.ts';
import type { CacheView } from './cache.ts';
import type { CacheAlertView } from './cache-alert.ts';
import { factsInputSchema } from './facts-input.ts';
import type { HealthSnapshot } from './health.ts';
import { type HistoryView, type RequestPage, requestQuerySchema } from './history.ts';
import type { RatesView } from './rates.ts';
import {
  type BodiesView,
  type ExportPage,
  exportQuerySchema,
  type RecordingView,
  type ReplayView,
  recordingStartSchema,
  replaySchema,
} from './recording.ts';
import type { RequestRow } from './requests.ts';
import type { CircuitView, ExplanationView, RoutingView, SimulationsView } from './routing.ts';
import { type SubscriptionView, type UsageView, usageQuerySchema } from './usage.ts';

/**
 * The control API: every call and every event stream that the GUI and the command line may use. One implementation
 * (src-main/control), two transports: a MessagePort in the desktop application, HTTP and WebSocket elsewhere. Nothing
 * secret is ever in an answer, except a fresh token or login code, once.
 */

/** What a vendor said of a limit in its last answer; `null` where it did not say. */
export interface RateLimitView {
  /** In the vendor's words: `requests`, `input-tokens`, `5h`, `7d`. */
  name: string;
  limit: number | null;
  remaining: number | null;
  /** Used part, 0 to 1. */
  used: number | null;
  /** Unix time in ms at which it begins anew. */
  resetsAt: number | null;
}

/** One of a provider's keys, by its name; never the key. */
export interface KeyView {
  /** `key`, or of several their names or numbers. */
  id: string;
  /** Where it comes from, such as `env:OPENAI_API_KEY`; null where nothing is configured and nothing found. */
  reference: string | null;
  state: 'not-needed' | 'from-client' | 'reading' | 'missing' | 'ready' | 'cooling-down' | 'exhausted' | 'refused';
  /** Why, in words that say what to do; null where there is nothing to say. */
  reason: string | null;
  /** Unix time in ms at which it is used again; null where no time is known. */
  until: number | null;
  limits: RateLimitView[];
}

/** How a provider does, by what its answers and its probes have shown. Times in ms; null: not known. */
export interface HealthView {
  state: 'healthy' | 'degraded' | 'down' | 'unknown';
  reason: string | null;
  /** Unix time since when it has been in this state. */
  since: number;
  /** Unix time of the last answer or probe. */
  checkedAt: number | null;
  /** Attempts in the window of the last minutes, and how many of them failed through its own fault. */
  attempts: number;
  failures: number;
  /** Moving averages. */
  firstContentMs: number | null;
  totalMs: number | null;
  tokensPerSecond: number | null;
}

/** Where a provider's list of models comes from. */
export interface ModelListView {
  source: 'configured' | 'fetched' | 'built-in' | 'none';
  count: number;
  /** The first of them. */
  ids: string[];
  /** Unix time in ms. */
  fetchedAt: number | null;
  /** Why the last fetch failed. */
  error: string | null;
}

/** What a model costs: US dollars for a million tokens. What is read from or put into the cache costs as input where absent. */
export interface PriceView {
  input: number;
  output: number;
  cacheRead?: number | undefined;
  cacheWrite?: number | undefined;
  cacheWrite1h?: number | undefined;
}

/** A model of a provider, with what is known of it; null: not known. Token counts. */
export interface ModelView {
  id: string;
  displayName: string;
  contextWindow: number | null;
  maxOutput: number | null;
  /** Whether it can think, and the efforts it takes. */
  reasoning: boolean | null;
  efforts: readonly string[] | null;
  /** What it reads besides text. */
  images: boolean | null;
  documents: boolean | null;
  tools: boolean | null;
  parallelTools: boolean | null;
  structuredOutput: boolean | null;
  promptCaching: boolean | null;
  streaming: boolean | null;
  price: PriceView | null;
}

/** All models of a provider, and where its list comes from. */
export interface ModelsView extends ModelListView {
  models: ModelView[];
}

export interface ProviderView {
  id: string;
  name: string;
  type: string;
  baseUrl: string | null;
  models: ModelListView;
  priority: number;
  enabled: boolean;
  keys: KeyView[];
  health: HealthView;
  /** What of it is left alone after failures, or being tried again; empty while all is well. */
  circuits: CircuitView[];
}

export interface EngineStatus {
  version: string;
  state: 'starting' | 'running' | 'draining' | 'stopped';
  pid: number;
  startedAt: number;
  /** Base URL for clients, such as `http://127.0.0.1:4777`. */
  endpoint: string;
  auth: 'token' | 'none';
  /** Path of the configuration file; null when there is none and CProxy runs on what it found. */
  configFile: string | null;
  config: ConfigStateView;
  host: 'headless' | 'desktop';
  providers: ProviderView[];
  aliases: Record<string, string[]>;
  requests: { running: number; total: number; failed: number };
  memoryBytes: number;
  /** null: no traces and metrics are sent. */
  telemetry: TelemetryView | null;
  warnings: string[];
}

/** Where traces and metrics are sent. */
export interface TelemetryView {
  endpoint: string;
  traces: boolean;
  metrics: boolean;
  /** Why what was sent last has not arrived; null where it has. */
  trouble: string | null;
}

/** How it stands with the file of the configuration. */
export interface ConfigStateView {
  /** Absolute path; null where there is none, and CProxy runs on what it found. */
  file: string | null;
  /** Names the text in force, for whoever wants to change it; null where there is no file. */
  version: string | null;
  /** Unix time in ms at which what is in force was put in force. */
  since: number;
  /** Why the file as it stands now is not in force, a line a problem, each with its place; empty while it is. */
  problems: string[];
  /** What of the file in force takes effect with the next start only, in words. */
  afterRestart: string[];
}

/** The configuration as it is in force, with what would be secret left out. */
export interface ConfigView extends ConfigStateView {
  environment: string | null;
  /** Where values came from that the file does not have. */
  sources: string[];
  config: Record<string, unknown>;
  warnings: string[];
}

/** The file itself, for an editor. */
export interface ConfigFileView {
  /** Where it is, or would be made. */
  file: string;
  exists: boolean;
  format: 'json' | 'yaml';
  text: string;
  /** Of this text; to be given back with what is saved. `''` where there is no file yet. */
  version: string;
}

/** What of two changes to the same place cannot both be. Paths as in `routing.rules[0].use`. */
export interface ConfigConflictView {
  path: string;
  /** What it was, what the file says now, and what was to be written; in JSON, null for nothing. */
  before: string | null;
  theirs: string | null;
  ours: string | null;
}

/** What became of a change to the file. */
export type ConfigSavedView =
  | {
      state: 'saved';
      version: string;
      /** Whether somebody else's changes since `base` are in it as well. */
      merged: boolean;
      warnings: string[];
      afterRestart: string[];
    }
  /** Nothing was written. */
  | { state: 'refused'; problems: string[] }
  | { state: 'conflict'; conflicts: ConfigConflictView[]; file: ConfigFileView };

/** A file that was in force before. */
export interface ConfigVersionView {
  id: string;
  /** Unix time in ms at which it was replaced. */
  at: number;
  /** By what, in words. */
  reason: string;
  bytes: number;
}

/**
 * What a live reader gets: first the newest rows (newest first), then, at most ten times a second, the rows that changed
 * since. A slow reader gets the newest state of each row, not every state in between.
 */
export type RequestEvent = { type: 'snapshot'; rows: RequestRow[] } | { type: 'changed'; rows: RequestRow[] };

export interface TokenView {
  id: string;
  name: string;
  createdAt: number;
  /** Unix time in ms; null: until it is revoked. */
  expiresAt: number | null;
}

/** The keys that `cproxy keys set` has stored; never the keys. */
export interface StoredKeysView {
  /** Where they are kept, in words. */
  place: string;
  encrypted: boolean;
  keys: {
    name: string;
    /** The only address that it is sent to. */
    origin: string;
    /** Ids of the providers whose configuration uses it. */
    providers: string[];
  }[];
}

/** What has been stored, and what else is to be done for it to be used. */
export interface KeySetView {
  name: string;
  origin: string;
  place: string;
  notes: string[];
  /** Lines for the configuration, in YAML; empty where it uses the key already. */
  configuration: string[];
}

const output = <T>(): z.ZodType<T, T> => z.custom<T>(() => true);

/** Reads may also be asked with GET over HTTP; everything that changes something takes POST only. */
const read = oc.route({ method: 'GET' });
const change = oc.route({ method: 'POST' });

const rowLimit = z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }).prefault({});

const providerId = z.string().min(1).max(200);

const requestId = z.string().min(1).max(200);

const MAX_TEXT = 10_000_000;

/** A configuration to be tried: the text of a file with it, or some of its sections. Both are checked as a real one is. */
const editedSchema = z.union([
  z.strictObject({
    text: z.string().max(MAX_TEXT),
    /** Its name, to which problems refer; the name says as well whether it is JSON or YAML. */
    file: z.string().min(1).max(5000).optional(),
    environment: z.string().min(1).max(200).optional(),
  }),
  z.strictObject({ routing: z.unknown().optional(), aliases: z.unknown().optional() }),
]);

const simulationSchema = z
  .strictObject({
    /** A logged request, by its id or the beginning of one, `latest` or `failed`. */
    request: requestId.optional(),
    /** The newest so many. */
    last: z.number().int().min(1).max(1000).optional(),
    /** One made by hand. */
    facts: factsInputSchema.optional(),
    edited: editedSchema.optional(),
  })
  .refine(
    ({ request, last, facts }) => [request, last, facts].filter((one) => one !== undefined).length === 1,
    'takes one of request, last and facts',
  );
export type SimulationQuestion = z.input<typeof simulationSchema>;

export const controlContract = {
  status: read.output(output<EngineStatus>()),
  config: {
    view: read.output(output<ConfigView>()),
    file: read.output(output<ConfigFileView>()),
    /** Reads the file again, as is done by itself when it changes, and says what came of it. */
    reload: change.output(output<ConfigStateView>()),
    /** What would be wrong with a text, and what is worth knowing; writes nothing. */
    check: change
      .input(z.object({ text: z.string().max(MAX_TEXT) }))
      .output(output<{ problems: string[]; warnings: string[] }>()),
    /** Replaces the text that was read as `base`. What others have changed since is merged, or a conflict. */
    save: change
      .input(z.object({ text: z.string().max(MAX_TEXT), base: z.string().max(200) }))
      .output(output<ConfigSavedView>()),
    /** Changes single places, and leaves everything else as it is written. A change without a value removes. */
    edit: change
      .input(
        z.object({
          changes: z
            .array(
              z.object({
                path: z.array(z.union([z.string(), z.number().int().min(0)])).min(1),
                value: z.unknown().optional(),
              }),
            )
            .min(1)
            .max(1000),
          base: z.string().max(200),
        }),
      )
      .output(output<ConfigSavedView>()),
    /** Newest first. */
    versions: read.output(output<ConfigVersionView[]>()),
    /** What one of them says. */
    version: read.input(z.object({ id: z.string().min(1).max(200) })).output(output<{ id: string; text: string }>()),
    /** Brings a version back; what is replaced by it becomes one. The newest where no id is given. */
    rollback: change
      .input(z.object({ id: z.string().min(1).max(200).optional() }).prefault({}))
      .output(output<ConfigSavedView>()),
  },
  requests: {
    /** Newest first. */
    list: read.input(rowLimit).output(output<RequestRow[]>()),
    /** All that are kept, also of before the last start: newest first, page by page. */
    page: read.input(requestQuerySchema.prefault({})).output(output<RequestPage>()),
    /** null: no such request, or one that has been forgotten since. */
    find: read.input(z.object({ id: z.string().min(1).max(200) })).output(output<RequestRow | null>()),
    /** Why it went where it went: by its id or the beginning of one; `latest`, or `failed` for the latest that failed. */
    explain: read
      .input(z.object({ id: requestId.default('latest') }).prefault({}))
      .output(output<ExplanationView | null>()),
    live: read.input(rowLimit).output(eventIterator(output<RequestEvent>())),
    /** What was said in one, with keys cut out; or why that is not kept. */
    bodies: read.input(z.object({ id: requestId })).output(output<BodiesView>()),
    /** Makes one again, as a new request that costs what any does, and waits for its answer. */
    replay: change.input(replaySchema).output(output<ReplayView>()),
  },
  recording: {
    view: read.output(output<RecordingView>()),
    /** Has what is said in requests written to the disk for a while, also across a restart. */
    start: change.input(recordingStartSchema).output(output<RecordingView>()),
    /** Ends that. What the configuration records goes on. */
    stop: change.output(output<RecordingView>()),
    /** Forgets what was said, in memory and on disk. `cleared`: in how many requests. */
    clear: change.output(output<{ cleared: number }>()),
    /** Requests that have ended as a file, piece by piece, newest first. */
    export: read.input(exportQuerySchema).output(output<ExportPage>()),
  },
  usage: {
    /** What was used and what it cost, by provider, model, day and the like. */
    sums: read.input(usageQuerySchema.prefault({})).output(output<UsageView>()),
    /** Windows of subscriptions, the fullest first. */
    subscriptions: read.output(output<SubscriptionView[]>()),
    /** Sessions whose input no longer comes from the providers' caches, newest first; since the start. */
    alerts: read.output(output<CacheAlertView[]>()),
  },
  history: {
    /** Where requests are kept, and how many. */
    view: read.output(output<HistoryView>()),
  },
  routing: {
    view: read.output(output<RoutingView>()),
    /** Where requests would go, by the rules in force or by edited ones. Calls nobody and changes nothing. */
    simulate: change.input(simulationSchema).output(output<SimulationsView>()),
  },
  health: {
    /** How all of it does: providers, this machine, what failed last, and what to do. */
    snapshot: read.output(output<HealthSnapshot>()),
    /** Asks a provider, or all, now, and waits for what comes of it. The new state is in the answer. */
    probe: change
      .input(z.object({ provider: z.string().min(1).max(200).optional() }).prefault({}))
      .output(output<EngineStatus>()),
  },
  cache: {
    view: read.output(output<CacheView>()),
    /** Forgets all answers. `cleared`: how many there were. */
    clear: change.output(output<{ cleared: number }>()),
  },
  limits: {
    /** Each rate, and what of it is used. */
    view: read.output(output<RatesView>()),
  },
  budgets: {
    /** Each budget that is switched on, and what of it is used. */
    view: read.output(output<BudgetView[]>()),
    /** Has one count from nothing again, until its day or month ends. What was counted is not brought back. */
    reset: change.input(z.object({ id: z.string().min(1).max(200) })).output(output<BudgetView[]>()),
  },
  circuits: {
    /** Those that are not closed. */
    list: read.output(output<CircuitView[]>()),
    /** Has targets tried again at once: of a provider, of one of its models, or all. `closed`: how many were not. */
    reset: change
      .input(z.object({ provider: providerId.optional(), model: z.string().min(1).max(1000).optional() }).prefault({}))
      .output(output<{ closed: number }>()),
  },
  tokens: {
    list: read.output(output<TokenView[]>()),
    /** The token itself is in this answer and nowhere else. */
    create: change
      .input(
        z.object({
          name: z.string().trim().min(1).max(64),
          /** How long it opens anything, in ms; until it is revoked where absent. */
          lifetimeMs: z.number().int().positive().optional(),
        }),
      )
      .output(output<TokenView & { token: string }>()),
    revoke: change.input(z.object({ id: z.string().min(1).max(200) })).output(output<{ revoked: boolean }>()),
  },
  models: {
    list: read.input(z.object({ provider: providerId })).output(output<ModelsView>()),
    /** Fetches the list of a provider, or all, now, and waits for what comes of it. The new state is in the answer. */
    refresh: change.input(z.object({ provider: providerId.optional() }).prefault({})).output(output<EngineStatus>()),
  },
  keys: {
    list: read.output(output<StoredKeysView>()),
    /** `name`: of the entry; the provider's id where absent. */
    set: change
      .input(
        z.object({
          provider: z.string().min(1).max(200),
          name: z.string().min(1).max(200).optional(),
          key: z.string().min(1).max(20_000),
        }),
      )
      .output(output<KeySetView>()),
    remove: change
      .input(z.object({ provider: z.string().min(1).max(200), name: z.string().min(1).max(200).optional() }))
      .output(output<{ name: string; removed: boolean }>()),
  },
  sessions: {
    /** A code for one login in a browser: valid 5 minutes, once. `expiresAt`: Unix time in ms. */
    createLoginCode: change.output(output<{ code: string; expiresAt: number }>()),
  },
  engine: {
    stop: change.output(output<{ stopping: true }>()),
  },
};

export type ControlContract = typeof controlContract;
