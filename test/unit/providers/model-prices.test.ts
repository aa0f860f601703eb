import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costOf, free, type Price } from '../../../src-main/providers/model-prices.ts';
import { createProvider } from '../../../src-main/providers/provider-types.ts';
import { type ConfigInput, configSchema } from '../../../src-shared/config.ts';

type ProviderInput = NonNullable<ConfigInput['providers']>[number];

function priceOf(provider: ProviderInput, model: string): Price | null {
  const [config] = configSchema.parse({ providers: [provider] }).providers;
  if (config === undefined) throw new Error('no provider');
  const transport = {
    send: () => Promise.reject(new Error('nobody is called')),
    check: () => null,
    reset: () => undefined,
    close: () => Promise.resolve(),
  };
  const resolveKey = async () => ({ state: 'present', value: 'k', reference: 'env:K', warning: null }) as const;
  return createProvider(config, { transport, resolveKey }).priceOf(model);
}

describe('what a request costs', () => {
  const price: Price = {
    input: 3,
    output: 15,
    cacheRead: 0.3,
    cacheWrite: 3.75,
    tiers: [{ inputTokensAbove: 200_000, input: 6, output: 22.5, cacheRead: 0.6, cacheWrite: 7.5 }],
  };

  it('is each part at its own rate', () => {
    const usage = { input: 1_000, cacheRead: 10_000, cacheWrite: 2_000, output: 500 };
    expect(costOf(price, usage)).toBeCloseTo((3_000 + 3_000 + 7_500 + 7_500) / 1e6, 10);
  });

  it('is that of the tier for all of it, once its input is larger, cached or not', () => {
    const usage = { input: 1, cacheRead: 200_000, cacheWrite: 0, output: 100 };
    expect(costOf(price, { ...usage, input: 0 })).toBeCloseTo((200_000 * 0.3 + 100 * 15) / 1e6, 10);
    expect(costOf(price, usage)).toBeCloseTo((6 + 200_000 * 0.6 + 100 * 22.5) / 1e6, 10);
  });

  it('counts cached tokens as others where nothing else is said', () => {
    expect(costOf({ input: 2, output: 8 }, { input: 10, cacheRead: 20, cacheWrite: 30, output: 0 })).toBeCloseTo(
      120 / 1e6,
      12,
    );
  });

  it('never falls with more tokens of any kind', () => {
    const tokens = fc.integer({ min: 0, max: 400_000 });
    const usages = fc.record({ input: tokens, cacheRead: tokens, cacheWrite: tokens, output: tokens });
    fc.assert(
      fc.property(
        usages,
        fc.constantFrom('input', 'cacheRead', 'cacheWrite', 'output'),
        tokens,
        (usage, part, more) => {
          expect(costOf(price, { ...usage, [part]: usage[part] + more })).toBeGreaterThanOrEqual(costOf(price, usage));
        },
      ),
    );
  });
});

describe('the price of a model', () => {
  const compatible = { id: 'p', type: 'openai-compatible', baseUrl: 'https://gateway.example/v1' } as const;

  it("is its vendor's, from the catalogue, by its plain name", () => {
    const plain = priceOf({ id: 'a', type: 'anthropic' }, 'claude-haiku-4-5');
    expect(plain).toMatchObject({ input: 1, output: 5, cacheRead: 0.1, cacheWrite: 1.25 });
    expect(priceOf({ id: 'a', type: 'anthropic' }, 'claude-haiku-4-5[1m]')).toEqual(plain);
    expect(priceOf({ id: 'a', type: 'anthropic' }, 'claude-haiku-4-5-20270101')).toEqual(plain);
  });

  it('is not known of a model that its vendor does not list', () => {
    expect(priceOf({ id: 'a', type: 'anthropic' }, 'claude-unheard-of')).toBeNull();
  });

  it("is not known at a gateway, though the model has its vendor's name", () => {
    expect(priceOf(compatible, 'claude-haiku-4-5')).toBeNull();
    expect(priceOf({ id: 'a', type: 'anthropic', baseUrl: 'https://gateway.example' }, 'claude-haiku-4-5')).toBeNull();
  });

  it('is what the configuration says, before all else', () => {
    const written = { input: 0.5, output: 2, cacheRead: 0.05 };
    expect(priceOf({ ...compatible, models: [{ id: 'm', price: written }, 'other'] }, 'm')).toEqual(written);
    expect(priceOf({ ...compatible, models: [{ id: 'm', price: written }, 'other'] }, 'other')).toBeNull();
    const own = { input: 9, output: 9 };
    expect(
      priceOf({ id: 'a', type: 'anthropic', models: [{ id: 'claude-haiku-4-5', price: own }] }, 'claude-haiku-4-5'),
    ).toEqual(own);
  });

  it.each(['ollama', 'lmstudio', 'llamacpp', 'vllm'] as const)('is nothing on a %s of one’s own', (type) => {
    expect(priceOf({ id: 'l', type, baseUrl: 'http://127.0.0.1:9000' }, 'qwen3-coder')).toBe(free);
    expect(priceOf({ id: 'l', type, baseUrl: 'http://192.168.1.20:9000' }, 'qwen3-coder')).toBe(free);
    expect(priceOf({ id: 'l', type, baseUrl: 'https://models.example' }, 'qwen3-coder')).toBeNull();
  });

  it("is not known of Ollama's cloud models, which are no work of this machine", () => {
    expect(priceOf({ id: 'l', type: 'ollama' }, 'gpt-oss:120b-cloud')).toBeNull();
    expect(priceOf({ id: 'l', type: 'ollama' }, 'gpt-oss:20b')).toBe(free);
  });

  it('is nothing for a local server that is known by its port, and not known for another', () => {
    expect(priceOf({ ...compatible, baseUrl: 'http://127.0.0.1:1234' }, 'm')).toBe(free);
    expect(priceOf({ ...compatible, baseUrl: 'http://127.0.0.1:4000' }, 'm')).toBeNull();
  });

  it("is nothing for OpenRouter's free variants, and not known for its others", () => {
    const openrouter = { id: 'o', type: 'openrouter' } as const;
    expect(priceOf(openrouter, 'google/gemma-4-31b-it:free')).toBe(free);
    expect(priceOf(openrouter, 'google/gemma-4-31b-it:nitro')).toBeNull();
  });

  it('is nothing for the demo', () => {
    expect(priceOf({ id: 'demo', type: 'demo' }, 'demo')).toBe(free);
  });
});
