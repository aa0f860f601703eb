import { createRouterClient } from '@orpc/server';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { answer, fail, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Upstream = Awaited<ReturnType<typeof startUpstream>>;
const price = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 };

let upstream: Upstream;
let other: Upstream;
let running: RunningEngine;
beforeAll(async () => {
  upstream = await startUpstream();
  other = await startUpstream();
  const models = [{ id: 'm', price }, 'unpriced'];
  const provider = (id: string, protocol: 'anthropic' | 'openai-chat' | 'openai-responses' | 'ollama') => ({
    ...{ id, type: 'openai-compatible' as const, baseUrl: upstream.url, protocols: [protocol] as [typeof protocol] },
    models,
  });
  running = await runEngine({
    providers: [
      provider('anthropic-api', 'anthropic'),
      provider('chat', 'openai-chat'),
      provider('responses', 'openai-responses'),
      provider('local', 'ollama'),
      { id: 'second', type: 'anthropic-compatible', baseUrl: other.url, models },
    ],
    aliases: { both: ['anthropic-api/m', 'second/m'] },
    routing: { circuit: { enabled: false } },
  });
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
  await other.close();
});

const text = 'hello';
const doors = {
  anthropic: {
    path: '/v1/messages',
    body: { max_tokens: 64, messages: [{ role: 'user', content: text }] },
  },
  'openai-chat': {
    path: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content: text }], stream_options: { include_usage: true } },
  },
  'openai-responses': { path: '/v1/responses', body: { input: text, store: false } },
};

/** What the ledger on disk says of a request, once it has ended. */
async function ledgerOf(id: string): Promise<RequestRow> {
  const control = createRouterClient(await running.engine.controlRouter());
  return await waitUntil('the request in the log', async () => {
    const { rows, source } = await control.requests.page({ text: id });
    expect(source).toBe('disk');
    return rows.find((row) => row.id === id);
  });
}

async function ask(door: keyof typeof doors, model: string, stream: boolean, signal?: AbortSignal): Promise<Response> {
  const { path, body } = doors[door];
  const { stream_options, ...rest } = { stream_options: undefined, ...body };
  const options = stream && stream_options !== undefined ? { stream_options } : {};
  return await running.ask(
    { model, stream, ...rest, ...options },
    { path, ...(signal === undefined ? {} : { signal }) },
  );
}

async function attemptsOf(door: keyof typeof doors, model: string, stream: boolean): Promise<AttemptRow[]> {
  const reply = await ask(door, model, stream);
  await reply.text();
  return (await ledgerOf(reply.headers.get('x-cproxy-request-id') ?? '')).attempts;
}

const tokens = fc.integer({ min: 0, max: 200_000 });
const usages = fc.record({
  input: fc.integer({ min: 1, max: 200_000 }),
  cacheRead: tokens,
  cacheWrite: tokens,
  output: fc.integer({ min: 1, max: 30_000 }),
});

const matrix = (Object.keys(doors) as (keyof typeof doors)[]).flatMap((door) =>
  ['anthropic-api', 'chat', 'responses', 'local'].flatMap((provider) =>
    [true, false].map((stream) => ({ door, provider, stream, how: stream ? 'a stream' : 'whole' })),
  ),
);

describe('the ledger has, to the token, what the provider reported', () => {
  test.each(matrix)('to $door from $provider, $how', async ({ door, provider, stream }) => {
    await fc.assert(
      fc.asyncProperty(usages, async (usage) => {
        upstream.queue(answer([{ type: 'text', text: 'hi' }], { usage }));
        const [attempt, ...more] = await attemptsOf(door, `${provider}/m`, stream);
        expect(more).toEqual([]);
        const input = usage.input + usage.cacheRead + usage.cacheWrite;
        // The stand-in for Chat Completions tells of what was read from the cache only, the one for Ollama of neither.
        const { cacheRead, cacheWrite } = {
          ...usage,
          ...(provider === 'chat' ? { cacheWrite: 0 } : {}),
          ...(provider === 'local' ? { cacheRead: 0, cacheWrite: 0 } : {}),
        };
        const told = { input: input - cacheRead - cacheWrite, cacheRead, cacheWrite, output: usage.output };
        expect(attempt).toMatchObject({ provider, usage: told, usageIsPartial: false, outcome: 'answered' });
        const usd = (told.input * 3 + told.cacheRead * 0.3 + told.cacheWrite * 3.75 + told.output * 15) / 1e6;
        expect(attempt?.cost?.source).toBe('prices');
        expect(attempt?.cost?.usd).toBeCloseTo(usd, 10);
      }),
      { numRuns: 4 },
    );
  });

  test('of a stream of Chat Completions too whose client has not asked for it', async () => {
    upstream.queue(answer([{ type: 'text', text: 'hi' }], { usage: { input: 40, cacheRead: 20, output: 9 } }));
    const reply = await running.ask(
      { model: 'chat/m', stream: true, messages: [{ role: 'user', content: text }] },
      { path: '/v1/chat/completions' },
    );
    expect(await reply.text()).not.toContain('usage');
    const { attempts } = await ledgerOf(reply.headers.get('x-cproxy-request-id') ?? '');
    expect(attempts).toMatchObject([
      { usage: { input: 40, cacheRead: 20, output: 9 }, usageIsPartial: false, cost: { source: 'prices' } },
    ]);
  });

  test('of each attempt its own, also where one failed', async () => {
    upstream.queue(fail(529));
    other.queue(answer([{ type: 'text', text: 'hi' }], { usage: { input: 7, output: 9 } }));
    const attempts = await attemptsOf('anthropic', 'both', true);
    expect(attempts).toMatchObject([
      { provider: 'anthropic-api', outcome: 'failed', usage: null, cost: null },
      { provider: 'second', outcome: 'answered', usage: { input: 7, output: 9 } },
    ]);
  });

  test.each(['anthropic', 'openai-chat'] as const)(
    'of a stream to %s that breaks off, as far as it had come',
    async (door) => {
      const usage = { input: 50, cacheRead: 20, cacheWrite: 10, output: 99 };
      upstream.queue(
        answer([{ type: 'text', text: 'one two three' }], { usage, wire: { breakAfter: { frames: 3, how: 'reset' } } }),
      );
      const [attempt] = await attemptsOf(door, 'anthropic-api/m', true);
      expect(attempt).toMatchObject({
        ...{ outcome: 'failed', usageIsPartial: true },
        usage: { input: 50, cacheRead: 20, cacheWrite: 10, output: 1 },
        cost: { source: 'prices' },
      });
    },
  );

  test('of a stream that the client left', async () => {
    const usage = { input: 50, output: 99 };
    upstream.queue(answer([{ type: 'text', text: 'word '.repeat(400) }], { usage, wire: { delayMs: 20 } }));
    const leaving = new AbortController();
    const reply = await ask('anthropic', 'anthropic-api/m', true, leaving.signal);
    await reply.body?.getReader().read();
    leaving.abort();
    const { state, attempts } = await ledgerOf(reply.headers.get('x-cproxy-request-id') ?? '');
    expect(state).toBe('aborted');
    expect(attempts).toMatchObject([{ outcome: 'aborted', usageIsPartial: true, usage: { input: 50, output: 1 } }]);
  });

  test('and no cost where the price is not known', async () => {
    upstream.queue(say('hi'));
    expect(await attemptsOf('anthropic', 'anthropic-api/unpriced', false)).toMatchObject([
      { usage: { input: 25, output: 7 }, cost: null },
    ]);
  });
});
