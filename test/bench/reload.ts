import { parseArgs } from 'node:util';
import { type ReloadUnderLoad, reloadUnderLoad } from '../helpers/reload-under-load.ts';
import { median, percentile } from './statistics.ts';
import { figure, megabytes, table } from './table.ts';

/** How long it takes until a change of the configuration file is in force, while clients ask all the time, none of whom may notice. */

/** From the end of the write, in ms, with a few clients; the many are there to be failed. */
const GOAL_MS = 300;
const FEW = 20;
const MANY = 200;

const { values } = parseArgs({
  options: { changes: { type: 'string', default: '150' }, seed: { type: 'string', default: '1' } },
});
const [changes, seed] = [Number(values.changes), Number(values.seed)];

const cells: readonly [string, (run: ReloadUnderLoad) => string][] = [
  ['changes in force (with another port)', ({ inForce, rebound }) => `${inForce} (${rebound})`],
  ['broken files in between', ({ refused }) => String(refused)],
  ['until in force, ms: median', ({ tookMs }) => figure(median(tookMs))],
  ['p90', ({ tookMs }) => figure(percentile(tookMs, 0.9))],
  ['max', ({ tookMs }) => figure(Math.max(...tookMs))],
  ['requests answered', ({ answered }) => String(answered)],
  ['requests failed', (run) => String(failuresOf(run))],
  ['configurations in memory in the end', ({ held }) => String(held.configurations)],
  ['providers in memory (configured)', ({ held, configured }) => `${held.providers} (${configured})`],
  ['heap in the end, MB', ({ held }) => megabytes(held.heapBytes)],
];
const failuresOf = ({ failures, failedRequests }: ReloadUnderLoad): number => failures.length + failedRequests;

const few = await reloadUnderLoad({ changes, seed, clients: FEW });
const many = await reloadUnderLoad({ changes, seed, clients: MANY });
const rows = cells.map(([name, cell]) => [name, cell(few), cell(many)]);
process.stdout.write(`${table(['hot reload under load', `${FEW} clients`, `${MANY} clients`], rows)}\n`);
for (const failure of [...few.failures, ...many.failures].slice(0, 20)) process.stdout.write(`${failure}\n`);
if (failuresOf(few) + failuresOf(many) > 0 || median(few.tookMs) > GOAL_MS) process.exitCode = 1;
