import { createRouterClient } from '@orpc/server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SecretStore } from '../../src-main/secrets/secret-store.ts';
import { storeFailed } from '../../src-main/secrets/secret-store.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

const first = 'sk-ant-canary-first-0123456789';
const second = 'sk-ant-canary-second-0123456789';

let upstream: ScriptableUpstream;
beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(() => upstream.close());

const provider = (more: object = {}): ConfigInput => ({
  providers: [{ id: 'claude', type: 'anthropic', baseUrl: upstream.url, models: ['m'], ...more }],
});
const controlOf = async ({ engine }: RunningEngine) => createRouterClient(await engine.controlRouter());
const keyOfLast = () => upstream.asked.at(-1)?.headers['x-api-key'];

describe('keys through the control API', () => {
  test('a key that is set is used at once, and one that is removed no more', async () => {
    await using running = await runEngine(provider());
    const control = await controlOf(running);
    expect((await running.ask(question())).status).toBe(502);

    const set = await control.keys.set({ provider: 'claude', key: `${first}\n` });
    expect(set).toMatchObject({ name: 'claude', origin: upstream.url, configuration: [] });
    upstream.queue(say('hello'));
    expect((await running.ask(question())).status).toBe(200);
    expect(keyOfLast()).toBe(first);

    await control.keys.set({ provider: 'claude', key: second });
    upstream.queue(say('hello'));
    await running.ask(question());
    expect(keyOfLast()).toBe(second);
    const list = await control.keys.list();
    expect(list.keys).toEqual([{ name: 'claude', origin: upstream.url, providers: ['claude'] }]);
    const status = await control.status();
    expect(status.providers[0]?.keys).toMatchObject([{ state: 'ready', reference: 'keychain:claude' }]);

    expect(await control.keys.remove({ provider: 'claude' })).toEqual({ name: 'claude', removed: true });
    expect((await running.ask(question())).status).toBe(502);
    expect(JSON.stringify([set, list, status])).not.toContain('canary');
  });

  test('what the configuration lacks is said, in its own words', async () => {
    await using running = await runEngine(provider({ key: 'env:OTHER' }));
    const control = await controlOf(running);
    expect(await control.keys.set({ provider: 'claude', name: 'work', key: first })).toMatchObject({
      configuration: ['providers:', '  - id: claude', '    key: keychain:work'],
    });
    expect(await control.keys.set({ provider: 'deepseek', key: 'gsk_canary-012345' })).toMatchObject({
      origin: 'https://api.deepseek.com',
      notes: ['The key in what you entered looks like one of Groq.'],
      configuration: ['providers:', '  - id: deepseek', '    type: deepseek'],
    });
    expect(await control.keys.set({ provider: 'redis', key: 'redis://:canary@127.0.0.1:1' })).toMatchObject({
      ...{ name: 'redis', origin: 'redis:', notes: [], configuration: ['redis:', '  url: keychain:redis'] },
    });
  });

  test.each([
    [{ provider: 'claude', key: 'sk-canary with space' }, /^key: what you entered holds more than a key/],
    [{ provider: 'claude', key: 'cpx_canary' }, /client token of CProxy/],
    [{ provider: 'claude', key: '"sk-canary"' }, /wrapped in quotes/],
    [{ provider: 'redis', key: 'canary-password' }, /^key: must be the whole address/],
    [{ provider: 'claud', key: 'sk-canary' }, /^provider: must be .* Did you mean claude\?/],
    [{ provider: 'sk-canary-in-the-wrong-place', key: 'x' }, /^provider: must be/],
    [{ provider: 'openai-compatible', key: 'sk-canary' }, /^provider: must be/],
  ])('refused: %j', async (input, words) => {
    const store = memoryStore();
    await using running = await runEngine(provider(), { secrets: store });
    const control = await controlOf(running);
    const error = await control.keys.set(input).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status: 400, message: expect.stringMatching(words) });
    expect(String(error)).not.toContain('canary');
    expect(await store.list()).toEqual([]);
  });

  test('a store that does not keep what it takes is found out', async () => {
    const forgetful: SecretStore = { ...memoryStore(), set: async () => null };
    await using running = await runEngine(provider(), { secrets: forgetful });
    await expect((await controlOf(running)).keys.set({ provider: 'claude', key: first })).rejects.toMatchObject({
      message: 'the memory of a test did not keep the key.',
    });
  });
});

test('a key that was stored for one address is not sent to another until its user says so', async () => {
  const secrets = memoryStore({ claude: { key: first, origin: 'https://elsewhere.example' } });
  await using running = await runEngine(provider(), { secrets });
  const refused = await running.ask(question());
  expect(refused.status).toBe(502);
  const words = await refused.text();
  expect(words).toContain('is for https://elsewhere.example and is not sent to');
  expect(words).toContain('cproxy keys set claude');
  expect(words).not.toContain('canary');
  expect(upstream.asked).toEqual([]);
});

test('an engine starts though its keychain hangs, and answers with what needs none', async () => {
  const hanging: SecretStore = { ...memoryStore(), get: () => Promise.withResolvers<never>().promise };
  const { providers = [] } = provider();
  const open = { id: 'open', type: 'anthropic' as const, baseUrl: upstream.url, models: ['open'], key: 'env:KEY' };
  await using running = await runEngine({ providers: [...providers, open] }, { secrets: hanging, env: { KEY: first } });
  upstream.queue(say('hello'));
  expect((await running.ask(question('hi', { model: 'open' }))).status).toBe(200);
});

test('a keychain that is not there is told of in the answer, with what to do', async () => {
  const absent: SecretStore = {
    ...memoryStore(),
    get: async () => {
      throw storeFailed('There is no keychain here. Use env:NAME.');
    },
  };
  await using running = await runEngine(provider({ key: 'keychain:work' }), { secrets: absent });
  const answer = await running.ask(question());
  expect(answer.status).toBe(502);
  expect(await answer.text()).toContain('There is no keychain here. Use env:NAME.');
});

test('secrets.store: file keeps keys over a restart, and the status says that they lie open', async () => {
  const file: ConfigInput = { ...provider(), secrets: { store: 'file' } };
  const running = await runEngine(file);
  try {
    await (await controlOf(running)).keys.set({ provider: 'claude', key: first });
    expect(running.engine.status().warnings.join('\n')).toMatch(/keys\.json, which is not encrypted/);
    await running.engine.stop();
    const again = await runEngine(file, { home: running.home });
    upstream.queue(say('hello'));
    const { token } = await (await controlOf(again)).tokens.create({ name: 'again' });
    await again.ask(question(), { headers: { authorization: `Bearer ${token}` } });
    expect(keyOfLast()).toBe(first);
    await again.stop();
  } finally {
    await running.stop();
  }
});
