import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { resolveFolders } from '../../src-main/config/folders.ts';
import { loadConfig } from '../../src-main/config/load-config.ts';
import { startEngine } from '../../src-main/engine.ts';
import { silentLogger } from '../../src-main/observability/logger.ts';
import type { Middleware } from '../../src-main/pipeline/middleware.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import { contentOf, readEvents } from '../helpers/answers.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { raw, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part[Symbol.asyncDispose]();
});
async function start(...parameters: Parameters<typeof runEngine>): Promise<RunningEngine> {
  const running = await runEngine(...parameters);
  open.push(running);
  return running;
}
async function upstreamServer(): Promise<ScriptableUpstream> {
  const upstream = await startUpstream();
  open.push(upstream);
  return upstream;
}

describe('the demo provider', () => {
  it('answers without any configuration, and says how to go on', async () => {
    const running = await start();
    const { events, text } = await readEvents(
      await running.ask(question('hi', { model: 'claude-opus-5-5', stream: true })),
    );
    const [block] = contentOf(text);
    expect(block).toMatchObject({ type: 'text', text: expect.stringContaining('"claude-opus-5-5"') });
    expect(JSON.stringify(block)).toContain('ANTHROPIC_API_KEY');
    expect(events.filter((event) => event.type === 'content_block_delta').length).toBeGreaterThan(10);
  });

  it('plays a whole agent turn: a tool call, then its result', async () => {
    const running = await start();
    const tools = [{ name: 'Bash', input_schema: { type: 'object' } }];
    const asked = question('Please run `echo hello`', { tools, stream: true });
    const called = contentOf(await (await running.ask(asked)).text());
    const call = called.find((block) => block.type === 'tool_use');
    expect(call).toMatchObject({ name: 'Bash', input: { command: 'echo hello' } });
    const messages = [
      { role: 'user', content: 'Please run `echo hello`' },
      { role: 'assistant', content: called },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: call?.type === 'tool_use' ? call.id : '', content: 'hello\n' }],
      },
    ];
    const told = (await (await running.ask({ ...asked, stream: false, messages })).json()) as {
      content: { text: string }[];
      stop_reason: string;
    };
    expect(told.content[0]?.text).toContain('answered: hello');
    expect(told.stop_reason).toBe('end_turn');
  });

  it('calls several tools in one turn, and refuses arguments that are no JSON', async () => {
    const running = await start();
    const tools = [
      { name: 'Bash', input_schema: {} },
      { name: 'Read', input_schema: {} },
    ];
    const several = (await (
      await running.ask(question('tool: Bash {"command":"ls"}\ntool: Read {"file_path":"/x"}', { tools }))
    ).json()) as { content: { type: string }[] };
    expect(several.content.filter(({ type }) => type === 'tool_use')).toHaveLength(2);
    const bad = await running.ask(question('tool: Bash {command}', { tools }));
    expect(bad.status).toBe(400);
    const missing = (await (await running.ask(question('tool: Write {}', { tools }))).json()) as {
      content: { text: string }[];
    };
    expect(missing.content[0]?.text).toContain('Bash, Read');
  });
});

describe('loops', () => {
  it('a provider that points at this very engine is refused', async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    const running = await start({
      server: { port },
      providers: [{ id: 'self', type: 'anthropic-compatible', baseUrl: `http://localhost:${port}`, models: ['m'] }],
    });
    const response = await running.ask(question('x'));
    expect(response.status).toBe(508);
    expect(await response.text()).toContain("'self' points at this CProxy itself");
    expect(running.engine.status().warnings.join()).toContain("'self' points at this CProxy itself");
  });

  it('a request that comes back through others is answered 508', async () => {
    const front = await upstreamServer();
    const running = await start({
      providers: [{ id: 'next', type: 'anthropic-compatible', baseUrl: front.url, models: ['m'] }],
    });
    await (await running.ask(question('x'))).text();
    const hops = front.asked[0]?.headers['x-cproxy-hops'];
    expect(hops).toMatch(/^[0-9a-f]{16}$/);
    const back = await running.ask(question('x'), { headers: { 'x-cproxy-hops': `abc,${hops}` } });
    expect(back.status).toBe(508);
    await (await running.ask(question('x'), { headers: { 'x-cproxy-hops': 'abc' } })).text();
    expect(front.asked[1]?.headers['x-cproxy-hops']).toBe(`abc,${hops}`);
  });
});

describe('start and stop', () => {
  it('lets answers in flight finish, and takes no new requests', async () => {
    const upstream = await upstreamServer();
    const running = await start({
      providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }],
    });
    upstream.queue(say('one two three four five six', { fragment: 4, delayMs: 60 }));
    const answer = running.ask(question('x', { stream: true })).then((response) => response.text());
    await upstream.waitFor(1);
    const stopping = running.engine.stop();
    const refused = await running.ask(question('x'));
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { type: 'overloaded_error' } });
    expect(contentOf(await answer)).toEqual([{ type: 'text', text: 'one two three four five six' }]);
    await stopping;
    await expect(running.ask(question('x'))).rejects.toThrow();
    await running.engine.stopped;
  });

  it('waits for a slow reader to have it all', async () => {
    const upstream = await upstreamServer();
    const running = await start({
      providers: [{ id: 'claude', type: 'anthropic-compatible', baseUrl: upstream.url }],
    });
    const text = 'x'.repeat(24_000_000);
    upstream.queue(say(text));
    const response = await running.ask(question('x', { model: 'claude/m' }));
    const stopping = running.engine.stop();
    await setTimeout(100);
    const message = (await response.json()) as { content: { text: string }[] };
    expect(message.content[0]?.text).toHaveLength(text.length);
    await stopping;
  });

  it('cuts what does not finish within the grace period', async () => {
    const upstream = await upstreamServer();
    const running = await start({
      server: { graceMs: 100 },
      providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }],
    });
    upstream.queue({ kind: 'hang' });
    const answer = running.ask(question('x', { stream: true })).then((response) => response.text());
    const cut = expect(answer).rejects.toThrow();
    await upstream.waitFor(1);
    await running.engine.stop();
    await cut;
    await waitUntil('the abort of the provider call', () => upstream.asked[0]?.aborted === true);
  });

  it('a second engine in the same folders is refused, and names the first', async () => {
    const running = await start();
    const env = { CPROXY_HOME: running.home };
    const folders = resolveFolders(env);
    const second = startEngine({
      loaded: loadConfig({ env, folders }),
      folders,
      env,
      host: 'headless',
      log: silentLogger,
      uiFolder: null,
    });
    await expect(second).rejects.toMatchObject({
      name: 'EngineStartError',
      code: 'already_running',
      message: expect.stringContaining(String(process.pid)),
    });
  });

  it('a taken port is told, and leaves no lock behind', async () => {
    const running = await start();
    const port = Number(new URL(running.url).port);
    await expect(runEngine({ server: { port } })).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(`Port ${port}`),
    });
  });

  it('keeps its token: the second start shows none, the first one works on', async () => {
    const running = await start();
    await running.engine.stop();
    const env = { CPROXY_HOME: running.home };
    const folders = resolveFolders(env);
    const again = await startEngine({
      loaded: loadConfig({ env, folders }),
      folders,
      env,
      host: 'headless',
      log: silentLogger,
      uiFolder: null,
    });
    expect(again.firstToken).toBeNull();
    const response = await fetch(`${again.endpoint}/v1/models`, { headers: { 'x-api-key': running.token } });
    expect(response.status).toBe(200);
    await again.stop();
    expect(await readFile(path.join(folders.data, 'tokens.json'), 'utf8')).not.toContain(running.token);
  });
});

it("the paper's example loads unchanged and is routed as it says", async () => {
  const example = {
    providers: [
      {
        id: 'openrouter',
        name: 'OpenRouter',
        type: 'openrouter',
        baseUrl: 'https://openrouter.ai/api',
        models: ['google/gemini-2.0-pro-exp-02-05:free'],
        capabilities: { streaming: true, tools: true, reasoning: true },
        priority: 1,
        enabled: true,
      },
    ],
    routing: {
      defaultProvider: 'openrouter',
      loadBalancing: { strategy: 'weighted', healthCheck: true, failover: true },
    },
  };
  const running = await start(example as never);
  const status = running.engine.status();
  expect(status.providers).toMatchObject([
    { id: 'openrouter', baseUrl: 'https://openrouter.ai/api', keys: [{ state: 'missing' }] },
  ]);
  const response = await running.ask(question('x', { model: 'claude-opus-5-5' }));
  expect(response.status).toBe(502);
  expect(await response.text()).toContain("'openrouter' has no usable API key");
});

describe('auth: none', () => {
  it('opens the model endpoints, and neither /api/ nor /ui/', async () => {
    const running = await start({ server: { auth: 'none' } });
    expect((await fetch(`${running.url}/v1/models`)).status).toBe(200);
    for (const door of ['/api/rpc/status', '/api/status'])
      expect((await fetch(running.url + door, { headers: { authorization: `Bearer ${running.token}` } })).status).toBe(
        401,
      );
    expect(await (await fetch(`${running.url}/ui/`)).text()).toContain('cproxy login');
  });
  it('is refused beyond loopback', async () => {
    await expect(runEngine({ server: { auth: 'none', host: '0.0.0.0' } })).rejects.toThrow(/loopback/);
  });
});

describe('middleware', () => {
  const upper: Middleware = {
    name: 'upper',
    event: (event) =>
      event.type === 'content_block_delta' && event.delta.type === 'text_delta'
        ? [{ ...event, delta: { type: 'text_delta', text: event.delta.text.toUpperCase() } }]
        : [event],
  };

  it('sees and changes the events of every answer, also of the same protocol', async () => {
    const upstream = await upstreamServer();
    const running = await start(
      { providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }] },
      { middleware: [upper] },
    );
    upstream.queue(say('quiet'), say('quiet'));
    expect(contentOf(await (await running.ask(question('x', { stream: true }))).text())).toEqual([
      { type: 'text', text: 'QUIET' },
    ]);
    expect(await (await running.ask(question('x'))).json()).toMatchObject({ content: [{ text: 'QUIET' }] });
  });

  it('that looks at answers changes nothing of the request, and nothing of an error', async () => {
    const upstream = await upstreamServer();
    const running = await start(
      { providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }] },
      { middleware: [upper] },
    );
    const body = ' {"model":"m", "max_tokens":9,"messages":[{"role":"user","content":"x"}],"unknown":1.50}';
    await (await running.ask(body, { headers: { 'anthropic-beta': 'some-beta' } })).text();
    expect(upstream.asked[0]?.text).toBe(body);
    expect(upstream.asked[0]?.url).toBe('/v1/messages?beta=true');
    expect(upstream.asked[0]?.headers).toMatchObject({
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'some-beta',
    });
    const refusal = '{"type":"error","error":{"type":"invalid_request_error","message":"quiet"},"request_id":"r"}';
    upstream.queue(raw(400, refusal, { 'content-type': 'application/json' }));
    expect(await (await running.ask(body)).text()).toBe(refusal);
  });

  it('can change a request, refuse it, and look at attempts', async () => {
    const upstream = await upstreamServer();
    const seen: string[] = [];
    const guard: Middleware = {
      name: 'guard',
      async request(context, next) {
        if (context.request.body.raw.includes('forbidden'))
          throw ProxyError.of('invalid_field', { field: 'messages', expected: 'are not allowed' });
        context.replaceBody({ ...context.request.body.decode(), max_tokens: 7 });
        await next();
      },
      async attempt(context, next) {
        const outcome = await next();
        seen.push(`${context.target.provider.id} ${outcome.kind}`);
        return outcome;
      },
    };
    const running = await start(
      { providers: [{ id: 'p', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }] },
      { middleware: [guard] },
    );
    await (await running.ask(question('fine'))).text();
    expect(upstream.asked[0]?.json.max_tokens).toBe(7);
    expect(seen).toEqual(['p answered']);
    const refused = await running.ask(question('forbidden'));
    expect(refused.status).toBe(400);
    expect(upstream.asked).toHaveLength(1);
    expect(running.engine.status().requests).toMatchObject({ running: 0, total: 2, failed: 1 });
  });

  it('that neither goes on nor throws does not leave the client waiting', async () => {
    const idle: Middleware[] = [
      { name: 'request', request: () => Promise.resolve() },
      { name: 'attempt', attempt: async () => ({ kind: 'answered' }) },
    ];
    for (const piece of idle) {
      const running = await start({}, { middleware: [piece] });
      expect((await running.ask(question('x'), { signal: AbortSignal.timeout(2_000) })).status).toBe(500);
    }
  });

  it('that throws what is no ProxyError fails its request alone, and says nothing of our insides', async () => {
    const errors: string[] = [];
    const running = await start(
      {},
      {
        middleware: [{ name: 'broken', request: () => Promise.reject(new Error('inside detail')) }],
        log: { ...silentLogger, error: (message, fields) => errors.push(`${message} ${JSON.stringify(fields)}`) },
      },
    );
    const response = await running.ask(question('x'));
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('inside detail');
    expect(errors.join()).toContain('inside detail');
    expect((await fetch(`${running.url}/health`)).status).toBe(200);
  });
});

it('a configuration file that is wrong is told with its line', async () => {
  const running = await start();
  const file = path.join(running.home, 'bad.json');
  await writeFile(file, '{\n  "providers": [\n    { "id": "a", "type": "anthropic", "modles": [] }\n  ]\n}');
  const env = { CPROXY_HOME: running.home };
  expect(() => loadConfig({ file, env, folders: resolveFolders(env) })).toThrow(/bad\.json:3/);
});
