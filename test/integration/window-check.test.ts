import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RequestRow } from '../../src-shared/requests.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { answer, fail, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const SMALL = 8_000;
const LARGE = 24_000;

let upstream: ScriptableUpstream;
let running: RunningEngine;
let rows: RequestRow[];

beforeEach(() => {
  upstream.reset();
  upstream.script(() => say('fine'));
  upstream.count(() => null);
  rows = [];
});

beforeAll(async () => {
  upstream = await startUpstream();
  const compatible = { type: 'openai-compatible', baseUrl: upstream.url } as const;
  const anthropic = { type: 'anthropic-compatible', baseUrl: upstream.url } as const;
  running = await runEngine(
    {
      providers: [
        { id: 'small', ...compatible, models: ['s'], contextWindow: SMALL },
        { id: 'small2', ...compatible, models: ['s'], contextWindow: SMALL },
        { id: 'large', ...compatible, models: ['l'], contextWindow: LARGE },
        { id: 'unknown', ...compatible, models: ['nobody-knows'] },
        { id: 'claude', ...anthropic, models: ['c'], contextWindow: SMALL },
        { id: 'opus', ...anthropic, models: ['claude-opus-5'], contextWindow: SMALL },
        { id: 'gateway', ...compatible, models: ['gpt-4o'] },
        { id: 'left', ...anthropic, models: ['c'], contextWindow: SMALL },
        { id: 'silent', ...anthropic, models: ['c'], contextWindow: SMALL },
        { id: 'dense', ...anthropic, models: ['c'], contextWindow: SMALL },
        { id: 'ollama', type: 'ollama', baseUrl: upstream.url, models: ['o'], contextWindow: SMALL },
      ],
      aliases: {
        growing: ['small/s', 'large/l'],
        'largest-first': ['large/l', 'small/s'],
        'into-the-open': ['small/s', 'unknown/nobody-knows'],
        equal: ['claude/c', 'small2/s', 'large/l'],
        'all-small': ['claude/c', 'small2/s'],
        thrifty: ['opus/claude-opus-5', 'small2/s'],
      },
    },
    {
      middleware: [
        {
          name: 'rows',
          request: async ({ row }, next) => {
            rows.push(row);
            await next();
          },
        },
      ],
    },
  );
});
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

/** So many words, each of which is a token for most tokenizers. */
const words = (count: number): string => 'alpha beta gamma delta '.repeat(Math.ceil(count / 4));
const ask = (model: string, tokens: number, rest: Record<string, unknown> = {}): Promise<Response> =>
  running.ask(question(words(tokens), { model, ...rest }));
const skipped = (): string[] =>
  rows.flatMap(({ trace }) => trace.filter(({ step }) => step === 'target skipped').map(({ detail }) => detail));
const askedModels = (): string[] => upstream.asked.map(({ model }) => model);
const messageOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { message: string } }).error.message;

describe('a conversation that is too large for its target', () => {
  it('goes to a larger one, and the trace says why', async () => {
    const response = await ask('growing', 12_000);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-cproxy-provider')).toBe('large');
    expect(askedModels()).toEqual(['l']);
    expect(skipped()).toEqual([
      expect.stringMatching(/^small\/s: about 1\d,\d{3} tokens are more than its window of 8,000$/),
    ]);
    expect(rows[0]?.attempts).toHaveLength(1);
  });

  it('goes to one whose window nobody knows', async () => {
    await ask('into-the-open', 12_000);
    expect(askedModels()).toEqual(['nobody-knows']);
  });

  it('is refused where all are too small, in the words on which Claude Code compacts, with the largest window', async () => {
    for (const model of ['growing', 'largest-first']) {
      const response = await ask(model, 32_000, { stream: true });
      expect(response.status).toBe(400);
      const message = await messageOf(response);
      expect(message).toMatch(/^prompt is too long: [34]\d{4} tokens > 24000 maximum$/);
    }
    expect(upstream.asked).toEqual([]);
    expect(skipped().filter((detail) => detail.startsWith('small/s: '))).toHaveLength(2);
    expect(rows.map(({ state, error, attempts }) => [state, error?.code, attempts.length])).toEqual([
      ['failed', 'context_overflow', 0],
      ['failed', 'context_overflow', 0],
    ]);
  });

  it("is refused in OpenAI's words to its clients", async () => {
    const body = { model: 'small/s', messages: [{ role: 'user', content: words(12_000) }] };
    const chat = await running.ask(body, { path: '/v1/chat/completions' });
    expect(chat.status).toBe(400);
    expect(await chat.json()).toMatchObject({ error: { code: 'context_length_exceeded' } });
    const responses = await running.ask({ model: 'small/s', input: words(12_000) }, { path: '/v1/responses' });
    expect(await responses.json()).toMatchObject({ error: { code: 'context_length_exceeded' } });
  });

  it('is never sent to Ollama, which is told how much room to make', async () => {
    const response = await ask('ollama/o', 12_000);
    expect(await messageOf(response)).toMatch(/^prompt is too long: 1\d{4} tokens > 8000 maximum$/);
    expect(upstream.asked).toEqual([]);
  });

  it('is told as large as count_tokens says it is', async () => {
    const message = await messageOf(await ask('small/s', 12_000));
    const counted = await running.ask(
      { model: 'small/s', messages: [{ role: 'user', content: words(12_000) }] },
      { path: '/v1/messages/count_tokens' },
    );
    const { input_tokens } = (await counted.json()) as { input_tokens: number };
    expect(message).toBe(`prompt is too long: ${input_tokens} tokens > ${SMALL} maximum`);
  });
});

describe('a conversation near the window', () => {
  it('goes on where it fits', async () => {
    expect((await ask('small/s', 6_600)).status).toBe(200);
    expect(skipped()).toEqual([]);
  });

  it("is the provider's to judge where a count here cannot", async () => {
    expect((await ask('small/s', 8_000)).status).toBe(200);
  });

  it("is refused, or let through, by the target's own count, which sees what it would get", async () => {
    upstream.count(() => SMALL + 1);
    const response = await ask('claude/c', 8_000, { stream: true, temperature: 0.5, metadata: { user_id: 'u' } });
    expect(await messageOf(response)).toBe('prompt is too long: 8001 tokens > 8000 maximum');
    expect(Object.keys(upstream.counted[0]?.json ?? {})).toEqual(['model', 'messages']);
    upstream.count(() => SMALL - 200);
    expect((await ask('claude/c', 12_000)).status).toBe(200);
  });

  it('leaves room for an answer', async () => {
    upstream.count(() => SMALL - 10);
    expect(await messageOf(await ask('claude/c', 8_000))).toBe('prompt is too long: 7990 tokens > 7920 maximum');
  });

  it('does not wait long for a counter that is silent', async () => {
    upstream.count(() => ({ kind: 'hang' }));
    expect((await ask('silent/c', 8_000)).status).toBe(200);
    // The second is not asked to wait at all.
    expect((await ask('silent/c', 8_000)).status).toBe(200);
    expect(upstream.counted).toHaveLength(1);
  });

  it('is nothing that is refused to a client who has left while it was counted', async () => {
    upstream.count(() => ({ kind: 'hang' }));
    const leaving = new AbortController();
    const asking = running.ask(question(words(12_000), { model: 'left/c' }), { signal: leaving.signal });
    await waitUntil('the question for a count', () => upstream.counted.length === 1);
    leaving.abort();
    await expect(asking).rejects.toThrow();
    await waitUntil('the end of the request', () => rows[0]?.state !== 'running');
    expect([rows[0]?.state, rows[0]?.error, skipped()]).toEqual(['aborted', null, []]);
    expect(upstream.asked).toEqual([]);
  });

  it.each(['{"input_tokens":0}', '{"input_tokens":-5}', '{"input_tokens":1e999}', '{"input_tokens":9000000}'])(
    'is not judged by a counter that says %s',
    async (body) => {
      await using own = await runEngine({
        providers: [
          { id: 'stub', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['c'], contextWindow: SMALL },
        ],
      });
      upstream.count(() => ({ kind: 'raw', status: 200, headers: { 'content-type': 'application/json' }, body }));
      const response = await own.ask(question(words(7_600), { model: 'stub/c' }));
      expect([response.status, upstream.counted.length]).toEqual([200, 1]);
    },
  );

  it('is sent where the window is only what others of its name have: it may be another model', async () => {
    expect((await ask('gateway/gpt-4o', 180_000)).status).toBe(200);
  });

  it('is sent where a family whose tokens are many might still be another', async () => {
    expect((await ask('opus/claude-opus-5', 7_000)).status).toBe(200);
  });

  it.each([
    { context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] } },
    { context_management: { edits: [{ type: 'compact_20260112' }] } },
  ])('is sent where the server is asked to shorten it: %j', async (rest) => {
    expect((await ask('claude/c', 20_000, rest)).status).toBe(200);
    const messages = [{ role: 'user', content: words(20_000) + JSON.stringify(rest) }];
    expect((await ask('claude/c', 0, { messages })).status).toBe(400);
  });

  it('is not one for its images', async () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(400_000) } };
    const messages = [{ role: 'user', content: [image, { type: 'text', text: 'What is this?' }] }];
    expect((await running.ask(question('', { model: 'small/s', messages }))).status).toBe(200);
  });

  it('is known by what the model has reported, whatever its bytes look like', async () => {
    upstream.script(() => answer([{ type: 'text', text: 'ok' }], { usage: { input: 7_900, output: 5 } }));
    upstream.count(() => SMALL + 500);
    // Sixteen thousand bytes are nothing to look into, before the model says that they are eight thousand tokens.
    const messages = [{ role: 'user', content: 'a b '.repeat(4_000) }];
    expect((await ask('dense/c', 0, { messages })).status).toBe(200);
    expect(upstream.counted).toEqual([]);
    expect(await messageOf(await ask('dense/c', 0, { messages }))).toContain('8500 tokens > 8000 maximum');
  });
});

describe('a target that says itself that it is too small', () => {
  const tooLong = 'prompt is too long: 8100 tokens > 8000 maximum';

  it('leaves it to those with larger windows', async () => {
    upstream.queue(fail(400, { type: 'invalid_request_error', message: tooLong }));
    const response = await ask('equal', 7_700);
    expect([response.status, askedModels()]).toEqual([200, ['c', 'l']]);
    expect(skipped()).toEqual(['small2/s: its window is not larger']);
  });

  it('has its own words where nobody has a larger one', async () => {
    upstream.queue(fail(400, { type: 'invalid_request_error', message: tooLong }));
    const response = await ask('all-small', 7_700);
    expect([response.status, await messageOf(response)]).toEqual([400, tooLong]);
    expect(askedModels()).toEqual(['c']);
  });

  it('is told with numbers, by which Claude Code knows how much to cut, where it gives none', async () => {
    const message = 'Input is too long for requested model.';
    upstream.queue(fail(400, { type: 'invalid_request_error', message }));
    const response = await ask('claude/c', 7_600);
    expect(response.status).toBe(400);
    expect(await messageOf(response)).toBe('prompt is too long: 8001 tokens > 8000 maximum');
    upstream.queue(fail(400, { type: 'invalid_request_error', message }));
    // Of a window that nobody knows nothing can be said.
    expect(await messageOf(await ask('unknown/nobody-knows', 100))).toBe(`prompt is too long: ${message}`);
  });

  it('is not told with the numbers of a window that it does not have, and leaves it to all others', async () => {
    const message = 'The prompt is greater than the context length';
    upstream.queue(fail(400, { type: 'invalid_request_error', message }));
    expect(await messageOf(await ask('large/l', 5_000))).toBe(`prompt is too long: ${message}`);
    upstream.reset();
    upstream.queue(fail(400, { type: 'invalid_request_error', message }));
    const response = await ask('largest-first', 5_000);
    expect([response.status, askedModels()]).toEqual([200, ['l', 's']]);
  });

  it('leaves it to one with the same window whose tokenizer takes fewer for it', async () => {
    upstream.queue(fail(400, { type: 'invalid_request_error', message: tooLong }));
    expect((await ask('thrifty', 5_400)).status).toBe(200);
    expect([askedModels(), skipped()]).toEqual([['claude-opus-5', 's'], []]);
  });

  it('for the answer that is asked for is not too small for the prompt', async () => {
    const message = 'input length and `max_tokens` exceed context limit: 100 + 8000 > 8000, decrease input length';
    upstream.queue(fail(400, { type: 'invalid_request_error', message }));
    expect((await ask('equal', 100)).status).toBe(200);
    expect(askedModels()).toEqual(['c', 's']);
  });
});

it('clients are told the windows there are', async () => {
  const list = await fetch(`${running.url}/v1/models`, {
    headers: { 'x-api-key': running.token, 'anthropic-version': '2023-06-01' },
  });
  const { data } = (await list.json()) as { data: { id: string; max_input_tokens?: number }[] };
  const windows = Object.fromEntries(data.map(({ id, max_input_tokens }) => [id, max_input_tokens]));
  expect(windows).toMatchObject({ growing: SMALL, 'large/l': LARGE, 'ollama/o': SMALL, 'into-the-open': SMALL });
  expect(windows['unknown/nobody-knows']).toBeUndefined();
});
