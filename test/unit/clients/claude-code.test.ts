import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { claudeCode } from '../../../src-main/clients/claude-code.ts';
import type { EngineFacts, Lead, SetUpFacts, SetUpOptions } from '../../../src-main/clients/client.ts';

const lead = (target: string, contextWindow: number | null = null): Lead => {
  const slash = target.indexOf('/');
  return { provider: target.slice(0, slash), model: target.slice(slash + 1), contextWindow };
};

/** An engine in which names lead where is said, and others nowhere. */
const engine = (leads: Record<string, Lead>, more: Partial<EngineFacts> = {}): EngineFacts => ({
  leadsTo: (model) => Promise.resolve(leads[model] ?? null),
  models: [],
  loginProviders: [],
  ...more,
});
const everyClaude = (to: Lead): Record<string, Lead> => ({
  'claude-opus-5-5': to,
  'claude-sonnet-5-5': to,
  'claude-haiku-5-5': to,
});

const nowhere = path.resolve('/nowhere-at-all');
const plan = async (facts: EngineFacts, options: SetUpOptions = {}, more: Partial<SetUpFacts> = {}) => {
  const { changes, warnings, notes } = await claudeCode.plan({
    ...{ options, engine: facts, settings: {}, env: {}, cwd: nowhere, platform: 'linux' as const },
    ...{
      file: path.join(nowhere, 'settings.json'),
      endpoint: 'http://127.0.0.1:4777',
      token: 'cpx_t',
      command: 'cproxy',
    },
    ...more,
  });
  const values = Object.fromEntries(changes.map((change) => [change.path.join('.'), change.value]));
  return { values, changes, warnings, notes };
};

describe('where its settings are', () => {
  it('is the folder of the user, or the one that is named', () => {
    expect(claudeCode.fileOf({ HOME: '/home/me' })).toBe(path.join('/home/me', '.claude', 'settings.json'));
    expect(claudeCode.fileOf({ HOME: '/home/me', CLAUDE_CONFIG_DIR: '/work/claude' })).toBe(
      path.resolve('/work/claude', 'settings.json'),
    );
  });
});

describe('what it gets', () => {
  it('is the address, a token, hints and discovery where Claude answers', async () => {
    const { values, changes, warnings } = await plan(engine(everyClaude(lead('anthropic/claude-opus-5-5', 200_000))));
    expect(values).toEqual({
      'env.ANTHROPIC_BASE_URL': 'http://127.0.0.1:4777',
      'env.ANTHROPIC_AUTH_TOKEN': 'cpx_t',
      'env.CLAUDE_CODE_GATEWAY_HINT_HEADERS': '1',
      'env.CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY': '1',
    });
    expect(changes.find(({ value }) => value === 'cpx_t')?.secret).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('leaves out what is not wanted, and adds what is asked for', async () => {
    const facts = engine(everyClaude(lead('anthropic/claude-opus-5-5')));
    const { values, notes } = await plan(facts, { hints: false, discovery: false, acceptEdits: true });
    expect(Object.keys(values)).toEqual([
      'env.ANTHROPIC_BASE_URL',
      'env.ANTHROPIC_AUTH_TOKEN',
      'permissions.defaultMode',
    ]);
    expect(notes).toEqual([]);
    expect((await plan(facts)).notes.join()).toContain('--accept-edits');
    expect((await plan(facts, {}, { settings: { permissions: { defaultMode: 'plan' } } })).notes).toEqual([]);
  });

  it('says nothing of models where no engine runs', async () => {
    const { values } = await plan(engine({}, { leadsTo: () => Promise.resolve('unknown') }), { model: 'any' });
    expect(values['env.ANTHROPIC_MODEL']).toBe('any');
    expect(Object.keys(values).filter((name) => name.includes('DEFAULT') || name.includes('CONTEXT'))).toEqual([]);
  });
});

describe('models', () => {
  it('names one for each family whose own name leads nowhere, with its window', async () => {
    const qwen = lead('local/qwen3:8b', 65_536);
    const facts = engine({ 'local/qwen3:8b': qwen }, { models: ['local/qwen3:8b'] });
    const { values } = await plan(facts);
    expect(values).toMatchObject({
      'env.ANTHROPIC_DEFAULT_OPUS_MODEL': 'local/qwen3:8b',
      'env.ANTHROPIC_DEFAULT_SONNET_MODEL': 'local/qwen3:8b',
      'env.ANTHROPIC_DEFAULT_HAIKU_MODEL': 'local/qwen3:8b',
      'env.CLAUDE_CODE_MAX_CONTEXT_TOKENS': '65536',
      'env.CLAUDE_CODE_DISABLE_1M_CONTEXT': '1',
    });
  });

  it('leaves names as they are where they lead to a window that compaction can be told of', async () => {
    const { values } = await plan(engine(everyClaude(lead('openai/gpt-5', 400_000))));
    expect(values['env.CLAUDE_CODE_AUTO_COMPACT_WINDOW']).toBe('400000');
    expect(Object.keys(values).filter((name) => name.includes('DEFAULT') || name.includes('MAX_CONTEXT'))).toEqual([]);
  });

  it('names the target where its window is too small for that', async () => {
    const { values } = await plan(engine(everyClaude(lead('local/qwen3:8b', 32_768))));
    expect(values).toMatchObject({
      'env.ANTHROPIC_DEFAULT_OPUS_MODEL': 'local/qwen3:8b',
      'env.CLAUDE_CODE_MAX_CONTEXT_TOKENS': '32768',
    });
    expect(values).not.toHaveProperty(['env.CLAUDE_CODE_AUTO_COMPACT_WINDOW']);
  });

  it('leaves a limit alone that the user has set lower', async () => {
    const facts = engine(everyClaude(lead('local/qwen3:8b', 32_768)));
    const own = (tokens: string) => ({ settings: { env: { CLAUDE_CODE_MAX_CONTEXT_TOKENS: tokens } } });
    expect((await plan(facts, {}, own('16000'))).values).not.toHaveProperty(['env.CLAUDE_CODE_MAX_CONTEXT_TOKENS']);
    expect((await plan(facts, {}, own('64000'))).values['env.CLAUDE_CODE_MAX_CONTEXT_TOKENS']).toBe('32768');
  });

  it('takes those that are asked for, and refuses one that leads nowhere', async () => {
    const facts = engine(
      { ...everyClaude(lead('anthropic/claude-opus-5-5')), 'x/y': lead('x/y', 2_000_000) },
      { models: ['x/y'] },
    );
    const { values } = await plan(facts, { model: 'x/y', haikuModel: 'x/y' });
    expect(values).toMatchObject({ 'env.ANTHROPIC_MODEL': 'x/y', 'env.ANTHROPIC_DEFAULT_HAIKU_MODEL': 'x/y' });
    expect(Object.keys(values).filter((name) => name.includes('CONTEXT'))).toEqual([]);
    await expect(plan(facts, { model: 'nope' })).rejects.toThrow('The model nope leads nowhere. x/y would not.');
  });

  it('says so where nothing answers, where only the demo does, and where the settings name a model that is not there', async () => {
    expect((await plan(engine({}))).warnings.join()).toContain('there is no other model');
    expect((await plan(engine(everyClaude(lead('demo/demo'))))).notes.join()).toContain('built-in demo');
    const facts = engine(everyClaude(lead('anthropic/claude-opus-5-5')));
    expect((await plan(facts, {}, { settings: { model: 'gone' } })).warnings.join()).toContain('the model gone');
    expect((await plan(facts, {}, { settings: { model: 'opus[1m]' } })).warnings).toEqual([]);
  });
});

describe('where no engine can be asked', () => {
  it('what was written of models before stays, unless another is asked for', async () => {
    const facts = engine({}, { leadsTo: () => Promise.resolve('unknown') });
    const earlier = [
      { path: ['env', 'ANTHROPIC_DEFAULT_OPUS_MODEL'], value: 'local/a' },
      { path: ['env', 'ANTHROPIC_DEFAULT_HAIKU_MODEL'], value: 'local/b' },
      { path: ['env', 'CLAUDE_CODE_MAX_CONTEXT_TOKENS'], value: '32768' },
      { path: ['env', 'ANTHROPIC_CUSTOM_HEADERS'], value: 'x-cproxy-token: old' },
    ];
    const { values } = await plan(facts, { opusModel: 'local/c', hints: false, discovery: false }, { earlier });
    expect(values).toEqual({
      'env.ANTHROPIC_BASE_URL': 'http://127.0.0.1:4777',
      'env.ANTHROPIC_AUTH_TOKEN': 'cpx_t',
      'env.ANTHROPIC_DEFAULT_OPUS_MODEL': 'local/c',
      'env.ANTHROPIC_DEFAULT_HAIKU_MODEL': 'local/b',
      'env.CLAUDE_CODE_MAX_CONTEXT_TOKENS': '32768',
    });
  });
});

describe('with a subscription', () => {
  const login = { loginProviders: ['anthropic'] };

  it('writes a header and no credential', async () => {
    const facts = engine(everyClaude(lead('anthropic/claude-opus-5-5')), login);
    const { values, changes, warnings } = await plan(facts, { subscription: true });
    expect(values['env.ANTHROPIC_CUSTOM_HEADERS']).toBe('x-cproxy-token: cpx_t');
    expect(values).not.toHaveProperty(['env.ANTHROPIC_AUTH_TOKEN']);
    expect(changes.find(({ line }) => line === 'x-cproxy-token:')?.secret).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('needs a provider that takes the login, and says how to add one', async () => {
    await expect(plan(engine({}), { subscription: true })).rejects.toThrow('key: client');
  });

  it('says where requests go elsewhere, and what would be sent instead of the login', async () => {
    const facts = engine(everyClaude(lead('openai/gpt-5')), login);
    const env = { ANTHROPIC_API_KEY: 'sk-canary', ANTHROPIC_AUTH_TOKEN: 'canary', ANTHROPIC_CUSTOM_HEADERS: 'a: b' };
    const { warnings } = await plan(facts, { subscription: true }, { env });
    expect(warnings).toHaveLength(4);
    expect(warnings.join()).toContain('openai/gpt-5');
    expect(warnings.join()).toContain('The shell sets ANTHROPIC_API_KEY. Claude Code then sends that instead');
    expect(warnings.join()).not.toContain('canary');
  });
});
