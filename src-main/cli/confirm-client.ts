import { setTimeout as wait } from 'node:timers/promises';
import { clientName } from '../../src-shared/client-name.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { Client } from '../clients/client.ts';
import { waitForRequest } from '../clients/confirm-request.ts';
import type { Folders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { exitCodes } from './exit-codes.ts';
import { commandName, noteSentence, print, wrapped } from './output.ts';

/** How long a user may take to start a client and ask it something, in ms. */
const LIMIT_MS = 180_000;

/**
 * "Is it really using me?": waits for the next request of a client that has been set up, and says where it went. Ctrl-C ends
 * the waiting, not the set-up.
 * @param since Unix time in ms.
 * @returns the exit code: 1 where the request failed, 0 also where none came, since that is no fault of the set-up.
 */
export async function confirmClient(
  { id, title, command }: Pick<Client, 'id' | 'title' | 'command'>,
  { data }: Folders,
  since: number,
): Promise<number> {
  noteSentence(
    `Now start ${title} (\`${command}\`) and ask it something. Waiting for its request; Ctrl-C ends the waiting.`,
  );
  const ending = new AbortController();
  const end = (): void => ending.abort();
  process.once('SIGINT', end);
  try {
    const row = await waitForRequest({
      rows: async () => (await withEngine(data, ({ requests }) => requests.list({ limit: 50 })))?.result ?? [],
      isFrom: (userAgent) => clientName({ userAgent, originator: null, title: null }) === id,
      since,
      timeoutMs: LIMIT_MS,
      signal: ending.signal,
      now: Date.now,
      pause: (ms, signal) => wait(ms, undefined, { signal }),
    });
    const said = confirmation(row, title, ending.signal.aborted, commandName(process.env));
    for (const line of wrapped(said, process.stdout.columns ?? 80, '')) print(line);
    return row?.state === 'failed' ? exitCodes.failure : exitCodes.ok;
  } finally {
    process.off('SIGINT', end);
  }
}

/** What came of the waiting, in words. @param row null: no request came. */
export function confirmation(row: RequestRow | null, title: string, ended: boolean, command: string): string {
  if (row === null)
    return ended
      ? `No request of ${title} has come so far. \`${command} status\` shows those that do.`
      : `No request of ${title} has come within ${LIMIT_MS / 60_000} minutes. Was it started anew? \`${command} doctor\` looks for what is in the way.`;
  const last = row.attempts.at(-1);
  const where = last === undefined ? 'to nobody' : `to ${last.provider}/${last.model}`;
  const asked = `${title} asked for ${row.askedModel}, and it went ${where}`;
  if (row.state === 'failed')
    return `${title} uses CProxy, but its request failed: it asked for ${row.askedModel}, which went ${where}. ${row.error?.message ?? ''} \`${command} explain ${row.id}\` says more.`;
  return `It works: ${asked}.`;
}
