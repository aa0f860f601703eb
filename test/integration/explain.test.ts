import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explanationLines } from '../../src-main/cli/explain.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { agentTools, question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { close, fail, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

let first: ScriptableUpstream;
let second: ScriptableUpstream;
beforeEach(async () => {
  [first, second] = await Promise.all([startUpstream(), startUpstream()]);
  first.script(() => say('fine'));
  second.script(() => say('fine too'));
});
afterEach(() => Promise.all([first.close(), second.close()]));

const canaries = ['canary-key-1f8e', 'canary-header-77aa', 'canary-proxy-90cc'];

const configWith = (more: ConfigInput = {}): ConfigInput => ({
  providers: [
    {
      id: 'first',
      type: 'anthropic-compatible',
      baseUrl: first.url,
      key: 'env:FIRST_KEY',
      headers: { 'x-gateway': 'canary-header-77aa' },
      models: ['big'],
    },
    { id: 'second', type: 'openai-compatible', baseUrl: second.url, models: ['big'] },
  ],
  ...more,
  routing: { retries: { rounds: 0 }, ...more.routing },
});
const run = (more: ConfigInput = {}): Promise<RunningEngine> =>
  runEngine(configWith(more), {
    env: { FIRST_KEY: 'canary-key-1f8e', HTTP_PROXY: 'http://u:canary-proxy-90cc@127.0.0.1:9' },
  });
const controlOf = async ({ engine }: RunningEngine) => createRouterClient(await engine.controlRouter());

describe('the explanation of a request', () => {
  it('says which rule matched, what was tried and how long it took, under the id that its answer bears', async () => {
    await using running = await run({
      routing: {
        rules: [
          { id: 'large', when: { inputTokens: { min: 100_000 } }, use: { targets: 'second/big' } },
          {
            id: 'tools',
            when: { tools: 'Bash' },
            use: { targets: 'first/big', fallback: 'second/big', change: { maxTokens: 50 } },
          },
          { id: 'rest', use: { targets: 'second/big' } },
        ],
      },
    });
    first.script(() => fail(529, { type: 'overloaded_error' }));
    const answer = await running.ask(question('hi', { tools: agentTools }), { headers: { 'x-team': 'blue' } });
    await answer.text();
    expect(answer.headers.get('x-cproxy-route')).toBe('rule tools');
    const id = answer.headers.get('x-cproxy-request-id') ?? '';
    const control = await controlOf(running);
    const view = await control.requests.explain({ id: id.slice(0, 14) });
    expect(view).toMatchObject({
      request: {
        id,
        state: 'answered',
        route: 'rule tools',
        attempts: [
          { provider: 'first', outcome: 'failed', status: 529, error: { code: 'provider_error' } },
          { provider: 'second', outcome: 'answered', status: 200 },
        ],
      },
      route: {
        route: 'rule tools',
        facts: { class: 'main', tools: ['Bash', 'Read'], headers: { 'x-team': '' }, model: 'm', maxTokens: 256 },
        changes: { maxTokens: 50 },
        candidates: [
          { provider: 'first', model: 'big', place: 'target', order: 1 },
          { provider: 'second', model: 'big', place: 'fallback', order: 2 },
        ],
      },
    });
    expect(view?.route?.rules.map(({ id: rule, outcome }) => `${rule} ${outcome}`).slice(0, 3)).toEqual([
      'large not-matched',
      'tools matched',
      'rest not-reached',
    ]);
    for (const { startedMs, endedMs } of view?.request.attempts ?? [])
      expect(endedMs ?? 0).toBeGreaterThanOrEqual(startedMs);
    // What travels is plain data.
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
    expect(await control.requests.explain({})).toMatchObject({ request: { id } });
    expect(await control.requests.explain({ id: 'failed' })).toBeNull();
  });

  it('is there for what leads nowhere as well', async () => {
    await using running = await run();
    expect((await running.ask(question('hi', { model: 'bigg' }))).status).toBe(404);
    const view = await (await controlOf(running)).requests.explain({ id: 'failed' });
    expect(view).toMatchObject({
      request: { state: 'failed', error: { code: 'unknown_model' }, attempts: [] },
      route: { naming: { as: 'unknown' }, candidates: [], facts: { model: 'bigg' } },
    });
    expect(view?.route?.problem).toContain('Near matches: first/big');
  });

  it('is there while a request is under way', async () => {
    await using running = await run();
    const gate = Promise.withResolvers<void>();
    first.script(async () => {
      await gate.promise;
      return say('late');
    });
    const asked = running.ask(question('hi', { model: 'big' }));
    await first.waitFor(1);
    expect(await (await controlOf(running)).requests.explain({})).toMatchObject({
      request: { state: 'running', attempts: [{ provider: 'first', outcome: 'running' }] },
      route: { facts: { model: 'big', inputTokens: expect.any(Number) } },
    });
    gate.resolve();
    expect((await asked).status).toBe(200);
  });

  it('holds no secret, whatever a provider repeats of what it was sent', async () => {
    await using running = await run({ aliases: { all: ['first/big', 'second/big'] } });
    first.script(({ headers }) =>
      fail(500, { message: `you sent ${JSON.stringify(headers)} to /v1?key=canary-key-1f8e` }),
    );
    second.script(() => close());
    const answer = await running.ask(question('hi', { model: 'all' }), {
      headers: { 'x-forwarded-for': '10.1.2.3' },
      path: '/v1/messages?beta=true&key=canary-key-1f8e',
    });
    await answer.text();
    const control = await controlOf(running);
    const view = await control.requests.explain({});
    expect(view?.request.attempts).toHaveLength(2);
    const told = JSON.stringify([
      view,
      await control.routing.view(),
      await control.routing.simulate({ request: 'latest' }),
      await control.routing.simulate({ last: 10 }),
      view === null ? [] : explanationLines(view),
    ]);
    expect(told).toContain('[redacted]');
    for (const secret of [...canaries, running.token]) expect(told).not.toContain(secret);
  });

  it('keeps to the route that answers of every door name, in whatever script', async () => {
    await using running = await run({ aliases: { schnell: 'first/big', 'быстро 快': 'second/big' } });
    const control = await controlOf(running);
    const doors: [string, Record<string, unknown>][] = [
      ['/v1/messages', question()],
      ['/v1/messages', question('hi', { stream: true })],
      ['/v1/messages/count_tokens', question()],
      ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
      ['/v1/responses', { input: 'hi', store: false }],
      ['/v1/responses/input_tokens', { input: 'hi' }],
    ];
    for (const [path, body] of doors)
      for (const model of ['schnell', 'быстро 快']) {
        const answer = await running.ask({ ...body, model }, { path });
        await answer.text();
        expect([path, answer.status]).toEqual([path, 200]);
        const route = answer.headers.get('x-cproxy-route') ?? '';
        expect(route).toMatch(/^[\x20-\x7e]+$/);
        expect(decodeURIComponent(route)).toBe(`alias ${model}`);
        if (!path.endsWith('tokens')) expect((await control.requests.explain({}))?.route?.route).toBe(`alias ${model}`);
      }
  });
});
