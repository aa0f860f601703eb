import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { EngineStatus } from '../../src-shared/control.ts';
import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import type { EventBus } from '../pipeline/events.ts';
import type { LoopDelayView } from './loop-delay.ts';

/** What is read when somebody asks. */
export interface MetricsSource {
  status: () => EngineStatus;
  loopDelay: () => LoopDelayView;
  /** Requests that wait to be written, and that were forgotten because there were too many. */
  history: () => { waiting: number; dropped: number };
  /** Of each rate: who waits now, and how many were refused. */
  rates: () => readonly { limit: string; waiting: number; refused: number }[];
  /** How far each budget is used, 0 to 1 and beyond. */
  budgets: () => readonly { id: string; part: number }[];
}

/** So many targets have series of their own; models that clients make up must not fill the memory. */
const MOST_TARGETS = 200;
const OTHER = { provider: 'other', model: 'other' };

/** s; answers of models that think take minutes. */
const TIMES = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320];
const OVERHEADS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5];

const circuitStates = { closed: 0, 'half-open': 1, open: 2 };
const healthStates = { down: 0, degraded: 1, unknown: 2, healthy: 3 };

/** Counts what happens, and tells it as Prometheus reads it. Every series begins with `cproxy_`. */
export class Metrics {
  readonly #source: MetricsSource;
  readonly #targets = new Set<string>();
  readonly #subscriptions: readonly (() => void)[];
  readonly #registry: Registry;
  readonly #requests: Counter;
  readonly #duration: Histogram;
  readonly #overhead: Histogram;
  readonly #queued: Histogram;
  readonly #cached: Counter;
  readonly #fallbacks: Counter;
  readonly #attempts: Counter;
  readonly #firstContent: Histogram;
  readonly #attemptDuration: Histogram;
  readonly #tokens: Counter;
  readonly #cost: Counter;
  readonly #costUnknown: Counter;
  readonly #rateRefused: Counter;
  readonly #gauges: readonly { gauge: Gauge; read: (gauge: Gauge) => void }[];

  private constructor(client: typeof import('prom-client'), bus: EventBus, source: MetricsSource) {
    this.#source = source;
    const registry = new client.Registry();
    const registers = [registry];
    const target = ['provider', 'model'];
    const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
      new client.Counter({ name: `cproxy_${name}`, help, labelNames, registers });
    const histogram = (name: string, help: string, buckets: number[], labelNames: string[] = []): Histogram =>
      new client.Histogram({ name: `cproxy_${name}`, help, buckets, labelNames, registers });
    const gauge = (name: string, help: string, read: (gauge: Gauge) => void, labelNames: string[] = []) => ({
      gauge: new client.Gauge({ name: `cproxy_${name}`, help, labelNames, registers }),
      read,
    });
    this.#registry = registry;
    this.#requests = counter('requests_total', 'Requests that have ended', ['protocol', 'state', 'status']);
    this.#duration = histogram('request_seconds', 'Time of whole requests', TIMES, ['protocol']);
    this.#overhead = histogram('overhead_seconds', "CProxy's own part of the time until the first content", OVERHEADS);
    this.#queued = histogram('queue_seconds', 'Time that attempts waited for their turn', TIMES, ['provider']);
    this.#cached = counter('cache_total', 'Requests that the response cache had to do with', ['result']);
    this.#fallbacks = counter('fallbacks_total', 'Requests that another target answered after one had failed');
    this.#attempts = counter('attempts_total', 'Calls of targets', [...target, 'outcome', 'error']);
    this.#firstContent = histogram('first_content_seconds', 'Time of a call until its first content', TIMES, target);
    this.#attemptDuration = histogram('attempt_seconds', 'Time of whole calls', TIMES, target);
    this.#tokens = counter('tokens_total', 'Tokens as providers reported them', [...target, 'kind']);
    this.#cost = counter('cost_usd_total', 'US dollars, of what has a price', target);
    this.#costUnknown = counter('cost_unknown_total', 'Calls that used tokens and whose cost is not known', target);
    this.#rateRefused = counter('rate_refused_total', 'What a rate has refused or sent elsewhere', ['limit']);
    this.#gauges = [
      gauge('requests_running', 'Requests under way', (all) => all.set(source.status().requests.running)),
      gauge('memory_bytes', 'Memory of the process', (all) => all.set(process.memoryUsage.rss())),
      gauge(
        'event_loop_delay_seconds',
        'How late the event loop was in the last minute',
        (all) => {
          for (const [quantile, ms] of Object.entries(source.loopDelay())) all.set({ quantile }, ms / 1000);
        },
        ['quantile'],
      ),
      gauge('history_waiting', 'Requests that wait to be written', (all) => all.set(source.history().waiting)),
      gauge('history_dropped', 'Requests that were never written', (all) => all.set(source.history().dropped)),
      gauge(
        'rate_waiting',
        'Requests that wait for a rate',
        (all) => {
          for (const { limit, waiting } of source.rates()) all.set({ limit }, waiting);
        },
        ['limit'],
      ),
      gauge(
        'budget_used_ratio',
        'Part of a budget that is used in its day or month',
        (all) => {
          for (const { id, part } of source.budgets()) all.set({ budget: id }, part);
        },
        ['budget'],
      ),
      gauge('provider_health', 'Providers: 0 down, 1 degraded, 2 unknown, 3 healthy', (all) => this.#health(all), [
        'provider',
      ]),
      gauge('circuit_state', 'Targets left alone: 1 tried again, 2 left alone', (all) => this.#circuits(all), target),
      gauge('keys', 'Keys of providers, by their state', (all) => this.#keys(all), ['provider', 'state']),
    ];
    this.#subscriptions = [
      bus.on('request.finished', (row) => this.#finished(row)),
      bus.on('attempt.finished', ({ attempt }) => this.#attemptFinished(attempt)),
    ];
  }

  static async create(bus: EventBus, source: MetricsSource): Promise<Metrics> {
    return new Metrics(await import('prom-client'), bus, source);
  }

  /** In Prometheus' text format, and its content type. */
  async text(): Promise<{ contentType: string; text: string }> {
    for (const { gauge, read } of this.#gauges) {
      gauge.reset();
      read(gauge);
    }
    this.#rateRefused.reset();
    for (const { limit, refused } of this.#source.rates()) this.#rateRefused.inc({ limit }, refused);
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  close(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }

  #finished({ protocol, state, status, endedMs, overheadMs, cache, attempts }: RequestRow): void {
    this.#requests.inc({ protocol, state, status: status === null ? 'none' : `${Math.floor(status / 100)}xx` });
    if (endedMs !== null) this.#duration.observe({ protocol }, endedMs / 1000);
    if (overheadMs !== null) this.#overhead.observe(overheadMs / 1000);
    if (cache !== null) this.#cached.inc({ result: cache });
    if (state === 'answered' && attempts.some(({ outcome }) => outcome === 'failed')) this.#fallbacks.inc();
  }

  #attemptFinished(attempt: AttemptRow): void {
    const { provider, outcome, error, startedMs, queuedMs, firstContentMs, endedMs, usage, cost } = attempt;
    const target = this.#labels(attempt);
    this.#attempts.inc({ ...target, outcome, error: error?.code ?? '' });
    if (queuedMs > 0) this.#queued.observe({ provider }, queuedMs / 1000);
    if (firstContentMs !== null) this.#firstContent.observe(target, (firstContentMs - startedMs) / 1000);
    if (endedMs !== null) this.#attemptDuration.observe(target, (endedMs - startedMs) / 1000);
    if (cost !== null) this.#cost.inc(target, cost.usd);
    if (usage === null) return;
    if (cost === null) this.#costUnknown.inc(target);
    const { input, cacheRead, cacheWrite, output } = usage;
    for (const [kind, count] of Object.entries({ input, cache_read: cacheRead, cache_write: cacheWrite, output }))
      if (count > 0) this.#tokens.inc({ ...target, kind }, count);
  }

  #labels({ provider, model }: Pick<AttemptRow, 'provider' | 'model'>): { provider: string; model: string } {
    const name = `${provider}/${model}`;
    if (this.#targets.has(name)) return { provider, model };
    if (this.#targets.size >= MOST_TARGETS) return OTHER;
    this.#targets.add(name);
    return { provider, model };
  }

  #health(gauge: Gauge): void {
    for (const { id, enabled, health } of this.#source.status().providers)
      if (enabled) gauge.set({ provider: id }, healthStates[health.state]);
  }

  #circuits(gauge: Gauge): void {
    for (const { circuits } of this.#source.status().providers)
      for (const { provider, model, state } of circuits)
        gauge.set({ provider, model: model ?? '' }, circuitStates[state]);
  }

  #keys(gauge: Gauge): void {
    for (const { id, keys } of this.#source.status().providers)
      for (const { state } of keys) gauge.inc({ provider: id, state });
  }
}
