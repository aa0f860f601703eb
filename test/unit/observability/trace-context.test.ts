import fc from 'fast-check';
import { expect, test } from 'vitest';
import { traceHeaders, traceOf } from '../../../src-main/observability/trace-context.ts';

const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .filter((all) => all.some((byte) => byte !== 0))
    .map((all) => Buffer.from(all).toString('hex'));
const flags = fc.integer({ min: 0, max: 255 });

test('a trace that came in goes on: the same id, a span of its own, and sampled as its beginner said', () => {
  fc.assert(
    fc.property(hex(16), hex(8), flags, (traceId, parentId, flag) => {
      const header = `00-${traceId}-${parentId}-${flag.toString(16).padStart(2, '0')}`;
      const trace = traceOf(header, 'a=1,b=2', 0);
      expect(trace).toMatchObject({ traceId, parentId, isSampled: flag % 2 === 1, state: 'a=1,b=2' });
      expect(trace.spanId).toMatch(/^[0-9a-f]{16}$/);
      const [, traceparent = '', , tracestate = ''] = traceHeaders(trace, trace.spanId);
      expect(traceOf(traceparent, tracestate, 0)).toMatchObject({
        ...{ traceId, parentId: trace.spanId, isSampled: trace.isSampled, state: 'a=1,b=2' },
      });
    }),
  );
});

test.each([
  [''],
  ['00'],
  ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'],
  ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1'],
  ['00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01'],
  ['00-00000000000000000000000000000000-b7ad6b7169203331-01'],
  ['00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01'],
  ['ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more'],
  [`01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-${'m'.repeat(200)}`],
])('what is no trace begins one, and its state is dropped: %s', (header) => {
  const trace = traceOf(header, 'a=1', 1);
  expect(trace).toMatchObject({ parentId: null, isSampled: true, state: null });
  expect(trace.traceId).not.toBe('0af7651916cd43dd8448eb211c80319c');
  expect(traceHeaders(trace, trace.spanId)).toHaveLength(2);
});

test('a version to come may say more', () => {
  const header = '01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more';
  expect(traceOf(header, null, 0)).toMatchObject({ parentId: 'b7ad6b7169203331', isSampled: true });
});

test('whatever the headers hold, what goes on is a header of one line and of bounded length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', maxLength: 2_000 }), (parent, state) => {
      for (const header of [parent, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'])
        for (const value of traceHeaders(traceOf(header, state, 1), '00f067aa0ba902b7')) {
          expect(value).toMatch(/^[\x20-\x7e]+$/);
          expect(value.length).toBeLessThanOrEqual(512);
        }
    }),
  );
});

test('of the traces that begin here, about the part is sampled that is asked for', () => {
  const sampled = (sample: number) =>
    Array.from({ length: 2_000 }, () => traceOf(null, null, sample)).filter(({ isSampled }) => isSampled).length;
  expect([sampled(0), sampled(1)]).toEqual([0, 2_000]);
  // Outside of it once in 10^20 runs.
  expect(Math.abs(sampled(0.5) - 1_000)).toBeLessThan(220);
});
