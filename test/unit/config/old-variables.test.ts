import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src-main/config/config-error.ts';
import { type LoadOptions, loadConfig } from '../../../src-main/config/load-config.ts';
import { migrateOldVariables } from '../../../src-main/config/migrate.ts';
import { oldSetUp } from '../../../src-main/config/old-variables.ts';

let home = '';
beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-test-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const load = (env: NodeJS.ProcessEnv, rest: Partial<LoadOptions> = {}) =>
  loadConfig({ env, folders: { config: home, data: home, logs: home, cache: home }, ...rest });
const models = { REASONING_MODEL: 'a/thinks', COMPLETION_MODEL: 'b/writes' };
const full = { ...models, OPENROUTER_API_KEY: 'k' };
const OLD_MODEL = 'google/gemini-2.0-pro-exp-02-05:free';

describe('is the old set-up', () => {
  it('with OpenRouter: port 3000, no token, the models of the variables', () => {
    const { config, warnings, namesProviders } = load(full);
    expect(config.server).toMatchObject({ port: 3000, host: '127.0.0.1', auth: 'none' });
    expect(config.logging.level).toBe('info');
    expect(config.providers).toMatchObject([{ id: 'openrouter', type: 'openrouter', key: 'env:OPENROUTER_API_KEY' }]);
    expect(config.routing.rules).toMatchObject([
      { when: { thinking: true }, use: { targets: [{ target: 'openrouter/a/thinks' }] } },
      { when: {}, use: { targets: [{ target: 'openrouter/b/writes' }] } },
    ]);
    expect(namesProviders).toBe(true);
    expect(warnings).toEqual([
      expect.stringMatching(/REASONING_MODEL is set.*old cproxy.*port 3000.*config migrate --write/),
    ]);
  });

  it('with an address of one’s own, which gets no key', () => {
    const { config, warnings } = load({
      ANTHROPIC_PROXY_BASE_URL: 'http://127.0.0.1:8000',
      OPENROUTER_API_KEY: 'k',
      ...models,
    });
    expect(config.providers).toMatchObject([
      { id: 'upstream', type: 'openai-compatible', baseUrl: 'http://127.0.0.1:8000' },
    ]);
    expect(config.providers[0]).not.toHaveProperty('key');
    expect(warnings.join('\n')).toContain('OPENROUTER_API_KEY is not sent');
  });

  it('models that are not set are the old one’s, and that is said', () => {
    const { config, warnings } = load({ COMPLETION_MODEL: 'b', OPENROUTER_API_KEY: 'k' });
    expect(config.routing.rules[0]?.use.targets?.[0]?.target).toBe(`openrouter/${OLD_MODEL}`);
    expect(warnings.join('\n')).toContain(`REASONING_MODEL is not set, so ${OLD_MODEL}`);
  });

  it('PORT, and DEBUG; a flag and a variable of today win over both', () => {
    const { config, sources } = load({ ...full, PORT: '8123', DEBUG: '1' });
    expect(config.server.port).toBe(8123);
    expect(config.logging.level).toBe('debug');
    expect(sources).toContain('server.port comes from PORT');
    expect(load({ ...full, PORT: '8123' }, { flags: { port: 9000 } }).config.server.port).toBe(9000);
    expect(load({ ...full, PORT: '8123', CPROXY_SERVER__PORT: '7000' }).config.server.port).toBe(7000);
    expect(load({ ...full, CPROXY_SERVER__AUTH: 'token' }).config.server.auth).toBe('token');
  });

  it('no other host without a token', () => {
    expect(() => load(full, { flags: { host: '0.0.0.0' } })).toThrow(/server\.auth.*loopback/);
  });

  it.each([
    [{ ...full, PORT: 'abc' }, /PORT.*server\.port/],
    [{ ANTHROPIC_PROXY_BASE_URL: 'nonsense' }, /ANTHROPIC_PROXY_BASE_URL.*baseUrl/],
  ])('a mistake names its variable: %j', (env, message) => {
    expect(() => load(env)).toThrow(ConfigError);
    expect(() => load(env)).toThrow(message);
  });

  it('MCP_MODE says where it is read', () => {
    expect(load({ ...full, MCP_MODE: 'true' }).warnings.join('\n')).toContain('MCP_MODE is read only where');
  });

  it('the planned MCP_PROVIDER_URL: a provider, with a token asked of clients', () => {
    const { config, warnings } = load({
      MCP_PROVIDER_URL: 'http://127.0.0.1:8080',
      MCP_PROVIDER_NAME: 'my own',
      MCP_PROVIDER_API_KEY: 'k',
      MCP_PROVIDER_TIMEOUT: '9000',
      MCP_PROVIDER_RETRIES: '3',
      MCP_ROUTING_STRATEGY: 'least-load',
      MCP_ROUTING_FALLBACK: 'false',
      MCP_HEALTH_CHECK_ENABLED: 'false',
      MCP_HEALTH_CHECK_INTERVAL: '30000',
      MCP_LOG_LEVEL: 'warn',
      MCP_LOG_FILE: 'x.log',
    });
    expect(config.server).toMatchObject({ port: 3001, auth: 'token' });
    expect(config.providers).toMatchObject([
      { id: 'my-own', key: 'env:MCP_PROVIDER_API_KEY', timeouts: { idleMs: 9000 } },
    ]);
    expect(config.routing).toMatchObject({
      loadBalancing: { strategy: 'least-connections', failover: false, healthCheck: false },
      retries: { rounds: 3 },
    });
    expect(config.health.intervalMs).toBe(30_000);
    expect(config.logging.level).toBe('warn');
    expect(warnings.join('\n')).toContain('MCP_LOG_FILE has no counterpart');
  });
});

describe('is not the old set-up', () => {
  it.each([
    { OPENROUTER_API_KEY: 'k' },
    { PORT: '80', OPENROUTER_API_KEY: 'k' },
    { PORT: '80', DEBUG: '*', OPENROUTER_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' },
    { REASONING_MODEL: 'a' },
    { ...models, PORT: '80' },
    { MCP_MODE: 'true' },
    { MCP_SERVER_PORT: '80' },
    { ANTHROPIC_PROXY_BASE_URL: ' ' },
    { ...full, CPROXY_PROVIDERS__0__ID: 'mine', CPROXY_PROVIDERS__0__TYPE: 'vllm' },
  ])('%j: port 4777, and a token', (env) => {
    expect(load(env).config.server).toMatchObject({ port: 4777, auth: 'token' });
  });

  it('with any set of variables that lacks the signs', () => {
    const others = ['PORT', 'DEBUG', 'MCP_MODE', 'MCP_SERVER_HOST', 'OPENROUTER_API_KEY', 'OPENAI_API_KEY', 'HOST'];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...others), fc.string()), (env) => {
        expect(oldSetUp(env)).toBeNull();
      }),
    );
  });

  it('with a file: each old variable is named as not read, PORT and DEBUG only beside others', () => {
    const file = { file: '/nowhere/config.yaml', text: 'providers: []' };
    const { config, warnings } = load({ ...full, PORT: '80', MCP_MODE: 'true' }, file);
    expect(config.server).toMatchObject({ port: 4777, auth: 'token' });
    for (const name of ['REASONING_MODEL', 'COMPLETION_MODEL', 'MCP_MODE', 'PORT'])
      expect(warnings.filter((line) => line.startsWith(`${name} `))).toHaveLength(1);
    expect(warnings.join('\n')).not.toContain('OPENROUTER_API_KEY');
    expect(load({ PORT: '80', DEBUG: 'x' }, file).warnings).toEqual([]);
  });
});

describe('as a file', () => {
  it('does the same as the variables', () => {
    for (const env of [
      full,
      { ...full, PORT: '8123', DEBUG: '1' },
      { ANTHROPIC_PROXY_BASE_URL: 'http://127.0.0.1:8' },
    ]) {
      const migrated = migrateOldVariables(env);
      const { config } = load({}, { file: '/nowhere/c.yaml', text: migrated?.text });
      const { version, ...same } = config;
      expect(version).toBe(1);
      expect(same).toEqual(load(env).config);
      expect(migrated?.text).not.toContain('OPENROUTER_API_KEY: ');
    }
  });

  it('is nothing where there is nothing', () => {
    expect(migrateOldVariables({ PORT: '1' })).toBeNull();
  });
});
