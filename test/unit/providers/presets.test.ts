import { describe, expect, it } from 'vitest';
import { knownServer } from '../../../src-main/providers/known-servers.ts';
import { createProvider } from '../../../src-main/providers/provider-types.ts';
import { createTransport } from '../../../src-main/providers/transport.ts';
import { providerSchema, providerTypes } from '../../../src-shared/config.ts';
import type { KeyQuestion, ResolveKey } from '../../../src-shared/keys.ts';
import { presetIds, presets } from '../../../src-shared/presets.ts';
import { looksLikeKeyOf, vendors } from '../../../src-shared/vendors.ts';
import { makeProvider } from '../../helpers/providers.ts';

const withAddress = presetIds.filter((id) => presets[id].baseUrl !== null);

describe('a vendor by name', () => {
  it.each(withAddress)('%s needs no more than an id', (type) => {
    const provider = makeProvider({ type });
    const { name, baseUrl } = presets[type];
    expect(provider).toMatchObject({ name, type });
    expect(provider.baseUrl?.href.replace(/\/$/, '')).toBe(baseUrl);
  });

  it('is at an address of its own, which is an API and no endpoint', () => {
    const addresses = withAddress.map((id) => presets[id].baseUrl);
    expect(new Set(addresses).size).toBe(addresses.length);
    for (const address of addresses) expect(address).toMatch(/^https:\/\/[^?#]+[^/]$/);
  });

  it('has no name of a type', () => {
    for (const id of presetIds) expect(providerTypes).not.toContain(id);
  });

  it.each(['deepseek', 'kimi', 'glm', 'minimax', 'qwen', 'mistral', 'groq', 'xai', 'together', 'fireworks'] as const)(
    '%s is known with its quirks',
    (id) => {
      expect(knownServer(new URL(presets[id].baseUrl ?? ''))).not.toBeNull();
    },
  );

  it('gives way to what is written beside it', () => {
    const provider = makeProvider({ type: 'groq', name: 'Mine', baseUrl: 'https://proxy.example.com/groq/v1' });
    expect(provider).toMatchObject({ name: 'Mine', type: 'groq' });
    expect(provider.baseUrl?.host).toBe('proxy.example.com');
  });

  it.each([
    'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
    'https://coding-intl.dashscope.aliyuncs.com/v1',
    'https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1',
    'https://llm-1a2b.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1',
  ])('Qwen is known at %s', (address) => {
    expect(knownServer(new URL(address))?.name).toBe('Qwen');
  });

  it.each(['https://maas.aliyuncs.com.example.com', 'https://notdashscope.aliyuncs.com'])(
    'and not at %s',
    (address) => {
      expect(knownServer(new URL(address))).toBeNull();
    },
  );

  it.each(['minimax', 'minimax-cn', 'kimi-coding'] as const)('%s is spoken to in Messages', (type) => {
    expect(makeProvider({ type }).protocols).toEqual(['anthropic']);
  });

  it('without an address of its own wants one', () => {
    const { error } = providerSchema.safeParse({ id: 'azure', type: 'azure-openai' });
    expect(error?.issues[0]).toMatchObject({ path: ['baseUrl'], message: 'is needed for type azure-openai' });
  });
});

describe('Azure, where each customer has an address', () => {
  /** The variable that is looked at for a key, and where it would go. */
  async function usualVariableAt(baseUrl: string): Promise<{ variable: string | null; at: string | undefined }> {
    const asked: KeyQuestion[] = [];
    const resolveKey: ResolveKey = async (question) => {
      asked.push(question);
      return { state: 'present', value: 'azure-key', reference: 'env:AZURE_OPENAI_API_KEY', warning: null };
    };
    const config = providerSchema.parse({ id: 'azure', type: 'azure-openai', baseUrl });
    const provider = createProvider(config, { transport: createTransport(), resolveKey });
    await provider.keys.choose({ model: null, conversation: null, tried: new Set(), last: true, tokens: 0 });
    return { variable: asked[0]?.usualVariable ?? null, at: provider.baseUrl?.href };
  }

  it.each([
    'https://mine.openai.azure.com',
    'https://mine.openai.azure.com/',
    'https://mine.openai.azure.com/openai/v1',
    'https://mine.services.ai.azure.com/openai/v1/',
  ])('takes the usual variable at %s, and finds the API there', async (baseUrl) => {
    const { variable, at } = await usualVariableAt(baseUrl);
    expect(variable).toBe('AZURE_OPENAI_API_KEY');
    expect(at).toMatch(/\.azure\.com\/openai\/v1\/?$/);
  });

  it.each([
    'https://gateway.example.com/openai/v1',
    'https://openai.azure.com.example.com/openai/v1',
    'http://mine.openai.azure.com/openai/v1',
    'https://mine.openai.azure.com:8443/openai/v1',
  ])('sends it nowhere else: %s', async (baseUrl) => {
    expect(await usualVariableAt(baseUrl)).toEqual({ variable: null, at: baseUrl });
  });
});

describe("how a vendor's keys begin", () => {
  it.each([['AIzaSyD-abcdefghijklmnopqrstuvwxyz012345'], ['AQ.Ab8RN6Jabcdefghijklmnopqrstuvwxyz']])(
    'is not said of Gemini, which has given out %s…',
    (key) => {
      expect(vendors.gemini?.keyPrefix).toBeUndefined();
      expect(looksLikeKeyOf(key)).toBeNull();
    },
  );
});

describe('the demo', () => {
  it('refuses what would mean nothing to it', () => {
    const { error } = providerSchema.safeParse({ id: 'demo', type: 'demo', contextWindow: 5, quirks: {} });
    expect(error?.issues.map(({ path }) => path[0])).toEqual(['quirks', 'contextWindow']);
  });
});
