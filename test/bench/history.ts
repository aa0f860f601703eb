// `npm run bench:history [-- --requests N]`: how long the log of requests takes to answer, and whether anybody else waits for it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { HistoryDatabase } from '../../src-main/storage/history/history-database.ts';
import { HistoryStore } from '../../src-main/storage/history/history-store.ts';
import type { RequestFilter } from '../../src-shared/history.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { type UsageQuery, usageQuerySchema } from '../../src-shared/usage.ts';
import { planOf } from '../helpers/routing.ts';
import { makeAttempt, makeRow } from '../helpers/rows.ts';
import { seededRandom } from '../helpers/seeded-random.ts';
import { median, percentile } from './statistics.ts';
import { figure, megabytes, table } from './table.ts';

const GOAL_MS = 100;
const GOAL_DELAY_MS = 10;
const REPEATS = 15;
/** As many as the store hands over at once: they are kept together. */
const BATCH = 32;

const { values } = parseArgs({ options: { requests: { type: 'string', default: '1000000' } } });
const requests = Number(values.requests);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const random = seededRandom(1);
const oneOf = <Value>(all: readonly Value[]): Value => all[Math.floor(random() * all.length)] as Value;
const whole = (most: number): number => Math.floor(random() * most);

const DAY_MS = 86_400_000;
const DAYS = 90;
const now = Date.now();
const models = ['claude-sonnet-5-5', 'claude-opus-5-5', 'claude-haiku-4-5', 'gpt-5.5', 'qwen3-coder'];
const providers = ['anthropic', 'openrouter', 'local'];
const projects = Array.from({ length: 30 }, (_, index) => `/home/someone/work/project-${index}`);
const sessions = Array.from({ length: requests / 50 }, (_, index) => `session-${index}`);

/** A few projects a day, and mostly one provider a model. */
function request(index: number): RequestRow {
  const failed = random() < 0.03;
  const day = Math.floor((index / requests) * DAYS);
  const model = oneOf(models);
  const provider =
    random() < 0.05 ? oneOf(providers) : (providers[models.indexOf(model) % providers.length] ?? 'local');
  const project = projects[(day * 7 + whole(3)) % projects.length] ?? null;
  const usage = { input: whole(5_000), cacheRead: whole(150_000), cacheWrite: whole(9_000), output: whole(3_000) };
  const before = random() < 0.02 ? [makeAttempt({ provider: oneOf(providers), model, outcome: 'failed' })] : [];
  const attempt = makeAttempt({
    ...{ provider, model, endedMs: whole(60_000), status: 200 },
    outcome: failed ? 'failed' : 'answered',
    ...(failed ? {} : { usage, cost: { usd: random(), source: 'prices' as const }, stopReason: 'tool_use' }),
  });
  return makeRow({
    id: `req_${index.toString(16).padStart(8, '0')}${whole(2 ** 32).toString(16)}`,
    startedAt: Math.floor(now - DAYS * DAY_MS + (index / requests) * DAYS * DAY_MS),
    ...{ askedModel: model, sessionId: oneOf(sessions), project, client: 'first' },
    ...{
      class: oneOf(['main', 'main', 'subagent', 'title'] as const),
      route: oneOf(['rule night', 'model', 'default']),
    },
    ...{ state: failed ? 'failed' : 'answered', status: 200, endedMs: whole(60_000), attempts: [...before, attempt] },
    trace: [{ step: 'model', detail: `${attempt.model} is a model of ${attempt.provider}` }],
  });
}

const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const route = JSON.stringify(planOf('model m').explain());
const begun = performance.now();
const database = await HistoryDatabase.open(path.join(folder, 'history.db'), say, now);
for (let from = 0; from < requests; from += BATCH)
  database.write(
    Array.from({ length: Math.min(BATCH, requests - from) }, (_, index) => ({
      row: JSON.stringify(request(from + index)),
      route,
    })),
    now,
  );
const { bytes } = database.stats(now);
database.close();
const writtenMs = performance.now() - begun;
say(`${requests} requests: ${megabytes(bytes)} MB, ${figure((writtenMs / requests) * 1000)} µs each\n`);

const store = new HistoryStore({
  ...{ folder, settings: { keep: 'disk', days: 365, maxBytes: 8e9 }, redact: (text: string) => text },
  onWarning: say,
});
const page = (filter: RequestFilter) => () => store.page({ filter, limit: 100, after: null });
const usage = (query: Partial<UsageQuery>) => () => store.usage(usageQuerySchema.parse(query));
const week = now - 7 * DAY_MS;
const middle = { started: now - 45 * DAY_MS, key: requests / 2 };
const queries: readonly [string, () => Promise<unknown>][] = [
  ['the newest page', page({})],
  ['a page in the middle', () => store.page({ filter: {}, limit: 100, after: middle })],
  ['failed', page({ state: 'failed' })],
  ['of a provider', page({ provider: 'local' })],
  ['of a model', page({ model: 'gpt-5.5' })],
  ['of a project', page({ project: '/home/someone/work/project-7' })],
  ['of a session', page({ session: 'session-77' })],
  ['of a provider that has none', page({ provider: 'nobody' })],
  [
    'failed, of a project, in the first week',
    page({ state: 'failed', project: '/home/someone/work/project-3', to: now - 83 * DAY_MS }),
  ],
  ['a text', page({ text: 'project-12' })],
  ['a text that is nowhere', page({ text: 'no such text' })],
  ['the beginning of an id', page({ text: 'req_00012' })],
  ['one request', () => store.find('req_0001234')],
  ['the latest that failed', () => store.find('failed')],
  ['usage of 7 days by model', usage({ by: ['model'], from: week })],
  ['usage of 7 days by hour', usage({ by: ['hour'], from: week })],
  ['usage of 90 days by day and model', usage({ by: ['day', 'model'] })],
  ['usage of 90 days by project', usage({ by: ['project'] })],
  ['usage by session, the dearest', usage({ by: ['session'], limit: 50 })],
  ['usage of one session', usage({ by: ['session'], session: 'session-77' })],
  ['how much there is', () => store.view()],
];
const rows: string[][] = [];
let worst = 0;
let worstDelay = 0;
for (const [name, ask] of queries) {
  await ask();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const took: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const before = performance.now();
    await ask();
    took.push(performance.now() - before);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  delay.disable();
  const p99 = delay.percentile(99) / 1e6 - 1;
  rows.push([name, figure(median(took)), figure(percentile(took, 0.9)), figure(Math.max(...took)), figure(p99)]);
  worst = Math.max(worst, percentile(took, 0.9));
  worstDelay = Math.max(worstDelay, p99);
}
say(table([`of ${requests.toLocaleString('en-US')}`, 'median ms', 'p90', 'max', 'loop delay p99'], rows));
await store.close();
if (worst > GOAL_MS || worstDelay > GOAL_DELAY_MS) process.exitCode = 1;
