import { costOfRequest, dollars, tokensOfRequest } from '../../src-shared/costs.ts';
import type { RequestFilter, RequestPage } from '../../src-shared/history.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { dayAndTime } from './durations.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, print, printJson, styled } from './output.ts';

export interface RequestsOptions extends Pick<RequestFilter, 'provider' | 'model' | 'session' | 'project' | 'client'> {
  failed?: boolean;
  /** Unix time in ms. */
  since?: number;
  limit?: number;
  /** Where an earlier page ended. */
  after?: string;
  json?: boolean;
}

/**
 * `cproxy requests`
 * @param text a part of a model's name or a folder, or the beginning of an id.
 * @returns the exit code
 */
export async function requests(
  text: string | undefined,
  { json, failed, since, ...filter }: RequestsOptions,
): Promise<number> {
  const query = {
    ...filter,
    ...(text === undefined ? {} : { text }),
    ...(failed === true ? { state: 'failed' as const } : {}),
    ...(since === undefined ? {} : { from: since }),
  };
  const asked = await withEngine(resolveFolders(process.env).data, (client) => client.requests.page(query));
  if (asked === null) throw notRunning(commandName(process.env));
  if (json === true) printJson(asked.result);
  else for (const line of pageLines(asked.result, process.stdout.columns)) print(line);
  return exitCodes.ok;
}

/** @param width of the terminal in columns; where there is none, 80. */
export function pageLines({ rows, next, source }: RequestPage, width = 80): string[] {
  if (rows.length === 0) return ['There is no such request.'];
  const cells = rows.map(requestCells);
  return [
    ...columns(cells).map((line, index) => {
      const cut = line.length > width ? `${line.slice(0, width - 1)}…` : line;
      const state = rows[index]?.state;
      return state === 'failed' ? styled('red', cut) : state === 'aborted' ? styled('dim', cut) : cut;
    }),
    ...(next === null ? [] : [`More: --after ${next}`]),
    ...(source === 'memory' ? ['Only the newest, from memory: nothing is read from the disk.'] : []),
  ];
}

/** What is cut off in a narrow terminal comes last. */
function requestCells(row: RequestRow): string[] {
  const last = row.attempts.at(-1);
  const tokens = tokensOfRequest(row);
  const cost = costOfRequest(row);
  return [
    dayAndTime(row.startedAt),
    row.id.replace(/^req_/, '').slice(0, 8),
    row.state === 'answered' && row.attempts.length > 1 ? `answered (${row.attempts.length})` : row.state,
    row.endedMs === null ? '' : `${(row.endedMs / 1000).toFixed(1)} s`,
    tokens === null ? '' : `${tokens.read.toLocaleString('en-US')} / ${tokens.written.toLocaleString('en-US')}`,
    cost === null ? (tokens === null ? '' : 'unknown') : dollars(cost),
    `${row.askedModel} → ${last === undefined ? (row.cache === null ? 'nobody' : 'the cache') : `${last.provider}/${last.model}`}`,
  ];
}
