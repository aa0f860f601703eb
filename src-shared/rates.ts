import type { LimitScope, RateConfig } from './limits-config.ts';

/** What of a minute is used. */
export interface MinuteView {
  most: number;
  used: number;
  left: number;
  /** Unix time in ms at which the count begins anew; null: nothing is counted now. */
  resetsAt: number | null;
}

/** How one of those that a rate counts by itself does. */
export interface RateCounterView {
  /** A provider's id, `provider/key`, a client token's name or a folder; null: all together, or those that have none. */
  who: string | null;
  /** null: any number. */
  requests: MinuteView | null;
  /** null: any number. */
  tokens: MinuteView | null;
  /** Under way now. */
  running: number;
  /** Waiting for their turn. */
  waiting: number;
}

/** One rate of the configuration, and its counters. */
export interface RateView {
  id: string;
  of: LimitScope;
  each: RateConfig['each'] | null;
  /** What it counts: requests of clients, or attempts at providers. */
  counts: 'requests' | 'attempts';
  /** Most at a time; null: any number. */
  concurrent: number | null;
  /** How many may wait, and for how many ms; null: none. */
  wait: { most: number; ms: number } | null;
  /** How many were refused or sent elsewhere, since the start. */
  refused: number;
  counters: RateCounterView[];
}

export interface RatesView {
  store: 'memory' | 'redis';
  /** Why rates are counted in memory instead of in Redis; null where they are not. */
  trouble: string | null;
  rates: RateView[];
}
