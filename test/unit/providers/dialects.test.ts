import { describe, expect, it } from 'vitest';
import { unknownModel } from '../../../src-main/protocols/codec.ts';
import { refusesToolsOnChat } from '../../../src-main/protocols/openai-models.ts';
import { knownServer } from '../../../src-main/providers/known-servers.ts';
import type { WireRequest } from '../../../src-main/providers/transport.ts';
import type { ClientProtocol, ProviderProtocol } from '../../../src-shared/requests.ts';
import { dialectRequest, makeProvider } from '../../helpers/providers.ts';

const clients: readonly ClientProtocol[] = ['anthropic', 'openai-chat', 'openai-responses'];

/** The dialect in which each client's request goes to a provider. */
function dialects(config: Parameters<typeof makeProvider>[0], model = 'm'): Record<string, ProviderProtocol> {
  const provider = makeProvider(config);
  return Object.fromEntries(
    clients.map((client) => [client, provider.codecFor(dialectRequest(client, model)).protocol]),
  );
}

const all = (protocol: ProviderProtocol) => Object.fromEntries(clients.map((client) => [client, protocol]));
const baseUrl = 'http://upstream.test';

describe('the dialect of a request', () => {
  it('is the client’s own where the provider speaks it, else what the provider prefers', () => {
    expect(dialects({ type: 'anthropic' })).toEqual(all('anthropic'));
    expect(dialects({ type: 'anthropic-compatible', baseUrl })).toEqual(all('anthropic'));
    expect(dialects({ type: 'openai-compatible', baseUrl })).toEqual(all('openai-chat'));
    expect(dialects({ type: 'ollama' })).toEqual(all('ollama'));
    expect(dialects({ type: 'openai' })).toEqual({ ...all('openai-responses'), 'openai-chat': 'openai-chat' });
    expect(dialects({ type: 'openai-compatible', baseUrl: 'https://api.x.ai/v1' })).toEqual({
      ...all('openai-responses'),
      'openai-chat': 'openai-chat',
    });
  });

  it('is one that the configuration names', () => {
    const protocols: ProviderProtocol[] = ['openai-responses', 'anthropic'];
    expect(dialects({ type: 'openai-compatible', baseUrl, protocols })).toEqual({
      anthropic: 'anthropic',
      'openai-chat': 'openai-responses',
      'openai-responses': 'openai-responses',
    });
    expect(dialects({ type: 'openai', protocols: ['openai-chat'] }, 'gpt-6-sol')).toEqual(all('openai-chat'));
    expect(dialects({ type: 'ollama', protocols: ['anthropic'] })).toEqual(all('anthropic'));
  });

  it('at OpenRouter is Anthropic’s for Anthropic’s models only', () => {
    const others = { anthropic: 'openai-chat', 'openai-chat': 'openai-chat', 'openai-responses': 'openai-responses' };
    expect(dialects({ type: 'openrouter' }, 'qwen/qwen3-coder')).toEqual(others);
    const own = { ...others, anthropic: 'anthropic' };
    expect(dialects({ type: 'openrouter' }, 'anthropic/claude-opus-5.5')).toEqual(own);
    expect(dialects({ type: 'openrouter' }, '~anthropic/claude-opus-latest')).toEqual(own);
    const byAddress = { type: 'openai-compatible', baseUrl: 'https://openrouter.ai/api/v1' } as const;
    expect(dialects(byAddress, 'anthropic/claude-opus-5.5')).toEqual(own);
    expect(dialects(byAddress, 'qwen/qwen3-coder')).toEqual(others);
    expect(dialects({ type: 'openrouter', protocols: ['anthropic'] }, 'qwen/qwen3-coder')).toEqual(all('anthropic'));
  });

  it('leaves Chat Completions where that refuses tools', () => {
    const openai = makeProvider({ type: 'openai' });
    const goesBy = (model: string, body: Record<string, unknown>) =>
      openai.codecFor(dialectRequest('openai-chat', model, body)).protocol;
    const tools = [{}];
    expect(goesBy('gpt-6-sol', { tools })).toBe('openai-responses');
    expect(goesBy('gpt-6-sol', { tools, reasoning_effort: 'none' })).toBe('openai-chat');
    expect(goesBy('gpt-6-sol', { reasoning_effort: 'high' })).toBe('openai-chat');
    expect(goesBy('gpt-5.4', { tools })).toBe('openai-chat');
    expect(goesBy('gpt-5.4', { tools, reasoning_effort: 'low' })).toBe('openai-responses');
    expect(goesBy('gpt-4.1', { tools, reasoning_effort: 'low' })).toBe('openai-chat');
    const chatOnly = makeProvider({ type: 'openai', protocols: ['openai-chat'] });
    expect(chatOnly.codecFor(dialectRequest('openai-chat', 'gpt-6-sol', { tools })).protocol).toBe('openai-chat');
    const other = makeProvider({ type: 'openai-compatible', baseUrl, protocols: ['openai-chat', 'openai-responses'] });
    expect(other.codecFor(dialectRequest('openai-chat', 'gpt-6-sol', { tools })).protocol).toBe('openai-chat');
  });

  it('knows GPTs by their names', () => {
    for (const model of [
      'gpt-5.6',
      'gpt-5.6-terra',
      'gpt-5.10',
      'gpt-6',
      'gpt-6-astra',
      'gpt-6.1-sol',
      'openai/gpt-6-sol',
    ])
      expect([model, refusesToolsOnChat(model, null)]).toEqual([model, true]);
    for (const model of ['gpt-5', 'gpt-5.5', 'gpt-5-2025-08-07', 'gpt-4o', 'gpt-oss-120b', 'o3', 'my-gpt-6', 'llama'])
      expect([model, refusesToolsOnChat(model, null)]).toEqual([model, false]);
  });
});

describe('the key', () => {
  const key = 'env:KEY';
  async function headers(config: Parameters<typeof makeProvider>[0], protocol: ProviderProtocol): Promise<string[]> {
    const sent: WireRequest[] = [];
    const provider = makeProvider({ ...config, key }, (request) => sent.push(request));
    const call = {
      path: '/x',
      headers: [],
      body: '',
      key: { kind: 'own' as const, id: 'key', value: 'the-key' },
      clientCredentials: [],
      hops: '',
      about: { askedModel: '', route: '' },
    };
    await expect(provider.send({ ...call, protocol, signal: new AbortController().signal })).rejects.toThrow(
      'nothing is sent',
    );
    return (sent[0]?.headers ?? []).filter((_, index, pairs) => pairs[index - (index % 2)] !== 'x-cproxy-hops');
  }
  const bearer = ['authorization', 'Bearer the-key'];
  const apiKey = ['x-api-key', 'the-key'];

  it('goes in the form that the dialect knows', async () => {
    expect(await headers({ type: 'anthropic' }, 'anthropic')).toEqual(apiKey);
    expect(await headers({ type: 'anthropic', protocols: ['openai-chat'] }, 'openai-chat')).toEqual(bearer);
    expect(await headers({ type: 'anthropic-compatible', baseUrl }, 'anthropic')).toEqual([...apiKey, ...bearer]);
    expect(await headers({ type: 'openrouter' }, 'anthropic')).toEqual(bearer);
    expect(await headers({ type: 'openrouter' }, 'openai-chat')).toEqual(bearer);
    expect(await headers({ type: 'openai-compatible', baseUrl }, 'openai-chat')).toEqual(bearer);
    expect(await headers({ type: 'openai-compatible', baseUrl }, 'anthropic')).toEqual([...apiKey, ...bearer]);
    expect(await headers({ type: 'ollama' }, 'ollama')).toEqual(bearer);
  });
});

describe('quirks', () => {
  it('follow the address of a compatible server, and the configuration wins', () => {
    const deepseek = makeProvider({ type: 'openai-compatible', baseUrl: 'https://api.deepseek.com' });
    expect(deepseek.quirks).toMatchObject({
      reasoningFormat: 'thinking',
      returnsReasoningContent: true,
      readsMarkup: true,
    });
    const quirks = { reasoningFormat: 'none', toolLimit: null } as const;
    const mine = makeProvider({ type: 'openai-compatible', baseUrl: 'https://api.deepseek.com', quirks });
    expect(mine.quirks).toMatchObject({ ...quirks, returnsReasoningContent: true });
    expect(makeProvider({ type: 'openai-compatible', baseUrl }).quirks).toMatchObject({
      reasoningFormat: 'none',
      maxTokensField: 'max_tokens',
      readsMarkup: true,
    });
  });

  it('follow the model where models of a server differ', () => {
    const openai = makeProvider({ type: 'openai' });
    expect(openai.quirksFor('gpt-5.6-terra').cacheMarks).toBe('prompt_cache_breakpoint');
    expect(openai.quirksFor('gpt-5.6-terra').toolLimit).toBe(128);
    expect(openai.quirksFor('gpt-5.5').cacheMarks).toBe('none');
    const off = makeProvider({ type: 'openai', quirks: { cacheMarks: 'none' } });
    expect(off.quirksFor('gpt-5.6-terra').cacheMarks).toBe('none');
    const kimi = makeProvider({ type: 'openai-compatible', baseUrl: 'https://api.moonshot.ai/v1' });
    expect(kimi.quirksFor('kimi-k2.6').reasoningFormat).toBe('thinking');
    for (const model of ['kimi-k3', 'kimi-k3.1-pro', 'k3-256k'])
      expect(kimi.quirksFor(model).reasoningFormat).toBe('reasoning_effort');
  });

  it('of OpenAI itself include its web search, those of servers like it do not', () => {
    expect(makeProvider({ type: 'openai' }).quirks.searchesWeb).toBe(true);
    expect(makeProvider({ type: 'openai', baseUrl }).quirks).toMatchObject({ searchesWeb: false, isOpenai: true });
  });

  it('know local servers by their ports, on this machine only', () => {
    expect(knownServer(new URL('http://127.0.0.1:1234/v1'))?.name).toBe('LM Studio');
    expect(knownServer(new URL('http://localhost:8080'))?.name).toBe('llama.cpp');
    expect(knownServer(new URL('http://example.com:8080'))).toBeNull();
    expect(knownServer(new URL('https://api.deepseek.com.example.com'))).toBeNull();
  });
});

describe('what is known of a model', () => {
  it('comes from the catalogue of the provider, and the window from the configuration', () => {
    expect(makeProvider({ type: 'anthropic' }).factsOf('claude-opus-5-5')).toMatchObject({
      contextWindow: 1_000_000,
      maxOutput: 128_000,
    });
    const local = makeProvider({ type: 'ollama', contextWindow: 131_072 });
    expect(local.factsOf('nobody-knows')).toEqual({ ...unknownModel, contextWindow: 131_072 });
    expect(local.window).toBe(131_072);
    expect(makeProvider({ type: 'ollama' }).window).toBe(65_536);
    expect(makeProvider({ type: 'openai' }).window).toBeNull();
  });
});

describe('models of Mistral', () => {
  it('are told apart by their names at servers of any vendor', () => {
    const local = makeProvider({ type: 'openai-compatible', baseUrl: 'http://127.0.0.1:8000' });
    const quirksOf = (model: string) => {
      const { toolIds, takesUserAfterTool } = local.quirksFor(model);
      return { toolIds, takesUserAfterTool };
    };
    const own = { toolIds: 'mistral', takesUserAfterTool: false };
    for (const model of ['devstral-small-2', 'mistralai/Mistral-Small-4-119B-2603-NVFP4', 'local/Ministral-3-14B'])
      expect(quirksOf(model)).toEqual(own);
    expect(quirksOf('qwen3-coder')).toEqual({ toolIds: 'any', takesUserAfterTool: true });
    const mistral = makeProvider({ type: 'openai-compatible', baseUrl: 'https://api.mistral.ai' });
    expect(mistral.quirksFor('open-nemo')).toMatchObject(own);
    expect(mistral.quirksFor('mistral-large-latest')).toMatchObject({ ...own, asksStreamUsage: false });
    const lenient = { ...own, takesUserAfterTool: true };
    const told = makeProvider({
      type: 'openai-compatible',
      baseUrl: 'http://127.0.0.1:8000',
      quirks: { takesUserAfterTool: true },
    });
    expect(told.quirksFor('devstral')).toMatchObject(lenient);
  });
});
