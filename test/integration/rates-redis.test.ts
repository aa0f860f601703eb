import { createRouterClient } from '@orpc/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src-main/observability/logger.ts';
import type { ConfigInput } from '../../src-shared/config.ts';
import { requires } from '../helpers/missing-programs.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const need = requires('redis-server');

describe.skipIf(need.missing)(`rates that are counted in Redis${need.reason}`, () => {
  let redis: RedisServer;
  let upstream: ScriptableUpstream & AsyncDisposable;

  beforeAll(async () => {
    redis = await startRedis();
    upstream = await startUpstream();
    upstream.script(() => say('hello'));
  });
  afterAll(async () => {
    await upstream.close();
    await redis[Symbol.asyncDispose]();
  });

  const config = (prefix: string, figures: object): ConfigInput => ({
    providers: [{ id: 'a', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['m'] }],
    limits: { store: 'redis', rates: [{ id: 'shared', ...figures }] },
    redis: { url: redis.url, prefix },
  });
  const ask = async (running: RunningEngine, text = 'hello') => {
    const response = await running.ask(question(text, { model: 'a/m' }));
    await response.text();
    return response.status;
  };
  const view = async (running: RunningEngine) => createRouterClient(await running.engine.controlRouter()).limits.view();

  it('are of all who share it together, however they ask', async () => {
    await using one = await runEngine(config('together:', { requestsPerMinute: 5 }));
    await using two = await runEngine(config('together:', { requestsPerMinute: 5 }));
    await using other = await runEngine(config('apart:', { requestsPerMinute: 5 }));
    const asked = [one, two, one, two, one, two, one, two];
    const answers: number[] = [];
    for (const engine of asked) answers.push(await ask(engine));
    expect(answers.filter((status) => status === 200)).toHaveLength(5);
    expect(answers.filter((status) => status === 429)).toHaveLength(3);
    expect(await ask(other)).toBe(200);
    for (const engine of [one, two])
      expect(await view(engine)).toMatchObject({
        store: 'redis',
        trouble: null,
        rates: [{ counters: [{ requests: { most: 5, used: 5, left: 0, resetsAt: expect.any(Number) } }] }],
      });
  });

  it('have tokens corrected there as well', async () => {
    await using one = await runEngine(config('tokens:', { tokensPerMinute: 5_000 }));
    await using two = await runEngine(config('tokens:', { tokensPerMinute: 5_000 }));
    // An estimate of some four thousand each; in the end, 32 each.
    for (const engine of [one, two]) {
      expect(await ask(engine, 'some words '.repeat(1_400))).toBe(200);
      const seen = one === engine ? 32 : 64;
      await waitUntil('the correction', async () => (await view(engine)).rates[0]?.counters[0]?.tokens?.used === seen);
    }
  });

  it('are counted in memory while it is gone, which is said once, and there again when it is back', async () => {
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
    await using running = await runEngine(config('gone:', { requestsPerMinute: 3 }), { log });
    expect(await ask(running)).toBe(200);
    await redis.stop();
    // In memory, the minute begins anew; then it holds.
    for (const expected of [200, 200, 200, 429]) expect(await ask(running)).toBe(expected);
    const said = 'Redis, where rates are counted (limits.store), cannot be asked';
    expect(running.engine.status().warnings.filter((warning) => warning.includes(said))).toHaveLength(1);
    expect(warnings.filter((warning) => warning.includes(said))).toHaveLength(1);
    expect((await view(running)).trouble).not.toBeNull();
    await redis.start();
    await waitUntil('its return', async () => (await view(running)).trouble === null, 20_000);
    expect(running.engine.status().warnings.filter((warning) => warning.includes(said))).toEqual([]);
    // It came back empty.
    for (const expected of [200, 200, 200, 429]) expect(await ask(running)).toBe(expected);
  });
});
