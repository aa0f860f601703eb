import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { TelemetryView } from '../../src-shared/control.ts';
import type { ResolveKey } from '../../src-shared/keys.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { headerReference, type TelemetryConfig } from '../../src-shared/telemetry-config.ts';
import type { AttemptContext, RequestContext } from '../pipeline/context.ts';
import type { EventBus } from '../pipeline/events.ts';
import type { Middleware } from '../pipeline/middleware.ts';
import { CollectorState } from './collector-state.ts';
import type { Logger } from './logger.ts';
import type { TelemetryExport } from './telemetry-export.ts';
import { type TelemetryRequest, telemetryAttempt } from './telemetry-request.ts';
import { traceHeaders, traceOf } from './trace-context.ts';

export interface TelemetryWorld {
  bus: EventBus;
  config: TelemetryConfig;
  resolveKey: ResolveKey;
  /** Removes secrets from a text. */
  redact: (text: string) => string;
  log: Logger;
}

/** What one configuration has sent. */
interface Sending {
  readonly config: TelemetryConfig & { endpoint: string };
  readonly collector: CollectorState;
  /** null: it could not be made, which the collector's state tells. */
  readonly export: Promise<TelemetryExport | null>;
}

/**
 * Traces and metrics of requests for a collector, by OpenTelemetry's conventions. While none is configured it costs nothing, and
 * OpenTelemetry is not loaded. On a request's way it only chooses ids; the rest follows when the request has finished.
 */
export class Telemetry implements Middleware {
  readonly name = 'telemetry';
  readonly #world: TelemetryWorld;
  readonly #requests = new WeakMap<RequestRow, TelemetryRequest>();
  readonly #instanceId = randomUUID();
  readonly #unsubscribe: () => void;
  #sending: Sending | null = null;
  /** Of configurations before, which still send what they had. */
  readonly #closing = new Set<Promise<void>>();

  constructor(world: TelemetryWorld) {
    this.#world = world;
    this.#unsubscribe = world.bus.on('request.finished', (row) => this.#finished(row));
    this.follow(world.config);
  }

  /** Another configuration is in force. What waits is still sent to where it was to go. */
  follow(config: TelemetryConfig): void {
    const before = this.#sending;
    const { endpoint } = config;
    const sends = endpoint !== undefined && (config.traces || config.metrics);
    if (before !== null && sends && isDeepStrictEqual(before.config, config)) return;
    this.#sending = sends ? this.#begin({ ...config, endpoint }) : null;
    if (before === null) return;
    const closing = close(before).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  request(context: RequestContext, next: () => Promise<void>): Promise<void> {
    if (this.#sending === null) return next();
    const { traces, sample } = this.#sending.config;
    const { request, row } = context;
    const trace = traces ? traceOf(request.header('traceparent'), request.header('tracestate'), sample) : null;
    this.#requests.set(row, { row, trace, attempts: new Map() });
    return next();
  }

  attempt<Outcome>(context: AttemptContext, next: () => Promise<Outcome>): Promise<Outcome> {
    const request = this.#requests.get(context.request.row);
    if (request === undefined) return next();
    const attempt = telemetryAttempt(context.target.provider);
    request.attempts.set(context.row, attempt);
    if (request.trace !== null) context.traceHeaders = traceHeaders(request.trace, attempt.spanId);
    return next();
  }

  /** null: nothing is sent. */
  get view(): TelemetryView | null {
    if (this.#sending === null) return null;
    const { config, collector } = this.#sending;
    const { endpoint, traces, metrics } = config;
    return { endpoint, traces, metrics, trouble: collector.trouble };
  }

  /** What the user should know now, in words. */
  get warnings(): string[] {
    return this.#sending?.collector.warnings ?? [];
  }

  /** Sends what still waits, for two seconds at most. */
  async close(): Promise<void> {
    this.#unsubscribe();
    const sending = this.#sending;
    this.#sending = null;
    await Promise.all([...this.#closing, sending === null ? null : close(sending)]);
  }

  #finished(row: RequestRow): void {
    const request = this.#requests.get(row);
    // The list of requests keeps the row.
    this.#requests.delete(row);
    if (request !== undefined) this.#sending?.export.then((made) => made?.add(request)).catch(this.#onBug);
  }

  #begin(config: Sending['config']): Sending {
    const { log, redact } = this.#world;
    const collector = new CollectorState(config.endpoint, { log, redact });
    return { config, collector, export: this.#load(config, collector) };
  }

  async #load(config: Sending['config'], collector: CollectorState): Promise<TelemetryExport | null> {
    try {
      const { TelemetryExport } = await import('./telemetry-export.ts');
      return new TelemetryExport({
        config,
        instanceId: this.#instanceId,
        headers: () => this.#headers(config),
        onResult: (signal, trouble) => collector.told(signal, trouble),
      });
    } catch (error) {
      collector.told('traces', error instanceof Error ? error : new Error(String(error)));
      return null;
    }
  }

  /** @throws Error */
  async #headers({ headers, endpoint }: Sending['config']): Promise<Record<string, string>> {
    const { origin } = new URL(endpoint);
    const resolved = Object.entries(headers).map(async ([name, written]): Promise<[string, string]> => {
      const { scheme, reference } = headerReference(written);
      const question = { reference, provider: 'telemetry', origin, usualVariable: null, prefix: null };
      const found = await this.#world.resolveKey(question);
      if (found.state === 'present') return [name, scheme + found.value];
      throw new Error(`telemetry.headers.${name}: ${found.state === 'missing' ? found.reason : 'is none'}`);
    });
    return Object.fromEntries(await Promise.all(resolved));
  }

  readonly #onBug = (error: unknown): void =>
    this.#world.log.error('A request could not be told of to the collector', { reason: String(error) });
}

const close = async ({ export: made }: Sending): Promise<void> => (await made)?.close();
