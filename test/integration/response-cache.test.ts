import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { agentTools, question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { callTools, fail, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

let upstream: ScriptableUpstream & AsyncDisposable;
let running: RunningEngine;

type Cache = NonNullable<NonNullable<NonNullable<ConfigInput['routing']>['rules']>[number]['use']['cache']>;

const config = (cache: Cache = true, rest: Partial<ConfigInput> = {}): ConfigInput => ({
  providers: [
    { id: 'a', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m', 'n'] },
    { id: 'o', type: 'openai-compatible', baseUrl: upstream.url, models: ['gpt'] },
  ],
  routing: { rules: [{ id: 'again', when: { model: ['m', 'n', 'gpt'] }, use: { cache } }] },
  ...rest,
});

beforeEach(async () => {
  upstream = await startUpstream();
  running = await runEngine(config(), { reloads: true });
});
afterEach(async () => {
  await running.stop();
  await upstream.close();
});

const rows = async (): Promise<RequestRow[]> =>
  createRouterClient(await running.engine.controlRouter()).requests.list({ limit: 100 });
const states = async () =>
  (await rows()).map(({ state, cache, attempts }) => ({ state, cache, attempts: attempts.length }));
const cacheOf = (response: Response) => response.headers.get('x-cproxy-cache');
/** What it was told, and how. */
const ask = async (body: unknown, options: Parameters<RunningEngine['ask']>[1] = {}) => {
  const response = await running.ask(body, options);
  return { cache: cacheOf(response), status: response.status, text: await response.text(), headers: response.headers };
};

/** A server that answers each request so. */
async function listen(answer: (response: ServerResponse) => Promise<void>) {
  const server = createServer((request, response) => {
    request.resume();
    void answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The events of a short answer, as they travel. */
function anthropicFrames(text: string): string[] {
  const events = [
    {
      type: 'message_start',
      message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], usage: { input_tokens: 1 } },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ...text.split(' ').map((word) => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: word },
    })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 4 } },
    { type: 'message_stop' },
  ];
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** Answers wait until it is opened. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

describe('an answer that was given before', () => {
  it.each([
    ['as a stream', true],
    ['whole', false],
  ])('is given again, byte for byte: %s', async (_how, stream) => {
    upstream.script((_request, index) => say(`answer ${index} ${'x'.repeat(100_000)}`, { fragment: 5_000 }));
    const first = await ask(question('x', { stream }));
    const second = await ask(question('x', { stream }));
    expect(first).toMatchObject({ cache: 'miss', status: 200 });
    expect(second).toMatchObject({ cache: 'hit', status: 200, text: first.text });
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(Object.fromEntries(second.headers)).toMatchObject({
      age: '0',
      'x-cproxy-provider': 'a',
      'x-cproxy-model': 'm',
      'x-cproxy-route': 'rule again',
    });
    expect(upstream.asked).toHaveLength(1);
    expect(await states()).toEqual([
      { state: 'answered', cache: 'hit', attempts: 0 },
      { state: 'answered', cache: 'stored', attempts: 1 },
    ]);
  });

  it('is given in the other dialects as well', async () => {
    for (const path of ['/v1/chat/completions', '/v1/responses'])
      for (const stream of [true, false]) {
        const body = path.endsWith('responses')
          ? { model: 'gpt', input: 'x', stream }
          : { model: 'gpt', messages: [{ role: 'user', content: 'x' }], stream };
        const first = await ask(body, { path });
        const second = await ask(body, { path });
        expect([first.cache, second.cache, second.text]).toEqual(['miss', 'hit', first.text]);
      }
    expect(upstream.asked).toHaveLength(4);
  });

  it('is given whatever is volatile in the request, and whoever asks', async () => {
    const attribution = (text: string) => ({ type: 'text', text: `x-anthropic-billing-header: ${text}` });
    const body = (user: string, version: string) =>
      question('x', { metadata: { user_id: user }, system: [attribution(version), { type: 'text', text: 'be kind' }] });
    const client = createRouterClient(await running.engine.controlRouter());
    const other = await client.tokens.create({ name: 'other' });
    expect((await ask(body('u1', 'cc_version=1'))).cache).toBe('miss');
    const { messages, model, ...rest } = body('u2', 'cc_version=2');
    const turned = { messages, ...rest, model };
    expect((await ask(turned, { headers: { authorization: `Bearer ${other.token}` } })).cache).toBe('hit');
    expect((await ask({ ...turned, system: 'be kind' })).cache).toBe('miss');
  });

  it.each<[string, unknown, Record<string, string>]>([
    ['another model', question('x', { model: 'n' }), {}],
    ['another text', question('y'), {}],
    ['a stream and not a whole one', question('x', { stream: true }), {}],
    ['another beta', question('x'), { 'anthropic-beta': 'context-1m-2025-08-07' }],
  ])('is not given to who asks for %s', async (_what, body, headers) => {
    await ask(question('x'));
    expect((await ask(body, { headers })).cache).toBe('miss');
  });

  it('is not given where no rule says so', async () => {
    const quiet = await running.reconfigure({ ...config(), routing: {} });
    expect(quiet.problems).toEqual([]);
    expect([(await ask(question('x'))).cache, (await ask(question('x'))).cache]).toEqual([null, null]);
  });

  it('is given after a reload, but not by a rule that changes the request, nor by a new address', async () => {
    await ask(question('x'));
    await running.reconfigure(config(true, { server: { pingMs: 9_000 } }));
    expect((await ask(question('x'))).cache).toBe('hit');
    await running.reconfigure(
      config(true, { routing: { rules: [{ id: 'again', use: { cache: true, change: { maxTokens: 9 } } }] } }),
    );
    expect((await ask(question('x'))).cache).toBe('miss');
    await running.reconfigure(
      config(true, {
        providers: [{ id: 'a', type: 'anthropic-compatible', baseUrl: `${upstream.url}/v1/`, models: ['m'] }],
      }),
    );
    await ask(question('x'));
    const elsewhere = {
      id: 'a',
      type: 'anthropic-compatible' as const,
      baseUrl: `${upstream.url}/other`,
      models: ['m'],
    };
    await running.reconfigure(config(true, { providers: [elsewhere] }));
    expect((await ask(question('x'))).cache).toBe('miss');
  });

  it('is given no longer than a rule says, also one that says so later', async () => {
    await ask(question('x'));
    await running.reconfigure(config({ ttlMs: 1 }));
    expect((await ask(question('x'))).cache).toBe('miss');
  });
});

describe('what is not kept', () => {
  it('errors, cut answers and refusals', async () => {
    upstream.queue(
      fail(400),
      say('cut off', { breakAfter: { frames: 4, how: 'end' } }),
      { ...say('no'), stopReason: 'refusal' },
      say('good'),
    );
    for (let time = 0; time < 4; time += 1) expect((await ask(question('x', { stream: true }))).cache).toBe('miss');
    expect((await ask(question('x', { stream: true }))).cache).toBe('hit');
    expect((await rows()).map(({ cache }) => cache)).toEqual(['hit', 'stored', null, null, null]);
  });

  it('answers of agents, unless the rule says so', async () => {
    upstream.script(() => callTools([{ name: 'Bash', input: { command: 'ls' } }]));
    const body = question('x', { tools: agentTools });
    expect([(await ask(body)).cache, (await ask(body)).cache]).toEqual([null, null]);
    await running.reconfigure(config({ agentTurns: true }));
    expect([(await ask(body)).cache, (await ask(body)).cache]).toEqual(['miss', 'hit']);
  });

  it('answers that are larger than cache.maxAnswerBytes, nor more than cache.maxBytes of them', async () => {
    await running.reconfigure(config(true, { cache: { maxAnswerBytes: 20_000, maxBytes: 50_000 } }));
    upstream.script(({ text }) => say('y'.repeat(text.includes('large') ? 30_000 : 15_000)));
    await ask(question('large'));
    expect((await ask(question('large'))).cache).toBe('miss');
    for (const text of ['1', '2', '3', '4']) await ask(question(text));
    expect((await ask(question('1'))).cache).toBe('miss');
    expect((await ask(question('4'))).cache).toBe('hit');
  });
});

describe('the same request at the same time', () => {
  it.each([true, false])('is asked once, for all 50 of them (stream: %s)', async (stream) => {
    const { passed, open } = gate();
    upstream.script(async () => {
      await passed;
      return say('one for all '.repeat(1_000), { fragment: 500 });
    });
    const all = Array.from({ length: 50 }, () => ask(question('x', { stream })));
    await upstream.waitFor(1);
    await waitUntil('all requests', async () => (await rows()).length === 50);
    open();
    const answers = await Promise.all(all);
    expect(upstream.asked).toHaveLength(1);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    const shown = answers.map(({ cache }) => cache);
    expect([shown.filter((how) => how === 'miss').length, shown.filter((how) => how === 'shared').length]).toEqual([
      1, 49,
    ]);
    expect(answers[1]?.headers.get('x-cproxy-provider')).toBe('a');
    expect((await rows()).filter(({ cache, attempts }) => cache === 'shared' && attempts.length === 0)).toHaveLength(
      49,
    );
  });

  it('has its answer though the one who asked first leaves, and one who joins late has all of it', async () => {
    const { passed, open } = gate();
    const leaving = new AbortController();
    let aborted = false;
    await using slow = await listen(async (response) => {
      response.once('close', () => {
        aborted = !response.writableFinished;
      });
      const frames = anthropicFrames('one two three four');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const frame of frames.slice(0, 4)) response.write(frame);
      await passed;
      for (const frame of frames.slice(4)) response.write(frame);
      response.end();
    });
    await running.reconfigure(
      config(true, { providers: [{ id: 'a', type: 'anthropic-compatible', baseUrl: slow.url, models: ['m'] }] }),
    );
    const first = await running.ask(question('x', { stream: true }), { signal: leaving.signal });
    const reader = first.body?.getReader();
    await reader?.read();
    const second = running.ask(question('x', { stream: true }));
    const shared = await second;
    leaving.abort();
    await waitUntil('the leaving', async () => JSON.stringify(await rows()).includes('the client has left'));
    open();
    const text = await shared.text();
    expect(cacheOf(shared)).toBe('shared');
    expect(text).toContain('message_stop');
    expect(aborted).toBe(false);
    const third = await ask(question('x', { stream: true }));
    expect(third).toMatchObject({ cache: 'hit', text });
    expect((await states()).slice(1).toReversed()).toEqual([
      { state: 'aborted', cache: 'stored', attempts: 1 },
      { state: 'answered', cache: 'shared', attempts: 0 },
    ]);
  });

  it('is given up when all have left', async () => {
    upstream.script(() => ({ kind: 'hang' }));
    const leaving = new AbortController();
    const all = [1, 2, 3].map(() =>
      running.ask(question('x'), { signal: leaving.signal }).then(
        () => 'answered',
        () => 'left',
      ),
    );
    await upstream.waitFor(1);
    await waitUntil('all requests', async () => (await rows()).length === 3);
    leaving.abort();
    expect(await Promise.all(all)).toEqual(['left', 'left', 'left']);
    await waitUntil('the end of all', async () => (await rows()).every(({ state }) => state === 'aborted'));
    await waitUntil('the end of the asking', () => upstream.asked[0]?.aborted === true);
    upstream.script(() => say('later'));
    expect((await ask(question('x'))).cache).toBe('miss');
  });

  it('is asked by each itself where the first fails', async () => {
    const { passed, open } = gate();
    upstream.script(async (_request, index) => {
      if (index > 0) return say(`by itself`);
      await passed;
      return fail(400, { message: 'not this one' });
    });
    const all = [1, 2, 3].map(() => ask(question('x')));
    await upstream.waitFor(1);
    await waitUntil('all requests', async () => (await rows()).length === 3);
    open();
    const answers = await Promise.all(all);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 400]);
    expect(answers.map(({ cache }) => cache)).toEqual(['miss', 'miss', 'miss']);
  });
});
