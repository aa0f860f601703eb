import { setTimeout as delay } from 'node:timers/promises';
import type { LoadGenerator } from './generator.ts';
import type { LoadReport } from './load-contract.ts';
import type { Upstream } from './mock.ts';
import { cpuSecondsOf } from './processes.ts';
import { percentile } from './statistics.ts';
import { httpRequest, type RunningSubject, type Work } from './subjects/subject.ts';
import { messagesRequest, plainText, streamChunks } from './workload.ts';

/** How long each part takes, in ms. */
export interface Durations {
  idle: number;
  warmUp: number;
  window: number;
  sequential: number;
}

export interface Bench {
  load: LoadGenerator;
  upstream: Upstream;
  durations: Durations;
}

/** What a load brought in its measured window. */
export interface Window {
  completed: number;
  failed: number;
  failure: string | null;
  perSecond: number;
  /** User and system time per answer, in ms: the subject's, and those of the two processes around it. */
  cpuMs: number;
  upstreamCpuMs: number;
  loadCpuMs: number;
  /** Share of one core that the subject used, 0 to 1. */
  cores: number;
  report: LoadReport;
}

interface LoadShape {
  connections: number;
  perSecond?: number;
  warmUp?: number;
  window?: number;
}

const bytesOf = (subject: RunningSubject, work: Work): string =>
  httpRequest(subject.request, messagesRequest(subject.request.model, work.stream, work.delivery));

/** Puts a load on the subject and measures a window of it, after a warm-up that is not counted. */
export async function measureWindow(
  bench: Bench,
  subject: RunningSubject,
  requests: readonly string[],
  shape: LoadShape,
): Promise<Window> {
  const { load, upstream, durations } = bench;
  await load.start({
    port: subject.port,
    requests: [...requests],
    connections: shape.connections,
    perSecond: shape.perSecond ?? null,
    status: 200,
  });
  await delay(shape.warmUp ?? durations.warmUp);
  const pids = [subject.pid, upstream.pid, load.pid];
  const discarded = await load.report();
  const startedAt = performance.now();
  const before = pids.map(cpuSecondsOf);
  await delay(shape.window ?? durations.window);
  const report = await load.report();
  const seconds = (performance.now() - startedAt) / 1_000;
  const used = pids.map((pid, index) => cpuSecondsOf(pid) - (before[index] ?? 0));
  await load.stop();
  const [cpu = 0, upstreamCpu = 0, loadCpu = 0] = used;
  const per = (value: number): number => (value * 1_000) / report.completed;
  return {
    completed: report.completed,
    failed: discarded.failed + report.failed,
    failure: discarded.failure ?? report.failure,
    perSecond: report.completed / seconds,
    cpuMs: per(cpu),
    upstreamCpuMs: per(upstreamCpu),
    loadCpuMs: per(loadCpu),
    cores: cpu / seconds,
    report,
  };
}

export const connectionsUnderLoad = 16;

/** CPU and rate with every connection kept busy. */
export const measureSaturated = (bench: Bench, subject: RunningSubject, work: Work): Promise<Window> =>
  measureWindow(bench, subject, [bytesOf(subject, work)], { connections: connectionsUnderLoad });

/** First byte and whole answer, one request at a time. */
export const measureSequential = (bench: Bench, subject: RunningSubject, work: Work): Promise<Window> =>
  measureWindow(bench, subject, [bytesOf(subject, work)], {
    connections: 1,
    warmUp: bench.durations.sequential / 5,
    window: bench.durations.sequential,
  });

export const firstByte = (window: Window, fraction: number): number => percentile(window.report.firstByteMs, fraction);

/**
 * Asks once for each work and reads the answer, so that nothing is measured that does not do the work.
 * @throws Error that says what was wrong with the answer.
 */
export async function checkAnswers(subject: RunningSubject): Promise<void> {
  const ask = async (work: Work): Promise<string> => {
    const { path, headers, model } = subject.request;
    const response = await fetch(`http://127.0.0.1:${subject.port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', ...headers },
      body: messagesRequest(model, work.stream, work.delivery),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`it answered HTTP ${response.status}: ${text.slice(0, 500)}`);
    return text;
  };
  const plain = await ask({ stream: false, delivery: 'burst' });
  if (!plain.includes(plainText) || !plain.includes('"end_turn"'))
    throw new Error(`its plain answer is wrong: ${plain}`);
  const stream = await ask({ stream: true, delivery: 'burst' });
  const words = new Set(stream.match(/word-\d+ /g));
  if (words.size !== streamChunks || !stream.includes('"text_delta"') || !stream.includes('event: message_stop')) {
    throw new Error(
      `its stream is wrong (${words.size} chunks of ${streamChunks}): ${stream.slice(0, 500)} … ${stream.slice(-500)}`,
    );
  }
}
