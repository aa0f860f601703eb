import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import packageJson from '../../package.json' with { type: 'json' };
import type { TelemetryConfig } from '../../src-shared/telemetry-config.ts';
import { TelemetryMetrics } from './telemetry-metrics.ts';
import type { TelemetryRequest } from './telemetry-request.ts';
import { type SpanSource, spansOf } from './telemetry-spans.ts';

export type Signal = 'traces' | 'metrics';

export interface ExportOptions {
  config: TelemetryConfig & { endpoint: string };
  /** Names this process among others that send to the same collector. */
  instanceId: string;
  /** Asked before each sending. @throws Error that says which of them cannot be had. */
  headers: () => Promise<Record<string, string>>;
  /** Told of each sending. null: all is well. */
  onResult: (signal: Signal, trouble: Error | null) => void;
}

/** For each sending, with what it takes to try it again. */
const SENDING_MS = 5_000;
const CLOSING_MS = 1_500;
/** Spans: so many wait at most, and what comes then is dropped; so many go at a time, which takes a few ms to write. */
const MOST_WAITING = 2_048;
const BATCH = 128;
const BETWEEN_BATCHES_MS = 1_000;
/** Of each instrument; all else is counted together (`otel.metric.overflow`). */
const MOST_SERIES = 500;

/** Sends traces and metrics to a collector (OTLP over HTTP, as JSON). The one file, with what it imports, that loads OpenTelemetry. */
export class TelemetryExport {
  readonly #source: SpanSource;
  readonly #agent: HttpAgent;
  readonly #spans: BatchSpanProcessor | null = null;
  readonly #meters: MeterProvider | null = null;
  readonly #metrics: TelemetryMetrics | null = null;
  #isClosed = false;

  constructor({ config, instanceId, headers, onResult }: ExportOptions) {
    const { version } = packageJson;
    const resource = resourceFromAttributes({
      'service.name': 'cproxy',
      'service.version': version,
      'service.instance.id': instanceId,
    });
    this.#source = { resource, instrumentationScope: { name: 'cproxy', version } };
    this.#agent = new URL(config.endpoint).protocol === 'https:' ? new HttpsAgent(KEPT) : new HttpAgent(KEPT);
    const settings = (signal: Signal) => ({
      url: `${config.endpoint.replace(/\/+$/, '')}/v1/${signal}`,
      timeoutMillis: SENDING_MS,
      httpAgentOptions: () => this.#agent,
      headers: async () => {
        // Ends what would be tried again.
        if (this.#isClosed) throw new Error('CProxy is stopping');
        return await headers();
      },
    });
    const told =
      (signal: Signal, done: (result: ExportResult) => void) =>
      (result: ExportResult): void => {
        if (!this.#isClosed)
          onResult(signal, result.code === ExportResultCode.SUCCESS ? null : (result.error ?? new Error('it failed')));
        done(result);
      };
    if (config.traces) {
      const exporter = withoutVariables(() => new OTLPTraceExporter(settings('traces')));
      this.#spans = new BatchSpanProcessor({
        exporter: {
          export: (spans, done) => exporter.export(spans, told('traces', done)),
          shutdown: () => exporter.shutdown(),
        },
        maxQueueSize: MOST_WAITING,
        maxExportBatchSize: BATCH,
        scheduledDelayMillis: BETWEEN_BATCHES_MS,
        exportTimeoutMillis: SENDING_MS * 2,
      });
    }
    if (config.metrics) {
      const exporter = withoutVariables(() => new OTLPMetricExporter(settings('metrics')));
      const reader = new PeriodicExportingMetricReader({
        exporter: {
          export: (metrics, done) => exporter.export(metrics, told('metrics', done)),
          forceFlush: () => exporter.forceFlush(),
          shutdown: () => exporter.shutdown(),
        },
        exportIntervalMillis: config.intervalMs,
        exportTimeoutMillis: Math.min(config.intervalMs, SENDING_MS * 2),
        cardinalityLimits: { default: MOST_SERIES },
      });
      this.#meters = new MeterProvider({ resource, readers: [reader] });
      this.#metrics = new TelemetryMetrics(this.#meters.getMeter('cproxy', version));
    }
  }

  /** A request has finished. */
  add(request: TelemetryRequest): void {
    this.#metrics?.add(request);
    if (this.#spans !== null) for (const span of spansOf(request, this.#source)) this.#spans.onEnd(span);
  }

  /** Sends what still waits, for 1.5 s at most. */
  async close(): Promise<void> {
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, CLOSING_MS);
    // What fails now has been told of before, or fails for the first time and nobody is left to be told.
    const sent = Promise.allSettled([this.#spans?.shutdown(), this.#meters?.shutdown()]);
    await Promise.race([sent, limit.promise]);
    clearTimeout(timer);
    this.#isClosed = true;
    this.#agent.destroy();
  }
}

const KEPT = { keepAlive: true };

/**
 * The exporters would lay what OTEL_EXPORTER_OTLP_… says over what the configuration says: people set that for other
 * programs, and a login in OTEL_EXPORTER_OTLP_HEADERS is not for every collector.
 */
function withoutVariables<Result>(make: () => Result): Result {
  const hidden = Object.entries(process.env).filter(([name]) => name.startsWith('OTEL_EXPORTER_OTLP_'));
  for (const [name] of hidden) delete process.env[name];
  try {
    return make();
  } finally {
    Object.assign(process.env, Object.fromEntries(hidden));
  }
}
