import { describe, expect, it } from 'vitest';
import { median, percentile, slope } from '../../bench/statistics.ts';

describe('percentile', () => {
  it('takes the nearest rank, whatever the order of the samples', () => {
    const samples = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(samples, 0.5)).toBe(50);
    expect(percentile(samples, 0.99)).toBe(99);
    expect(percentile(samples, 1)).toBe(100);
    expect(percentile(samples, 0)).toBe(1);
  });

  it('sorts by number, not by text', () => {
    expect(percentile([9, 10, 100], 0.5)).toBe(10);
  });

  it('leaves the samples as they were', () => {
    const samples = [3, 1, 2];
    percentile(samples, 0.5);
    expect(samples).toEqual([3, 1, 2]);
  });

  it('is NaN without samples, and the only sample where there is one', () => {
    expect(percentile([], 0.5)).toBeNaN();
    expect(percentile([7], 0.99)).toBe(7);
  });
});

describe('median', () => {
  it('is the middle, or the mean of the two middle ones', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('leaves out what was not measured', () => {
    expect(median([Number.NaN, 2, 4])).toBe(3);
    expect(median([Number.NaN])).toBeNaN();
  });
});

describe('slope', () => {
  it('is that of the line through the points', () => {
    expect(slope([0, 1, 2, 3].map((x) => ({ x, y: 5 + 2 * x })))).toBeCloseTo(2);
    expect(
      slope([
        { x: 0, y: 1 },
        { x: 1, y: 3 },
        { x: 2, y: 1 },
      ]),
    ).toBeCloseTo(0);
  });

  it('is 0 where there is no line', () => {
    expect(slope([])).toBe(0);
    expect(slope([{ x: 1, y: 1 }])).toBe(0);
  });
});
