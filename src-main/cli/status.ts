import type { ConfigStateView, EngineStatus } from '../../src-shared/control.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { resolveFolders } from '../config/folders.ts';
import { type ControlClient, withEngine } from './control-client.ts';
import { dayAndTime, duration, timeOfDay } from './durations.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, print, printJson, styled, wrapped } from './output.ts';
import { providerStatus } from './provider-status.ts';
import { whileWaiting } from './spinner.ts';
import { sections } from './start-message.ts';
import { watchLines } from './watch-lines.ts';

/** How long probes of all providers may take, in ms: many wait for their turn. */
const probeLimitMs = 120_000;

/** How many of the newest requests are shown. */
const ROWS = 5;

/** The state of an engine, and its newest requests, newest first. */
export interface StatusDocument extends EngineStatus {
  lastRequests: RequestRow[];
}

/**
 * `cproxy status`
 * @returns the exit code
 */
export async function status({
  json,
  probe,
  watch,
}: {
  json?: boolean;
  probe?: boolean;
  watch?: boolean;
}): Promise<number> {
  const { data } = resolveFolders(process.env);
  const asked =
    probe === true
      ? await whileWaiting(
          'asking the providers',
          withEngine(data, (client) => document(client, client.health.probe({})), probeLimitMs),
        )
      : await withEngine(data, (client) => document(client, client.status()));
  if (json === true) {
    printJson(asked === null ? { state: 'stopped' } : asked.result);
    return asked === null ? exitCodes.notRunning : exitCodes.ok;
  }
  if (asked === null) throw notRunning(commandName(process.env));
  const shown = (document: StatusDocument) => statusLines(document, Date.now(), process.stdout.columns);
  if (watch !== true) {
    for (const line of shown(asked.result)) print(line);
    return exitCodes.ok;
  }
  return await watchLines(async () => {
    const now = await withEngine(data, (client) => document(client, client.status()));
    return now === null ? null : shown(now.result);
  });
}

async function document(client: ControlClient, state: Promise<EngineStatus>): Promise<StatusDocument> {
  const [known, lastRequests] = await Promise.all([state, client.requests.list({ limit: ROWS })]);
  return { ...known, lastRequests };
}

/**
 * The state of an engine on one screen.
 * @param now Unix time in ms. @param width of the terminal in columns; where there is none, 80.
 */
export function statusLines(
  status: EngineStatus & { lastRequests?: readonly RequestRow[] },
  now: number,
  width = 80,
): string[] {
  const { requests, lastRequests = [] } = status;
  const aliases = Object.entries(status.aliases);
  const listed = (lines: readonly string[]): string[] => lines.flatMap((line) => wrapped(line, width, '  '));
  const { problems } = status.config;
  return sections([
    [
      styled('bold', `CProxy ${status.version} is ${status.state} at ${status.endpoint}`),
      `process ${status.pid} (${status.host}), up ${duration(now - status.startedAt)}, ${Math.round(status.memoryBytes / 1e6)} MB`,
      ...configurationLines(status.config, now, width),
      `client tokens: ${status.auth === 'none' ? 'not needed on this machine' : 'needed'}`,
      ...telemetryLines(status.telemetry, width),
    ],
    problems.length === 0 ? [] : [styled('red', 'The file has been changed, and cannot be used:'), ...listed(problems)],
    status.providers.length === 0
      ? ['Providers: only the built-in demo']
      : ['Providers:', ...providerStatus(status.providers, now, width)],
    aliases.length === 0
      ? []
      : ['Aliases:', ...listed(aliases.map(([name, targets]) => `${name}: ${targets.join(', then ')}`))],
    [
      `Requests: ${requests.running} running, ${requests.total} in all, ${requests.failed} failed`,
      ...requestLines(lastRequests, width),
    ],
    status.warnings.length === 0 ? [] : ['Warnings:', ...listed(status.warnings)],
  ]);
}

/** Which file, since when, and what of it is to come. */
function configurationLines(config: ConfigStateView, now: number, width: number): string[] {
  const since = now - config.since < 86_400_000 ? timeOfDay(config.since) : dayAndTime(config.since);
  return [
    ...wrapped(
      `configuration: ${config.file ?? 'no file; it runs on what it found'}, in force since ${since}`,
      width,
      '',
    ),
    ...(config.afterRestart.length === 0
      ? []
      : wrapped(`after the next start: ${config.afterRestart.join('; ')}`, width, '')),
  ];
}

/** Where traces and metrics go; why not stands with the warnings. */
function telemetryLines(telemetry: EngineStatus['telemetry'], width: number): string[] {
  if (telemetry === null) return [];
  const { endpoint, traces, metrics, trouble } = telemetry;
  const what = [...(traces ? ['traces'] : []), ...(metrics ? ['metrics'] : [])].join(' and ');
  return wrapped(`${what}: sent to ${endpoint}${trouble === null ? '' : ', which does not take them now'}`, width, '');
}

const requestStates: Record<RequestRow['state'], { mark: string; format: Parameters<typeof styled>[0] }> = {
  answered: { mark: '+', format: 'green' },
  running: { mark: '>', format: 'cyan' },
  failed: { mark: 'x', format: 'red' },
  aborted: { mark: '-', format: 'dim' },
};

/** When, what became of it, which model was asked for, and who answered; the newest first. */
function requestLines(rows: readonly RequestRow[], width: number): string[] {
  const cells = rows.map((row) => {
    const last = row.attempts.at(-1);
    const { mark } = requestStates[row.state];
    return [
      `${mark} ${row.state}`,
      timeOfDay(row.startedAt),
      row.endedMs === null ? '' : `${(row.endedMs / 1000).toFixed(1)} s`,
      `${row.askedModel} → ${last === undefined ? (row.cache === null ? 'nobody' : 'the cache') : `${last.provider}/${last.model}`}`,
    ];
  });
  return columns(cells).map((line, index) => {
    const row = rows[index];
    const cut = line.length > width - 2 ? `${line.slice(0, width - 3)}…` : line;
    if (row === undefined) return cut;
    const { mark, format } = requestStates[row.state];
    const label = `${mark} ${row.state}`;
    return `  ${styled(format, label)}${cut.slice(label.length)}`;
  });
}
