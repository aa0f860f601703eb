import type { Measured, WorkName } from './case.ts';
import { floorOf, type Result } from './report.ts';
import type { Route } from './subjects/subject.ts';
import { figure } from './table.ts';

export interface Gate {
  /** Absolute gates make the bench fail; ratios are goals. */
  kind: 'absolute' | 'ratio';
  name: string;
  value: number;
  limit: number;
  unit: string;
  /** Whether the value has to stay below the limit or to exceed it. */
  sense: 'at most' | 'below' | 'above';
}

/** False also where nothing was measured. */
export function reached({ value, limit, sense }: Gate): boolean {
  if (sense === 'above') return value > limit;
  return sense === 'below' ? value < limit : value <= limit;
}

/** What was measured of CProxy beside the cases. Times in ms. */
export interface Extra {
  /** Over an Anthropic provider, a translated one and one whose first target fails, in turn. */
  severalPerSecond: number;
  /** At 100 plain requests/s, half passed through and half translated. */
  pacedP99: number;
  pacedCores: number;
}

type Find = (route: Route, work: WorkName) => Measured | undefined;

function absoluteGates(find: Find, floor: (work: WorkName) => Measured | undefined, extra: Extra): Gate[] {
  const cases = (['pass-through', 'translated'] as const).flatMap((route) =>
    (['plain', 'stream'] as const).map((work) => ({ route, work, measured: find(route, work) })),
  );
  const of = (work: WorkName, metric: 'perSecond' | 'chunkP99'): number[] =>
    cases.filter((entry) => entry.work === work).map((entry) => entry.measured?.[metric] ?? Number.NaN);
  const chunkOverFloor = Math.max(...of('stream', 'chunkP99')) - (floor('stream')?.chunkP99 ?? Number.NaN);
  const peak = Math.max(...cases.map((entry) => entry.measured?.peakBytes ?? Number.NaN)) / 1e6;
  const absolute = (name: string, value: number, sense: Gate['sense'], limit: number, unit: string): Gate => ({
    kind: 'absolute',
    name,
    value,
    sense,
    limit,
    unit,
  });
  return [
    absolute('plain answer, p99 at 100 requests/s', extra.pacedP99, 'below', 200, ' ms'),
    absolute(
      'plain requests/s over one provider, the slower route',
      Math.min(...of('plain', 'perSecond')),
      'above',
      200,
      '',
    ),
    absolute(
      'plain requests/s over several providers, a failing one among them',
      extra.severalPerSecond,
      'above',
      100,
      '',
    ),
    absolute('added delay of a stream chunk, p99 at 16 streams', chunkOverFloor, 'below', 50, ' ms'),
    absolute('peak memory', peak, 'below', 512, ' MB'),
    absolute('CPU at 100 plain requests/s', extra.pacedCores * 100, 'below', 70, ' % of one core'),
  ];
}

function ratioGates(find: Find, floor: (work: WorkName) => Measured | undefined): Gate[] {
  const gates: Gate[] = [];
  const add = (name: string, value: number | undefined, limit: number, unit: string) =>
    gates.push({ kind: 'ratio', name, value: value ?? Number.NaN, limit, unit, sense: 'at most' });
  const cpuLimits = { 'pass-through': { plain: 2, stream: 2 }, translated: { plain: 3.5, stream: 2.5 } };
  let idle = 0;
  for (const route of ['pass-through', 'translated'] as const) {
    for (const work of ['plain', 'stream'] as const) {
      const ours = find(route, work);
      const base = floor(work);
      const over = (metric: 'cpuMs' | 'pacedCpuMs' | 'peakBytes') =>
        (ours?.[metric] ?? Number.NaN) / (base?.[metric] ?? Number.NaN);
      const name = `${route} ${work}`;
      add(`${name}: CPU per request`, over('cpuMs'), cpuLimits[route][work], '× floor');
      if (work === 'stream')
        add(`${name}, paced: CPU per request`, over('pacedCpuMs'), cpuLimits[route][work], '× floor');
      add(
        `${name}: first byte p50 over the floor`,
        (ours?.firstByteP50 ?? Number.NaN) - (base?.firstByteP50 ?? Number.NaN),
        1,
        ' ms',
      );
      add(`${name}: peak memory`, over('peakBytes'), 1.3, '× floor');
      idle = Math.max(idle, ours?.idleBytes ?? Number.NaN);
    }
  }
  add('idle memory', idle / 1e6, 150, ' MB');
  return gates;
}

/** Every figure that CProxy is held to: the paper's absolute gates, then the ratios to the floor of the same run. */
export function gatesOf(results: readonly Result[], subject: string, extra: Extra): Gate[] {
  const find: Find = (route, work) => {
    const found = results.find(
      (result) => result.subject === subject && result.route === route && result.work === work,
    );
    return typeof found?.measured === 'object' ? found.measured : undefined;
  };
  const floor = (work: WorkName) => floorOf(results, work);
  return [...absoluteGates(find, floor, extra), ...ratioGates(find, floor)];
}

export function gateLine(gate: Gate): string {
  const verdict =
    gate.kind === 'absolute' ? (reached(gate) ? 'pass' : 'FAIL') : reached(gate) ? 'reached' : 'not reached';
  return `${verdict.padEnd(11)}  ${gate.name}: ${figure(gate.value)}${gate.unit} (${gate.sense} ${gate.limit}${gate.unit})`;
}
