import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { answer, fail, type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';
import { type ServedEngine, serveEngine } from '../helpers/served-engine.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Budget = NonNullable<NonNullable<ConfigInput['limits']>['budgets']>[number];

let upstream: ScriptableUpstream;
let other: ScriptableUpstream;
let running: RunningEngine | null = null;

beforeAll(async () => {
  upstream = await startUpstream();
  other = await startUpstream();
});
/** Costs a dollar, where the model has a price. */
const usage = { input: 100_000, cacheRead: 0, cacheWrite: 0, output: 0 };
beforeEach(() => {
  upstream.reset();
  other.reset();
  upstream.script(() => answer([{ type: 'text', text: 'dear' }], { usage }));
  other.script(() => answer([{ type: 'text', text: 'cheap' }], { usage: { ...usage, input: 10 } }));
});
afterEach(async () => {
  await running?.stop();
  running = null;
});
afterAll(async () => {
  await upstream.close();
  await other.close();
});

const config = (budgets: Budget[], rest: ConfigInput = {}): ConfigInput => ({
  providers: [
    {
      ...{ id: 'dear', type: 'anthropic-compatible', baseUrl: upstream.url },
      models: [{ id: 'm', price: { input: 10, output: 10 } }, { id: 'unpriced' }],
    },
    {
      ...{ id: 'cheap', type: 'anthropic-compatible', baseUrl: other.url },
      models: [{ id: 'm', price: { input: 0.1, output: 0.1 } }],
    },
  ],
  aliases: { both: ['dear/m', 'cheap/m'] },
  limits: { budgets },
  ...rest,
});

const start = async (budgets: Budget[], rest: ConfigInput = {}, options: Parameters<typeof runEngine>[1] = {}) => {
  running = await runEngine(config(budgets, rest), options);
  return running;
};
const client = async (engine: RunningEngine) => createRouterClient(await engine.engine.controlRouter());
const budgetsOf = async (engine: RunningEngine) => (await client(engine)).budgets.view();
/** Budgets count requests that have ended, which they have a moment after their answers. */
async function ask(engine: RunningEngine, model = 'dear/m', options: Parameters<RunningEngine['ask']>[1] = {}) {
  const reply = await engine.ask(question('hello', { model }), options);
  const text = await reply.text();
  const id = reply.headers.get('x-cproxy-request-id') ?? '';
  const row = await waitUntil('the end of the request', async () => {
    const found = await (await client(engine)).requests.find({ id });
    return found?.state === 'running' ? null : found;
  });
  return { reply, text, row: row as RequestRow };
}

describe('a budget that refuses', () => {
  it('lets requests through until it is spent, and then says why, until when, and what to do', async () => {
    const engine = await start([{ id: 'daily', per: 'day', usd: 2, warnAt: 0.5, whenSpent: 'refuse' }]);
    const first = await ask(engine);
    expect(first.reply.status).toBe(200);
    expect(first.reply.headers.get('x-cproxy-budget')).toBeNull();
    const second = await ask(engine);
    expect(second.reply.status).toBe(200);
    expect(second.reply.headers.get('x-cproxy-budget')).toBe('daily 50%');
    const third = await ask(engine);
    expect(third.reply.status).toBe(402);
    // Asking again does not help.
    expect(third.reply.headers.get('x-should-retry')).toBe('false');
    const { type, message } = JSON.parse(third.text).error;
    expect(type).toBe('billing_error');
    expect(message).toMatch(
      /^Budget 'daily' is spent: \$2\.00 of \$2\.00 are spent today\. It begins anew on \w+, \w+ \d+, at midnight\. Raise it at limits\.budgets in the configuration, or run `cproxy budgets --reset daily`\.$/,
    );
    expect(upstream.asked).toHaveLength(2);
    expect(third.row).toMatchObject({ state: 'failed', attempts: [], error: { code: 'budget_spent' } });
    expect(await budgetsOf(engine)).toMatchObject([
      { id: 'daily', usd: { spent: 2, limit: 2 }, tokens: null, costUnknown: 0, part: 1, state: 'spent' },
    ]);
    // What costs nothing is not refused.
    const count = await engine.ask(question('x', { model: 'dear/m' }), { path: '/v1/messages/count_tokens' });
    expect(count.status).toBe(200);
    const { warnings } = engine.engine.status();
    expect(warnings.filter((warning) => warning.includes("Budget 'daily'"))).toHaveLength(1);
    const { state, problems } = await (await client(engine)).health.snapshot();
    expect(state).toBe('degraded');
    expect(problems).toContainEqual({
      ...{ severity: 'degraded', code: 'budget_spent', about: 'daily' },
      problem: expect.stringMatching(
        /^\$2\.00 of \$2\.00 are spent today \(100%\); requests are refused until it begins/,
      ),
      advice: 'limits.budgets raises it, `cproxy budgets --reset daily` begins it anew.',
    });
    expect(problems.filter(({ problem }) => problem.includes('are spent today'))).toHaveLength(1);
    const metrics = await fetch(`${engine.url}/metrics`, { headers: { authorization: `Bearer ${engine.token}` } });
    expect(await metrics.text()).toContain('cproxy_budget_used_ratio{budget="daily"} 1');
  });

  it('is told by explain and by the simulator as well', async () => {
    const engine = await start([{ id: 'daily', per: 'day', usd: 1, whenSpent: 'refuse' }]);
    const { row } = await ask(engine);
    await ask(engine);
    const control = await client(engine);
    const refused = await control.requests.explain({ id: 'latest' });
    expect(refused?.route?.problem).toMatch(/^Budget 'daily' is spent/);
    expect(refused?.route?.facts).toMatchObject({ budget: 'exceeded', spent: [{ id: 'daily', use: null }] });
    // What was decided then is looked at as it was then.
    const before = await control.requests.explain({ id: row.id });
    expect(before?.route?.problem).toBeNull();
  });

  it.each([
    ['openai-chat', '/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }],
    ['openai-responses', '/v1/responses', { input: 'x' }],
  ])('refuses in the words of %s', async (_name, door, body) => {
    const engine = await start([{ id: 'daily', per: 'day', tokens: 10, whenSpent: 'refuse' }]);
    await ask(engine);
    const refused = await engine.ask({ model: 'dear/m', ...body }, { path: door });
    expect(refused.status).toBe(402);
    expect((await refused.json()).error.message).toMatch(
      /Budget 'daily' is spent: 100,000 of 10 tokens are used today/,
    );
  });

  it('of one provider leaves that provider out, and refuses only where no other is left', async () => {
    const engine = await start([{ id: 'dear', of: { provider: 'dear' }, per: 'month', usd: 1, whenSpent: 'refuse' }]);
    expect((await ask(engine, 'both')).reply.headers.get('x-cproxy-provider')).toBe('dear');
    const elsewhere = await ask(engine, 'both');
    expect(elsewhere.reply.headers.get('x-cproxy-provider')).toBe('cheap');
    expect(elsewhere.row.trace).toContainEqual({
      step: 'target skipped',
      detail: "dear/m: budget 'dear': $1.00 of $1.00 are spent this month",
    });
    expect((await ask(engine, 'dear/m')).reply.status).toBe(402);
    expect(upstream.asked).toHaveLength(1);
    // What the other costs is not counted.
    expect(await budgetsOf(engine)).toMatchObject([{ usd: { spent: 1 } }]);
  });
});

describe('x-cproxy-budget', () => {
  it('stands beside what the response cache says', async () => {
    const engine = await start([{ id: 'daily', per: 'day', usd: 1.5, warnAt: 0.5 }], {
      routing: { rules: [{ id: 'cached', when: {}, use: { cache: true } }] },
    });
    await ask(engine);
    const { reply } = await ask(engine, 'cheap/m');
    expect(reply.headers.get('x-cproxy-cache')).toBe('miss');
    expect(reply.headers.get('x-cproxy-budget')).toBe('daily 66%');
    const again = await ask(engine, 'cheap/m');
    expect(again.reply.headers.get('x-cproxy-cache')).toBe('hit');
    expect(again.reply.headers.get('x-cproxy-budget')).toBe('daily 66%');
  });

  it('tells of the budget of who is asked, and of no other', async () => {
    const engine = await start([
      { ...{ id: 'of-dear', of: { provider: 'dear' }, per: 'day', usd: 1.5 }, warnAt: 0.5 },
      { ...{ id: 'of-cheap', of: { provider: 'cheap' }, per: 'day', usd: 1.5 }, warnAt: 0.5 },
    ]);
    await ask(engine);
    const told = async (model: string) => (await ask(engine, model)).reply.headers.get('x-cproxy-budget');
    expect(await told('cheap/m')).toBeNull();
    expect(await told('dear/m')).toBe('of-dear 66%');
    expect(await told('both')).toBe('of-dear 133%');
  });
});

describe('a budget that sends requests elsewhere', () => {
  it('does so once it is spent, and says so', async () => {
    const engine = await start([
      { id: 'daily', per: 'day', usd: 1, whenSpent: 'downgrade', use: ['cheap/m'] },
      { id: 'loose', per: 'day', usd: 1 },
    ]);
    expect((await ask(engine)).reply.headers.get('x-cproxy-provider')).toBe('dear');
    const { reply, row } = await ask(engine);
    expect(reply.headers.get('x-cproxy-provider')).toBe('cheap');
    expect(reply.headers.get('x-cproxy-route')).toBe('budget daily');
    expect(row.trace.find(({ step }) => step === 'budget')?.detail).toMatch(
      /^budget 'daily': \$1\.00 of \$1\.00 are spent today: other targets until it begins anew/,
    );
    const simulated = await (await client(engine)).routing.simulate({ request: 'latest' });
    expect(JSON.stringify(simulated)).toContain('budget daily');
  });

  it('of one provider puts others in its place', async () => {
    const engine = await start([
      { ...{ id: 'dear', of: { provider: 'dear' }, per: 'day', usd: 1 }, whenSpent: 'downgrade', use: ['cheap/m'] },
    ]);
    await ask(engine);
    const { reply, row } = await ask(engine);
    expect(reply.headers.get('x-cproxy-provider')).toBe('cheap');
    expect(row.route).not.toContain('budget');
  });

  it('leaves out a provider whose own budget is spent and refuses', async () => {
    const engine = await start([
      { id: 'daily', per: 'day', tokens: 10, whenSpent: 'downgrade', use: ['cheap/m', 'dear/unpriced'] },
      { id: 'cheap', of: { provider: 'cheap' }, per: 'day', tokens: 5, whenSpent: 'refuse' },
    ]);
    await ask(engine, 'cheap/m');
    const { reply, row } = await ask(engine, 'cheap/m');
    expect(reply.headers.get('x-cproxy-provider')).toBe('dear');
    expect(reply.headers.get('x-cproxy-model')).toBe('unpriced');
    expect(row.trace.find(({ step }) => step === 'target skipped')?.detail).toMatch(/^cheap\/m: budget 'cheap': /);
  });

  it('warns where it leads nowhere, and refuses then', async () => {
    const engine = await start([{ id: 'daily', per: 'day', usd: 1, whenSpent: 'downgrade', use: ['gone/m'] }]);
    expect(engine.engine.status().warnings).toContain(
      "Budget 'daily' leads to 'gone/m', which no enabled provider has.",
    );
    await ask(engine);
    expect((await ask(engine)).reply.status).toBe(402);
  });
});

it('rules can go by how far budgets are spent', async () => {
  const engine = await start([{ id: 'daily', per: 'day', usd: 2, warnAt: 0.5 }], {
    routing: { rules: [{ id: 'thrifty', when: { budget: 'warning' }, use: { targets: ['cheap/m'] } }] },
  });
  expect((await ask(engine)).reply.headers.get('x-cproxy-provider')).toBe('dear');
  expect((await ask(engine)).reply.headers.get('x-cproxy-route')).toBe('rule thrifty');
});

describe('counts', () => {
  it('what failed and broken answers used, and how often a cost is not known', async () => {
    const engine = await start([{ id: 'all', per: 'day', usd: 5, tokens: 1_000_000 }]);
    upstream.queue(fail(529));
    await ask(engine, 'both');
    upstream.queue(
      answer([{ type: 'text', text: 'one two' }], { usage, wire: { breakAfter: { frames: 3, how: 'reset' } } }),
    );
    const cut = await engine.ask(question('x', { model: 'dear/m', stream: true }));
    await cut.text().catch(() => '');
    await ask(engine, 'dear/unpriced');
    expect(await budgetsOf(engine)).toMatchObject([
      { usd: { spent: expect.closeTo(1.00002, 4) }, tokens: { spent: 200_011 }, costUnknown: 1, state: 'within' },
    ]);
  });

  it('only what comes with its client token, or from its folder', async () => {
    const engine = await start([
      { id: 'ci', of: { client: 'ci' }, per: 'day', usd: 1, whenSpent: 'refuse' },
      { id: 'shop', of: { project: '/work/shop' }, per: 'day', usd: 1, whenSpent: 'refuse' },
    ]);
    const { token } = await (await client(engine)).tokens.create({ name: 'ci' });
    const asCi = { headers: { authorization: `Bearer ${token}` } };
    const inShop = { headers: { 'x-cproxy-project': '/work/shop' } };
    await ask(engine);
    expect(await budgetsOf(engine)).toMatchObject([{ usd: { spent: 0 } }, { usd: { spent: 0 } }]);
    await ask(engine, 'dear/m', asCi);
    expect((await ask(engine, 'dear/m', asCi)).reply.status).toBe(402);
    expect((await ask(engine, 'dear/m', inShop)).reply.status).toBe(200);
    expect((await ask(engine, 'dear/m', inShop)).text).toContain("Budget 'shop'");
    expect((await ask(engine)).reply.status).toBe(200);
  });

  it('from nothing again once it is reset', async () => {
    const engine = await start([{ id: 'daily', per: 'day', usd: 1, whenSpent: 'refuse' }]);
    await ask(engine);
    const control = await client(engine);
    await expect(control.budgets.reset({ id: 'none' })).rejects.toMatchObject({ code: 'invalid_field' });
    expect(await control.budgets.reset({ id: 'daily' })).toMatchObject([{ usd: { spent: 0 }, state: 'within' }]);
    // A crash now would not take it back.
    expect(JSON.parse(await readFile(path.join(engine.home, 'data', 'budgets.json'), 'utf8'))).toMatchObject({
      budgets: [{ usd: 0, isReset: true }],
    });
    expect((await ask(engine)).reply.status).toBe(200);
  });

  it('on, when its figures change while it runs', async () => {
    const engine = await start([{ id: 'daily', per: 'day', usd: 1, whenSpent: 'refuse' }], {}, { reloads: true });
    await ask(engine);
    await engine.reconfigure(config([{ id: 'daily', per: 'day', usd: 4, whenSpent: 'refuse' }]));
    expect(await budgetsOf(engine)).toMatchObject([{ usd: { spent: 1, limit: 4 } }]);
    expect((await ask(engine)).reply.status).toBe(200);
    // What was used before there was a budget counts as well.
    await ask(engine, 'dear/m', { headers: { 'x-cproxy-project': '/work/shop/till' } });
    await engine.reconfigure(
      config([
        { id: 'monthly', per: 'month', usd: 100 },
        { id: 'shop', of: { project: '/work/shop/', provider: 'dear' }, per: 'day', usd: 100 },
        { id: 'other', of: { project: '/work/sho' }, per: 'day', usd: 100 },
      ]),
    );
    await waitUntil('what the ledger knows', async () => (await budgetsOf(engine))[0]?.usd?.spent === 3);
    await waitUntil('what it knows of a folder', async () => (await budgetsOf(engine))[1]?.usd?.spent === 1);
    expect((await budgetsOf(engine))[2]?.usd?.spent).toBe(0);
  });
});

describe('what is spent', () => {
  const daily: Budget = { id: 'daily', per: 'day', usd: 1, whenSpent: 'refuse' };
  const isSpent = (engine: RunningEngine) =>
    waitUntil('what was spent', async () => (await budgetsOf(engine))[0]?.state === 'spent');

  it.each([
    ['as it was', async () => undefined],
    ['by the ledger, where its file is gone', (file: string) => rm(file)],
    ['by the ledger, where its file cannot be understood', (file: string) => writeFile(file, '{"budgets": 5')],
  ])('is known after a restart, %s', async (_name, change) => {
    const { home } = await start([daily]).then(async (engine) => {
      await ask(engine);
      return engine;
    });
    // The first engine is stopped without its folder being removed.
    await running?.engine.stop();
    const file = path.join(home, 'data', 'budgets.json');
    expect(JSON.parse(await readFile(file, 'utf8')).budgets).toMatchObject([{ usd: 1 }]);
    await change(file);
    const again = await start([daily], {}, { home });
    await isSpent(again);
    await again.engine.stop();
    await rm(home, { recursive: true, force: true });
    running = null;
  });

  it('is known by its file, where the history is kept in memory', async () => {
    const inMemory: ConfigInput = { history: { keep: 'memory' } };
    const { home } = await start([daily], inMemory).then(async (engine) => {
      await ask(engine);
      return engine;
    });
    await running?.engine.stop();
    const again = await start([daily], inMemory, { home });
    await isSpent(again);
    await again.engine.stop();
    await rm(home, { recursive: true, force: true });
    running = null;
  });

  it('is known by the ledger after a crash before its file was written', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'cproxy-budgets-'));
    try {
      await mkdir(path.join(home, 'data'), { recursive: true });
      await writeFile(
        path.join(home, 'config.json'),
        JSON.stringify(config([daily], { server: { port: 0 }, modelLists: { fetch: false } })),
      );
      const first = await serveEngine(home);
      const { token } = first;
      const askOne = (served: ServedEngine) =>
        fetch(`${served.url}/v1/messages`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify(question('hello', { model: 'dear/m' })),
        });
      const answered = await askOne(first);
      await answered.text();
      expect(answered.status).toBe(200);
      await waitUntil('its row on the disk', () =>
        first.control(async (control) => (await control.history.view()).requests === 1),
      );
      process.kill(first.pid, 'SIGKILL');
      await first.stop();
      await rm(path.join(home, 'data', 'budgets.json'), { force: true });
      await using second = await serveEngine(home);
      await waitUntil('what was spent', () =>
        second.control(async (control) => (await control.budgets.view())[0]?.state === 'spent'),
      );
      expect((await askOne(second)).status).toBe(402);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  }, 60_000);

  it('is counted where its file cannot be written, and that is said', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'cproxy-budgets-'));
    // Nobody can replace a folder with a file, root neither.
    await mkdir(path.join(home, 'data', 'budgets.json', 'in-the-way'), { recursive: true });
    const engine = await start([daily], {}, { home });
    expect(engine.engine.status().warnings.join()).toMatch(/budgets\.json could not be read/);
    await ask(engine);
    expect((await ask(engine)).reply.status).toBe(402);
    await engine.engine.stop();
    expect(engine.engine.status().warnings.join()).toMatch(/budgets\.json could not be written/);
    // The ledger has it.
    const again = await start([daily], {}, { home });
    await isSpent(again);
    await again.engine.stop();
    await rm(home, { recursive: true, force: true });
    running = null;
  });
});
