import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { Strategy } from '../../src-shared/rules.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

let one: ScriptableUpstream;
let two: ScriptableUpstream;
let home: string;
let running: RunningEngine | null = null;

type ProviderInput = NonNullable<ConfigInput['providers']>[number];

interface Parts {
  one?: Partial<ProviderInput>;
  two?: Partial<ProviderInput>;
  explore?: number;
}

/** Two providers with the same model. */
async function start(strategy: Strategy, { one: first, two: second, explore = 0 }: Parts = {}): Promise<RunningEngine> {
  await running?.stop();
  const type = 'anthropic-compatible' as const;
  running = await runEngine(
    {
      server: { auth: 'none' },
      providers: [
        { id: 'one', type, baseUrl: one.url, models: ['m'], priority: 1, ...first },
        { id: 'two', type, baseUrl: two.url, models: ['m'], priority: 2, ...second },
      ],
      routing: { loadBalancing: { strategy }, learned: { explore } },
    },
    { home, env: { FIRST: 'sk-first-key-0000', SECOND: 'sk-second-key-1111' } },
  );
  return running;
}

let sessions = 0;

/** A question of a new conversation. @returns which provider has answered. */
async function ask(engine: RunningEngine): Promise<string | null> {
  sessions += 1;
  const headers = { 'x-claude-code-session-id': `session ${sessions}` };
  const response = await engine.ask(question('hello', { stream: true }), { headers });
  await response.text();
  expect(response.status).toBe(200);
  return response.headers.get('x-cproxy-provider');
}

async function answers(engine: RunningEngine, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = { one: 0, two: 0 };
  for (let index = 0; index < count; index += 1) {
    const provider = (await ask(engine)) ?? 'none';
    counts[provider] = (counts[provider] ?? 0) + 1;
  }
  return counts;
}

beforeEach(async () => {
  one = await startUpstream();
  two = await startUpstream();
  home = await mkdtemp(path.join(tmpdir(), 'cproxy-balancing-'));
  sessions = 0;
});
afterEach(async () => {
  await running?.stop();
  running = null;
  await one.close();
  await two.close();
  await rm(home, { recursive: true, force: true });
});

describe('of two providers with the same model', () => {
  it('priority asks the first', async () => {
    expect(await answers(await start('priority'), 6)).toEqual({ one: 6, two: 0 });
  });

  it('weighted gives each its part of the conversations', async () => {
    const counts = await answers(await start('weighted', { one: { weight: 3 } }), 120);
    expect(counts.one).toBeGreaterThan(75);
    expect(counts.one).toBeLessThan(105);
  });

  it('round-robin asks them in turn', async () => {
    expect(await answers(await start('round-robin', { one: { weight: 2 } }), 12)).toEqual({ one: 8, two: 4 });
  });

  it('least-connections spreads what is asked at the same time', async () => {
    const engine = await start('least-connections');
    const gate = Promise.withResolvers<void>();
    const answer = async () => {
      await gate.promise;
      return say('at last');
    };
    one.script(answer);
    two.script(answer);
    const asked: Promise<string | null>[] = [];
    for (let index = 1; index <= 10; index += 1) {
      asked.push(ask(engine));
      await arrived(index);
    }
    gate.resolve();
    await Promise.all(asked);
    expect([one.asked.length, two.asked.length]).toEqual([5, 5]);
  });

  it('response-time asks the one whose answers begin sooner, once it has seen both', async () => {
    const engine = await start('response-time');
    one.script(() => say('slow', { firstDelayMs: 60 }));
    expect(await answers(engine, 20)).toEqual({ one: 1, two: 19 });
  });

  it('cheapest asks the one that costs less', async () => {
    const dear = { id: 'm', price: { input: 15, output: 75 } };
    const fair = { id: 'm', price: { input: 3, output: 15 } };
    expect(await answers(await start('cheapest', { one: { models: [dear] }, two: { models: [fair] } }), 6)).toEqual({
      one: 0,
      two: 6,
    });
  });

  it('learned asks the one that has answered better, also after a restart', async () => {
    let engine = await start('learned');
    one.script(() => fail(500));
    expect(await answers(engine, 20)).toEqual({ one: 0, two: 20 });
    expect(one.asked.length).toBeLessThan(10);
    await engine.stop();
    const file = path.join(home, 'data', 'outcomes.json');
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    one.script(() => say('well again'));
    one.reset();
    engine = await start('learned');
    expect(await answers(engine, 10)).toEqual({ one: 0, two: 10 });
    expect(one.asked).toHaveLength(0);
    // Half of the conversations go elsewhere on purpose, which finds out that it is well again.
    engine = await start('learned', { explore: 0.5 });
    expect((await answers(engine, 40)).one).toBeGreaterThan(5);
  });
});

describe('of two keys of one provider', () => {
  const keys = [{ key: 'env:FIRST' }, { key: 'env:SECOND' }];
  const keyOf = ({ headers }: ScriptableUpstream['asked'][number]): string =>
    String(headers['x-api-key'] ?? headers.authorization).includes('first') ? 'first' : 'second';

  it('round-robin gives new conversations one after the other, and each keeps its own', async () => {
    const engine = await start('priority', { one: { keys, keyStrategy: 'round-robin' } });
    await answers(engine, 4);
    expect(one.asked.map(keyOf)).toEqual(['first', 'second', 'first', 'second']);
    sessions = 1;
    await answers(engine, 1);
    expect(one.asked.map(keyOf).at(-1)).toBe('second');
  });

  it('priority gives all the first', async () => {
    await answers(await start('priority', { one: { keys, keyStrategy: 'priority' } }), 4);
    expect(one.asked.map(keyOf)).toEqual(['first', 'first', 'first', 'first']);
  });

  it('least-connections counts what is under way, and what has ended', async () => {
    const engine = await start('priority', { one: { keys, keyStrategy: 'least-connections' } });
    const gate = Promise.withResolvers<void>();
    one.script(async (_, index) => {
      if (index === 0) await gate.promise;
      return say('at last');
    });
    const first = ask(engine);
    await arrived(1);
    await answers(engine, 3);
    gate.resolve();
    await first;
    const [held, ...others] = one.asked.map(keyOf);
    expect(new Set(others)).toEqual(new Set([held === 'first' ? 'second' : 'first']));
  });
});

/** So many questions have arrived, at one or the other. */
async function arrived(count: number): Promise<void> {
  await expect.poll(() => one.asked.length + two.asked.length, { interval: 2, timeout: 5_000 }).toBe(count);
}
