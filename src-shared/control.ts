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

export type RequestEvent = { type: 'snapshot'; rows: RequestRow[] } | { type: 'changed'; row: RequestRow };

export interface TokenView {
  id: string;
  name: string;
  createdAt: number;
}

const output = <T>(): z.ZodType<T, T> => z.custom<T>(() => true);

export const controlContract = {
  status: oc.route({ method: 'GET', path: '/status' }).output(output<EngineStatus>()),
  config: oc.route({ method: 'GET', path: '/config' }).output(output<ConfigView>()),
  requests: {
    /** Newest first. */
    list: oc
      .route({ method: 'GET', path: '/requests' })
      .input(z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }))
      .output(output<RequestRow[]>()),
    /** First a snapshot, then every change as it happens. A slow reader gets the newest state of a row, not all of them. */
    live: oc.route({ method: 'GET', path: '/requests/live' }).output(eventIterator(output<RequestEvent>())),
  },
  tokens: {
    list: oc.route({ method: 'GET', path: '/tokens' }).output(output<TokenView[]>()),
    /** The token itself is in this answer and nowhere else. */
    create: oc
      .route({ method: 'POST', path: '/tokens' })
      .input(z.object({ name: z.string().trim().min(1).max(64) }))
      .output(output<TokenView & { token: string }>()),
    revoke: oc
      .route({ method: 'DELETE', path: '/tokens/{id}' })
      .input(z.object({ id: z.string() }))
      .output(output<{ revoked: boolean }>()),
  },
  sessions: {
    /** A code for one login in a browser: valid 5 minutes, once. */
    createLoginCode: oc
      .route({ method: 'POST', path: '/sessions/codes' })
      .output(output<{ code: string; expiresAt: number }>()),
  },
  engine: {
    stop: oc.route({ method: 'POST', path: '/engine/stop' }).output(output<{ stopping: true }>()),
  },
};

export type ControlContract = typeof controlContract;
