import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentTools, question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { closedPort, type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';

const KEY = 'sk-the-provider-key-0123456789';

let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

// Engines remember which counters are absent: each test gets its own.
beforeEach(async () => {
  upstream.reset();
  upstream.count(() => 1234);
  const unreachable = `http://127.0.0.1:${await closedPort()}`;
  running = await runEngine(
    {
      providers: [
        {
          id: 'claude',
          type: 'anthropic',
          baseUrl: upstream.url,
          key: 'env:PROVIDER_KEY',
          models: ['claude-opus-5-5'],
        },
        { id: 'mine', type: 'anthropic', key: 'client', models: ['claude-sonnet-5-5'] },
        { id: 'compatible', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['kimi'] },
        {
          id: 'vllm',
          type: 'openai-compatible',
          baseUrl: `${upstream.url}/v1`,
          key: 'env:PROVIDER_KEY',
          models: ['qwen'],
        },
        { id: 'responses', type: 'openai', baseUrl: upstream.url, key: 'env:PROVIDER_KEY', models: ['gpt'] },
        { id: 'router', type: 'openrouter', baseUrl: upstream.url, key: 'env:PROVIDER_KEY', models: ['z/glm'] },
        { id: 'local', type: 'ollama', baseUrl: upstream.url, models: ['gemma'] },
        { id: 'gone', type: 'anthropic-compatible', baseUrl: unreachable, models: ['nobody'] },
      ],
      aliases: { 'gone-first': ['gone/nobody', 'claude/claude-opus-5-5'], 'all-gone': ['gone/nobody'] },
    },
    { env: { PROVIDER_KEY: KEY } },
  );
});
afterEach(() => running.stop());

const count = (model: string, rest: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  running.ask(
    { model, messages: [{ role: 'user', content: 'How many words are these?' }], ...rest },
    { path: '/v1/messages/count_tokens?beta=true', headers },
  );

const source = (response: Response): string | null => response.headers.get('x-cproxy-token-count');

const json = (status: number, body: unknown) =>
  ({ kind: 'raw', status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) as const;

describe("a target's own counter", () => {
  it("of Anthropic's dialect gets the client's bytes, and its answer is the client's", async () => {
    upstream.count(() => json(200, { input_tokens: 77, context_management: { original_input_tokens: 90 } }));
    const rest = { tools: agentTools, thinking: { type: 'adaptive' }, something_new: { a: [1] } };
    const headers = { 'anthropic-beta': 'token-counting-2024-11-01' };
    const response = await count('claude-opus-5-5', rest, headers);
    expect(response.status).toBe(200);
    expect(source(response)).toBe('provider');
    expect(response.headers.get('x-cproxy-provider')).toBe('claude');
    expect(response.headers.get('x-cproxy-model')).toBe('claude-opus-5-5');
    expect(response.headers.get('x-cproxy-request-id')).toMatch(/^req_/);
    expect(await response.json()).toEqual({ input_tokens: 77, context_management: { original_input_tokens: 90 } });
    const [asked] = upstream.counted;
    expect(asked?.url).toBe('/v1/messages/count_tokens?beta=true');
    expect(asked?.headers).toMatchObject({ 'x-api-key': KEY, 'anthropic-beta': 'token-counting-2024-11-01' });
    expect(asked?.headers.authorization).toBeUndefined();
    expect(asked?.json).toEqual({
      model: 'claude-opus-5-5',
      messages: [{ role: 'user', content: 'How many words are these?' }],
      ...rest,
    });
  });

  it('gets no reasoning of others', async () => {
    const foreign = { type: 'thinking', thinking: 'hm', signature: '' };
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: [foreign, { type: 'text', text: 'b' }] },
      { role: 'user', content: 'c' },
    ];
    await count('claude-opus-5-5', { messages });
    expect(upstream.counted[0]?.text).not.toContain('hm');
  });

  it('is asked in its own dialect by servers that speak another', async () => {
    const response = await count('vllm/qwen', { tools: agentTools });
    expect([source(response), await response.json()]).toEqual(['provider', { input_tokens: 1234 }]);
    const [asked] = upstream.counted;
    expect(asked?.path).toBe('/v1/messages/count_tokens');
    expect(asked?.json).toMatchObject({ model: 'qwen', tools: agentTools });
    expect(asked?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  it.each(['router/z/glm', 'local/gemma', 'responses/gpt', 'demo/demo'])('is not looked for at %s', async (model) => {
    const response = await count(model);
    expect(response.status).toBe(200);
    expect(['learned', 'tokenizer', 'estimate']).toContain(source(response));
    expect(upstream.requests).toEqual([]);
  });

  it("gives an OpenAI client OpenAI's answer", async () => {
    const body = { model: 'claude/claude-opus-5-5', instructions: 'Be short.', input: 'hello', temperature: 0.5 };
    const response = await running.ask(body, { path: '/v1/responses/input_tokens' });
    expect([source(response), await response.json()]).toEqual([
      'provider',
      { object: 'response.input_tokens', input_tokens: 1234 },
    ]);
    const [asked] = upstream.counted;
    expect(Object.keys(asked?.json ?? {}).sort()).toEqual(['cache_control', 'messages', 'model', 'system']);
    expect(asked?.headers['anthropic-version']).toBe('2023-06-01');
  });
});

describe('what a counter cannot do is done here', () => {
  const counts = async (model: string): Promise<string | null> => {
    const response = await count(model);
    expect(response.status).toBe(200);
    expect(Object.keys((await response.json()) as object)).toEqual(['input_tokens']);
    return source(response);
  };
  const here = expect.stringMatching(/^(learned|tokenizer|estimate)$/);

  it.each([
    ['there is none (404)', null],
    ['there is none (405)', json(405, {})],
    ['there is none, and the server says so with 200', json(200, { error: 'Unexpected endpoint or method.' })],
    ['it fails', json(529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })],
    ['it refuses the rate', json(429, { type: 'error', error: { type: 'rate_limit_error', message: 'slow' } })],
    ['it answers with a page', { kind: 'raw', status: 200, headers: {}, body: '<html>' } as const],
    [
      'it closes the connection in mid-answer',
      {
        kind: 'raw',
        status: 200,
        headers: {},
        body: '{"input',
        wire: { breakAfter: { bytes: 3, how: 'reset' } },
      } as const,
    ],
  ])('%s, and it is left alone for a while', async (_, step) => {
    upstream.count(() => step);
    expect(await counts('kimi')).toEqual(here);
    expect(await counts('kimi')).toEqual(here);
    expect(upstream.counted).toHaveLength(1);
    // Others may have one.
    upstream.count(() => 5);
    expect(await counts('claude-opus-5-5')).toBe('provider');
  });

  it.each([
    ['the key is refused', json(401, { type: 'error', error: { type: 'authentication_error', message: 'bad key' } })],
    [
      'the model is not there',
      json(404, { type: 'error', error: { type: 'not_found_error', message: 'model: kimi' } }),
    ],
  ])('%s, which may be otherwise the next time', async (_, step) => {
    upstream.count(() => step);
    expect(await counts('kimi')).toEqual(here);
    upstream.count(() => 5);
    expect(await counts('kimi')).toBe('provider');
  });

  it('is waited for by an engine that stops', async () => {
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<number>();
    upstream.count(() => {
      asked.resolve();
      return told.promise;
    });
    const answer = count('claude/claude-opus-5-5');
    await asked.promise;
    const stopped = running.engine.stop();
    told.resolve(77);
    expect(await (await answer).json()).toEqual({ input_tokens: 77 });
    await stopped;
  });

  it('silence is waited for three seconds, once', async () => {
    upstream.count(() => ({ kind: 'hang' }));
    const begun = performance.now();
    expect(await counts('kimi')).toEqual(here);
    expect(performance.now() - begun).toBeGreaterThan(2_900);
    expect(await counts('kimi')).toEqual(here);
    expect(upstream.counted).toHaveLength(1);
    expect(upstream.counted[0]?.aborted).toBe(true);
  });

  it('a login of the client that is missing', async () => {
    expect(await counts('claude-sonnet-5-5')).toEqual(here);
  });

  it('a target that cannot be reached leaves it to the next, as it would with a message', async () => {
    const response = await count('gone-first');
    expect([source(response), response.headers.get('x-cproxy-provider')]).toEqual(['provider', 'claude']);
    expect(upstream.counted[0]?.model).toBe('claude-opus-5-5');
    const alone = await count('all-gone');
    expect([source(alone), alone.headers.get('x-cproxy-provider')]).toEqual([here, 'gone']);
  });
});

describe('what is wrong with a request', () => {
  const refusal = {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'messages.0: bad' },
    request_id: 'r',
  };

  it("is told in the vendor's own words", async () => {
    upstream.count(() => json(400, refusal));
    const response = await count('claude-opus-5-5');
    expect([response.status, await response.json(), source(response)]).toEqual([400, refusal, null]);
    upstream.count(() => 5);
    expect(source(await count('claude-opus-5-5'))).toBe('provider');
  });

  it('to an OpenAI client in its own envelope', async () => {
    upstream.count(() => json(400, refusal));
    const body = { model: 'claude/claude-opus-5-5', input: 'hello' };
    const response = await running.ask(body, { path: '/v1/responses/input_tokens' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('messages.0: bad') } });
  });

  it('is not known from a counter that is asked in another dialect than the model is', async () => {
    upstream.count(() => json(400, refusal));
    const response = await count('vllm/qwen');
    expect(response.status).toBe(200);
    expect(source(response)).not.toBe('provider');
  });

  it.each([
    [{ messages: 5 }, 'messages'],
    [{ messages: [{ role: 'user', content: 5 }] }, 'messages.0.content'],
  ])('%j is told by CProxy where it counts itself', async (rest, field) => {
    const response = await count('router/z/glm', rest);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(field);
  });

  it('a model that nobody has is told with near matches', async () => {
    const response = await count('claude-opus-5-55');
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('Near matches: claude/claude-opus-5-5');
  });
});

it('/context asks for many at once: all are counted, and none shows among the requests', async () => {
  const answers = await Promise.all(
    Array.from({ length: 26 }, (_, index) => count('claude-opus-5-5', { tools: agentTools.slice(0, index % 3) })),
  );
  expect(new Set(answers.map(source))).toEqual(new Set(['provider']));
  expect(running.engine.status().requests).toMatchObject({ running: 0, total: 0 });
  const message = await running.ask(question('x', { model: 'claude-opus-5-5' }));
  expect([message.status, await message.text()]).toEqual([200, expect.stringContaining('ok')]);
});
