import { parseArgs } from 'node:util';
import { reloadUnderLoad } from '../helpers/reload-under-load.ts';
import { median, percentile } from './statistics.ts';
import { figure, megabytes, table } from './table.ts';

/** How long it takes until a change of the configuration file is in force, while clients ask all the time, none of whom may notice. */

/** From the end of the write, in ms. */
const GOAL_MS = 300;

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '150' },
    clients: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
  },
});
const run = await reloadUnderLoad({
  changes: Number(values.changes),
  clients: Number(values.clients),
  seed: Number(values.seed),
});
const middle = median(run.tookMs);
const rows = [
  ['changes in force', String(run.inForce)],
  ['of them with another port', String(run.rebound)],
  ['broken files in between', String(run.refused)],
  ['until in force, ms: median', figure(middle)],
  ['p90', figure(percentile(run.tookMs, 0.9))],
  ['max', figure(Math.max(...run.tookMs))],
  ['requests answered', String(run.answered)],
  ['requests failed', String(run.failures.length + run.failedRequests)],
  ['configurations in memory in the end', String(run.held.configurations)],
  ['providers in memory (configured)', `${run.held.providers} (${run.configured})`],
  ['heap in the end, MB', megabytes(run.held.heapBytes)],
];
process.stdout.write(`${table(['hot reload under load', `${values.clients} clients`], rows)}\n`);
for (const failure of run.failures.slice(0, 20)) process.stdout.write(`${failure}\n`);
if (run.failures.length + run.failedRequests > 0 || middle > GOAL_MS) process.exitCode = 1;
