import type { CircuitView } from '../../src-shared/routing.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { CommandError, exitCodes, notRunning } from './exit-codes.ts';
import { commandName, print, printJson, wrapped } from './output.ts';
import { circuitLine } from './provider-status.ts';

/**
 * `cproxy circuits`
 * @param target with `reset`: a provider, or `provider-id/model-id`; all where absent.
 * @returns the exit code
 */
export async function circuits(
  target: string | undefined,
  { reset, json }: { reset?: boolean; json?: boolean },
): Promise<number> {
  if (target !== undefined && reset !== true)
    throw new CommandError('A target is only for --reset; without it all are shown.', exitCodes.usage);
  const asked = await withEngine(resolveFolders(process.env).data, async (client) => {
    if (reset !== true) return { closed: null, views: await client.circuits.list() };
    const { closed } = await client.circuits.reset(targetIn(target));
    return { closed, views: await client.circuits.list() };
  });
  if (asked === null) throw notRunning(commandName(process.env));
  const { closed, views } = asked.result;
  if (json === true) printJson(closed === null ? views : { closed, left: views });
  else {
    if (closed !== null) print(closedInWords(closed));
    else if (views.length === 0) print('All targets are tried: none has failed too often.');
    for (const line of circuitLines(views, Date.now(), process.stdout.columns)) print(line);
  }
  return exitCodes.ok;
}

/** @param now Unix time in ms. @param width of the terminal in columns; where there is none, 80. */
export function circuitLines(views: readonly CircuitView[], now: number, width = 80): string[] {
  return views.flatMap((view) => wrapped(`${view.provider}: ${circuitLine(view, now)}`, width, '  '));
}

function closedInWords(count: number): string {
  if (count === 0) return 'There was nothing to reset.';
  return count === 1 ? 'It is tried again from now on.' : `${count} of them are tried again from now on.`;
}

/** Ids of providers hold no slash, models may. */
function targetIn(target: string | undefined): { provider?: string; model?: string } {
  if (target === undefined) return {};
  const slash = target.indexOf('/');
  return slash === -1 ? { provider: target } : { provider: target.slice(0, slash), model: target.slice(slash + 1) };
}
