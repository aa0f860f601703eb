import { describe, expect, it } from 'vitest';
import { importClaudeCodeRouter } from '../../../../src-main/config/import/claude-code-router.ts';
import { importFixture, loadImported } from './imported.ts';

const provider = (rest: Record<string, unknown>) => ({
  name: 'p',
  api_base_url: 'https://p.example.com/v1/chat/completions',
  api_key: '$P_KEY',
  models: ['m'],
  ...rest,
});
const imported = (rest: Record<string, unknown>) => importClaudeCodeRouter(rest, {});
const rulesOf = (rest: Record<string, unknown>) =>
  loadImported(imported(rest)).config.routing.rules.map(({ id, when, use }) => ({ id, when, use }));

describe('version 1', () => {
  it('OPENAI_* is the default provider, and long begins at 32,000', () => {
    const { config } = loadImported(importFixture('ccr-1-single.json'));
    expect(config.providers).toMatchObject([
      { id: 'default', type: 'deepseek', models: ['deepseek-chat'], key: 'keychain:default' },
      { id: 'openrouter', type: 'openrouter', key: 'keychain:openrouter' },
      { id: 'ollama', type: 'ollama' },
    ]);
    expect(config.providers[2]).not.toHaveProperty('key');
    expect(config.routing.rules.map(({ id, use }) => [id, use.targets?.[0]?.target])).toEqual([
      ['long-context', 'openrouter/google/gemini-2.5-pro-preview'],
      ['background', 'ollama/qwen2.5-coder:latest'],
      ['think', 'openrouter/anthropic/claude-sonnet-4'],
      ['default', 'default/deepseek-chat'],
    ]);
    expect(config.routing.rules[0]?.when.inputTokens).toEqual({ min: 32_001 });
  });

  it('a route may name the model alone', () => {
    const { config } = loadImported(importFixture('ccr-1-model-providers.json'));
    expect(config.routing.rules[0]?.use.targets?.[0]?.target).toBe('volc/deepseek-r1-250528');
    expect(config.providers.map(({ key }) => key)).toEqual(['env:DEEPSEEK_API_KEY', 'env:ARK_KEY']);
  });
});

describe('version 2', () => {
  const full = () => loadImported(importFixture('ccr-2-full.json')).config;

  it('addresses are those of the vendors, where they are', () => {
    expect(full().providers.map(({ id, type, baseUrl }) => [id, type, baseUrl])).toEqual([
      ['openrouter', 'openrouter', undefined],
      ['deepseek', 'deepseek', undefined],
      ['ollama', 'ollama', undefined],
      ['gemini', 'gemini', undefined],
      ['modelscope', 'openai-compatible', 'https://api-inference.modelscope.cn/v1'],
      ['claude-direct', 'anthropic', undefined],
      ['llm.example.com', 'openai-compatible', 'https://llm.example.com/api'],
    ]);
  });

  it('server, proxy, time limit and level of logging are carried', () => {
    const { server, logging, providers } = full();
    expect(server).toMatchObject({ host: '0.0.0.0', port: 8082, auth: 'token' });
    expect(logging.level).toBe('debug');
    expect(providers.map(({ proxy }) => proxy === 'http://127.0.0.1:7890')).toEqual([
      true,
      true,
      false,
      true,
      true,
      true,
      true,
    ]);
    for (const { timeouts } of providers) expect(timeouts.totalMs).toBe(300_000);
  });

  it('a model that only a route names belongs to its provider', () => {
    const openrouter = full().providers.find(({ id }) => id === 'openrouter');
    expect(openrouter?.models).toContain('google/gemini-2.5-pro');
    expect(openrouter?.models).toContain('anthropic/claude-sonnet-4:online');
  });

  it('says what it does not carry', () => {
    const { left, changed } = importFixture('ccr-2-full.json').report;
    for (const part of [
      'tooluse',
      'my-own',
      'CUSTOM_ROUTER_PATH',
      'openrouter → provider',
      'gone,model',
      'transformers',
    ])
      expect(left.join('\n')).toContain(part);
    expect(changed.join('\n')).toContain('https://llm.example.com/api/v1');
    expect(changed.join('\n')).toContain('APIKEY');
  });

  it('reads what people post', () => {
    const { report } = importFixture('ccr-2-sloppy.json5');
    expect(loadImported(importFixture('ccr-2-sloppy.json5')).config.routing.rules).toMatchObject([
      { id: 'default', use: { targets: [{ target: 'Huawei-MaaS/deepseek-v3' }] } },
    ]);
    expect(report.left.join('\n')).toMatch(
      /Gemini's own dialect.*without a name.*no address.*local-gemini,gemini-2.5-pro/s,
    );
    expect(report.changed.join('\n')).toContain('4777');
  });

  it('a proxy with a login is not written into the file', () => {
    const { text, report } = imported({ Providers: [provider({})], PROXY_URL: 'http://me:canary@proxy.example.com:1' });
    expect(text).not.toContain('canary');
    expect(report.left.join()).toContain('PROXY_URL');
  });

  it.each([
    [
      'anthropic',
      { api_base_url: 'https://p.example.com/v1/messages' },
      'anthropic-compatible',
      'https://p.example.com/v1',
    ],
    [
      'transformer',
      { api_base_url: 'https://p.example.com/anthropic', transformer: { use: ['Anthropic'] } },
      'anthropic-compatible',
      'https://p.example.com/anthropic',
    ],
    ['lmstudio', { api_base_url: 'http://localhost:1234/v1/chat/completions' }, 'lmstudio', undefined],
    [
      'ollama elsewhere',
      { api_base_url: 'http://10.0.0.2:11434/v1/chat/completions' },
      'ollama',
      'http://10.0.0.2:11434',
    ],
    [
      'qwen',
      { api_base_url: 'https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions' },
      'qwen-cn',
      undefined,
    ],
    ['groq', { api_base_url: 'https://api.groq.com/openai/v1/chat/completions' }, 'groq', undefined],
    ['moonshot', { api_base_url: 'https://api.moonshot.cn/v1/chat/completions' }, 'kimi-cn', undefined],
    ['openai', { api_base_url: 'https://api.openai.com/v1/chat/completions' }, 'openai', undefined],
  ])('%s', (_, given, type, baseUrl) => {
    const { config } = loadImported(imported({ Providers: [provider(given)] }));
    expect(config.providers[0]?.type).toBe(type);
    expect(config.providers[0]?.baseUrl).toBe(baseUrl);
  });
});

describe('version 3', () => {
  it('keys, facts of models, headers and whether it is on', () => {
    const { config } = loadImported(importFixture('ccr-3.json'));
    const [deepseek, relay] = config.providers;
    expect(deepseek).toMatchObject({
      type: 'anthropic-compatible',
      keys: [
        { key: 'keychain:DeepSeek', weight: 3 },
        { key: 'keychain:DeepSeek-2', weight: 1 },
      ],
      models: [
        { id: 'deepseek-chat', contextWindow: 128_000, maxOutput: 8192, price: { input: 0.28, cacheRead: 0.028 } },
        'deepseek-reasoner',
      ],
    });
    expect(relay).toMatchObject({ protocols: ['openai-responses'], enabled: false, headers: { 'X-Title': 'me' } });
    expect(config.routing.defaultProvider).toBe('DeepSeek');
    expect(config.routing.tiers).toMatchObject({
      opus: ['DeepSeek/deepseek-reasoner'],
      sonnet: ['DeepSeek/deepseek-chat'],
    });
  });

  it.each([
    ['request.body.model', '==', 'gpt-5', { model: 'gpt-5' }],
    ['request.body.model', '!=', 'gpt-5', { not: { model: 'gpt-5' } }],
    ['body.model', 'starts-with', 'gpt-', { model: 'gpt-*' }],
    ['request.body.model', 'contains', 'a*b', { model: { regex: 'a\\*b' } }],
    ['request.tokenCount', '>', '60000', { inputTokens: { min: 60_001 } }],
    ['request.tokenCount', '<', '60000', { inputTokens: { max: 59_999 } }],
    ['request.body.max_tokens', '<=', '100', { maxTokens: { max: 100 } }],
    ['request.body.stream', '==', 'true', { stream: true }],
    ['request.body.thinking.type', '==', 'enabled', { thinking: true }],
    ['request.body.tools', 'contains-deep', 'web_search', { class: 'web-search' }],
    ['request.body.tools', 'contains-deep', 'Bash', { tools: 'Bash' }],
    ['request.headers.user-agent', 'contains', 'codex', { userAgent: '*codex*' }],
    ['request.header.x-team', '==', '"red"', { headers: { 'x-team': 'red' } }],
    ['request.sessionId', '==', 's', { session: 's' }],
  ])('%s %s %s', (left, operator, right, when) => {
    const rules = [{ id: 'r', type: 'condition', condition: { left, operator, right }, target: 'p/m' }];
    expect(rulesOf({ Providers: [provider({})], Router: { rules } })[0]).toMatchObject({
      when,
      use: { targets: [{ target: 'p/m' }] },
    });
  });

  it.each([
    [{ type: 'script', script: {} }, 'script'],
    [{ type: 'condition', condition: { left: 'response.status', operator: '==', right: '1' } }, 'no condition'],
    [{ type: 'condition', condition: { left: 'request.body.model', operator: '>', right: 'a' } }, 'no condition'],
    [
      { type: 'condition', condition: { left: 'request.body.model', operator: '==', right: 'a' }, target: 'gone/m' },
      'no such provider',
    ],
    [
      { type: 'condition', condition: { left: 'request.body.model', operator: '==', right: 'a' } },
      'without saying where',
    ],
  ])('a rule that has no counterpart is left, with the reason: %j', (rule, reason) => {
    const { value, report } = imported({ Providers: [provider({})], Router: { rules: [{ id: 'r', ...rule }] } });
    expect(value.routing).toBeUndefined();
    expect(report.left.join('\n')).toContain(reason);
  });
});
