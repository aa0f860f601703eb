import { describe, expect, it } from 'vitest';
import type { KeyLease } from '../../../../src-main/providers/key-pool.ts';
import { checkLlamacpp, listLlamacppModels } from '../../../../src-main/providers/listings/llamacpp.ts';
import { checkLmstudio, listLmstudioModels } from '../../../../src-main/providers/listings/lmstudio.ts';
import { checkOllama, createOllamaListing } from '../../../../src-main/providers/listings/ollama.ts';
import { checkVllm, listVllmModels } from '../../../../src-main/providers/listings/vllm.ts';
import { askedServer } from '../../../helpers/asked-server.ts';

const { signal } = new AbortController();
const none: KeyLease = { kind: 'none', id: 'key' };
const own: KeyLease = { kind: 'own', id: 'key', value: 'secret' };
const unauthorized = { status: 401, json: { error: { message: 'Invalid API Key', type: 'authentication_error' } } };

describe('Ollama', () => {
  const details = { family: 'qwen3', parameter_size: '8.2B' };
  const qwen = { name: 'qwen3:8b', model: 'qwen3:8b', digest: 'd1', details };
  const shown = {
    model_info: { 'general.architecture': 'qwen3', 'qwen3.context_length': 40_960, 'qwen3.block_count': 36 },
    capabilities: ['completion', 'tools', 'thinking'],
  };

  it('is asked about each model, and tells its window and what it can do', async () => {
    const server = askedServer({ '//api/tags': { json: { models: [qwen] } }, '//api/show': { json: shown } });
    expect(await createOllamaListing()(server, signal)).toEqual([
      { id: 'qwen3:8b', contextWindow: 40_960, tools: true, reasoning: true, images: false },
    ]);
    expect(server.questions[1]?.body).toEqual({ model: 'qwen3:8b' });
  });

  it('is not asked again about a content that is known, whatever its name', async () => {
    const models = [
      qwen,
      { ...qwen, name: 'mine:latest', model: 'mine:latest' },
      { ...qwen, model: 'b', digest: 'd2' },
    ];
    const server = askedServer({ '//api/tags': () => ({ json: { models } }), '//api/show': { json: shown } });
    const list = createOllamaListing();
    await list(server, signal);
    const asked = server.questions.length;
    expect((await list(server, signal)).map(({ id }) => id)).toEqual(['qwen3:8b', 'mine:latest', 'b']);
    expect(server.questions.slice(asked).map(({ path }) => path)).toEqual(['//api/tags']);
  });

  it('is not asked about a model of which its list tells all, as newer versions do', async () => {
    const model = { ...qwen, details: { ...details, context_length: 262_144 }, capabilities: ['completion', 'vision'] };
    const server = askedServer({ '//api/tags': { json: { models: [model] } } });
    expect(await createOllamaListing()(server, signal)).toEqual([
      { id: 'qwen3:8b', contextWindow: 262_144, tools: false, reasoning: false, images: true },
    ]);
    expect(server.questions).toHaveLength(1);
  });

  it('leaves out models that write no text, and keeps those that it says nothing of', async () => {
    const models = ['embed', 'old', 'broken'].map((model) => ({ model, digest: model }));
    const server = askedServer({
      '//api/tags': { json: { models } },
      '//api/show': ({ body }) => {
        const { model } = body as { model: string };
        if (model === 'broken') return { status: 500, json: { error: 'unexpected EOF' } };
        return { json: model === 'old' ? { model_info: {} } : { ...shown, capabilities: ['embedding'] } };
      },
    });
    expect(await createOllamaListing()(server, signal)).toEqual([{ id: 'old' }, { id: 'broken' }]);
  });

  it('is asked about a few models at a time', async () => {
    let running = 0;
    let most = 0;
    const models = Array.from({ length: 30 }, (_, index) => ({ model: `m${index}`, digest: `d${index}` }));
    const server = askedServer({ '//api/tags': { json: { models } }, '//api/show': { json: shown } });
    const { ask } = server;
    server.ask = async (question) => {
      running += 1;
      most = Math.max(most, running);
      const answer = await ask(question);
      await new Promise(setImmediate);
      running -= 1;
      return answer;
    };
    expect(await createOllamaListing()(server, signal)).toHaveLength(30);
    expect(most).toBe(4);
  });

  it('may have no models yet', async () => {
    expect(await createOllamaListing()(askedServer({ '//api/tags': { json: { models: null } } }), signal)).toEqual([]);
  });

  it('that is something else is said to be', async () => {
    const page = askedServer({ '//api/tags': { text: '<!doctype html><title>Router</title>' } });
    await expect(createOllamaListing()(page, signal)).rejects.toThrow(
      "Provider 'p' sent an answer that cannot be read: /api/tags should be a JSON object, but is a page of HTML. Does baseUrl lead to the right server?",
    );
    const other = askedServer({ '//api/tags': { json: { data: [] } } });
    await expect(createOllamaListing()(other, signal)).rejects.toThrow("no list named 'models'");
  });

  it('is checked by its version', async () => {
    expect(await checkOllama(askedServer({ '//api/version': { json: { version: '0.33.0' } } }), none, signal)).toEqual({
      state: 'ready',
    });
    await expect(checkOllama(askedServer({ '//api/version': unauthorized }), own, signal)).rejects.toMatchObject({
      code: 'provider_key_refused',
    });
  });
});

describe('LM Studio', () => {
  const loaded = (...windows: number[]) =>
    windows.map((context_length, id) => ({ id: `i${id}`, config: { context_length } }));

  it('tells the window a model is loaded with, else the most it can have', async () => {
    const models = [
      {
        type: 'llm',
        key: 'openai/gpt-oss-20b',
        display_name: 'GPT-OSS 20B',
        loaded_instances: loaded(65_536, 8_192),
        max_context_length: 131_072,
        capabilities: {
          vision: false,
          trained_for_tool_use: true,
          reasoning: { allowed_options: ['low', 'medium', 'high'], default: 'medium' },
        },
      },
      {
        type: 'llm',
        key: 'plain',
        loaded_instances: [],
        max_context_length: 32_768,
        capabilities: { vision: true, trained_for_tool_use: false, reasoning: false },
      },
      { type: 'llm', key: 'terse' },
      { type: 'embedding', key: 'embed', max_context_length: 2_048 },
    ];
    expect(await listLmstudioModels(askedServer({ '//api/v1/models': { json: { models } } }), signal)).toEqual([
      {
        id: 'openai/gpt-oss-20b',
        displayName: 'GPT-OSS 20B',
        contextWindow: 8_192,
        tools: true,
        images: false,
        reasoning: true,
      },
      { id: 'plain', contextWindow: 32_768, images: true, reasoning: false },
      { id: 'terse' },
    ]);
  });

  it('before 0.4 tells it at another place, before 0.3.6 nowhere', async () => {
    const unexpected = { json: { error: 'Unexpected endpoint or method. (GET /api/v1/models)' } };
    const data = [
      { id: 'qwen2-vl', type: 'vlm', state: 'not-loaded', max_context_length: 32_768 },
      {
        id: 'qwen3',
        type: 'llm',
        state: 'loaded',
        max_context_length: 131_072,
        loaded_context_length: 16_384,
        capabilities: ['tool_use'],
      },
      { id: 'nomic', type: 'embeddings', max_context_length: 2_048 },
    ];
    const older = askedServer({ '//api/v1/models': unexpected, '//api/v0/models': { json: { object: 'list', data } } });
    expect(await listLmstudioModels(older, signal)).toEqual([
      { id: 'qwen2-vl', contextWindow: 32_768, images: true },
      { id: 'qwen3', contextWindow: 16_384, tools: true, images: false },
    ]);
    const oldest = askedServer({
      '//api/v1/models': unexpected,
      '//api/v0/models': unexpected,
      '/models': { json: { object: 'list', data: [{ id: 'mistral-7b' }] } },
    });
    expect((await listLmstudioModels(oldest, signal)).map(({ id }) => id)).toEqual(['mistral-7b']);
  });

  it('that wants a key says so', async () => {
    const server = askedServer({ '//api/v1/models': unauthorized, '/models': unauthorized });
    await expect(listLmstudioModels(server, signal)).rejects.toMatchObject({ code: 'provider_key_refused' });
    await expect(checkLmstudio(server, none, signal)).rejects.toMatchObject({ code: 'provider_key_refused' });
  });

  it('is checked by its list', async () => {
    const server = askedServer({ '/models': { json: { object: 'list', data: [] } } });
    expect(await checkLmstudio(server, own, signal)).toEqual({ state: 'ready' });
    expect(server.questions[0]?.key).toBe(own);
    await expect(checkLmstudio(askedServer({ '/models': { text: '<html>' } }), none, signal)).rejects.toMatchObject({
      code: 'provider_garbage',
    });
  });
});

describe('llama.cpp', () => {
  const props = {
    default_generation_settings: { n_ctx: 65_536, params: {} },
    total_slots: 1,
    modalities: { vision: true, audio: false },
    chat_template_caps: { supports_tools: true, supports_parallel_tool_calls: false },
  };

  it('tells the window of a request and what its template knows', async () => {
    const list = { object: 'list', data: [{ id: 'qwen.gguf', meta: { n_ctx_train: 131_072 } }] };
    const server = askedServer({ '/models': { json: list }, '//props': { json: props } });
    expect(await listLlamacppModels(server, signal)).toEqual([
      { id: 'qwen.gguf', contextWindow: 65_536, images: true, tools: true, parallelTools: false },
    ]);
  });

  it('that routes between models is asked about those that are loaded, and loads none', async () => {
    const text = { input_modalities: ['text'], output_modalities: ['text'] };
    const data = [
      { id: 'org/big:Q4', status: { value: 'loaded', args: [] }, architecture: text },
      {
        id: 'small',
        context_length: 8_192,
        status: { value: 'unloaded' },
        architecture: { ...text, input_modalities: ['text', 'image'] },
      },
      { id: 'decider', status: { value: 'unloaded' }, architecture: { ...text, output_modalities: ['decisions'] } },
    ];
    const server = askedServer({
      '/models': { json: { data } },
      '//props?model=org%2Fbig%3AQ4&autoload=false': { json: { ...props, modalities: { vision: false } } },
    });
    expect(await listLlamacppModels(server, signal)).toEqual([
      { id: 'org/big:Q4', contextWindow: 65_536, images: false, tools: true, parallelTools: false },
      { id: 'small', contextWindow: 8_192, images: true },
    ]);
    expect(server.questions).toHaveLength(2);
  });

  it('that does not tell its properties still has its models', async () => {
    const server = askedServer({
      '/models': { json: { data: [{ id: 'm', meta: { n_ctx: 4_096 } }] } },
      '//props': unauthorized,
    });
    expect(await listLlamacppModels(server, signal)).toEqual([{ id: 'm', contextWindow: 4_096 }]);
  });

  it('says when it is still loading', async () => {
    const loading = {
      status: 503,
      json: { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } },
    };
    expect(await checkLlamacpp(askedServer({ '//health': loading }), none, signal)).toEqual({
      state: 'loading',
      reason: 'the server is still loading its model',
    });
    const broken = askedServer({ '//health': { status: 503, text: 'upstream connect error' } });
    await expect(checkLlamacpp(broken, none, signal)).rejects.toThrow('upstream connect error');
  });

  it('is asked for more where there is a key, since its health needs none', async () => {
    const health = { json: { status: 'ok' } };
    const open = askedServer({ '//health': health });
    expect(await checkLlamacpp(open, none, signal)).toEqual({ state: 'ready' });
    expect(open.questions).toHaveLength(1);
    const closed = askedServer({ '//health': health, '//props': unauthorized });
    await expect(checkLlamacpp(closed, own, signal)).rejects.toMatchObject({ code: 'provider_key_refused' });
    expect(await checkLlamacpp(askedServer({ '//health': health, '//props': { json: props } }), own, signal)).toEqual({
      state: 'ready',
    });
  });
});

describe('vLLM', () => {
  const list = {
    json: {
      data: [
        { id: 'Qwen/Qwen3', max_model_len: 40_960 },
        { id: 'lora', max_model_len: null },
      ],
    },
  };

  it('tells the window', async () => {
    expect(await listVllmModels(askedServer({ '/models': list }), signal)).toEqual([
      { id: 'Qwen/Qwen3', contextWindow: 40_960 },
      { id: 'lora' },
    ]);
  });

  it('is healthy with an empty answer, and asked for more where there is a key', async () => {
    const server = askedServer({ '//health': {}, '/models': list });
    expect(await checkVllm(server, none, signal)).toEqual({ state: 'ready' });
    expect(server.questions.map(({ path }) => path)).toEqual(['//health']);
    expect(await checkVllm(server, own, signal)).toEqual({ state: 'ready' });
    await expect(
      checkVllm(askedServer({ '//health': {}, '/models': unauthorized }), own, signal),
    ).rejects.toMatchObject({ code: 'provider_key_refused' });
  });

  it('may be behind something that knows only its list', async () => {
    expect(await checkVllm(askedServer({ '/models': list }), none, signal)).toEqual({ state: 'ready' });
    const dead = askedServer({ '//health': { status: 500, text: 'EngineDeadError' } });
    await expect(checkVllm(dead, none, signal)).rejects.toThrow('EngineDeadError');
  });
});
