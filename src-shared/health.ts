import type { HealthView } from './control.ts';
import type { ErrorView } from './errors.ts';

/** A store on disk, and whether what it should keep gets there. */
export interface StoreHealth {
  name: 'conversations' | 'history' | 'bodies';
  state: 'disk' | 'memory';
  /** Why it is not the disk; null where it is, or that was asked for. */
  reason: string | null;
  /** Of all its files. */
  bytes: number;
}

/** How the machine and the process do. Bytes, and ms. */
export interface SystemHealth {
  /** All that the process takes, and what of it holds JavaScript values. */
  memoryBytes: number;
  heapBytes: number;
  /** How late the event loop was within the last minute: half of the time, nearly always, and once. */
  loopDelayMs: { p50: number; p99: number; max: number };
  /** Of the disk with the data folder; null where the system does not say. */
  disk: { folder: string; freeBytes: number; totalBytes: number } | null;
  stores: StoreHealth[];
}

/** Something that failed. */
export interface ErrorEvent {
  /** Unix time in ms. */
  at: number;
  requestId: string;
  model: string;
  /** null: no provider was asked. */
  provider: string | null;
  error: ErrorView;
  /** Whether the client was answered all the same, by another attempt. */
  recovered: boolean;
}

/** Something that is not as it should be, and what to do about it. */
export interface HealthProblem {
  severity: 'down' | 'degraded' | 'note';
  /** Stable, for programs. */
  code:
    | 'provider_down'
    | 'provider_degraded'
    | 'no_provider'
    | 'configuration_refused'
    | 'restart_needed'
    | 'store_in_memory'
    | 'disk_nearly_full'
    | 'event_loop_late'
    | 'memory_high'
    | 'budget_warning'
    | 'budget_spent'
    | 'warning';
  /** What it is about, such as a provider's id; null where that is CProxy. */
  about: string | null;
  /** What is wrong, in words. */
  problem: string;
  /** What to do; null where `problem` says it, or it passes by itself. */
  advice: string | null;
}

/** How all of it does, at one moment. */
export interface HealthSnapshot {
  /** Unix time in ms. */
  at: number;
  /** `down`: no provider can be used. */
  state: 'healthy' | 'degraded' | 'down';
  version: string;
  uptimeMs: number;
  providers: { id: string; name: string; enabled: boolean; health: HealthView }[];
  requests: { running: number; total: number; failed: number };
  system: SystemHealth;
  /** Newest first. */
  lastErrors: ErrorEvent[];
  /** The worst first. */
  problems: HealthProblem[];
}
