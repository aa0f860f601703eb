import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client, EngineFacts, Lead, SetUpFacts, SetUpOptions } from '../../../src-main/clients/client.ts';
import { clients } from '../../../src-main/clients/clients.ts';
import { codex } from '../../../src-main/clients/codex.ts';
import { opencode } from '../../../src-main/clients/opencode.ts';
import { SetUpError } from '../../../src-main/clients/set-up-error.ts';
import { unsupported } from '../../../src-main/clients/unsupported.ts';
import { openDocument } from '../../../src-main/documents/open-document.ts';

/** Names lead to themselves, where they are known. */
const engine = (windows: Record<string, number | null>): EngineFacts => ({
  leadsTo: (name): Promise<Lead | null> => {
    const contextWindow = windows[name];
    if (contextWindow === undefined) return Promise.resolve(null);
    const [provider = '', ...rest] = name.split('/');
    return Promise.resolve({ provider, model: rest.join('/'), contextWindow });
  },
  models: Object.keys(windows).filter((name) => !name.startsWith('demo/')),
  loginProviders: [],
});
const notRunning: EngineFacts = { leadsTo: () => Promise.resolve('unknown'), models: [], loginProviders: [] };

const plan = async (client: Client, facts: EngineFacts, options: SetUpOptions = {}, more: Partial<SetUpFacts> = {}) => {
  const planned = await client.plan({
    ...{ options, engine: facts, settings: {}, env: {}, cwd: '/', platform: 'linux', command: 'cproxy' },
    ...{ file: '/home/me/file', endpoint: 'http://127.0.0.1:4777', token: 'cpx_t' },
    ...more,
  });
  const values = Object.fromEntries(planned.changes.map((change) => [change.path.join('.'), change.value]));
  return { ...planned, values };
};

const two = engine({ 'local/qwen3': 32_768, 'or/qwen/qwen3-max': null });

describe('Codex', () => {
  it('has its settings in its own folder', () => {
    expect(codex.fileOf({ HOME: '/home/me' })).toBe(path.join('/home/me', '.codex', 'config.toml'));
    expect(codex.fileOf({ HOME: '/home/me', CODEX_HOME: '/x' })).toBe(path.resolve('/x', 'config.toml'));
  });

  it('gets a provider of ours, and a model where it has none that leads anywhere', async () => {
    const { values, changes, warnings } = await plan(codex, two);
    expect(values).toEqual({
      model_provider: 'cproxy',
      model: 'local/qwen3',
      model_context_window: 32_768,
      'model_providers.cproxy.name': 'CProxy',
      'model_providers.cproxy.base_url': 'http://127.0.0.1:4777/v1',
      'model_providers.cproxy.wire_api': 'responses',
      'model_providers.cproxy.experimental_bearer_token': 'cpx_t',
    });
    expect(changes.filter(({ secret }) => secret === true).map(({ value }) => value)).toEqual(['cpx_t']);
    expect(warnings).toEqual([]);
    const replaced = await plan(codex, two, {}, { settings: { model: 'gpt-5.5' } });
    expect(replaced.changes.find(({ path: at }) => at[0] === 'model')?.why).toContain('gpt-5.5 leads nowhere');
  });

  it('keeps its own model where that leads somewhere, and what it says of the window', async () => {
    const own = await plan(codex, two, {}, { settings: { model: 'or/qwen/qwen3-max' } });
    expect(own.values).not.toHaveProperty('model');
    expect(own.values).not.toHaveProperty('model_context_window');
    const window = await plan(codex, two, {}, { settings: { model_context_window: 9 } });
    expect(window.values).not.toHaveProperty('model_context_window');
  });

  it('takes a model that is asked for, if there is one', async () => {
    expect((await plan(codex, two, { model: 'or/qwen/qwen3-max' })).values.model).toBe('or/qwen/qwen3-max');
    await expect(plan(codex, two, { model: 'gpt-9' })).rejects.toThrow(/gpt-9 leads nowhere.*local\/qwen3/);
  });

  it('says what is not known, what wins, and what means nothing to it', async () => {
    const { warnings, notes, values } = await plan(
      codex,
      notRunning,
      { acceptEdits: true, subscription: true },
      { settings: { profile: 'work', model_providers: { cproxy: { name: 'mine' } } } },
    );
    expect(values).not.toHaveProperty('model');
    expect(warnings.join('\n')).toContain('not known before CProxy runs');
    expect(warnings.join('\n')).toContain('the profile work');
    expect(warnings.join('\n')).toContain('a provider cproxy of your own');
    expect(notes).toEqual(['--subscription, --accept-edits mean nothing to Codex.']);
    const demo = await plan(codex, engine({ 'demo/demo': null }));
    expect(demo.values.model).toBe('demo/demo');
    expect(demo.notes[0]).toContain('built-in demo');
  });
});

describe('opencode', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cproxy-opencode-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('has its settings with those of others, in the file that wins', () => {
    expect(opencode.fileOf({ HOME: '/home/me' })).toBe(path.join('/home/me', '.config', 'opencode', 'opencode.json'));
    const env = { XDG_CONFIG_HOME: folder };
    mkdirSync(path.join(folder, 'opencode'));
    expect(opencode.fileOf(env)).toBe(path.join(folder, 'opencode', 'opencode.json'));
    writeFileSync(path.join(folder, 'opencode', 'opencode.jsonc'), '{}');
    expect(opencode.fileOf(env)).toBe(path.join(folder, 'opencode', 'opencode.jsonc'));
  });

  it('gets a provider with all models there are, and their windows where they are known', async () => {
    const { values } = await plan(opencode, two);
    expect(values).toEqual({
      'provider.cproxy.npm': '@ai-sdk/openai-compatible',
      'provider.cproxy.name': 'CProxy',
      'provider.cproxy.options.baseURL': 'http://127.0.0.1:4777/v1',
      'provider.cproxy.options.apiKey': 'cpx_t',
      'provider.cproxy.models': {
        'local/qwen3': { name: 'local/qwen3', limit: { context: 32_768, output: 8192 } },
        'or/qwen/qwen3-max': { name: 'or/qwen/qwen3-max' },
      },
      model: 'cproxy/local/qwen3',
    });
  });

  it('begins with its own model as before, unless another is asked for', async () => {
    const settings = { model: 'anthropic/claude-opus-5-5', enabled_providers: ['anthropic'] };
    const own = await plan(opencode, two, {}, { settings });
    expect(own.values).not.toHaveProperty('model');
    expect(own.notes.join('\n')).toContain('It begins with anthropic/claude-opus-5-5, as before.');
    expect(own.warnings.join('\n')).toContain('enabled_providers without cproxy');
    const asked = await plan(
      opencode,
      two,
      { model: 'or/qwen/qwen3-max' },
      { settings, env: { OPENCODE_CONFIG: '/x' } },
    );
    expect(asked.values.model).toBe('cproxy/or/qwen/qwen3-max');
    expect(asked.warnings.join('\n')).toContain('The shell sets OPENCODE_CONFIG');
  });

  it('needs to know which models there are', async () => {
    await expect(plan(opencode, notRunning)).rejects.toThrow(SetUpError);
    await expect(plan(opencode, notRunning)).rejects.toThrow('cproxy serve');
  });
});

describe('every client', () => {
  it.each(clients.map((client) => [client.id, client] as const))(
    '%s has one file, in which its plan can be written',
    async (_id, client) => {
      const { changes } = await plan(client, two);
      const document = changes.reduce(
        (next, change) => next.set(change.path, change.value),
        openDocument(client.format, ''),
      );
      expect(document.text).toContain('127.0.0.1:4777');
      expect(path.isAbsolute(client.fileOf({ HOME: path.resolve('/home/me') }))).toBe(true);
      expect(unsupported.has(client.id)).toBe(false);
    },
  );
});
