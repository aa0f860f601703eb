import type { CacheView } from '../../src-shared/cache.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, note, print, printJson } from './output.ts';

/** `cproxy cache`. @returns the exit code */
export async function cache({ clear, json }: { clear?: boolean; json?: boolean }): Promise<number> {
  const asked = await withEngine(resolveFolders(process.env).data, async (client) => {
    const cleared = clear === true ? (await client.cache.clear()).cleared : null;
    return { cleared, view: await client.cache.view() };
  });
  if (asked === null) throw notRunning(commandName(process.env));
  const { cleared, view } = asked.result;
  if (json === true) printJson(cleared === null ? view : { cleared, ...view });
  else {
    if (cleared !== null) note(`${counted(cleared, 'answer')} forgotten.`);
    for (const line of cacheLines(view)) print(line);
  }
  return exitCodes.ok;
}

export function cacheLines(view: CacheView): string[] {
  const { store, answers, bytes, maxBytes, hits, shared, misses, stored } = view;
  const kept = answers === null ? 'not known: Redis does not answer' : counted(answers, 'answer');
  const room = bytes === null ? '' : `, ${inMb(bytes)} of ${inMb(maxBytes)}`;
  return columns([
    ['Kept', `${kept}${room}${store === 'redis' ? ' in Redis' : ''}`],
    ['Given again', counted(hits, 'request')],
    ['Shared', `${counted(shared, 'request')} that came while the same was under way`],
    ['Asked', `${counted(misses, 'request')}, of which ${stored} kept`],
  ]);
}

const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;

const inMb = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
