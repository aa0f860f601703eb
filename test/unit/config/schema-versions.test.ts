import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src-main/config/config-error.ts';
import { type LoadedConfig, loadConfig } from '../../../src-main/config/load-config.ts';
import { toCurrentVersion, versionOfConfig } from '../../../src-main/config/schema-versions.ts';

const nowhere = { config: '/nowhere', data: '/nowhere', logs: '/nowhere', cache: '/nowhere' };
const fixture = (name: string) =>
  readFileSync(path.resolve(import.meta.dirname, '../../fixtures/old-config', name), 'utf8');
const load = (text: string): LoadedConfig =>
  loadConfig({ file: '/nowhere/config.json', text, env: {}, folders: nowhere });
const problemsOf = (value: unknown): string => {
  try {
    load(JSON.stringify(value));
    return '';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
};

describe('the number', () => {
  it('may be left out, and is today’s then', () => {
    expect(versionOfConfig({})).toBe(1);
    expect(load('{}').config.version).toBeUndefined();
    expect(load('{"version": 1}').config.version).toBe(1);
  });

  it('is refused where a newer CProxy wrote it, in words', () => {
    expect(problemsOf({ version: 2 })).toMatch(
      /config\.json:1:\d+.*version: 2 is of a newer CProxy; this one reads version 1/,
    );
  });

  it.each([0, -1, 1.5, 'one'])('is refused where it is none: %j', (version) => {
    expect(problemsOf({ version })).toContain('version');
  });
});

describe('version 0 is recognised by its shape', () => {
  it.each(['proxy-config.json', 'mcp-config.json'])('%s', (name) => {
    expect(versionOfConfig(JSON.parse(fixture(name)))).toBe(0);
  });

  it.each([
    { providers: [{ id: 'a', type: 'openai', apiKey: 'k' }] },
    { cache: { enabled: true } },
    { routing: { rules: [{ id: 'a', condition: {}, target: {} }] } },
  ])('but a single field of it is a mistake, to be told: %j', (value) => {
    expect(versionOfConfig(value)).toBe(1);
    expect(problemsOf(value)).not.toBe('');
  });

  it('and not where the file says that it is of today', () => {
    expect(toCurrentVersion({ ...JSON.parse(fixture('mcp-config.json')), version: 1 }, {})).toBeNull();
  });
});

describe('proxy-config.json', () => {
  const { config, warnings } = load(fixture('proxy-config.json'));

  it('is read at once, with a notice, and its key is not', () => {
    expect(warnings.join('\n')).toMatch(/planned for the old cproxy.*config migrate --write/);
    expect(warnings.join('\n')).toContain("The key of 'anthropic' stands in /nowhere/config.json");
    expect(JSON.stringify([config, warnings])).not.toContain('canary');
  });

  it('providers', () => {
    expect(config.providers).toMatchObject([
      {
        id: 'openrouter',
        type: 'openrouter',
        keys: [{ key: 'env:OPENROUTER_API_KEY', requestsPerMinute: 60, tokensPerMinute: 50_000 }],
        capabilities: { streaming: true, tools: true, reasoning: true, vision: true },
        priority: 1,
        headers: { 'HTTP-Referer': 'https://example.com', 'X-Title': 'cproxy' },
        timeouts: { idleMs: 30_000 },
      },
      { id: 'anthropic', type: 'anthropic', key: 'keychain:anthropic', weight: 0.8 },
      { id: 'local-ollama', type: 'ollama', enabled: false },
    ]);
  });

  it('routing', () => {
    expect(config.routing).toMatchObject({
      defaultProvider: 'openrouter',
      loadBalancing: { strategy: 'weighted', healthCheck: true, failover: true },
      retries: { rounds: 3, waitMs: 1000 },
    });
    expect(config.routing.rules).toMatchObject([
      { id: 'reasoning-models', when: { thinking: true }, use: { targets: [{ target: 'openrouter/*' }] } },
      { id: 'claude-models', enabled: false, use: { fallback: [{ target: 'openrouter/*' }] } },
      { id: 'both', when: { all: [{ model: ['gpt-4'] }, { model: ['openrouter/*'] }] } },
      { id: 'default-model', use: { targets: [{ target: 'openrouter/google/gemini-pro' }] } },
      { id: 'fallback', use: { fallback: [{ target: 'anthropic/*' }] } },
    ]);
    expect(config.aliases).toEqual({
      'claude-3-opus': ['openrouter/anthropic/claude-3-opus'],
      'gemini-pro': ['openrouter/google/gemini-pro'],
    });
  });

  it('the rest, and what is not carried', () => {
    expect(config.server).toMatchObject({
      port: 3100,
      host: '127.0.0.1',
      auth: 'token',
      allowedOrigins: ['https://app.example.com'],
    });
    expect(config.logging.level).toBe('warn');
    expect(config.health.intervalMs).toBe(45_000);
    const left = toCurrentVersion(JSON.parse(fixture('proxy-config.json')), {})?.report.left.join('\n');
    for (const part of [
      'limits of a day',
      'maxTokens',
      'healthCheck',
      'environment',
      'cache',
      'rateLimiting',
      "origins '*'",
    ])
      expect(left).toContain(part);
  });
});

it('mcp-config.json', () => {
  const { config } = load(fixture('mcp-config.json'));
  expect(config.providers).toMatchObject([
    { id: 'openai', type: 'openai', key: 'env:OPENAI_API_KEY', timeouts: { idleMs: 30_000 } },
    { id: 'anthropic', type: 'anthropic', key: 'env:ANTHROPIC_API_KEY' },
    { id: 'local-server', type: 'openai-compatible', baseUrl: 'http://localhost:8080', enabled: false },
  ]);
  expect(config.routing.loadBalancing).toMatchObject({
    strategy: 'least-connections',
    failover: true,
    healthCheck: true,
  });
  expect(config.health).toMatchObject({ intervalMs: 30_000, timeoutMs: 5000 });
});

it('what is migrated is of today’s form, and stays as it is', () => {
  for (const name of ['proxy-config.json', 'mcp-config.json']) {
    const migrated = toCurrentVersion(JSON.parse(fixture(name)), {});
    expect(toCurrentVersion(migrated?.value, {})).toBeNull();
    expect(migrated?.text).not.toContain('canary');
    expect(loadConfig({ file: '/nowhere/c.yaml', text: migrated?.text, env: {}, folders: nowhere }).warnings).toEqual(
      [],
    );
  }
});

it('a mistake in an old file is told with a line of it', () => {
  const old = JSON.parse(fixture('mcp-config.json')) as {
    server: { port: unknown };
    providers: { headers: unknown }[];
  };
  old.server.port = 70_000;
  expect(problemsOf(old)).toMatch(/config\.json:\d+:\d+.*server\.port/);
});
