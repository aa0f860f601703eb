import type { MinuteView, RateCounterView, RatesView, RateView } from '../../src-shared/rates.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { timeOfDay } from './durations.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, print, printJson, styled, wrapped } from './output.ts';

/** `cproxy limits`. @returns the exit code */
export async function limits({ json }: { json?: boolean }): Promise<number> {
  const asked = await withEngine(resolveFolders(process.env).data, (client) => client.limits.view());
  if (asked === null) throw notRunning(commandName(process.env));
  if (json === true) printJson(asked.result);
  else for (const line of limitLines(asked.result, process.stdout.columns)) print(line);
  return exitCodes.ok;
}

const HEADERS = ['limit', 'of', 'requests', 'tokens', 'at a time', 'waiting', 'refused', 'begins anew'];

/** @param width of the terminal in columns; where there is none, 80. */
export function limitLines({ store, trouble, rates }: RatesView, width = 80): string[] {
  if (rates.length === 0) return ['No rates are configured (limits.rates).'];
  const [head = '', ...lines] = columns([HEADERS, ...rates.flatMap(rowsOf)]);
  return [
    styled('bold', head),
    ...lines,
    ...(store === 'redis' ? wrapped('Requests and tokens are counted in Redis, with other CProxies.', width, '') : []),
    ...(trouble === null ? [] : wrapped(`Redis cannot be asked: ${trouble}. They are counted here alone.`, width, '')),
  ];
}

function rowsOf(rate: RateView): string[][] {
  const first = rate.counters[0];
  if (first === undefined) return [[rate.id, `each ${rate.each}`, '', '', '', '', refusedOf(rate), '']];
  return rate.counters.map((counter) => [
    counter === first ? rate.id : '',
    nameOf(rate, counter),
    ofMinute(counter.requests),
    ofMinute(counter.tokens),
    rate.concurrent === null ? '' : `${counter.running} of ${rate.concurrent}`,
    rate.wait === null ? '' : `${counter.waiting} of ${rate.wait.most}`,
    counter === first ? refusedOf(rate) : '',
    resetOf(counter),
  ]);
}

const refusedOf = ({ refused }: RateView): string => (refused === 0 ? '' : String(refused));

function nameOf({ each, of }: RateView, { who }: RateCounterView): string {
  if (who !== null) return who;
  if (each !== null) return `without a ${each}`;
  const named = [of.provider, of.project, of.client].filter((name) => name !== undefined);
  return named.length === 0 ? 'all' : named.join(', ');
}

const ofMinute = (view: MinuteView | null): string =>
  view === null ? '' : `${view.used.toLocaleString('en-US')} of ${view.most.toLocaleString('en-US')}`;

function resetOf({ requests, tokens }: RateCounterView): string {
  const times = [requests?.resetsAt, tokens?.resetsAt].filter((at) => typeof at === 'number');
  return times.length === 0 ? '' : timeOfDay(Math.max(...times));
}
