import { slope } from './statistics.ts';

export interface MemorySample {
  /** Since the load began. */
  seconds: number;
  bytes: number;
}

export interface Growth {
  /** By how much the line through the samples of the last third rises over that third, in bytes. */
  growthBytes: number;
  /** The most that it may rise. */
  boundBytes: number;
}

const leastBoundBytes = 30e6;

/**
 * Whether memory still grows in the last third of the samples. The bound is a tenth of that third's mean, and at least
 * 30 MB: garbage collection moves resident memory by about as much from one sample to the next.
 */
export function growthOf(samples: readonly MemorySample[]): Growth {
  const last = samples.slice(Math.floor((samples.length * 2) / 3));
  const first = last[0]?.seconds ?? 0;
  const length = (last.at(-1)?.seconds ?? 0) - first;
  const mean = last.reduce((sum, sample) => sum + sample.bytes, 0) / Math.max(1, last.length);
  return {
    growthBytes: slope(last.map(({ seconds, bytes }) => ({ x: seconds, y: bytes }))) * length,
    boundBytes: Math.max(leastBoundBytes, mean / 10),
  };
}

const chartHeight = 10;

/** The samples as columns of a chart that begins at 0. */
export function chart(samples: readonly MemorySample[]): string {
  const top = Math.max(1, ...samples.map((sample) => sample.bytes));
  const lines: string[] = [];
  for (let row = chartHeight; row >= 1; row--) {
    const columns = samples.map(({ bytes }) => ((bytes / top) * chartHeight >= row - 0.5 ? '█' : ' '));
    lines.push(`${((top * row) / chartHeight / 1e6).toFixed(0).padStart(5)} MB │${columns.join('')}`);
  }
  return [...lines, `         └${'─'.repeat(samples.length)} ${(samples.at(-1)?.seconds ?? 0).toFixed(0)} s`].join(
    '\n',
  );
}
