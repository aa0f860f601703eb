import { describe, expect, it } from 'vitest';
import type { Measured } from '../../bench/case.ts';
import { gateLine, gatesOf, reached } from '../../bench/gates.ts';
import type { Result } from '../../bench/report.ts';

const measured = (changes: Partial<Measured>): Measured => ({
  cpuMs: 1,
  perSecond: 1_000,
  firstByteP50: 1,
  firstByteP99: 2,
  peakBytes: 200e6,
  idleBytes: 60e6,
  pacedCpuMs: 4,
  chunkP50: 0.3,
  chunkP99: 1,
  upstreamCpuMs: 0.1,
  loadCpuMs: 0.1,
  samples: 500,
  failed: 0,
  failure: null,
  ...changes,
});

const results = (ours: Partial<Measured>): Result[] => [
  { subject: 'floor', route: 'pass-through', work: 'plain', measured: measured({}) },
  { subject: 'floor', route: 'pass-through', work: 'stream', measured: measured({}) },
  ...(['pass-through', 'translated'] as const).flatMap((route) =>
    (['plain', 'stream'] as const).map((work) => ({ subject: 'CProxy', route, work, measured: measured(ours) })),
  ),
];
const extra = { severalPerSecond: 300, pacedP99: 5, pacedCores: 0.1 };

describe('gatesOf', () => {
  it('is reached by what is as good as the floor', () => {
    const gates = gatesOf(results({}), 'CProxy', extra);
    expect(gates.filter((gate) => !reached(gate))).toEqual([]);
    expect(gates.filter((gate) => gate.kind === 'absolute')).toHaveLength(6);
  });

  it('holds each route and work to its own limit', () => {
    const missed = gatesOf(results({ cpuMs: 3 }), 'CProxy', extra).filter((gate) => !reached(gate));
    expect(missed.map((gate) => gate.name)).toEqual([
      'pass-through plain: CPU per request',
      'pass-through stream: CPU per request',
      'translated stream: CPU per request',
    ]);
  });

  it('fails the absolute gates by the worst case', () => {
    const missed = gatesOf(results({ peakBytes: 600e6, chunkP99: 60, perSecond: 150 }), 'CProxy', {
      severalPerSecond: 90,
      pacedP99: 250,
      pacedCores: 0.8,
    }).filter((gate) => gate.kind === 'absolute' && !reached(gate));
    expect(missed).toHaveLength(6);
  });

  it('takes nothing measured for not reached', () => {
    const gates = gatesOf([], 'CProxy', extra);
    expect(gates.filter((gate) => gate.kind === 'ratio' && reached(gate))).toEqual([]);
  });

  it('writes a verdict, the figure and the limit', () => {
    const [first] = gatesOf(results({}), 'CProxy', extra);
    expect(first && gateLine(first)).toBe('pass         plain answer, p99 at 100 requests/s: 5.00 ms (below 200 ms)');
  });
});
