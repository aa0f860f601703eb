import { statfs } from 'node:fs/promises';
import type { EngineStatus } from '../../src-shared/control.ts';
import type { ErrorEvent, HealthProblem, HealthSnapshot, StoreHealth, SystemHealth } from '../../src-shared/health.ts';
import type { LoopDelayView } from './loop-delay.ts';

const GB = 1e9;
/** Below this, and below that part of the whole, a disk is nearly full. */
const LITTLE_ROOM_BYTES = GB;
const LITTLE_ROOM = 0.05;
/** From here on requests feel it. */
const LATE_MS = 100;
/** What is late while all is being loaded says nothing; after two of the minutes that are looked at, that is over. */
const STARTING_MS = 130_000;
const MUCH_MEMORY_BYTES = 1.5 * GB;

/** How the process and its disk do. @param folder with the data. */
export async function systemHealth(
  folder: string,
  loopDelayMs: LoopDelayView,
  stores: StoreHealth[],
): Promise<SystemHealth> {
  const { rss, heapUsed } = process.memoryUsage();
  return { memoryBytes: rss, heapBytes: heapUsed, loopDelayMs, disk: await diskOf(folder), stores };
}

/** null: the system does not say. */
async function diskOf(folder: string): Promise<SystemHealth['disk']> {
  try {
    const { bsize, bavail, blocks } = await statfs(folder);
    return { folder, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}

/**
 * All of it at one moment: the same for the command line, the pages and programs.
 * @param at Unix time in ms.
 * @param known of which warnings of the status more is known than their words.
 */
export function healthSnapshot(
  status: EngineStatus,
  system: SystemHealth,
  lastErrors: ErrorEvent[],
  at: number,
  known: ReadonlyMap<string, HealthProblem> = new Map(),
): HealthSnapshot {
  const problems = [
    ...ofProviders(status),
    ...ofConfiguration(status),
    ...ofSystem(system, at - status.startedAt),
    ...warnings(status, known),
  ];
  return {
    at,
    state: stateOf(status, problems),
    version: status.version,
    uptimeMs: at - status.startedAt,
    providers: status.providers.map(({ id, name, enabled, health }) => ({ id, name, enabled, health })),
    requests: status.requests,
    system,
    lastErrors,
    problems: problems.sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity)),
  };
}

const severities: readonly HealthProblem['severity'][] = ['down', 'degraded', 'note'];

function stateOf({ providers }: EngineStatus, problems: readonly HealthProblem[]): HealthSnapshot['state'] {
  const enabled = providers.filter((provider) => provider.enabled);
  if (enabled.length > 0 && enabled.every(({ health }) => health.state === 'down')) return 'down';
  return problems.some(({ severity }) => severity !== 'note') ? 'degraded' : 'healthy';
}

function ofProviders({ providers }: EngineStatus): HealthProblem[] {
  const enabled = providers.filter((provider) => provider.enabled);
  if (enabled.length === 0)
    return [
      {
        severity: 'note',
        code: 'no_provider',
        about: null,
        problem: 'No provider is set up: only the built-in demo answers.',
        advice: 'Add a provider to the configuration, and its key with `cproxy keys set`.',
      },
    ];
  return enabled.flatMap(({ id, health: { state, reason } }): HealthProblem[] => {
    if (state !== 'down' && state !== 'degraded') return [];
    return [
      {
        severity: state === 'down' && enabled.length === 1 ? 'down' : 'degraded',
        code: state === 'down' ? 'provider_down' : 'provider_degraded',
        about: id,
        problem: reason ?? `It is ${state}.`,
        advice:
          state === 'down'
            ? 'Requests go elsewhere where they can. `cproxy doctor` says more; `cproxy status --probe` asks it again.'
            : null,
      },
    ];
  });
}

function ofConfiguration({ config: { file, problems, afterRestart } }: EngineStatus): HealthProblem[] {
  const refused = problems.map(
    (problem): HealthProblem => ({
      severity: 'degraded',
      code: 'configuration_refused',
      about: file,
      problem,
      advice: 'What was in force before goes on. Correct the file, or go back with `cproxy config rollback`.',
    }),
  );
  const waiting = afterRestart.map(
    (problem): HealthProblem => ({
      severity: 'note',
      code: 'restart_needed',
      about: null,
      problem,
      advice: 'It takes effect when CProxy is started again.',
    }),
  );
  return [...refused, ...waiting];
}

function ofSystem({ stores, disk, loopDelayMs, memoryBytes }: SystemHealth, uptimeMs: number): HealthProblem[] {
  const problems = stores.flatMap(({ name, state, reason }): HealthProblem[] =>
    state === 'disk' || reason === null
      ? []
      : [
          {
            severity: 'degraded',
            code: 'store_in_memory',
            about: name,
            problem: `${storeNames[name]} is in memory only: ${reason}.`,
            advice:
              'Requests are answered all the same. Make room on the disk, or let CProxy write to its data folder.',
          },
        ],
  );
  if (disk !== null && disk.freeBytes < LITTLE_ROOM_BYTES && disk.freeBytes < LITTLE_ROOM * disk.totalBytes)
    problems.push({
      severity: 'degraded',
      code: 'disk_nearly_full',
      about: disk.folder,
      problem: `The disk of ${disk.folder} has ${Math.round(disk.freeBytes / 1e6)} MB left.`,
      advice: 'Make room, or lower history.maxBytes and history.days.',
    });
  if (loopDelayMs.p99 > LATE_MS && uptimeMs > STARTING_MS)
    problems.push({
      severity: 'degraded',
      code: 'event_loop_late',
      about: null,
      problem: `CProxy is busy: one in a hundred of its steps begins ${Math.round(loopDelayMs.p99)} ms late.`,
      advice: 'Look for other programs that take the processor; fewer requests at a time help as well.',
    });
  if (memoryBytes > MUCH_MEMORY_BYTES)
    problems.push({
      severity: 'degraded',
      code: 'memory_high',
      about: null,
      problem: `CProxy takes ${(memoryBytes / GB).toFixed(1)} GB of memory.`,
      advice: 'Start it again when no request is under way, and report it with what `cproxy status` says.',
    });
  return problems;
}

const storeNames: Record<StoreHealth['name'], string> = {
  conversations: 'What is remembered of conversations',
  history: 'The log of requests',
  bodies: 'What is recorded of requests',
};

const warnings = ({ warnings }: EngineStatus, known: ReadonlyMap<string, HealthProblem>): HealthProblem[] =>
  warnings.map(
    (problem) => known.get(problem) ?? { severity: 'note', code: 'warning', about: null, problem, advice: null },
  );
