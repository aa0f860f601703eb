import type { EngineStatus } from '../../src-shared/control.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { duration } from './durations.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { commandName, print, styled, wrapped } from './output.ts';
import { providerStatus } from './provider-status.ts';
import { sections } from './start-message.ts';

/** How long probes of all providers may take, in ms: many wait for their turn. */
const probeLimitMs = 120_000;

/**
 * `cproxy status`
 * @returns the exit code
 */
export async function status({ json, probe }: { json?: boolean; probe?: boolean }): Promise<number> {
  const { data } = resolveFolders(process.env);
  const asked =
    probe === true
      ? await withEngine(data, (client) => client.health.probe({}), probeLimitMs)
      : await withEngine(data, (client) => client.status());
  if (json === true) {
    print(JSON.stringify(asked === null ? { state: 'stopped' } : asked.result, null, 2));
    return asked === null ? exitCodes.notRunning : exitCodes.ok;
  }
  if (asked === null) throw notRunning(commandName(process.env));
  for (const line of statusLines(asked.result, Date.now(), process.stdout.columns)) print(line);
  return exitCodes.ok;
}

/**
 * The state of an engine on one screen.
 * @param now Unix time in ms. @param width of the terminal in columns; where there is none, 80.
 */
export function statusLines(status: EngineStatus, now: number, width = 80): string[] {
  const { requests } = status;
  const aliases = Object.entries(status.aliases);
  const listed = (lines: readonly string[]): string[] => lines.flatMap((line) => wrapped(line, width, '  '));
  return sections([
    [
      styled('bold', `CProxy ${status.version} is ${status.state} at ${status.endpoint}`),
      `process ${status.pid} (${status.host}), up ${duration(now - status.startedAt)}, ${Math.round(status.memoryBytes / 1e6)} MB`,
      `configuration: ${status.configFile ?? 'no file; it runs on what it found'}`,
      `client tokens: ${status.auth === 'none' ? 'not needed on this machine' : 'needed'}`,
      `requests: ${requests.running} running, ${requests.total} in all, ${requests.failed} failed`,
    ],
    status.providers.length === 0
      ? ['Providers: only the built-in demo']
      : ['Providers:', ...providerStatus(status.providers, now, width)],
    aliases.length === 0
      ? []
      : ['Aliases:', ...listed(aliases.map(([name, targets]) => `${name}: ${targets.join(', then ')}`))],
    status.warnings.length === 0 ? [] : ['Warnings:', ...listed(status.warnings)],
  ]);
}
