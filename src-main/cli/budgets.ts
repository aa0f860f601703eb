import type { BudgetView, Spent } from '../../src-shared/budgets.ts';
import { dollars } from '../../src-shared/costs.ts';
import { resolveFolders } from '../config/folders.ts';
import { withEngine } from './control-client.ts';
import { exitCodes, notRunning } from './exit-codes.ts';
import { columns, commandName, note, print, printJson, styled } from './output.ts';

/** `cproxy budgets`. @param reset id of the one that is begun anew first. @returns the exit code */
export async function budgets({ reset, json }: { reset?: string; json?: boolean }): Promise<number> {
  const asked = await withEngine(resolveFolders(process.env).data, async (client) => {
    if (reset !== undefined) await client.budgets.reset({ id: reset });
    return client.budgets.view();
  });
  if (asked === null) throw notRunning(commandName(process.env));
  if (json === true) printJson(asked.result);
  else {
    if (reset !== undefined) note(`Budget '${reset}' counts from nothing again.`);
    for (const line of budgetLines(asked.result)) print(line);
  }
  return exitCodes.ok;
}

const HEADERS = ['budget', 'of', 'spent', 'of', 'tokens', 'of', 'used', 'then', 'begins anew'];

export function budgetLines(views: readonly BudgetView[]): string[] {
  if (views.length === 0) return ['No budgets are configured (limits.budgets).'];
  const [head = '', ...lines] = columns([HEADERS, ...views.map(rowOf)]);
  const unknown = views.reduce((most, { costUnknown }) => Math.max(most, costUnknown), 0);
  return [
    styled('bold', head),
    ...lines,
    ...(unknown === 0 ? [] : [`Of ${unknown} ${unknown === 1 ? 'call' : 'calls'} the cost is not known: no price is.`]),
  ];
}

function rowOf({ id, of, usd, tokens, part, state, whenSpent, until }: BudgetView): string[] {
  const named = [of.provider, of.project, of.client].filter((name) => name !== undefined);
  const used = `${Math.floor(part * 100)}%${state === 'within' ? '' : ` (${state})`}`;
  return [
    id,
    named.length === 0 ? 'all' : named.join(', '),
    ...pairOf(usd, dollars),
    ...pairOf(tokens, (count) => count.toLocaleString('en-US')),
    used,
    whenSpent,
    dayOf(until),
  ];
}

const pairOf = (spent: Spent | null, inWords: (amount: number) => string): string[] =>
  spent === null ? ['', ''] : [inWords(spent.spent), inWords(spent.limit)];

/** Budgets begin anew at midnight. */
function dayOf(at: number): string {
  const day = new Date(at);
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}
