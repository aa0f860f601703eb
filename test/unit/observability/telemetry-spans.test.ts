import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect, test } from 'vitest';
import { spansOf } from '../../../src-main/observability/telemetry-spans.ts';
import { traceOf } from '../../../src-main/observability/trace-context.ts';
import type { RequestRow } from '../../../src-shared/requests.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const source = { resource: resourceFromAttributes({}), instrumentationScope: { name: 'cproxy' } };
const spans = (row: RequestRow, traceparent: string | null = null) =>
  spansOf(
    {
      row,
      trace: traceOf(traceparent, null, 1),
      attempts: new Map(
        row.attempts.map((attempt, index) => [
          attempt,
          { spanId: `00f067aa0ba902b${index}`, providerName: 'anthropic', server: null },
        ]),
      ),
    },
    source,
  );

test('no step is told in the words of a provider, and nobody makes a span large', () => {
  const quoted = 'the provider quotes: canary';
  const steps = ['attempt failed', 'target skipped', 'target left alone', 'conversation', 'translation', 'key changed'];
  const row = makeRow({
    askedModel: 'm'.repeat(100_000),
    userAgent: 'u'.repeat(100_000),
    state: 'failed',
    error: { code: 'provider_error', status: 502, message: quoted },
    attempts: [
      makeAttempt({ outcome: 'failed', error: { code: 'provider_error', status: 529, message: quoted }, endedMs: 5 }),
    ],
    trace: [
      { step: 'rule', detail: "'titles' matches" },
      ...steps.map((step) => ({ step, detail: quoted })),
      ...Array.from({ length: 500 }, () => ({ step: 'waited', detail: 'w'.repeat(10_000) })),
    ],
    endedMs: 10,
  });
  const [request, attempt] = spans(row);
  expect(request?.attributes['error.type']).toBe('provider_error');
  expect(attempt?.attributes['error.type']).toBe('provider_error');
  expect(request?.attributes['cproxy.steps']).toEqual(expect.arrayContaining(["rule: 'titles' matches", ...steps]));
  const text = JSON.stringify([request, attempt]);
  expect(text).not.toContain('canary');
  expect(text.length).toBeLessThan(30_000);
});

test('times are to the tenth of a millisecond, and an attempt that still runs ends with its request', () => {
  const row = makeRow({
    startedAt: 1_700_000_000_123,
    endedMs: 1_000.4,
    attempts: [makeAttempt({ startedMs: 0.7, endedMs: null, outcome: 'running' })],
  });
  const [request, attempt] = spans(row);
  const ms = ([seconds, nanoseconds]: [number, number]) => seconds * 1_000 + nanoseconds / 1e6;
  expect(request?.startTime).toEqual([1_700_000_000, 123_000_000]);
  expect(ms(request?.duration ?? [0, 0])).toBeCloseTo(1_000.4, 2);
  expect(ms(attempt?.startTime ?? [0, 0]) - row.startedAt).toBeCloseTo(0.7, 2);
  expect(attempt?.endTime).toEqual(request?.endTime);
});

test('usage that was not reported is absent, not zero; a trace that is not sampled has no spans', () => {
  const row = makeRow({ attempts: [makeAttempt({ endedMs: 1 })], endedMs: 2 });
  const names = Object.keys(spans(row)[1]?.attributes ?? {});
  expect(names).toContain('cproxy.provider');
  expect(names.filter((name) => name.startsWith('gen_ai.usage') || name.startsWith('cproxy.cost'))).toEqual([]);
  expect(spans(row, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00')).toEqual([]);
});
