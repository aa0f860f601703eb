import { describe, expect, it } from 'vitest';
import { knownServer } from '../../../src-main/providers/known-servers.ts';
import { providerSchema, providerTypes } from '../../../src-shared/config.ts';
import { presetIds, presets } from '../../../src-shared/presets.ts';
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

  it('without an address of its own wants one', () => {
    const { error } = providerSchema.safeParse({ id: 'azure', type: 'azure-openai' });
    expect(error?.issues[0]).toMatchObject({ path: ['baseUrl'], message: 'is needed for type azure-openai' });
  });
});

describe('the demo', () => {
  it('refuses what would mean nothing to it', () => {
    const { error } = providerSchema.safeParse({ id: 'demo', type: 'demo', contextWindow: 5, quirks: {} });
    expect(error?.issues.map(({ path }) => path[0])).toEqual(['quirks', 'contextWindow']);
  });
});
