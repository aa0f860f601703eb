import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { connectMcp, type McpClient, textOf } from '../helpers/mcp-client.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

let upstream: ScriptableUpstream & AsyncDisposable;
let running: RunningEngine;
let mcp: McpClient;

const config = (rest: ConfigInput = {}): ConfigInput => ({
  providers: [
    { id: 'one', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['a'] },
    { id: 'two', type: 'openai-compatible', baseUrl: `${upstream.url}/v1`, models: ['b'] },
  ],
  routing: { rules: [{ id: 'before', when: { model: 'x' }, use: { targets: ['one/a'] } }] },
  mcp: { allowChanges: true },
  ...rest,
});

beforeEach(async () => {
  upstream = await startUpstream();
  running = await runEngine(config(), { reloads: true });
  mcp = await connectMcp(running);
});
afterEach(async () => {
  await mcp[Symbol.asyncDispose]();
  await running.stop();
  await upstream.close();
});

const written = async (): Promise<ConfigInput> =>
  JSON.parse(await readFile(path.join(running.home, 'config.json'), 'utf8'));
const told = (method: string, uri?: string): number =>
  mcp.notifications.filter(
    (one) => one.method === `notifications/${method}` && (uri === undefined || one.params?.uri === uri),
  ).length;

describe('tools that change something', () => {
  it('set_route adds, replaces and removes a rule, which is in force with the next request', async () => {
    const rule = { id: 'mine', when: { model: 'asked' }, targets: ['two/b'] };
    expect(await mcp.value('set_route', rule)).toMatchObject({ id: 'mine', state: 'added' });
    expect((await written()).routing?.rules?.map(({ id }) => id)).toEqual(['mine', 'before']);
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'asked' })).toMatchObject({ provider: 'two' });

    expect(await mcp.value('set_route', { ...rule, targets: ['one/a'] })).toMatchObject({ state: 'replaced' });
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'asked' })).toMatchObject({ provider: 'one' });
    expect(
      await mcp.value('set_route', { ...rule, id: 'behind', position: 'last', fallback: ['two/b'] }),
    ).toMatchObject({
      state: 'added',
    });
    expect((await written()).routing?.rules?.map(({ id }) => id)).toEqual(['mine', 'before', 'behind']);

    expect(await mcp.value('set_route', { id: 'mine', remove: true })).toMatchObject({ state: 'removed' });
    expect((await written()).routing?.rules?.map(({ id }) => id)).toEqual(['before', 'behind']);
    const gone = await mcp.call('set_route', { id: 'mine', remove: true });
    expect(gone.isError).toBe(true);
    const half = await mcp.call('set_route', { id: 'half', targets: ['one/a'] });
    expect(textOf(half)).toBe('A rule needs when and targets.');
  });

  it('refuse what would make no valid configuration, and say why', async () => {
    const before = await written();
    const refused = await mcp.call('set_route', { id: 'bad', when: { project: '' }, targets: ['one/a'] });
    expect(refused.isError).toBe(true);
    expect(await written()).toEqual(before);
  });

  it('set_default_model sets what answers where nothing else is meant', async () => {
    await mcp.value('set_default_model', { model: 'two/b' });
    expect(await mcp.value('proxy_completion', { prompt: 'hi' })).toMatchObject({ provider: 'two' });
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'never-heard-of' })).toMatchObject({
      provider: 'two',
    });
    await mcp.value('set_default_model', { model: 'one/a' });
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'never-heard-of' })).toMatchObject({
      provider: 'one',
    });
    expect((await written()).routing?.rules?.map(({ id }) => id)).toEqual(['before', 'default-model']);
  });

  it('enable_provider switches one on and off', async () => {
    await mcp.value('enable_provider', { provider: 'one', enabled: false });
    expect((await mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' })).isError).toBe(true);
    await mcp.value('enable_provider', { provider: 'one', enabled: true });
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'one/a' })).toMatchObject({ provider: 'one' });
    const unknown = await mcp.call('enable_provider', { provider: 'nobody', enabled: true });
    expect(textOf(unknown)).toContain("'nobody' is not in the file");
  });

  it('keep what was there: a version can be brought back', async () => {
    await mcp.value('set_route', { id: 'mine', when: {}, targets: ['two/b'] });
    const control = await (await running.engine.mcpEngine()).control();
    expect(await control.config.rollback({})).toMatchObject({ state: 'saved' });
    expect((await written()).routing?.rules?.map(({ id }) => id)).toEqual(['before']);
  });

  it('reset_breaker has a target tried again', async () => {
    upstream.script(() => fail(500, { message: 'broken' }));
    await waitUntil('an open circuit', async () => {
      await mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' });
      const control = await (await running.engine.mcpEngine()).control();
      return (await control.circuits.list()).length > 0;
    });
    upstream.script(() => say('ok'));
    expect((await mcp.value('reset_breaker', { provider: 'one' })).closed).toBeGreaterThan(0);
    expect(await mcp.value('reset_breaker')).toEqual({ closed: 0 });
  });
});

describe('while changes are not allowed', () => {
  it('is told when the list of tools changes, and a call says what to do', async () => {
    expect((await mcp.client.listTools()).tools.map(({ name }) => name)).toContain('set_route');
    let allowChanges = true;
    await waitUntil('the list has changed', async () => {
      if (told('tools/list_changed') > 0) return true;
      // What it is compared with may be read after the first of these.
      allowChanges = !allowChanges;
      await running.reconfigure(config({ mcp: { allowChanges } }));
      return false;
    });
    await running.reconfigure(config({ mcp: { allowChanges: false } }));
    expect((await mcp.client.listTools()).tools.map(({ name }) => name)).not.toContain('set_route');
    const refused = await mcp.call('enable_provider', { provider: 'one', enabled: false });
    expect(refused.isError).toBe(true);
    expect(textOf(refused)).toContain('mcp.allowChanges');
  });
});

describe('subscriptions', () => {
  it('fire when something has really changed', async () => {
    const uris = ['cproxy://usage/today', 'cproxy://config', 'cproxy://routing', 'cproxy://providers'];
    for (const uri of uris) await mcp.client.subscribeResource({ uri });
    await mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' });
    await waitUntil('usage', () => told('resources/updated', 'cproxy://usage/today') > 0);
    expect(told('resources/updated', 'cproxy://config')).toBe(0);
    expect(told('resources/updated', 'cproxy://routing')).toBe(0);

    await running.reconfigure(config({ aliases: { other: 'two/b' } }));
    await waitUntil('config', () => told('resources/updated', 'cproxy://config') > 0);
    await mcp.client.unsubscribeResource({ uri: 'cproxy://config' });
    const before = told('resources/updated', 'cproxy://config');
    await running.reconfigure(config({ routing: { rules: [] } }));
    await waitUntil('routing', () => told('resources/updated', 'cproxy://routing') > 0);
    expect(told('resources/updated', 'cproxy://config')).toBe(before);
  });

  it('of health and of the list of resources follow providers', async () => {
    await mcp.client.subscribeResource({ uri: 'cproxy://health' });
    upstream.script(() => fail(500, { message: 'broken' }));
    await mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' });
    await waitUntil('health', () => told('resources/updated', 'cproxy://health') > 0);
    const [provider] = config().providers ?? [];
    await running.reconfigure(config({ providers: provider === undefined ? [] : [provider] }));
    await waitUntil('the list', () => told('resources/list_changed') > 0);
    const { resources } = await mcp.client.listResources();
    expect(resources.map(({ uri }) => uri)).not.toContain('cproxy://models/two');
  });
});

describe('the log', () => {
  it('tells of changes and problems, from the level that is asked for', async () => {
    await mcp.client.setLoggingLevel('notice');
    await running.reconfigure(config({ aliases: { other: 'two/b' } }));
    await waitUntil('a message', () => told('message') > 0);
    expect(mcp.notifications.filter(({ method }) => method === 'notifications/message')).toMatchObject([
      { params: { level: 'notice', logger: 'config', data: 'The configuration has changed.' } },
    ]);
  });
});
