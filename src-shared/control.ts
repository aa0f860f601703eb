import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import type { RequestRow } from './requests.ts';

/**
 * The control API: every call and every event stream that the GUI and the command line may use. One implementation
 * (src-main/control), two transports: a MessagePort in the desktop application, HTTP and WebSocket elsewhere. Nothing
 * secret is ever in an answer, except a fresh token or login code, once.
 */

export interface ProviderView {
  id: string;
  name: string;
  type: string;
  baseUrl: string | null;
  models: string[];
  priority: number;
  enabled: boolean;
  /** Where the key comes from, never the key. */
  key: { reference: string | null; state: 'not-needed' | 'present' | 'missing' | 'from-client'; reason: string | null };
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
  host: 'headless' | 'desktop';
  providers: ProviderView[];
  aliases: Record<string, string[]>;
  requests: { running: number; total: number; failed: number };
  memoryBytes: number;
  warnings: string[];
}

/** The configuration as it is in force, with what would be secret left out. */
export interface ConfigView {
  file: string | null;
  environment: string | null;
  /** Where values came from that the file does not have. */
  sources: string[];
  config: Record<string, unknown>;
  warnings: string[];
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
}

const output = <T>(): z.ZodType<T, T> => z.custom<T>(() => true);

/** Reads may also be asked with GET over HTTP; everything that changes something takes POST only. */
const read = oc.route({ method: 'GET' });
const change = oc.route({ method: 'POST' });

const rowLimit = z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }).prefault({});

export const controlContract = {
  status: read.output(output<EngineStatus>()),
  config: read.output(output<ConfigView>()),
  requests: {
    /** Newest first. */
    list: read.input(rowLimit).output(output<RequestRow[]>()),
    /** null: no such request, or one that has been forgotten since. */
    find: read.input(z.object({ id: z.string().min(1).max(200) })).output(output<RequestRow | null>()),
    live: read.input(rowLimit).output(eventIterator(output<RequestEvent>())),
  },
  tokens: {
    list: read.output(output<TokenView[]>()),
    /** The token itself is in this answer and nowhere else. */
    create: change
      .input(z.object({ name: z.string().trim().min(1).max(64) }))
      .output(output<TokenView & { token: string }>()),
    revoke: change.input(z.object({ id: z.string().min(1).max(200) })).output(output<{ revoked: boolean }>()),
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
