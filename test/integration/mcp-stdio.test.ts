import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { textOf } from '../helpers/mcp-client.ts';
import { connectStdio, type StdioClient } from '../helpers/mcp-stdio.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { serveEngine } from '../helpers/served-engine.ts';
import { waitUntil } from '../helpers/wait-until.ts';

// Each client starts a process of its own, which takes its time where many tests run at once.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const canary = 'sk-ant-canary-0123456789abcdef';
let upstream: ScriptableUpstream;
let home: string;
const open: AsyncDisposable[] = [];

beforeEach(async () => {
  upstream = await startUpstream();
  home = mkdtempSync(path.join(tmpdir(), 'cproxy-mcp-test-'));
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  await upstream.close();
  rmSync(home, { recursive: true, force: true });
});

const config = (rest: ConfigInput = {}): ConfigInput => ({
  secrets: { store: 'file' },
  server: { port: 0, graceMs: 100 },
  providers: [{ id: 'one', type: 'anthropic', baseUrl: upstream.url, models: ['a'], key: 'env:CANARY' }],
  routing: { loadBalancing: { healthCheck: false }, retries: { rounds: 0 } },
  modelLists: { fetch: false },
  ...rest,
});
const write = (rest?: ConfigInput): void => writeFileSync(path.join(home, 'config.json'), JSON.stringify(config(rest)));
const client = async (options?: Parameters<typeof connectStdio>[1]): Promise<StdioClient> => {
  const connected = await connectStdio(home, { ...options, env: { CANARY: canary, ...options?.env } });
  open.push(connected);
  return connected;
};
const engine = async (rest?: ConfigInput): Promise<RunningEngine> => {
  const running = await runEngine(config(rest), { home, env: { CANARY: canary } });
  open.push(running);
  return running;
};
const told = ({ notifications }: StdioClient, method: string): number =>
  notifications.filter((one) => one.method === `notifications/${method}`).length;
/** How many requests an engine itself has had. */
const askedAt = ({ engine }: RunningEngine): number => engine.status().requests.total;

describe('at an engine that runs', () => {
  it('is that engine: tools, progress, resources, prompts and completions', async () => {
    const running = await engine();
    const mcp = await client();
    expect(mcp.client.getServerVersion()).toMatchObject({ name: 'cproxy' });
    expect(mcp.client.getInstructions()).toContain('proxy_completion');
    upstream.script(() => say('a longer answer in several parts', { delayMs: 20 }));
    const progress: number[] = [];
    const answered = await mcp.client.callTool(
      { name: 'proxy_completion', arguments: { prompt: 'hi', model: 'one/a' } },
      undefined,
      { onprogress: ({ progress: so }) => progress.push(so) },
    );
    expect(answered.structuredContent).toMatchObject({ text: 'a longer answer in several parts', provider: 'one' });
    expect(progress.length).toBeGreaterThan(0);
    expect(askedAt(running)).toBe(1);
    expect(textOf(await mcp.call('explain_route', { request: 'latest' }))).toContain('one/a');
    expect(await mcp.value('recent_requests')).toMatchObject({ requests: [{ client: 'mcp' }] });
    expect(await mcp.read('cproxy://providers')).toMatchObject([{ id: 'one' }]);
    expect((await mcp.client.listPrompts()).prompts.map(({ name }) => name)).toContain('second_opinion');
    const completed = await mcp.client.complete({
      ref: { type: 'ref/prompt', name: 'second_opinion' },
      argument: { name: 'model', value: 'one' },
    });
    expect(completed.completion.values).toContain('one/a');
    await expect(mcp.client.readResource({ uri: 'cproxy://nothing' })).rejects.toThrow('cproxy://nothing');
  });

  it('tells what changes there', async () => {
    const running = await engine();
    const mcp = await client();
    await mcp.client.subscribeResource({ uri: 'cproxy://usage/today' });
    await mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' });
    await waitUntil('an update', () => told(mcp, 'resources/updated') > 0);
    expect(askedAt(running)).toBe(1);
  });

  it('a call that is cancelled at once, or later, is cancelled at the provider', async () => {
    await engine();
    const mcp = await client();
    upstream.script(() => ({ kind: 'hang' }));
    const abort = new AbortController();
    const call = mcp.client.callTool(
      { name: 'proxy_completion', arguments: { prompt: 'hi', model: 'one/a' } },
      undefined,
      { signal: abort.signal },
    );
    const [asked] = await upstream.waitFor(1);
    abort.abort();
    await expect(call).rejects.toThrow();
    await waitUntil('the end of the request', () => asked?.aborted);
    // So soon that the one may overtake the other on their ways.
    for (let round = 0; round < 10; round += 1) {
      const soon = new AbortController();
      const other = mcp.client.callTool(
        { name: 'proxy_completion', arguments: { prompt: 'hi', model: 'one/a' } },
        undefined,
        { signal: soon.signal },
      );
      soon.abort();
      await expect(other).rejects.toThrow();
    }
    await waitUntil('the end of all', () => upstream.asked.every(({ aborted }) => aborted));
    expect(await mcp.value('list_providers')).toMatchObject({ providers: [{ id: 'one' }] });
  });

  it('says so where its user has switched MCP off', async () => {
    await engine({ mcp: { enabled: false } });
    await expect(client()).rejects.toThrow('mcp.enabled is false');
  });
});

describe('alone', () => {
  it('works without a listener, a lock, a database, or anything that stays', async () => {
    write();
    const mcp = await client();
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'one/a' })).toMatchObject({ text: 'ok' });
    const { requests } = await mcp.value('recent_requests');
    expect(requests).toMatchObject([{ target: 'one/a', client: null }]);
    const [{ id }] = requests as [{ id: string }];
    expect(await mcp.read(`cproxy://requests/${id}`)).toMatchObject({
      request: { userAgent: expect.stringMatching(/^cproxy-mcp\/.* \(test-client 1\.2\.3\)$/) },
      route: { facts: { client: 'mcp' } },
    });
    expect(upstream.asked[0]?.headers['x-api-key']).toBe(canary);
    expect(readdirSync(home)).toEqual(['config.json']);
    await mcp.client.close();
    expect(readdirSync(home)).toEqual(['config.json']);
    expect(mcp.log()).not.toContain(canary);
  });

  it('keeps to budgets that an engine has counted, and writes nothing back', async () => {
    const limits: ConfigInput = { limits: { budgets: [{ id: 'all', tokens: 10, per: 'day', whenSpent: 'refuse' }] } };
    write(limits);
    const running = await engine(limits);
    await running.ask({ model: 'one/a', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] });
    await open.pop()?.[Symbol.asyncDispose]();
    const before = readdirSync(path.join(home, 'data'));
    expect(before).toContain('budgets.json');
    const mcp = await client();
    const refused = await mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' });
    expect(refused.isError).toBe(true);
    expect(textOf(refused)).toContain('all');
    expect(readdirSync(path.join(home, 'data'))).toEqual(before);
  });

  it('follows its configuration, and says what is wrong with it', async () => {
    write();
    const mcp = await client();
    write({ mcp: { allowChanges: true } });
    await waitUntil('another list of tools', () => told(mcp, 'tools/list_changed') > 0);
    expect((await mcp.client.listTools()).tools.map(({ name }) => name)).toContain('set_route');
    await mcp.value('set_default_model', { model: 'one/a' });
    expect(readdirSync(path.join(home, 'data'))).toEqual(['config-versions']);
    writeFileSync(path.join(home, 'config.json'), '{ "providers": 7 }');
    await expect(client()).rejects.toThrow(/CProxy cannot start: .*config\.json:1/);
    await expect(client({ args: ['mcp', '--config', path.join(home, 'none.yaml')] })).rejects.toThrow('no such file');
    await expect(client({ env: { CPROXY_HOME: path.join(home, 'config.json') } })).rejects.toThrow(
      'data folder cannot be read',
    );
  });

  it('takes neither the address of CProxy nor its tokens for a provider, and works without any', async () => {
    const token = 'cpx_0123456789abcdef0123456789abcdef0123456789a';
    const mcp = await client({
      env: {
        ANTHROPIC_BASE_URL: 'http://127.0.0.1:4777',
        ...{ ANTHROPIC_AUTH_TOKEN: token, ANTHROPIC_API_KEY: token, OPENAI_API_KEY: token },
        OPENAI_BASE_URL: 'http://127.0.0.1:4777/v1',
      },
    });
    expect(await mcp.value('list_providers')).toEqual({ providers: [] });
    expect(JSON.stringify(await mcp.read('cproxy://config'))).not.toContain(token);
    expect(mcp.log()).not.toContain(token);
  });

  it.each([
    { args: ['--mcp'], env: {} },
    { args: [], env: { MCP_MODE: 'true' } },
  ])('was once called as $args with $env', async ({ args, env }) => {
    write();
    const mcp = await client({ args, env });
    expect(mcp.client.getServerVersion()).toMatchObject({ name: 'cproxy' });
  });
});

describe('moves', () => {
  it('to an engine that appears, and back when it ends; level and subscriptions go with it', async () => {
    write();
    const mcp = await client();
    await mcp.client.setLoggingLevel('info');
    await mcp.client.subscribeResource({ uri: 'cproxy://usage/today' });
    // What is under way ends where it began.
    const held = Promise.withResolvers<void>();
    upstream.script(async () => {
      await held.promise;
      return say('from alone');
    });
    const first = mcp.value('proxy_completion', { prompt: 'hi', model: 'one/a' });
    await upstream.waitFor(1);

    const running = await engine();
    await waitUntil('the move', () => told(mcp, 'tools/list_changed') > 0);
    expect(told(mcp, 'resources/list_changed')).toBeGreaterThan(0);
    expect(told(mcp, 'resources/updated')).toBeGreaterThan(0);
    expect(JSON.stringify(mcp.notifications)).toContain(`This session is at CProxy at ${running.url} now.`);
    held.resolve();
    expect(await first).toMatchObject({ text: 'from alone' });
    expect(askedAt(running)).toBe(0);
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'one/a' })).toMatchObject({ provider: 'one' });
    expect(askedAt(running)).toBe(1);
    const before = told(mcp, 'resources/updated');
    await mcp.value('proxy_completion', { prompt: 'hi', model: 'one/a' });
    await waitUntil('an update of what it has subscribed to', () => told(mcp, 'resources/updated') > before);

    const lists = told(mcp, 'tools/list_changed');
    await open.pop()?.[Symbol.asyncDispose]();
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'one/a' })).toMatchObject({ provider: 'one' });
    await waitUntil('the way back', () => told(mcp, 'tools/list_changed') > lists);
    expect(mcp.log()).not.toContain(canary);
  });

  it('with an engine that is started again, without a failed call', async () => {
    await engine();
    const mcp = await client();
    for (let round = 0; round < 2; round += 1) {
      await open
        .splice(
          open.findIndex((one) => 'engine' in one),
          1,
        )[0]
        ?.[Symbol.asyncDispose]();
      const again = await engine();
      await waitUntil('a call at the new one', async () => {
        await mcp.value('proxy_completion', { prompt: 'hi', model: 'one/a' });
        return askedAt(again) > 0;
      });
    }
  });

  it('an engine that is killed costs the calls that it had under way, and no more', async () => {
    write();
    const served = await serveEngine(home, { env: { CANARY: canary } });
    const mcp = await client();
    upstream.script(() => ({ kind: 'hang' }));
    const lost = mcp.call('proxy_completion', { prompt: 'hi', model: 'one/a' });
    await upstream.waitFor(1);
    process.kill(served.pid, 'SIGKILL');
    const result = await lost;
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('Ask again');
    upstream.script(() => say('there again'));
    expect(await mcp.value('proxy_completion', { prompt: 'hi', model: 'one/a' })).toMatchObject({
      text: 'there again',
    });
    await served.stop();
  });
});
