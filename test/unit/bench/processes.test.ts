import { describe, expect, it } from 'vitest';
import { cpuSecondsOf, parseStat, parseStatusBytes, residentBytesOf, treeOf } from '../../bench/processes.ts';

const stat = (name: string): string =>
  `4242 (${name}) S 17 4242 4242 0 -1 4194304 9000 0 0 0 150 25 7 8 20 0 11 0 12345 1000000 2000 18446744073709551615 1 1 0`;

describe('parseStat', () => {
  it('reads the parent and the time of user and system, without that of ended children', () => {
    expect(parseStat(stat('node'))).toEqual({ parent: 17, cpuSeconds: 1.75 });
  });

  it('is not misled by a name with spaces and brackets', () => {
    expect(parseStat(stat('a) S 1 (b'))).toEqual({ parent: 17, cpuSeconds: 1.75 });
  });
});

describe('parseStatusBytes', () => {
  const status = 'Name:\tnode\nVmPeak:\t 9999 kB\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nThreads:\t11\n';

  it('gives a line in bytes', () => {
    expect(parseStatusBytes(status, 'VmHWM')).toBe(2048 * 1024);
    expect(parseStatusBytes(status, 'VmRSS')).toBe(1024 * 1024);
  });

  it('is 0 where the line is missing, as in a process that has ended', () => {
    expect(parseStatusBytes('Name:\tnode\n', 'VmHWM')).toBe(0);
  });
});

describe('treeOf', () => {
  it('finds children of children and leaves the others out', () => {
    const parents = new Map([
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 1],
      [9, 8],
    ]);
    expect(treeOf(2, parents).sort()).toEqual([2, 3, 4]);
  });
});

describe.skipIf(process.platform !== 'linux')('this process', () => {
  it('has memory, and uses processor time', () => {
    expect(residentBytesOf(process.pid)).toBeGreaterThan(10e6);
    const before = cpuSecondsOf(process.pid);
    const until = performance.now() + 60;
    while (performance.now() < until) Math.sqrt(until);
    const used = cpuSecondsOf(process.pid) - before;
    expect(used).toBeGreaterThan(0);
    expect(used).toBeLessThan(10);
  });
});
