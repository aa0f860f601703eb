import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { presets } from '../../src-shared/presets.ts';
import { contentOf } from '../helpers/answers.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { raw, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

const { pathname: pathOfKimi } = new URL(presets['kimi-coding'].baseUrl ?? '');
const key = 'sk-or-canary-0123456789abcdef';
let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  const { url: baseUrl } = upstream;
  running = await runEngine(
    {
      providers: [
        { id: 'router', type: 'openrouter', baseUrl: `${baseUrl}/api`, key: 'env:KEY' },
        { id: 'openai', type: 'openai', baseUrl, key: 'env:KEY' },
        { id: 'local', type: 'ollama', baseUrl, contextWindow: 65_536 },
        { id: 'coding', type: 'kimi-coding', baseUrl: baseUrl + pathOfKimi, key: 'env:KEY' },
      ],
    },
    { env: { KEY: key } },
  );
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const tools = [{ name: 'Bash', description: 'Runs', input_schema: { type: 'object', properties: {} } }];

describe('an Anthropic client at OpenRouter', () => {
  it('is passed through to a model of Anthropic, byte for byte', async () => {
    const body =
      '{"model":"router/anthropic/claude-opus-5.5","max_tokens":9,"unknown":[1.0],"messages":[{"role":"user","content":"hi"}]}';
    upstream.queue(say('hello'));
    const response = await running.ask(body, { headers: { 'anthropic-beta': 'some-2026-01-01' } });
    expect(response.status).toBe(200);
    const [asked] = upstream.asked;
    expect(asked?.url).toBe('/api/v1/messages?beta=true');
    expect(asked?.text).toBe(body.replace('router/', ''));
    expect(asked?.headers).toMatchObject({ authorization: `Bearer ${key}`, 'anthropic-beta': 'some-2026-01-01' });
    expect(asked?.headers['x-api-key']).toBeUndefined();
  });

  it('is translated for any other, and its headers stay behind', async () => {
    const response = await running.ask(question('hi', { model: 'router/qwen/qwen3-coder', stream: true }), {
      headers: { 'anthropic-beta': 'some-2026-01-01', 'x-unknown': 'mine' },
    });
    expect(contentOf(await response.text())).toEqual([{ type: 'text', text: 'ok' }]);
    const [asked] = upstream.asked;
    expect(asked?.url).toBe('/api/v1/chat/completions');
    expect(asked?.headers.authorization).toBe(`Bearer ${key}`);
    for (const name of ['anthropic-beta', 'anthropic-version', 'x-unknown'])
      expect(asked?.headers[name]).toBeUndefined();
  });
});

describe('Kimi for Coding, which serves the coding agents that it knows', () => {
  it("gets Claude Code's requests in Claude Code's name", async () => {
    const response = await running.ask(question('hi', { model: 'coding/kimi-for-coding' }), {
      headers: { 'user-agent': 'claude-cli/2.1.330 (external, cli)' },
    });
    expect(response.status).toBe(200);
    expect(upstream.asked[0]?.url).toBe('/coding/v1/messages?beta=true');
    expect(upstream.asked[0]?.headers['user-agent']).toBe('claude-cli/2.1.330 (external, cli)');
  });

  it("gets others' as CProxy's, and nobody's name that they have not", async () => {
    const body = { model: 'coding/kimi-for-coding', messages: [{ role: 'user', content: 'hi' }] };
    const response = await running.ask(body, {
      path: '/v1/chat/completions',
      headers: { 'user-agent': 'claude-cli/2.1.330 (external, cli)' },
    });
    expect(response.status).toBe(200);
    expect(upstream.asked[0]?.headers['user-agent']).toBe('cproxy');
  });
});

describe('OpenAI', () => {
  it('gets an Anthropic client’s request by Responses', async () => {
    const response = await running.ask(question('hi', { model: 'openai/gpt-6-sol', tools, stream: true }));
    expect(contentOf(await response.text())).toEqual([{ type: 'text', text: 'ok' }]);
    expect(upstream.asked[0]?.url).toBe('/v1/responses');
    expect(upstream.asked[0]?.json).toMatchObject({ model: 'gpt-6-sol', store: false });
  });

  it('gets a Chat Completions client’s bytes, but for tools that this API refuses', async () => {
    const ask = async (model: string, rest: Record<string, unknown>) => {
      const messages = [{ role: 'user', content: 'hi' }];
      const response = await running.ask(
        { model: `openai/${model}`, messages, ...rest },
        { path: '/v1/chat/completions' },
      );
      const answer = (await response.json()) as { choices: { message: { content: string } }[] };
      expect(answer.choices[0]?.message.content).toBe('ok');
    };
    const functions = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }];
    await ask('gpt-6-sol', {});
    await ask('gpt-6-sol', { tools: functions });
    await ask('gpt-6-sol', { tools: functions, reasoning_effort: 'none' });
    await ask('gpt-4.1', { tools: functions });
    expect(upstream.asked.map(({ url }) => url)).toEqual([
      '/v1/chat/completions',
      '/v1/responses',
      '/v1/chat/completions',
      '/v1/chat/completions',
    ]);
  });
});

describe('an error that is passed through', () => {
  const ask = () =>
    running.ask(
      { model: 'openai/gpt-4.1', messages: [{ role: 'user', content: 'hi' }] },
      { path: '/v1/chat/completions' },
    );
  const errorOf = (code: string) => JSON.stringify({ error: { message: 'No.', type: code, param: null, code } });

  it('says that asking again is of no use where it is not', async () => {
    const body = errorOf('insufficient_quota');
    upstream.queue(raw(429, body, { 'content-type': 'application/json' }));
    const response = await ask();
    expect([response.status, response.headers.get('x-should-retry'), await response.text()]).toEqual([
      429,
      'false',
      body,
    ]);
  });

  it('keeps when to ask again', async () => {
    upstream.queue(
      raw(429, errorOf('rate_limit_exceeded'), { 'content-type': 'application/json', 'retry-after': '6' }),
    );
    const response = await ask();
    expect([response.status, response.headers.get('x-should-retry'), response.headers.get('retry-after')]).toEqual([
      429,
      null,
      '6',
    ]);
  });

  it('is not the provider’s 401: that is about our key', async () => {
    upstream.queue(raw(401, errorOf('invalid_api_key'), { 'content-type': 'application/json' }));
    const response = await ask();
    expect([response.status, response.headers.get('x-should-retry')]).toEqual([502, 'false']);
  });
});

describe('Ollama', () => {
  it('is asked by its own API, and told to make room', async () => {
    const response = await running.ask(question('hi', { model: 'local/qwen3-coder:30b', stream: true }));
    expect(contentOf(await response.text())).toEqual([{ type: 'text', text: 'ok' }]);
    expect(upstream.asked[0]?.url).toBe('/api/chat');
    expect(upstream.asked[0]?.json).toMatchObject({ model: 'qwen3-coder:30b', options: { num_ctx: 65_536 } });
    expect(upstream.asked[0]?.headers.authorization).toBeUndefined();
  });
});
