import { describe, expect, it } from 'vitest';
import { importFixture, loadImported } from './imported.ts';

it('version 1 had Claude’s providers alone', () => {
  const { config } = loadImported(importFixture('cc-switch-1.json'));
  expect(config.providers).toMatchObject([
    { id: 'default', type: 'anthropic-compatible', baseUrl: 'https://open.bigmodel.cn/api/anthropic' },
  ]);
  expect(config.routing.defaultProvider).toBe('default');
});

describe('version 2', () => {
  const { config } = loadImported(importFixture('cc-switch-2.json'));

  it('carries the providers of Claude Code, Codex and Gemini CLI in their order', () => {
    expect(config.providers.map(({ id, type, baseUrl }) => [id, type, baseUrl])).toEqual([
      ['Kimi', 'anthropic-compatible', 'https://api.moonshot.cn/anthropic'],
      ['My-Relay', 'anthropic-compatible', 'https://relay.example.com'],
      ['Chat-Only', 'openai-compatible', 'https://chat.example.com/v1'],
      ['anthropic', 'anthropic', undefined],
      ['Codex-Relay', 'openai-compatible', 'https://codex.example.com/v1'],
      ['Gemini-Key', 'gemini', undefined],
    ]);
    expect(config.providers[3]?.key).toBe('client');
    expect(config.providers[4]?.protocols).toEqual(['openai-responses']);
    expect(config.providers[0]?.contextWindow).toBe(262_144);
  });

  it('the provider in use comes first, then the failover queue', () => {
    expect(config.routing.defaultProvider).toBe('Kimi');
    expect(config.routing.tiers).toEqual({
      opus: ['Kimi/kimi-k2-turbo-preview', 'My-Relay/claude-opus-4-5'],
      sonnet: ['Kimi/kimi-k2-turbo-preview', 'My-Relay/claude-sonnet-4-5'],
      haiku: ['Kimi/kimi-k2-turbo-preview'],
    });
  });

  it('says what it does not carry', () => {
    const { left } = importFixture('cc-switch-2.json').report;
    for (const part of ['spending limits', 'github_copilot', 'ChatGPT', 'config.toml', 'opencode', 'MCP servers (1)'])
      expect(left.join('\n')).toContain(part);
  });
});

it('reads the SQL export, with its quotes and semicolons', () => {
  const imported = importFixture('cc-switch-3.sql');
  const { config } = loadImported(imported);
  expect(config.providers.map(({ id, type }) => [id, type])).toEqual([
    ['Zhipu-GLM', 'anthropic-compatible'],
    ['OpenRouter', 'openrouter'],
  ]);
  expect(config.routing.tiers.haiku).toEqual(['Zhipu-GLM/glm-4.5-air', 'OpenRouter/anthropic/claude-sonnet-4.5']);
  expect(imported.report.left.join('\n')).toContain('ChatGPT');
});
