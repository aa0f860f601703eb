import { describe, expect, it } from 'vitest';
import { importLiteLlm } from '../../../../src-main/config/import/litellm.ts';
import { importFixture, loadImported } from './imported.ts';

const one = (params: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) =>
  importLiteLlm({ model_list: [{ model_name: 'm', litellm_params: params }] }, env);

it('deployments of one account are one provider', () => {
  const { config } = loadImported(importFixture('litellm-simple.yaml'));
  expect(config.providers).toMatchObject([
    { id: 'anthropic', key: 'env:ANTHROPIC_API_KEY', models: ['claude-haiku-4-5-20251001', 'claude-sonnet-5'] },
  ]);
  expect(config.aliases).toEqual({
    'claude-haiku-4-5': ['anthropic/claude-haiku-4-5-20251001'],
    'claude-sonnet-5': ['anthropic/claude-sonnet-5'],
  });
});

it.each([
  ['1d', { id: 'all', per: 'day', usd: 20, whenSpent: 'refuse' }],
  ['30d', { id: 'all', per: 'month', usd: 20, whenSpent: 'refuse' }],
  ['7d', undefined],
  [undefined, undefined],
])('a budget for %s', (budget_duration, expected) => {
  const imported = importLiteLlm({ litellm_settings: { max_budget: 20, budget_duration } }, {});
  const { config } = loadImported(imported);
  expect(config.limits.budgets[0]).toEqual(expected === undefined ? undefined : expect.objectContaining(expected));
  const said = expected === undefined ? imported.report.left : imported.report.carried;
  expect(said.join('\n')).toContain('max_budget 20');
});

describe('a whole file', () => {
  const imported = importFixture('litellm-full.yaml');
  const { config } = loadImported(imported);
  const rule = (id: string) => config.routing.rules.find((each) => each.id === id);

  it('several deployments are shared out, with their fallbacks', () => {
    expect(rule('gpt-4o')).toMatchObject({
      when: { alias: 'gpt-4o' },
      use: {
        targets: [
          { target: 'openai/gpt-4o', weight: 6 },
          { target: 'azure-openai/gpt-4o-eu', weight: 60 },
        ],
        strategy: 'weighted',
        fallback: [{ target: 'claude' }],
        contentPolicy: [{ target: 'local' }],
      },
    });
    expect(rule('local')?.use.fallback).toMatchObject([{ target: 'gpt-4o' }]);
    expect(rule('default-fallbacks')?.use.fallback).toMatchObject([{ target: 'local' }]);
    expect(config.aliases['gpt-4']).toEqual(config.aliases['gpt-4o']);
  });

  it('prices are for a million tokens', () => {
    const models = config.providers.find(({ id }) => id === 'anthropic')?.models;
    expect(models).toEqual([
      {
        id: 'claude-sonnet-4-5',
        contextWindow: 200_000,
        maxOutput: 8192,
        capabilities: { vision: true },
        price: { input: 3, output: 15 },
      },
    ]);
  });

  it('patterns', () => {
    expect(rule('weird')).toMatchObject({ when: { model: 'weird*' }, use: { targets: [{ target: 'groq/llama-4' }] } });
    expect(config.providers.find(({ id }) => id === 'openrouter')?.models).toBeUndefined();
  });

  it('says what it does not carry', () => {
    for (const part of [
      'AZURE_API_BASE',
      'bedrock',
      'embedding',
      'temperature',
      'nowhere',
      'gone',
      'redis_host',
      'guardrails',
    ])
      expect(imported.report.left.join('\n')).toContain(part);
    expect(imported.report.changed.join('\n')).toContain('master_key');
  });
});

it.each([
  ['openai/gpt-4o', {}, 'openai', undefined],
  ['gpt-4o', {}, 'openai', undefined],
  ['claude-3-5-haiku', {}, 'anthropic', undefined],
  ['gemini/gemini-3-pro', {}, 'gemini', undefined],
  ['deepseek/deepseek-chat', {}, 'deepseek', undefined],
  ['together_ai/meta/llama', {}, 'together', undefined],
  ['fireworks_ai/accounts/x/models/y', {}, 'fireworks', undefined],
  ['moonshot/kimi-k2', {}, 'kimi', undefined],
  ['zai/glm-4.6', {}, 'glm', undefined],
  ['openrouter/a/b', {}, 'openrouter', undefined],
  ['openai/local', { api_base: 'http://localhost:8000/v1' }, 'openai-compatible', 'http://localhost:8000/v1'],
  ['ollama/qwen3', { api_base: 'http://localhost:11434' }, 'ollama', undefined],
  ['lm_studio/q', { api_base: 'http://localhost:1234/v1' }, 'lmstudio', undefined],
  ['anthropic/c', { api_base: 'https://relay.example.com' }, 'anthropic-compatible', 'https://relay.example.com'],
  ['x', { custom_llm_provider: 'groq' }, 'groq', undefined],
])('%s %j', (model, rest, type, baseUrl) => {
  const { config } = loadImported(one({ model, api_key: 'os.environ/K', ...rest }));
  expect(config.providers).toHaveLength(1);
  expect(config.providers[0]?.type).toBe(type);
  expect(config.providers[0]?.baseUrl).toBe(baseUrl);
});

it('an address in a variable is read, where it is set', () => {
  const params = { model: 'azure/gpt-4o', api_base: 'os.environ/BASE', api_key: 'os.environ/K' };
  const { value } = one(params, { BASE: 'https://me.openai.azure.com' });
  expect(value.providers).toMatchObject([{ type: 'azure-openai', baseUrl: 'https://me.openai.azure.com/openai/v1' }]);
  expect(one(params).value.providers).toEqual([]);
});
