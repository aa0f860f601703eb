import { describe, expect, it } from 'vitest';
import { chart, growthOf } from '../../bench/memory-curve.ts';

const samples = (bytesAt: (second: number) => number) =>
  Array.from({ length: 61 }, (_, index) => ({ seconds: index * 10, bytes: bytesAt(index * 10) }));

describe('growthOf', () => {
  it('lets memory pass that grew at first and then stays', () => {
    const { growthBytes, boundBytes } = growthOf(samples((second) => 300e6 - 200e6 * Math.exp(-second / 60)));
    expect(growthBytes).toBeLessThan(boundBytes);
  });

  it('lets the ups and downs of garbage collection pass', () => {
    const { growthBytes, boundBytes } = growthOf(samples((second) => 250e6 + (second % 30) * 1e6));
    expect(growthBytes).toBeLessThan(boundBytes);
  });

  it('catches memory that grows on, and says by how much', () => {
    const { growthBytes, boundBytes } = growthOf(samples((second) => 100e6 + second * 0.3e6));
    expect(growthBytes).toBeCloseTo(200 * 0.3e6, -6);
    expect(growthBytes).toBeGreaterThan(boundBytes);
  });

  it('holds a bound of a tenth of the last third, and 30 MB at least', () => {
    expect(growthOf(samples(() => 500e6)).boundBytes).toBeCloseTo(50e6);
    expect(growthOf(samples(() => 50e6)).boundBytes).toBe(30e6);
  });
});

describe('chart', () => {
  it('draws one column a sample, the highest to the top', () => {
    const lines = chart([
      { seconds: 0, bytes: 50e6 },
      { seconds: 10, bytes: 100e6 },
    ]).split('\n');
    expect(lines[0]).toBe('  100 MB │ █');
    expect(lines[9]).toBe('   10 MB │██');
    expect(lines).toHaveLength(11);
  });
});
