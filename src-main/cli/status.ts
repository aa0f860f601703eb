import type { EngineStatus } from '../../src-shared/control.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { commandName, print, styled } from './output.ts';
import { providerRows, sections } from './start-message.ts';

/**
 * `cproxy status`
 * @returns the exit code
 */
export async function status({ json }: { json?: boolean }): Promise<number> {
  const { data } = resolveFolders(process.env);
  const asked = await withEngine(data, (client) => client.status());
  if (json === true) {
    print(JSON.stringify(asked === null ? { state: 'stopped' } : asked.result, null, 2));
    return asked === null ? exitCodes.notRunning : exitCodes.ok;
  }
  if (asked === null) throw notRunning(commandName(process.env));
  for (const line of statusLines(asked.result, Date.now())) print(line);
  return exitCodes.ok;
}

/** The state of an engine on one screen. */
export function statusLines(status: EngineStatus, now: number): string[] {
  const { requests } = status;
  const aliases = Object.entries(status.aliases);
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
      : ['Providers:', ...providerRows(status.providers).map((row) => `  ${row}`)],
    aliases.length === 0
      ? []
      : ['Aliases:', ...aliases.map(([name, targets]) => `  ${name}: ${targets.join(', then ')}`)],
    status.warnings.length === 0 ? [] : ['Warnings:', ...status.warnings.map((warning) => `  ${warning}`)],
  ]);
}

/** `90 s`, `12 min`, `3 h 5 min`, `2 d 4 h` */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
