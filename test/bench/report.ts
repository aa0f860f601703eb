import type { Measured, WorkName } from './case.ts';
import type { Route } from './subjects/subject.ts';
import { added, figure, megabytes, ratio, table } from './table.ts';

export interface Result {
  subject: string;
  route: Route;
  work: WorkName;
  /** Medians over the rounds, or why there are none. */
  measured: Measured | string;
}

export const isFloor = (result: Result): boolean => result.subject === 'floor';

/** The floor's numbers for the same work; undefined when the floor was left out. */
export function floorOf(results: readonly Result[], work: WorkName): Measured | undefined {
  const found = results.find((result) => isFloor(result) && result.work === work)?.measured;
  return typeof found === 'object' ? found : undefined;
}

const nothing = Number.NaN;
const label = (result: Result): string => (isFloor(result) ? 'floor' : `${result.subject}, ${result.route}`);

/** One table for a kind of work: each subject's numbers and how they stand to the floor's. */
export function workTable(results: readonly Result[], work: WorkName): string {
  const floor = floorOf(results, work);
  const header = [
    'subject',
    'CPU ms',
    '× floor',
    'requests/s',
    '× floor',
    'first byte p50',
    'over floor',
    'p99',
    'over floor',
    'peak MB',
    '× floor',
    'idle MB',
  ];
  const paced = ['paced CPU ms', '× floor', 'chunk p50', 'over floor', 'p99', 'over floor'];
  const rows: string[][] = [];
  const missing: string[] = [];
  for (const result of results) {
    if (result.work !== work) continue;
    const m = result.measured;
    if (typeof m === 'string') {
      missing.push(`- ${label(result)}: not available (${m})`);
      rows.push([label(result), 'not available']);
      continue;
    }
    if (m.failed > 0) missing.push(`- ${label(result)}: ${m.failed} failed requests, the first: ${m.failure}`);
    rows.push([
      label(result),
      figure(m.cpuMs),
      ratio(m.cpuMs, floor?.cpuMs ?? nothing),
      figure(m.perSecond),
      ratio(m.perSecond, floor?.perSecond ?? nothing),
      figure(m.firstByteP50),
      added(m.firstByteP50, floor?.firstByteP50 ?? nothing),
      figure(m.firstByteP99),
      added(m.firstByteP99, floor?.firstByteP99 ?? nothing),
      megabytes(m.peakBytes),
      ratio(m.peakBytes, floor?.peakBytes ?? nothing),
      megabytes(m.idleBytes),
      figure(m.pacedCpuMs),
      ratio(m.pacedCpuMs, floor?.pacedCpuMs ?? nothing),
      figure(m.chunkP50),
      added(m.chunkP50, floor?.chunkP50 ?? nothing),
      figure(m.chunkP99),
      added(m.chunkP99, floor?.chunkP99 ?? nothing),
    ]);
  }
  return [table(work === 'stream' ? [...header, ...paced] : header, rows), ...missing].join('\n');
}

/** What the processes around the subjects cost, so that one can see that they are not what limits the rates. */
export function surroundings(results: readonly Result[]): string {
  const rows = results.flatMap((result) => {
    const m = result.measured;
    if (typeof m === 'string') return [];
    const busy = (ms: number): string => `${((ms * m.perSecond) / 10).toFixed(0)} %`;
    return [
      [
        `${label(result)}, ${result.work}`,
        busy(m.cpuMs),
        busy(m.upstreamCpuMs),
        busy(m.loadCpuMs),
        m.samples.toFixed(0),
      ],
    ];
  });
  return table(
    ['share of one core while saturated', 'subject', 'mock upstream', 'load generator', 'first-byte samples'],
    rows,
  );
}
