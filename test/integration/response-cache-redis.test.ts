import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import { requires } from '../helpers/missing-programs.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const need = requires('redis-server');

describe.skipIf(need.missing)(`answers that are kept in Redis${need.reason}`, () => {
  let redis: RedisServer;
  let upstream: ScriptableUpstream & AsyncDisposable;

  beforeAll(async () => {
    redis = await startRedis();
    upstream = await startUpstream();
  });
  afterAll(async () => {
    await upstream.close();
    await redis[Symbol.asyncDispose]();
  });

  const config = (prefix: string): ConfigInput => ({
    providers: [{ id: 'a', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }],
    routing: { rules: [{ id: 'again', use: { cache: true } }] },
    cache: { store: 'redis' },
    redis: { url: redis.url, prefix },
  });
  const ask = async (running: RunningEngine, text: string) => {
    const response = await running.ask(question(text, { stream: true }));
    return { cache: response.headers.get('x-cproxy-cache'), status: response.status, text: await response.text() };
  };
  const control = async (running: RunningEngine) => createRouterClient(await running.engine.controlRouter());
  const answersIn = async (running: RunningEngine) => (await (await control(running)).cache.view()).answers;

  it('are given by another CProxy as well, and are forgotten with theirs alone', async () => {
    upstream.script(() => say('kept ü '.repeat(20_000), { fragment: 500 }));
    await using one = await runEngine(config('shared:'));
    await using two = await runEngine(config('shared:'));
    await using other = await runEngine(config('oth*r:'));
    const first = await ask(one, 'x');
    expect(first.cache).toBe('miss');
    await waitUntil('the answer in Redis', async () => (await answersIn(one)) === 1);
    expect(await ask(two, 'x')).toEqual({ cache: 'hit', status: 200, text: first.text });
    expect((await ask(other, 'x')).cache).toBe('miss');
    await waitUntil('the answer in Redis', async () => (await answersIn(other)) === 1);
    expect(await (await control(two)).cache.clear()).toEqual({ cleared: 1 });
    expect([await answersIn(one), await answersIn(other)]).toEqual([0, 1]);
    expect((await ask(one, 'x')).cache).toBe('miss');
  });

  it('are kept there with an address from the keychain, as `cproxy keys set redis` puts it there', async () => {
    upstream.script(() => say('kept'));
    const settings = { ...config('keychain:'), redis: { url: 'keychain:redis', prefix: 'keychain:' } };
    await using running = await runEngine(settings);
    expect((await ask(running, 'k')).cache).toBe('miss');
    const { keys } = await control(running);
    expect(await keys.set({ provider: 'redis', key: redis.url })).toMatchObject({ name: 'redis', configuration: [] });
    expect((await keys.list()).keys).toEqual([{ name: 'redis', origin: 'redis:', providers: ['redis'] }]);
    await ask(running, 'k');
    await waitUntil('the answer in Redis', async () => (await answersIn(running)) === 1);
    expect((await ask(running, 'k')).cache).toBe('hit');
  });

  it('are asked of a model while it is gone, soon enough, and again from there when it is back', async () => {
    upstream.script(() => say('by a model'));
    await using running = await runEngine(config('gone:'));
    await ask(running, 'y');
    await waitUntil('the answer in Redis', async () => (await answersIn(running)) === 1);
    await redis.stop();
    const began = performance.now();
    const answers = [await ask(running, 'y'), await ask(running, 'y')];
    expect(answers.map(({ cache, status }) => [cache, status])).toEqual([
      ['miss', 200],
      ['miss', 200],
    ]);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(running.engine.status().warnings.join('\n')).toContain('Redis, where answers are kept');
    await redis.start();
    await waitUntil('its return', async () => (await ask(running, 'y')).cache === 'hit', 20_000);
  });
});
