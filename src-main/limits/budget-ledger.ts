import type { LimitScope } from '../../src-shared/limits-config.ts';
import { type UsageQuery, type UsageView, usageQuerySchema } from '../../src-shared/usage.ts';
import { NOTHING, type Spending, sum } from './budget.ts';
import { fitsRequest } from './limit-scope.ts';

/** More folders than anybody works in; those with the least cost would be left out. */
const MOST_FOLDERS = 1000;

/**
 * What the ledger has of these requests.
 * @param usage asks it. Rejects where it cannot be asked.
 * @param from since then; Unix time in ms
 */
export async function spentByLedger(
  usage: (query: UsageQuery) => Promise<UsageView>,
  { project, ...of }: LimitScope,
  from: number,
): Promise<Spending> {
  const { rows, total } = await usage(usageQuerySchema.parse({ ...of, from, by: 'project', limit: MOST_FOLDERS }));
  if (project === undefined) return spendingOf(total);
  const folders = { project };
  return rows
    .filter(({ parts: [folder = null] }) => fitsRequest(folders, { client: null, project: folder }))
    .map(spendingOf)
    .reduce(sum, NOTHING);
}

const spendingOf = ({ usd, costUnknown, input, cacheRead, cacheWrite, output }: UsageView['total']): Spending => ({
  ...{ usd, costUnknown },
  tokens: input + cacheRead + cacheWrite + output,
});
