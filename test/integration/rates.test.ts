import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { contentOf, errorOf, readEvents } from '../helpers/answers.ts';
import { checkEventGrammar } from '../helpers/event-grammar.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, type Step, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Rate = NonNullable<NonNullable<ConfigInput['limits']>['rates']>[number];

let a: ScriptableUpstream;
let b: ScriptableUpstream;

beforeAll(async () => {
  a = await startUpstream();
  b = await startUpstream();
});
beforeEach(() => {
  for (const upstream of [a, b]) upstream.reset();
  a.script(() => say('from a'));
  b.script(() => say('from b'));
});
afterAll(async () => {
  await a.close();
  await b.close();
});

const config = (rates: Rate[], rest: ConfigInput = {}): ConfigInput => ({
  server: { pingMs: 40 },
  routing: { holdMs: 40 },
  providers: [
    { id: 'a', type: 'anthropic-compatible', baseUrl: a.url, models: ['m'], priority: 1 },
    { id: 'b', type: 'anthropic-compatible', baseUrl: b.url, models: ['m'], priority: 2 },
  ],
  aliases: { both: ['a/m', 'b/m'] },
  limits: { rates },
  ...rest,
});

const client = async (running: RunningEngine) => createRouterClient(await running.engine.controlRouter());
const rows = async (running: RunningEngine): Promise<RequestRow[]> => (await client(running)).requests.list({});
const counters = async (running: RunningEngine) => {
  const { rates } = await (await client(running)).limits.view();
  return rates.flatMap(({ id, counters: all }) => all.map((counter) => ({ id, ...counter })));
};
const ask = (running: RunningEngine, text = 'hello', model = 'a/m', rest: Record<string, unknown> = {}) =>
  running.ask(question(text, { model, ...rest }));
const waiting = (running: RunningEngine, count: number) =>
  waitUntil('who waits', async () => (await counters(running)).some((counter) => counter.waiting === count));

it('refuses requests over a rate, before anyone is asked, and says when to ask again', async () => {
  await using running = await runEngine(config([{ id: 'few', requestsPerMinute: 2 }]));
  expect((await ask(running)).status).toBe(200);
  expect((await ask(running)).status).toBe(200);
  const refused = await ask(running);
  expect(refused.status).toBe(429);
  const seconds = Number(refused.headers.get('retry-after'));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(60);
  expect(await refused.json()).toMatchObject({
    type: 'error',
    error: {
      type: 'rate_limit_error',
      message: `Limit 'few' is reached: 2 requests a minute. Ask again in ${seconds} s, or change it at limits.rates in the configuration.`,
    },
  });
  expect(a.asked).toHaveLength(2);
  const [row] = await rows(running);
  expect(row).toMatchObject({ state: 'failed', error: { code: 'rate_limited' }, attempts: [], route: null });
  // Counting tokens is no request.
  const count = await running.ask(question('x', { model: 'a/m' }), { path: '/v1/messages/count_tokens' });
  expect(count.status).toBe(200);
  expect(await counters(running)).toMatchObject([{ id: 'few', who: null, requests: { used: 2, left: 0 }, running: 0 }]);
  const metrics = await (
    await fetch(`${running.url}/metrics`, { headers: { authorization: `Bearer ${running.token}` } })
  ).text();
  expect(metrics).toContain('cproxy_rate_refused_total{limit="few"} 1');
  expect(metrics).toContain('cproxy_rate_waiting{limit="few"} 0');
});

it('counts tokens as they were reported, and those of a kept answer not at all', async () => {
  const rates: Rate[] = [
    { id: 'tokens', tokensPerMinute: 100_000 },
    { id: 'at-a', of: { provider: 'a' }, requestsPerMinute: 10, tokensPerMinute: 100_000 },
  ];
  await using running = await runEngine(
    config(rates, { routing: { rules: [{ id: 'again', use: { targets: ['a/m'], cache: true } }] } }),
  );
  expect((await ask(running, 'x'.repeat(4_000))).headers.get('x-cproxy-cache')).toBe('miss');
  const used = { tokens: { used: 32 } };
  // The upstream's own 25 and 7, and no longer the estimate of some thousand.
  await waitUntil('the count', async () => (await counters(running)).every(({ tokens }) => tokens?.used === 32));
  expect((await ask(running, 'x'.repeat(4_000))).headers.get('x-cproxy-cache')).toBe('hit');
  await waitUntil('the end', async () => (await counters(running)).every(({ running: under }) => under === 0));
  expect(await counters(running)).toMatchObject([used, { ...used, requests: { used: 1 } }]);
});

it('goes to another target where a provider is over its rate, and back to refusing where none is left', async () => {
  await using running = await runEngine(config([{ id: 'slow', of: { provider: 'a' }, requestsPerMinute: 1 }]));
  expect(await (await ask(running, 'x', 'both')).text()).toContain('from a');
  expect(await (await ask(running, 'x', 'both')).text()).toContain('from b');
  const [row] = await rows(running);
  expect(row?.attempts.map(({ provider, outcome, error }) => [provider, outcome, error?.code])).toEqual([
    ['a', 'failed', 'rate_limited'],
    ['b', 'answered', undefined],
  ]);
  expect(row?.trace.find(({ step }) => step === 'attempt failed')?.detail).toContain("Limit 'slow' is reached");
  expect(a.asked).toHaveLength(1);
  const refused = await ask(running, 'x', 'a/m');
  expect([refused.status, refused.headers.has('retry-after')]).toEqual([429, true]);
  expect(await refused.text()).toContain("Limit 'slow' is reached: 1 request a minute");
  // A limit of ours speaks against nobody.
  const status = running.engine.status().providers.find(({ id }) => id === 'a');
  expect(status?.circuits).toEqual([]);
});

it('takes another key where one is over its rate, and lets that one rest', async () => {
  const keys = [{ key: 'env:FIRST', weight: 1e9 }, { key: 'env:SECOND' }];
  const env = { FIRST: 'sk-canary-first-0000', SECOND: 'sk-canary-second-1111' };
  const many: ConfigInput = config([{ id: 'by-key', each: 'key', requestsPerMinute: 1 }], {
    providers: [{ id: 'a', type: 'anthropic-compatible', baseUrl: a.url, models: ['m'], keys }],
    aliases: {},
  });
  await using running = await runEngine(many, { env });
  for (const _ of keys) expect((await ask(running)).status).toBe(200);
  const used = a.asked.map(({ headers }) => String(headers['x-api-key'] ?? headers.authorization));
  expect(used.map((key) => Object.entries(env).find(([, value]) => key.includes(value))?.[0]).sort()).toEqual([
    'FIRST',
    'SECOND',
  ]);
  const refused = await ask(running);
  const text = await refused.text();
  expect([refused.status, a.asked.length]).toEqual([429, 2]);
  const view = JSON.stringify(await (await client(running)).limits.view());
  for (const key of Object.values(env)) expect(text + view).not.toContain(key);
  expect((await counters(running)).map(({ who, requests }) => [who, requests?.used])).toEqual([
    [expect.stringMatching(/^a\//), 1],
    [expect.stringMatching(/^a\//), 1],
  ]);
});

it('counts each client and each project by itself', async () => {
  const rates: Rate[] = [
    { id: 'projects', each: 'project', requestsPerMinute: 1 },
    { id: 'only-x', of: { project: '/work/x' }, requestsPerMinute: 5 },
    { id: 'clients', each: 'client', requestsPerMinute: 50 },
  ];
  await using running = await runEngine(config(rates));
  const from = (project: string) =>
    running.ask(question('x', { model: 'a/m' }), { headers: { 'x-cproxy-project': project } });
  expect([(await from('/work/x')).status, (await from('/work/y')).status]).toEqual([200, 200]);
  const refused = await from('/work/x');
  expect(refused.status).toBe(429);
  expect(await refused.text()).toContain("for project '/work/x'");
  const seen = await counters(running);
  expect(seen.map(({ id, who, requests }) => [id, who, requests?.used])).toEqual([
    ['projects', '/work/x', 1],
    ['projects', '/work/y', 1],
    ['only-x', null, 1],
    ['clients', 'first', 2],
  ]);
});

it('never has more of a hundred at a time than it may, and answers them all', async () => {
  await using running = await runEngine(
    config([{ id: 'three', of: { provider: 'a' }, concurrent: 3, wait: { most: 100, ms: 60_000 } }]),
  );
  let under = 0;
  let most = 0;
  const three = Promise.withResolvers<void>();
  a.script(async () => {
    under += 1;
    most = Math.max(most, under);
    if (under === 3) three.resolve();
    await three.promise;
    await new Promise((resolve) => setTimeout(resolve, 1));
    under -= 1;
    return say('done');
  });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => ask(running, String(index))));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  await Promise.all(answers.map((answer) => answer.text()));
  expect(most).toBe(3);
  expect(a.asked).toHaveLength(100);
  await waitUntil('the end', async () => (await counters(running)).every(({ running: left }) => left === 0));
});

/** One at a time, whose answers come when the test says so. */
async function oneAtATime(rate: Partial<Rate> = {}) {
  const answers: PromiseWithResolvers<Step>[] = [];
  a.script(() => {
    const answer = Promise.withResolvers<Step>();
    answers.push(answer);
    return answer.promise;
  });
  const running = await runEngine(config([{ id: 'one', concurrent: 1, wait: { most: 2, ms: 60_000 }, ...rate }]), {
    reloads: true,
  });
  const first = ask(running, 'first');
  await a.waitFor(1);
  return { running, answers, first };
}
const textOf = ({ json }: { json: Record<string, unknown> }): string =>
  String((json.messages as { content: string }[])[0]?.content);

it('keeps a stream alive that waits, in its order, and counts the wait as no work of its own', async () => {
  const { running, answers, first } = await oneAtATime();
  await using _ = running;
  const second = ask(running, 'second', 'a/m', { stream: true });
  await waiting(running, 1);
  const third = ask(running, 'third');
  await waiting(running, 2);
  const held = await second;
  expect(held.headers.get('content-type')).toContain('text/event-stream');
  const full = await ask(running, 'fourth');
  expect(full.status).toBe(429);
  expect(await full.text()).toContain('as many wait as may (wait.most: 2)');
  answers[0]?.resolve(say('one'));
  await (await first).text();
  await a.waitFor(2);
  answers[1]?.resolve(say('two'));
  const { events, text } = await readEvents(held);
  expect(checkEventGrammar(events)).toEqual([]);
  expect(text).toContain('event: ping');
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'two' }]);
  await a.waitFor(3);
  answers[2]?.resolve(say('three'));
  expect((await third).status).toBe(200);
  expect(a.asked.map(textOf)).toEqual(['first', 'second', 'third']);
  const row = (await rows(running)).find(({ stream }) => stream);
  expect(row?.queuedMs).toBeGreaterThanOrEqual(40);
  expect(row?.overheadMs ?? Infinity).toBeLessThan(row?.endedMs ?? 0);
  expect((row?.overheadMs ?? 0) + (row?.queuedMs ?? 0)).toBeLessThanOrEqual(row?.endedMs ?? 0);
  expect(row?.trace.find(({ step }) => step === 'waited')?.detail).toBe("for limit 'one'; 0 had waited for longer");
});

it('forgets who leaves while waiting, and refuses who waits for too long', async () => {
  const { running, answers, first } = await oneAtATime();
  await using _ = running;
  const leaver = new AbortController();
  const second = running.ask(question('second', { model: 'a/m' }), { signal: leaver.signal }).catch(() => null);
  await waiting(running, 1);
  leaver.abort();
  await second;
  await waiting(running, 0);
  expect((await rows(running))[0]).toMatchObject({ state: 'aborted', attempts: [] });
  await running.reconfigure(config([{ id: 'one', concurrent: 1, wait: { most: 2, ms: 20 } }]));
  const late = await ask(running, 'late', 'a/m', { stream: true });
  expect(errorOf((await readEvents(late)).events)?.message ?? 'refused').toContain('refused');
  answers[0]?.resolve(say('one'));
  expect((await first).status).toBe(200);
  expect(a.asked.map(textOf)).toEqual(['first']);
});

it('lets who waits pass when the configuration allows it, and goes on counting', async () => {
  const { running, answers, first } = await oneAtATime({ requestsPerMinute: 3 });
  await using _ = running;
  const second = ask(running, 'second');
  await waiting(running, 1);
  await running.reconfigure(config([{ id: 'one', concurrent: 2, requestsPerMinute: 2 }]));
  await a.waitFor(2);
  for (const answer of answers) answer.resolve(say('done'));
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
  const refused = await ask(running, 'third');
  expect(await refused.text()).toContain('2 requests a minute');
  await running.reconfigure(config([]));
  const free = ask(running, 'fourth');
  await a.waitFor(3);
  answers[2]?.resolve(say('done'));
  expect((await free).status).toBe(200);
});

it('tells who waits to ask again later when it stops, and lets those under way finish', async () => {
  const { running, answers, first } = await oneAtATime();
  const second = ask(running, 'second');
  await waiting(running, 1);
  const stopped = running.stop();
  expect((await second).status).toBe(503);
  answers[0]?.resolve(say('one'));
  expect((await first).status).toBe(200);
  await stopped;
  expect(a.asked).toHaveLength(1);
});

it('waits for a provider only where no other target is left', async () => {
  const { running, answers, first } = await oneAtATime({ of: { provider: 'a' } });
  await using _ = running;
  expect(await (await ask(running, 'x', 'both')).text()).toContain('from b');
  const second = ask(running, 'second');
  await waiting(running, 1);
  answers[0]?.resolve(say('one'));
  await first;
  await a.waitFor(2);
  answers[1]?.resolve(say('two'));
  expect((await second).status).toBe(200);
  const row = (await rows(running)).find(({ trace }) => trace.some(({ step }) => step === 'waited'));
  expect(row?.attempts).toHaveLength(1);
  expect(row?.attempts[0]?.queuedMs).toBeGreaterThan(0);
});

it('goes on counting after a restart', async () => {
  await using before = await runEngine(config([{ id: 'few', requestsPerMinute: 2 }]));
  for (const _ of [1, 2]) await ask(before);
  const { home, token } = before;
  await before.engine.stop();
  const after = await runEngine(config([{ id: 'few', requestsPerMinute: 2 }]), { home });
  try {
    const refused = await after.ask(question('x', { model: 'a/m' }), { headers: { authorization: `Bearer ${token}` } });
    expect(refused.status).toBe(429);
  } finally {
    await after.engine.stop();
  }
});
