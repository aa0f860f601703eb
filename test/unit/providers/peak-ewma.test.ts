import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeakEwma } from '../../../src-main/providers/peak-ewma.ts';

describe('the peak average', () => {
  it('believes what is slower at once, and what is faster slowly', () => {
    const average = new PeakEwma();
    average.add(1_000, 0);
    average.add(8_000, 1_000);
    expect(average.at(1_000)).toBe(8_000);
    average.add(1_000, 11_000);
    expect(average.at(11_000)).toBeGreaterThan(7_000);
    for (let at = 21_000; at < 900_000; at += 10_000) average.add(1_000, at);
    expect(average.at(900_000)).toBeLessThan(1_100);
  });

  it('forgets while nothing comes, so that it is tried again', () => {
    const average = new PeakEwma();
    average.add(30_000, 0);
    expect(average.at(83_178)).toBeCloseTo(15_000, -1);
    expect(average.at(3_600_000)).toBeLessThan(1);
  });

  it('tells what is not known from what is fast', () => {
    const average = new PeakEwma();
    expect(average.at(0)).toBeNull();
    expect(average.load(0, 0)).toBe(0);
    expect(average.load(2, 0)).toBe(10_000);
    average.add(100, 0);
    expect(average.load(0, 0)).toBe(100);
    expect(average.load(3, 0)).toBe(400);
  });

  it('is always a time within what was seen, whatever the clock does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 600_000 }), fc.integer({ min: -1e6, max: 1e7 })), { minLength: 1 }),
        (seen) => {
          const average = new PeakEwma();
          for (const [ms, at] of seen) average.add(ms, at);
          const now = seen.at(-1)?.[1] ?? 0;
          const value = average.at(now) ?? Number.NaN;
          expect(value).toBeGreaterThanOrEqual(Math.min(...seen.map(([ms]) => ms)) - 1e-6);
          expect(value).toBeLessThanOrEqual(Math.max(...seen.map(([ms]) => ms)) + 1e-6);
        },
      ),
    );
  });
});
