import type { CacheAlertView } from '../../src-shared/cache-alert.ts';
import { dollars, inputOf } from '../../src-shared/costs.ts';
import type { SubscriptionView, UsagePart, UsageSum, UsageView } from '../../src-shared/usage.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { dayAndTime } from './durations.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, print, printJson, styled, wrapped } from './output.ts';
import { sections } from './start-message.ts';

export interface UsageOptions {
  by?: UsagePart[];
  /** Unix time in ms. */
  since?: number;
  provider?: string;
  model?: string;
  project?: string;
  client?: string;
  limit?: number;
  json?: boolean;
}

/**
 * `cproxy usage`
 * @returns the exit code
 */
export async function usage({ json, since, ...query }: UsageOptions): Promise<number> {
  const asked = await withEngine(resolveFolders(process.env).data, async (client) => ({
    usage: await client.usage.sums({ ...query, ...(since === undefined ? {} : { from: since }) }),
    subscriptions: await client.usage.subscriptions(),
    alerts: (await client.usage.alerts()).filter(({ at }) => at >= (since ?? 0)),
  }));
  if (asked === null) throw notRunning(commandName(process.env));
  const { usage, subscriptions, alerts } = asked.result;
  if (json === true) printJson(asked.result);
  else {
    const width = process.stdout.columns;
    for (const line of [...usageLines(usage, subscriptions, width), ...alertLines(alerts, width)]) print(line);
  }
  return exitCodes.ok;
}

/** How many of the newest alerts are shown. */
const ALERTS = 5;
const HEADERS = ['requests', 'failed', 'aborted', 'read', 'cached', 'written', 'cost'];

/** @param width of the terminal in columns; where there is none, 80. */
export function usageLines(view: UsageView, subscriptions: readonly SubscriptionView[], width = 80): string[] {
  const { by, rows, total, source } = view;
  if (rows.length === 0 && subscriptions.length === 0) return ['Nothing has been used in that time.'];
  const cells = [
    [...by, ...HEADERS],
    ...rows.map(({ parts, ...sum }) => [...parts.map((part) => part ?? '(none)'), ...numbers(sum)]),
    ['all', ...by.slice(1).map(() => ''), ...numbers(total)],
  ];
  const [head = '', ...lines] = columns(cells.map((row) => aligned(row, cells, by.length)));
  const notes = [
    ...(total.costUnknown === 0
      ? []
      : [
          `* without ${total.costUnknown} ${total.costUnknown === 1 ? 'attempt' : 'attempts'} whose price is not known. Set it as price of the model in the configuration.`,
        ]),
    ...(source === 'memory' ? ['Only what has happened since the start: nothing gets to the disk.'] : []),
  ];
  return sections([
    rows.length === 0 ? [] : [styled('bold', head), ...lines],
    notes.flatMap((note) => wrapped(note, width, '')),
    subscriptions.length === 0
      ? []
      : ['Subscriptions:', ...columns(subscriptions.map(subscriptionCells)).map((line) => `  ${line}`)],
  ]);
}

/** @param alerts newest first. @param width of the terminal in columns; where there is none, 80. */
export function alertLines(alerts: readonly CacheAlertView[], width = 80): string[] {
  if (alerts.length === 0) return [];
  return [
    '',
    styled('yellow', 'Sessions that cost more than they did, for less of them comes from the cache:'),
    ...alerts
      .slice(0, ALERTS)
      .flatMap(({ at, session, before, after, text }) => [
        ...wrapped(`${dayAndTime(at)}  ${session}: ${percent(before)}, now ${percent(after)}`, width, '  '),
        ...wrapped(text, width, '      '),
      ]),
    ...(alerts.length > ALERTS ? [`  and ${alerts.length - ALERTS} before; --json has them all`] : []),
  ];
}

const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;

function numbers(sum: UsageSum): string[] {
  const input = inputOf(sum);
  return [
    String(sum.requests),
    sum.failed === 0 ? '' : String(sum.failed),
    sum.aborted === 0 ? '' : String(sum.aborted),
    tokens(input),
    input === 0 ? '' : `${Math.round((sum.cacheRead / input) * 100)} %`,
    tokens(sum.output),
    `${sum.usd === 0 && sum.costUnknown > 0 ? 'unknown' : dollars(sum.usd)}${sum.costUnknown > 0 ? ' *' : '  '}`,
  ];
}

/** Numbers stand at the right of their column. */
function aligned(row: readonly string[], all: readonly (readonly string[])[], texts: number): string[] {
  return row.map((cell, index) =>
    index < texts ? cell : cell.padStart(Math.max(...all.map((other) => other[index]?.length ?? 0))),
  );
}

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const tokens = (count: number): string => (count < 10_000 ? count.toLocaleString('en-US') : compact.format(count));

const subscriptionCells = ({ provider, key, window, used, resetsAt }: SubscriptionView): string[] => [
  key === 'key' ? provider : `${provider} (${key})`,
  window,
  `${Math.round(used * 100)} % used, ${Math.round((1 - used) * 100)} % left`,
  resetsAt === null ? '' : `begins anew ${dayAndTime(resetsAt)}`,
];
