import { afterEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { agentTools, question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type OtherScript, raw, type ScriptableUpstream, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Provider = NonNullable<ConfigInput['providers']>[number];

const stack: { stop: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const { stop } of stack.splice(0).reverse()) await stop();
});

const json = (body: unknown, status = 200) => raw(status, JSON.stringify(body), { 'content-type': 'application/json' });

async function start(
  provider: Omit<Provider, 'id' | 'baseUrl'>,
  other: OtherScript = () => null,
): Promise<{ upstream: ScriptableUpstream; running: RunningEngine }> {
  const upstream = await startUpstream({ other });
  stack.push({ stop: upstream.close });
  const running = await runEngine({ providers: [{ id: 'p', baseUrl: upstream.url, ...provider }] });
  stack.push(running);
  return { upstream, running };
}

const ask = (running: RunningEngine) =>
  running.ask(question('x', { model: 'p/m', stream: true })).then((r) => r.text());
const sent = (upstream: ScriptableUpstream, path: string) =>
  upstream.requests.filter((request) => request.path === path && request.bodyComplete).map((request) => request.json);
const arrived = (upstream: ScriptableUpstream, path: string) => waitUntil(path, () => sent(upstream, path)[0]);

const warningsOf = ({ engine }: RunningEngine) =>
  waitUntil('a warning', () => {
    const { warnings } = engine.status();
    return warnings.length > 0 && warnings;
  });

describe('Ollama', () => {
  const generated: OtherScript = ({ path }) =>
    path === '/api/generate' ? json({ done: true, done_reason: 'load' }) : null;

  it('loads models ahead as requests want them, so that the first request does not load them anew', async () => {
    const { upstream, running } = await start(
      { type: 'ollama', warmUp: ['m', 'n'], keepAliveMs: 3_600_000, contextWindow: 32_768 },
      generated,
    );
    await waitUntil('both models', () => sent(upstream, '/api/generate').length === 2);
    await ask(running);
    const [loaded, second] = sent(upstream, '/api/generate');
    expect(loaded).toEqual({
      model: 'm',
      stream: false,
      shift: false,
      options: { num_ctx: 32_768 },
      keep_alive: '3600000ms',
    });
    expect(second?.model).toBe('n');
    const [asked] = sent(upstream, '/api/chat');
    expect(asked).toMatchObject({ shift: false, keep_alive: '3600000ms', options: { num_ctx: 32_768 } });
    expect(running.engine.status().warnings).toEqual([]);
  });

  it('keeps them for ever where that is asked for, and decides itself where nothing is', async () => {
    const forever = await start({ type: 'ollama', keepAliveMs: -1 });
    await ask(forever.running);
    expect(sent(forever.upstream, '/api/chat')[0]?.keep_alive).toBe(-1);
    const silent = await start({ type: 'ollama' });
    await ask(silent.running);
    expect(sent(silent.upstream, '/api/chat')[0]).not.toHaveProperty('keep_alive');
    expect(sent(silent.upstream, '/api/generate')).toEqual([]);
  });

  it('that does not load a model is told of in words', async () => {
    const { running } = await start({ type: 'ollama', warmUp: ['gone'] }, ({ path }) =>
      path === '/api/generate' ? json({ error: "model 'gone' not found" }, 404) : null,
    );
    const [warning] = await warningsOf(running);
    expect(warning).toBe(
      "Provider 'p' did not load 'gone' ahead, so the first request that asks for it waits for that: Provider 'p' answered HTTP 404: model 'gone' not found",
    );
  });

  it('that takes too long is told of, and stopping does not wait for one that loads', async () => {
    const hangs: OtherScript = ({ path }) => (path === '/api/generate' ? { kind: 'hang' } : null);
    const slow = await start({ type: 'ollama', warmUp: ['m'], timeouts: { idleMs: 50 } }, hangs);
    const [warning] = await warningsOf(slow.running);
    expect(warning).toContain('it was not done within 0 s (timeouts.idleMs).');
    const { upstream, running } = await start({ type: 'ollama', warmUp: ['m', 'n'] }, hangs);
    await arrived(upstream, '/api/generate');
    await running.engine.stop();
    expect(running.engine.status().warnings).toEqual([]);
    expect(sent(upstream, '/api/generate')).toHaveLength(1);
  });
});

describe('LM Studio', () => {
  const withModels =
    (models: unknown[]): OtherScript =>
    ({ path }) => {
      if (path === '/api/v1/models') return json({ models });
      return path === '/api/v1/models/load' ? json({ type: 'llm', instance_id: 'm', status: 'loaded' }) : null;
    };
  const idle = { type: 'llm', key: 'm', loaded_instances: [], max_context_length: 32_768 };

  it('loads a model with the window that is asked for, as far as it goes', async () => {
    const { upstream } = await start({ type: 'lmstudio', warmUp: ['m'], contextWindow: 65_536 }, withModels([idle]));
    expect(await arrived(upstream, '/api/v1/models/load')).toEqual({ model: 'm', context_length: 32_768 });
    expect(upstream.asked).toEqual([]);
  });

  it('loads no model a second time', async () => {
    const loaded = { ...idle, loaded_instances: [{ id: 'm', config: { context_length: 8_192 } }] };
    const { upstream } = await start({ type: 'lmstudio', warmUp: ['m', 'n'] }, withModels([loaded]));
    expect(await arrived(upstream, '/api/v1/models/load')).toEqual({ model: 'n' });
    expect(sent(upstream, '/api/v1/models/load')).toHaveLength(1);
  });

  it('is asked for one token where a model is to go again, or it knows no other way', async () => {
    const leaving = await start({ type: 'lmstudio', warmUp: ['m'], keepAliveMs: 1_500 }, withModels([idle]));
    expect(await arrived(leaving.upstream, '/v1/chat/completions')).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'hi' }],
      max_tokens: 1,
      ttl: 2,
    });
    await ask(leaving.running);
    expect(sent(leaving.upstream, '/v1/chat/completions')[1]).toMatchObject({ ttl: 2, stream: true });
    const old = await start({ type: 'lmstudio', warmUp: ['m'] });
    expect(await arrived(old.upstream, '/v1/chat/completions')).not.toHaveProperty('ttl');
  });

  it('gets tools whose schemas have properties (musistudio/claude-code-router issue 272)', async () => {
    const { upstream, running } = await start({ type: 'lmstudio' });
    const tools = [...agentTools, { name: 'Now', input_schema: { type: 'object' } }];
    await running.ask(question('x', { model: 'p/m', tools }));
    const [{ tools: functions } = {}] = sent(upstream, '/v1/chat/completions');
    expect((functions as { function: unknown }[])[2]).toMatchObject({
      function: { name: 'Now', parameters: { type: 'object', properties: {} } },
    });
  });
});

describe('llama.cpp', () => {
  it('that routes between models is made to load one; another has its only one', async () => {
    let status: unknown = { value: 'unloaded' };
    const router = await start({ type: 'llamacpp', warmUp: ['a', 'b', 'c'] }, ({ path }) => {
      const data = [
        { id: 'a', status: { value: 'loaded' } },
        { id: 'b', status },
        { id: 'c', status: { value: 'sleeping' } },
      ];
      if (path === '/models/load') status = { value: 'unloaded', failed: true, exit_code: 1 };
      return path === '/v1/models' ? json({ data }) : path === '/models/load' ? json({ success: true }) : null;
    });
    expect(await arrived(router.upstream, '/models/load')).toEqual({ model: 'b' });
    const [warning] = await warningsOf(router.running);
    expect(warning).toContain("'b' failed to load");
    expect(sent(router.upstream, '/models/load')).toHaveLength(1);
    const single = await start({ type: 'llamacpp', warmUp: ['a'] });
    await waitUntil('its list', () => single.upstream.requests.some(({ path }) => path === '/v1/models'));
    await single.running.engine.stop();
    expect(sent(single.upstream, '/models/load')).toEqual([]);
    expect(single.running.engine.status().warnings).toEqual([]);
  });

  it('is told whether to think, and gets schemas that grammars are made of', async () => {
    const { upstream, running } = await start({ type: 'llamacpp' });
    const tools = [
      { name: 'T', input_schema: { type: 'object', properties: { p: { type: 'string', pattern: '\\d' } } } },
    ];
    await running.ask(question('x', { model: 'p/m', tools, thinking: { type: 'adaptive' } }));
    expect(sent(upstream, '/v1/chat/completions')[0]).toMatchObject({
      chat_template_kwargs: { enable_thinking: true },
      tools: [{ function: { parameters: { properties: { p: { type: 'string' } } } } }],
    });
    expect(upstream.asked[0]?.text).not.toContain('pattern');
  });
});

it('what has no effect is told of at the start', async () => {
  const vllm = await start({ type: 'vllm', warmUp: ['m'], keepAliveMs: 1_000 });
  expect(vllm.running.engine.status().warnings).toEqual([
    "Provider 'p': warmUp has no effect, since servers of type vllm cannot be told to load a model.",
    "Provider 'p': keepAliveMs has no effect, since servers of type vllm are not told how long to keep a model.",
  ]);
  await ask(vllm.running);
  expect(vllm.upstream.asked[0]?.text).not.toMatch(/ttl|keep_alive/);
});
