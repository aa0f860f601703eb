import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, checkAnswers, firstByte, measureSaturated, measureSequential } from './measure.ts';
import { peakBytesOf, resetPeak, residentBytesOf } from './processes.ts';
import { median, percentile } from './statistics.ts';
import type { Route, RunningSubject, Subject } from './subjects/subject.ts';

export const works = ['plain', 'stream'] as const;
export type WorkName = (typeof works)[number];

/** One number of a case. Times in ms, sizes in bytes. */
export const metrics = [
  'cpuMs',
  'perSecond',
  'firstByteP50',
  'firstByteP99',
  'peakBytes',
  'idleBytes',
  'pacedCpuMs',
  'chunkP50',
  'chunkP99',
  'upstreamCpuMs',
  'loadCpuMs',
  'samples',
] as const;
export type Metric = (typeof metrics)[number];
/** NaN where a case has no such number. */
export type Measured = Record<Metric, number> & { failed: number; failure: string | null };

/** Starts a subject in a folder of its own, and clears both away afterwards, whatever happens in between. */
export async function withSubject<Result>(
  subject: Subject,
  route: Route,
  upstreamOrigin: string,
  use: (running: RunningSubject) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'cproxy-bench-'));
  try {
    const running = await subject.start(route, upstreamOrigin, folder);
    try {
      return await use(running);
    } finally {
      await running.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Measures one subject at one work, in a fresh process. */
export function measureCase(bench: Bench, subject: Subject, route: Route, work: WorkName): Promise<Measured> {
  return withSubject(subject, route, bench.upstream.origin, async (running) => {
    await delay(bench.durations.idle);
    const idleBytes = residentBytesOf(running.pid);
    await checkAnswers(running);
    const stream = work === 'stream';
    resetPeak(running.pid);
    const saturated = await measureSaturated(bench, running, { stream, delivery: 'burst' });
    const peakBytes = peakBytesOf(running.pid);
    const paced = stream ? await measureSaturated(bench, running, { stream, delivery: 'paced' }) : null;
    const sequential = await measureSequential(bench, running, { stream, delivery: stream ? 'pause' : 'burst' });
    const windows = [saturated, sequential, ...(paced === null ? [] : [paced])];
    return {
      cpuMs: saturated.cpuMs,
      perSecond: saturated.perSecond,
      firstByteP50: firstByte(sequential, 0.5),
      firstByteP99: firstByte(sequential, 0.99),
      peakBytes,
      idleBytes,
      pacedCpuMs: paced?.cpuMs ?? Number.NaN,
      chunkP50: percentile(paced?.report.chunkDelayMs ?? [], 0.5),
      chunkP99: percentile(paced?.report.chunkDelayMs ?? [], 0.99),
      upstreamCpuMs: saturated.upstreamCpuMs,
      loadCpuMs: saturated.loadCpuMs,
      samples: sequential.completed,
      failed: windows.reduce((sum, window) => sum + window.failed, 0),
      failure: windows.find((window) => window.failure !== null)?.failure ?? null,
    };
  });
}

/** The medians of a case's rounds. */
export function medianOf(rounds: readonly Measured[]): Measured {
  const result = Object.fromEntries(metrics.map((metric) => [metric, median(rounds.map((round) => round[metric]))]));
  return {
    ...(result as Record<Metric, number>),
    failed: rounds.reduce((sum, round) => sum + round.failed, 0),
    failure: rounds.find((round) => round.failure !== null)?.failure ?? null,
  };
}
