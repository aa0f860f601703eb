import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectMcp, type McpClient, textOf } from '../helpers/mcp-client.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  callTools,
  fail,
  type ScriptableUpstream,
  say,
  startUpstream,
} from '../helpers/scriptable-upstream.ts';

const canary = 'sk-ant-canary-0123456789abcdef';
const headerCanary = 'gateway-canary-0123456789abcdef';
let upstream: ScriptableUpstream;
let running: RunningEngine;
let mcp: McpClient;

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine(
    {
      providers: [
        {
          id: 'claude',
          type: 'anthropic',
          baseUrl: upstream.url,
          models: [{ id: 'native', price: { input: 3, output: 15 }, contextWindow: 200_000 }],
          key: 'env:CANARY',
          headers: { 'x-gateway-key': headerCanary },
        },
        { id: 'chat', type: 'openai-compatible', baseUrl: `${upstream.url}/v1/`, models: ['other'], key: 'env:CANARY' },
        { id: 'away', type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9/v1', models: ['gone'], enabled: false },
      ],
      aliases: { fast: 'claude/native' },
      routing: { rules: [{ id: 'to-chat', when: { model: 'pick-chat' }, use: { targets: ['chat/other'] } }] },
    },
    { env: { CANARY: canary } },
  );
  mcp = await connectMcp(running);
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await mcp[Symbol.asyncDispose]();
  await running.stop();
  await upstream.close();
});

describe('what the server says of itself', () => {
  it('negotiates the newest revision, and tells what it can', () => {
    expect(mcp.client.getServerVersion()).toMatchObject({ name: 'cproxy', title: 'CProxy' });
    expect(mcp.client.getServerCapabilities()).toEqual({
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: {},
      completions: {},
      logging: {},
    });
    expect(mcp.client.getInstructions()).toContain('proxy_completion');
    expect(mcp.transport.protocolVersion).toBe('2025-11-25');
  });

  it('lists its tools with schemas, titles and annotations, and without those that change something', async () => {
    const { tools } = await mcp.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'proxy_completion',
      'compare_models',
      'list_models',
      'list_providers',
      'provider_health',
      'test_provider',
      'explain_route',
      'recent_requests',
      'usage_report',
      'count_tokens',
      'submit_batch',
      'batch_status',
    ]);
    for (const tool of tools) {
      expect(tool.title, tool.name).toBeTruthy();
      expect(tool.inputSchema.type, tool.name).toBe('object');
      expect(tool.outputSchema?.type, tool.name).toBe('object');
      expect(tool.annotations, tool.name).toMatchObject({
        readOnlyHint: expect.any(Boolean),
        openWorldHint: expect.any(Boolean),
      });
    }
  });

  it('answers a ping', async () => {
    expect(await mcp.client.ping()).toEqual({});
  });
});

describe('proxy_completion', () => {
  it('asks a model as a request of its own, with its row, usage and cost', async () => {
    upstream.queue(say('Grüße'));
    const result = await mcp.call('proxy_completion', { prompt: 'hello', model: 'claude/native', system: 'Be brief' });
    expect(textOf(result)).toContain('Grüße');
    const value = result.structuredContent as Record<string, unknown>;
    expect(value).toMatchObject({
      text: 'Grüße',
      tool_calls: [],
      provider: 'claude',
      model: 'native',
      stop_reason: 'end_turn',
      input_tokens: 25,
      output_tokens: 7,
      cost_usd: (25 * 3 + 7 * 15) / 1e6,
      attempts: 1,
    });
    const [asked] = await upstream.waitFor(1);
    expect(asked?.json).toMatchObject({ model: 'native', system: 'Be brief', max_tokens: 4096, stream: true });
    const explained = await mcp.value('explain_route', { request: value.request_id });
    expect(explained.request).toMatchObject({ id: value.request_id, client: 'first', state: 'answered' });
    const page = (await mcp.read(`cproxy://requests/${value.request_id}`)) as {
      request: { userAgent: string; path: string };
      route: { facts: { client: string } };
    };
    expect(page.request.userAgent).toMatch(/^cproxy-mcp\/[\d.]+ \(test-client 1\.2\.3\)$/);
    expect(page.request.path).toBe('/v1/messages');
    expect(page.route.facts.client).toBe('mcp');
  });

  it('takes the first usable model where none is named, and the one of a provider that is', async () => {
    expect(await mcp.value('proxy_completion', { prompt: 'hello' })).toMatchObject({ provider: 'claude' });
    expect(await mcp.value('proxy_completion', { prompt: 'hello', provider: 'chat' })).toMatchObject({
      provider: 'chat',
      model: 'other',
    });
    expect(await mcp.value('proxy_completion', { prompt: 'hello', provider: 'chat', model: 'other' })).toMatchObject({
      provider: 'chat',
    });
  });

  it('takes the default provider where there is one, and the demo where there is none', async () => {
    const named = { id: 'second', type: 'anthropic-compatible' as const, baseUrl: upstream.url, models: ['s'] };
    const first = { ...named, id: 'first', priority: 1 };
    for (const [providers, defaultProvider, answeredBy] of [
      [[first, named], 'second', 'second'],
      [[named, first], undefined, 'first'],
      [[], undefined, 'demo'],
    ] as const) {
      const routing = defaultProvider === undefined ? {} : { defaultProvider };
      await using other = await runEngine({ providers: [...providers], routing });
      await using client = await connectMcp(other);
      expect(await client.value('proxy_completion', { prompt: 'hello' })).toMatchObject({ provider: answeredBy });
    }
    expect((await mcp.call('proxy_completion', { prompt: 'x', provider: 'nobody' })).isError).toBe(true);
  });

  it('goes by rules and aliases, and translates', async () => {
    expect(await mcp.value('proxy_completion', { prompt: 'x', model: 'pick-chat' })).toMatchObject({
      provider: 'chat',
      route: expect.stringContaining('to-chat'),
    });
    expect(await mcp.value('proxy_completion', { prompt: 'x', model: 'fast' })).toMatchObject({ provider: 'claude' });
  });

  it('takes conversations with pictures and tools, and gives calls back', async () => {
    upstream.queue(callTools([{ name: 'look', input: { at: 'it' } }]));
    const png = Buffer.from('89504e470d0a1a0a', 'hex').toString('base64');
    const value = await mcp.value('proxy_completion', {
      model: 'claude/native',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is it?' },
            { type: 'image', data: png, mimeType: 'image/png' },
          ],
        },
      ],
      tools: [{ name: 'look', input_schema: { type: 'object', properties: { at: { type: 'string' } } } }],
      effort: 'low',
      temperature: 0.5,
    });
    expect(value).toMatchObject({ stop_reason: 'tool_use', tool_calls: [{ name: 'look', input: { at: 'it' } }] });
    const [asked] = await upstream.waitFor(1);
    expect(asked?.json).toMatchObject({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is it?' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
          ],
        },
      ],
      tools: [{ name: 'look' }],
      output_config: { effort: 'low' },
      temperature: 0.5,
    });
  });

  it('gives pictures that a model has made', async () => {
    const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } };
    upstream.queue({
      kind: 'frames',
      frames: [
        {
          type: 'message_start',
          message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'native', content: [], usage: {} },
        },
        { type: 'content_block_start', index: 0, content_block: picture },
        { type: 'content_block_stop', index: 0 },
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } },
        { type: 'message_stop' },
      ].map((event) => ({ event: event.type, data: JSON.stringify(event) })),
    });
    const { content } = await mcp.call('proxy_completion', { prompt: 'paint', model: 'claude/native' });
    expect(content).toContainEqual({ type: 'image', data: 'iVBORw0KGgo=', mimeType: 'image/png' });
  });

  it('tells the text so far as progress, where that is asked for', async () => {
    const told: { progress: number; message?: string | undefined }[] = [];
    upstream.queue(answer([{ type: 'text', text: 'one two three four five six' }]));
    await mcp.client.callTool(
      { name: 'proxy_completion', arguments: { prompt: 'count', model: 'claude/native' } },
      undefined,
      { onprogress: (progress) => told.push(progress) },
    );
    expect(told.length).toBeGreaterThan(0);
    for (const { message, progress } of told) {
      expect('one two three four five six').toContain(message);
      expect(progress).toBe(message?.length);
    }
  });

  it('says what went wrong as a result that a model can react to, with the old code', async () => {
    upstream.script(() => fail(500, { message: 'out of order' }));
    const result = await mcp.call('proxy_completion', { prompt: 'x', model: 'claude/native' });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toMatch(/out of order[\s\S]*explain_route with request "req_/);
    expect(result._meta).toEqual({ 'cproxy/error': { code: -32000, name: 'provider_error' } });

    upstream.script(() => fail(429, { type: 'rate_limit_error', message: 'slower' }));
    const limited = await mcp.call('proxy_completion', { prompt: 'x', model: 'claude/native' });
    expect(limited._meta).toMatchObject({ 'cproxy/error': { code: -32003 } });
    upstream.script(() => say('ok'));

    const unknown = await mcp.call('proxy_completion', { prompt: 'x', model: 'nobody-has-this' });
    expect(unknown.isError).toBe(true);
    expect(textOf(unknown)).toContain("No provider has a model named 'nobody-has-this'");
    expect(unknown._meta).toMatchObject({ 'cproxy/error': { code: -32602, name: 'unknown_model' } });
  });

  it('takes an answer that breaks off for none', async () => {
    upstream.queue(say('half of it, and no more', { breakAfter: { frames: 4, how: 'end' } }));
    const result = await mcp.call('proxy_completion', { prompt: 'x', model: 'claude/native' });
    expect(result).toMatchObject({ isError: true, _meta: { 'cproxy/error': { code: -32000 } } });
    expect(textOf(result)).toContain('before it was finished');
  });

  it('says which argument is wrong', async () => {
    const neither = await mcp.call('proxy_completion', {});
    expect(neither).toMatchObject({ isError: true });
    expect(textOf(neither)).toBe('Give either prompt or messages.');
    const wrong = await mcp.call('proxy_completion', { prompt: 'x', max_tokens: 'many', oops: 1 });
    expect(wrong.isError).toBe(true);
    expect(textOf(wrong)).toMatch(/max_tokens/);
    expect(textOf(wrong)).toMatch(/oops/);
  });
});

describe('other tools', () => {
  it('compare_models asks several at the same time, and reports those that fail', async () => {
    upstream.script((request) => (request.protocol === 'anthropic' ? say('A') : fail(400, { message: 'not I' })));
    const told: unknown[] = [];
    const result = await mcp.client.callTool(
      { name: 'compare_models', arguments: { prompt: 'which?', models: ['claude/native', 'chat/other'] } },
      undefined,
      { onprogress: (progress) => told.push(progress) },
    );
    expect(result.structuredContent).toMatchObject({
      results: [
        { asked: 'claude/native', text: 'A', error: null, cost_usd: expect.any(Number), ms: expect.any(Number) },
        { asked: 'chat/other', text: null, error: expect.stringContaining('not I') },
      ],
    });
    expect(told).toMatchObject([
      { progress: 1, total: 2 },
      { progress: 2, total: 2 },
    ]);
    upstream.script(() => fail(400, { message: 'nobody' }));
    const none = await mcp.call('compare_models', { prompt: 'which?', models: ['claude/native', 'chat/other'] });
    expect(none.isError).toBe(true);
    upstream.script(() => say('ok'));
  });

  it('list_models, list_providers and provider_health say what there is', async () => {
    expect(await mcp.value('list_models')).toMatchObject({
      total: 2,
      models: [
        { id: 'claude/native', context_window: 200_000, usd_per_million: { input: 3, output: 15 } },
        { id: 'chat/other' },
      ],
      aliases: { fast: ['claude/native'] },
    });
    expect(await mcp.value('list_models', { search: 'OTHER', limit: 1 })).toMatchObject({
      total: 1,
      models: [{ id: 'chat/other' }],
      aliases: {},
    });
    expect((await mcp.call('list_models', { provider: 'nobody' })).isError).toBe(true);
    expect(await mcp.value('list_providers')).toMatchObject({
      providers: [
        { id: 'claude', type: 'anthropic', enabled: true, key: 'ready', models: 1 },
        { id: 'chat' },
        { id: 'away', enabled: false },
      ],
    });
    const health = await mcp.value('provider_health', { provider: 'claude' });
    expect(health.providers).toMatchObject([{ id: 'claude', state: expect.any(String) }]);
    expect((await mcp.call('provider_health', { provider: 'nobody' })).isError).toBe(true);
  });

  it('test_provider asks now, and a model where one is named', async () => {
    const value = await mcp.value('test_provider', { provider: 'claude', model: 'native' });
    expect(value).toMatchObject({
      providers: [{ id: 'claude', key: 'ready' }],
      question: { ok: true, text: 'ok' },
    });
    const unknown = await mcp.call('test_provider', { provider: 'nobody' });
    expect(unknown).toMatchObject({ isError: true, _meta: { 'cproxy/error': { name: 'invalid_field' } } });
    expect((await mcp.call('test_provider', { model: 'native' })).isError).toBe(true);
  });

  it('explain_route tells of past requests, and of those that are made up', async () => {
    upstream.script(() => fail(400, { message: 'no such luck' }));
    await mcp.call('proxy_completion', { prompt: 'x', model: 'chat/other' });
    upstream.script(() => say('ok'));
    await mcp.call('proxy_completion', { prompt: 'x', model: 'claude/native' });
    expect(await mcp.value('explain_route')).toMatchObject({
      request: { asked_model: 'claude/native', state: 'answered' },
      attempts: [{ target: 'claude/native', outcome: 'answered' }],
      route: {
        understood_as: 'provider',
        rules: [{ id: 'to-chat', outcome: 'not-matched', why: expect.any(String) }],
        why: expect.arrayContaining([expect.stringMatching(/^order: priority/)]),
        targets: [{ target: 'claude/native', order: 1 }],
      },
    });
    const failed = await mcp.call('explain_route', { request: 'failed' });
    expect(textOf(failed)).toContain('no such luck');
    expect(await mcp.value('explain_route', { hypothetical: { model: 'pick-chat' } })).toMatchObject({
      request: null,
      route: { rule: 'to-chat', targets: [{ target: 'chat/other' }] },
    });
    expect((await mcp.call('explain_route', { request: 'req_none' })).isError).toBe(true);
    expect((await mcp.call('explain_route', { request: 'x', hypothetical: { model: 'm' } })).isError).toBe(true);
  });

  it('recent_requests goes page by page, and filters', async () => {
    await mcp.call('proxy_completion', { prompt: 'x', model: 'claude/native' });
    await mcp.call('proxy_completion', { prompt: 'x', model: 'fast' });
    const first = await mcp.value('recent_requests', { limit: 1 });
    expect(first.requests).toMatchObject([{ asked_model: 'fast', target: 'claude/native' }]);
    expect(first.next).toEqual(expect.any(String));
    const second = await mcp.value('recent_requests', { limit: 1, after: first.next });
    expect(second.requests).toMatchObject([{ asked_model: 'claude/native' }]);
    const failed = await mcp.value('recent_requests', { state: 'failed', search: 'nobody-has' });
    expect(failed.requests).toMatchObject([{ asked_model: 'nobody-has-this', state: 'failed' }]);
  });

  it('usage_report sums up', async () => {
    await mcp.call('proxy_completion', { prompt: 'x', model: 'claude/native' });
    const value = await mcp.value('usage_report', { by: 'provider' });
    expect(value.rows).toEqual(
      expect.arrayContaining([expect.objectContaining({ part: 'claude', cost_usd: expect.any(Number) })]),
    );
    expect(await mcp.value('usage_report', { period: 'yesterday' })).toMatchObject({
      rows: [],
      total: { requests: 0 },
    });
  });

  it('count_tokens asks the model, or counts here', async () => {
    expect(await mcp.value('count_tokens', { prompt: 'one two', model: 'claude/native' })).toEqual({
      tokens: 42,
      provider: 'claude',
      model: 'native',
      source: 'provider',
    });
    upstream.count(() => null);
    const here = await mcp.value('count_tokens', { prompt: 'one two three', model: 'chat/other' });
    upstream.count(() => 42);
    expect(here.tokens).toBeGreaterThan(2);
    expect(here.source).not.toBe('provider');
    expect((await mcp.call('count_tokens', { prompt: 'x', model: 'nobody-has-this' })).isError).toBe(true);
  });
});

describe('resources', () => {
  it('are listed, with one for the models of each enabled provider', async () => {
    const { resources } = await mcp.client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual([
      'cproxy://providers',
      'cproxy://models',
      'cproxy://routing',
      'cproxy://health',
      'cproxy://usage/today',
      'cproxy://config',
      'cproxy://models/claude',
      'cproxy://models/chat',
    ]);
    const { resourceTemplates } = await mcp.client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'cproxy://models/{provider}',
      'cproxy://requests/{id}',
    ]);
    for (const { uri } of resources) expect(await mcp.read(uri), uri).toBeTruthy();
    expect(await mcp.read('cproxy://models/chat')).toMatchObject([{ id: 'chat/other' }]);
    expect(await mcp.read('cproxy://routing')).toMatchObject({ rules: [{ id: 'to-chat' }] });
  });

  it('of requests are completed, and read', async () => {
    await mcp.call('proxy_completion', { prompt: 'x', model: 'claude/native' });
    const ref = { type: 'ref/resource' as const, uri: 'cproxy://requests/{id}' };
    const { completion } = await mcp.client.complete({ ref, argument: { name: 'id', value: 'req_' } });
    const [newest] = completion.values;
    expect(newest).toMatch(/^req_/);
    expect(await mcp.read(`cproxy://requests/${newest}`)).toMatchObject({ request: { id: newest } });
    expect(await mcp.read('cproxy://requests/latest')).toMatchObject({ request: { id: newest } });
  });
});

describe('prompts', () => {
  it('are listed, filled in, and complete models and requests', async () => {
    const { prompts } = await mcp.client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual([
      'second_opinion',
      'code_review',
      'compare_and_decide',
      'diagnose_routing',
    ]);
    const { messages } = await mcp.client.getPrompt({
      name: 'second_opinion',
      arguments: { question: 'Tabs or spaces?', model: 'chat/other' },
    });
    expect(JSON.stringify(messages)).toContain('Tabs or spaces?');
    expect(JSON.stringify(messages)).toContain('chat/other');
    for (const name of ['code_review', 'diagnose_routing'])
      expect((await mcp.client.getPrompt({ name })).messages).toHaveLength(1);
    const of = async (name: string, argument: string, value: string): Promise<string[]> => {
      const ref = { type: 'ref/prompt' as const, name };
      return (await mcp.client.complete({ ref, argument: { name: argument, value } })).completion.values;
    };
    expect(await of('second_opinion', 'model', '')).toEqual(['fast', 'claude/native', 'chat/other']);
    expect(await of('second_opinion', 'model', 'oth')).toEqual(['chat/other']);
    expect(await of('compare_and_decide', 'models', 'fast,cl')).toEqual(['fast, claude/native']);
    expect(await of('diagnose_routing', 'request', 'la')).toEqual(['latest']);
    expect(await of('second_opinion', 'question', 'x')).toEqual([]);
  });
});

describe('a wrong call', () => {
  it('is an error of the protocol', async () => {
    const invalid = { code: -32602 };
    await expect(mcp.client.callTool({ name: 'no_such_tool' })).rejects.toMatchObject(invalid);
    await expect(mcp.client.readResource({ uri: 'cproxy://nothing' })).rejects.toMatchObject(invalid);
    await expect(mcp.client.readResource({ uri: 'cproxy://requests/req_none' })).rejects.toMatchObject(invalid);
    await expect(mcp.client.readResource({ uri: 'cproxy://models/nobody' })).rejects.toMatchObject(invalid);
    await expect(mcp.client.subscribeResource({ uri: 'file:///etc/passwd' })).rejects.toMatchObject(invalid);
    await expect(mcp.client.getPrompt({ name: 'nothing' })).rejects.toMatchObject(invalid);
    await expect(mcp.client.getPrompt({ name: 'second_opinion' })).rejects.toMatchObject(invalid);
    await expect(mcp.client.listTools({ cursor: 'elsewhere' })).rejects.toMatchObject(invalid);
    await expect(mcp.client.listResources({ cursor: 'from-999' })).rejects.toMatchObject(invalid);
    const ref = { type: 'ref/prompt' as const, name: 'second_opinion' };
    await expect(mcp.client.complete({ ref, argument: { name: 'oops', value: '' } })).rejects.toMatchObject(invalid);
  });
});

describe('secrets', () => {
  it('are in nothing that it says', async () => {
    upstream.script(() => fail(401, { message: `wrong key ${canary}` }));
    const said: unknown[] = [await mcp.call('proxy_completion', { prompt: 'x', model: 'claude/native' })];
    upstream.script(() => say('ok'));
    for (const name of [
      'list_models',
      'list_providers',
      'provider_health',
      'explain_route',
      'recent_requests',
      'usage_report',
    ])
      said.push(await mcp.call(name));
    const { resources } = await mcp.client.listResources();
    for (const { uri } of [...resources, { uri: 'cproxy://requests/failed' }]) said.push(await mcp.read(uri));
    const text = JSON.stringify(said);
    expect(text).toContain('wrong key');
    for (const secret of [canary, headerCanary, running.token]) expect(text).not.toContain(secret);
  });
});
