import type { ErrorEvent, HealthProblem, HealthSnapshot, SystemHealth } from '../../src-shared/health.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { duration, timeOfDay } from './durations.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { commandName, print, printJson, styled, wrapped } from './output.ts';
import { sections } from './start-message.ts';

/** How many of the newest failures are shown. */
const ERRORS = 5;

/**
 * `cproxy health`
 * @returns the exit code: `failure` where it is down
 */
export async function health({ json }: { json?: boolean }): Promise<number> {
  const asked = await withEngine(resolveFolders(process.env).data, (client) => client.health.snapshot());
  if (asked === null) {
    if (json !== true) throw notRunning(commandName(process.env));
    printJson({ state: 'stopped' });
    return exitCodes.notRunning;
  }
  if (json === true) printJson(asked.result);
  else for (const line of healthLines(asked.result, process.stdout.columns)) print(line);
  return asked.result.state === 'down' ? exitCodes.failure : exitCodes.ok;
}

const words: Record<HealthSnapshot['state'], string> = {
  healthy: styled('green', 'is well'),
  degraded: styled('yellow', 'works, but not all is well'),
  down: styled('red', 'cannot answer: no provider can be used'),
};

/** @param width of the terminal in columns; where there is none, 80. */
export function healthLines(snapshot: HealthSnapshot, width = 80): string[] {
  const { version, state, uptimeMs, requests, system, problems, lastErrors } = snapshot;
  return sections([
    [
      styled('bold', `CProxy ${version} ${words[state]}`),
      `up ${duration(uptimeMs)}, ${requests.running} running, ${requests.total} requests in all, ${requests.failed} failed`,
    ],
    problems.length === 0 ? [] : ['To be seen to:', ...problems.flatMap((problem) => problemLines(problem, width))],
    ['This machine:', ...systemLines(system).flatMap((line) => wrapped(line, width, '  '))],
    lastErrors.length === 0
      ? []
      : ['Last failures:', ...lastErrors.slice(0, ERRORS).flatMap((event) => errorLines(event, width))],
  ]);
}

function problemLines({ severity, about, problem, advice }: HealthProblem, width: number): string[] {
  const text = `${about === null ? '' : `${about}: `}${problem}`;
  return [
    ...wrapped(severity === 'note' ? text : `${severity}: ${text}`, width, '  '),
    ...(advice === null ? [] : wrapped(advice, width, '      ')),
  ];
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en-US')} MB`;

function systemLines({ memoryBytes, loopDelayMs, disk, stores }: SystemHealth): string[] {
  return [
    `memory: ${megabytes(memoryBytes)}`,
    `event loop: late by ${loopDelayMs.p50} ms mostly, ${loopDelayMs.p99} ms in one of a hundred, ${loopDelayMs.max} ms at most`,
    ...(disk === null ? [] : [`disk of ${disk.folder}: ${megabytes(disk.freeBytes)} free`]),
    ...stores.map(({ name, state, bytes }) => `${name}: ${state === 'disk' ? megabytes(bytes) : 'in memory only'}`),
  ];
}

function errorLines({ at, requestId, provider, model, error, recovered }: ErrorEvent, width: number): string[] {
  const target = provider === null ? model : `${provider}/${model}`;
  const end = recovered ? ' (another attempt answered)' : '';
  return [
    ...wrapped(`${timeOfDay(at)}  ${target}  ${requestId}${end}`, width, '  '),
    ...wrapped(error.message, width, '      '),
  ];
}
