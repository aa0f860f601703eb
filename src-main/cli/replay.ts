import { costOfRequest, dollars, tokensOfRequest } from '../../src-shared/costs.ts';
import type { ReplayView } from '../../src-shared/recording.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { resolveFolders } from '../config/folders.ts';
import { ask } from './ask.ts';
import { withEngine } from './control-client.ts';
import { CommandError, exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, note, print, printJson } from './output.ts';
import { printable, span } from './route-text.ts';
import { wholeId } from './whole-id.ts';

export interface ReplayOptions {
  /** What to ask for instead. */
  model?: string;
  yes?: boolean;
  json?: boolean;
}

/** As long as an answer may take. */
const LIMIT_MS = 15 * 60_000;

/**
 * `cproxy replay`
 * @param which an id, or the beginning of one.
 * @returns the exit code
 */
export async function replay(which: string, { model, yes, json }: ReplayOptions): Promise<number> {
  const asked = await withEngine(
    resolveFolders(process.env).data,
    async (client) => {
      const id = await wholeId(client, which);
      const before = await client.requests.find({ id });
      if (before === null) throw new CommandError(`There is no request '${which}' any more.`);
      const cost = costOfRequest(before);
      const what = `${before.askedModel}${model === undefined ? '' : `, now ${model}`}`;
      const price = cost === null ? 'What it cost is not known' : `It cost ${dollars(cost)}`;
      if (yes !== true && !(await ask(`${price}, and costs again: ask once more (${what})?`))) return null;
      return { before, ...(await client.requests.replay({ id, ...(model === undefined ? {} : { model }) })) };
    },
    LIMIT_MS,
  );
  if (asked === null) throw notRunning(commandName(process.env));
  const { result } = asked;
  if (result === null) return exitCodes.failure;
  if (json === true) printJson(result);
  else {
    for (const line of result.answer.text.trimEnd().split('\n')) print(printable(line));
    if (result.answer.truncated) note(`More of it is kept: \`cproxy export ${result.request.id} --bodies\` has it.`);
    print('');
    for (const line of comparisonLines(result.before, result)) print(line);
  }
  return result.request.state === 'answered' ? exitCodes.ok : exitCodes.failure;
}

/** What it was, and what it is now. */
export function comparisonLines(before: RequestRow, { request }: Pick<ReplayView, 'request'>): string[] {
  const rows = [printable(before), printable(request)];
  const line = (name: string, of: (row: RequestRow) => string): string[] => [name, ...rows.map(of)];
  return columns([
    ['', 'before', 'now'],
    line('Request', ({ id }) => id.replace(/^req_/, '').slice(0, 8)),
    line('State', ({ state, error }) => (error === null ? state : `${state} (${error.code})`)),
    line('Model', ({ attempts, askedModel }) => {
      const last = attempts.at(-1);
      return last === undefined ? askedModel : `${last.provider}/${last.model}`;
    }),
    line('First content', ({ firstContentMs }) => time(firstContentMs)),
    line('Time', ({ endedMs }) => time(endedMs)),
    line('Tokens', (row) => {
      if (row.attempts.length === 0) return '-';
      const tokens = tokensOfRequest(row);
      return tokens === null
        ? 'not known'
        : `${tokens.read.toLocaleString('en-US')} / ${tokens.written.toLocaleString('en-US')}`;
    }),
    line('Cost', (row) => {
      if (row.attempts.length === 0) return '-';
      const cost = costOfRequest(row);
      return cost === null ? 'not known' : dollars(cost);
    }),
  ]);
}

const time = (ms: number | null): string => (ms === null ? '-' : span(ms));
