import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api';
import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import type { TelemetryAttempt, TelemetryRequest } from './telemetry-request.ts';

/** Buckets as the GenAI conventions advise them: seconds, and tokens. */
const DURATIONS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKENS = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const TOKENS = Array.from({ length: 14 }, (_, power) => 4 ** power);

/**
 * Counts requests that have finished. Attempts are what the conventions call a client's operations, requests a server's.
 * Models are named as they were asked at a provider, never as a client wrote them.
 */
export class TelemetryMetrics {
  readonly #operations: Histogram;
  readonly #firstChunks: Histogram;
  readonly #tokens: Histogram;
  readonly #requestTimes: Histogram;
  readonly #firstTokens: Histogram;
  readonly #requests: Counter;
  readonly #cost: Counter;

  constructor(meter: Meter) {
    const histogram = (
      name: string,
      unit: string,
      explicitBucketBoundaries: number[],
      description: string,
    ): Histogram => meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries } });
    this.#operations = histogram('gen_ai.client.operation.duration', 's', DURATIONS, 'Time of calls of providers');
    this.#firstChunks = histogram(
      'gen_ai.client.operation.time_to_first_chunk',
      ...(['s', DURATIONS, 'Time of a streaming call until its first content'] as const),
    );
    this.#tokens = histogram('gen_ai.client.token.usage', '{token}', TOKENS, 'Tokens as providers reported them');
    this.#requestTimes = histogram('gen_ai.server.request.duration', 's', DURATIONS, 'Time of whole requests');
    this.#firstTokens = histogram(
      'gen_ai.server.time_to_first_token',
      ...(['s', FIRST_TOKENS, 'Time of a request until its first content'] as const),
    );
    this.#requests = meter.createCounter('cproxy.requests', {
      unit: '{request}',
      description: 'Requests that have ended',
    });
    this.#cost = meter.createCounter('cproxy.cost', { unit: 'USD', description: 'Of what has a price' });
  }

  add({ row, attempts }: TelemetryRequest): void {
    for (const attempt of row.attempts) {
      const known = attempts.get(attempt);
      if (known !== undefined) this.#attempt(row, attempt, known);
    }
    const last = row.attempts.at(-1);
    this.#request(row, last, last && attempts.get(last));
  }

  #attempt({ stream }: RequestRow, attempt: AttemptRow, known: TelemetryAttempt): void {
    const { startedMs, firstContentMs, endedMs, usage, cost } = attempt;
    const about = aboutAttempt(attempt, known);
    if (endedMs !== null) {
      const error = attempt.outcome === 'failed' ? { 'error.type': attempt.error?.code ?? '_OTHER' } : {};
      this.#operations.record((endedMs - startedMs) / 1000, { ...about, ...error });
    }
    if (stream && firstContentMs !== null) this.#firstChunks.record((firstContentMs - startedMs) / 1000, about);
    if (cost !== null) this.#cost.add(cost.usd, about);
    if (usage === null) return;
    const input = usage.input + usage.cacheRead + usage.cacheWrite;
    this.#tokens.record(input, { ...about, 'gen_ai.token.type': 'input' });
    this.#tokens.record(usage.output, { ...about, 'gen_ai.token.type': 'output' });
  }

  #request(row: RequestRow, last: AttemptRow | undefined, known: TelemetryAttempt | undefined): void {
    const { state, error, status, endedMs, firstContentMs } = row;
    const about = {
      ...(last === undefined || known === undefined
        ? { ...CHAT, 'gen_ai.provider.name': 'cproxy' }
        : aboutAttempt(last, known)),
      ...(state === 'failed' ? { 'error.type': error?.code ?? '_OTHER' } : {}),
    };
    if (endedMs !== null) this.#requestTimes.record(endedMs / 1000, about);
    if (state === 'answered' && firstContentMs !== null) this.#firstTokens.record(firstContentMs / 1000, about);
    this.#requests.add(1, {
      'cproxy.protocol': row.protocol,
      'cproxy.state': state,
      ...(status === null ? {} : { 'http.response.status_code': status }),
      ...(row.cache === null ? {} : { 'cproxy.cache': row.cache }),
      ...(state === 'failed' ? { 'error.type': error?.code ?? '_OTHER' } : {}),
    });
  }
}

const CHAT = { 'gen_ai.operation.name': 'chat' };

const aboutAttempt = ({ provider, model }: AttemptRow, { providerName, server }: TelemetryAttempt): Attributes => ({
  ...CHAT,
  'gen_ai.provider.name': providerName,
  'gen_ai.request.model': model,
  'cproxy.provider': provider,
  ...(server === null ? {} : { 'server.address': server.address, 'server.port': server.port }),
});
