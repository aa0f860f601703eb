import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Passing } from '../../../src-main/limits/rate-gate.ts';
import { RateLimit, type SavedRate, savedRateSchema } from '../../../src-main/limits/rate-limit.ts';
import { rateLimited } from '../../../src-main/limits/rate-refusal.ts';
import { type RateConfig, rateSchema } from '../../../src-shared/limits-config.ts';

const passing: Passing = {
  ...{ signal: new AbortController().signal, tokens: 0, mayWait: true, onWait: () => undefined },
};
const rate = (figures: object): RateConfig => rateSchema.parse({ id: 'r', ...figures });
const limitOf = (figures: object, saved: SavedRate | null = null): RateLimit =>
  new RateLimit({ config: rate(figures), redis: () => null, prefix: () => 'cproxy:', saved });
const counters = async (limit: RateLimit) =>
  (await limit.view()).counters.map(({ who, requests, running, waiting }) => [who, requests?.used, running, waiting]);

beforeEach(async () => {
  // It is loaded with the first count, which takes real time.
  await import('rate-limiter-flexible');
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('other figures', () => {
  it('hold at once, also for who waits, and what is counted stays', async () => {
    const limit = limitOf({ requestsPerMinute: 1, wait: { ms: 300_000 } });
    await limit.gate(null).pass(passing);
    const waiting = limit.gate(null).pass(passing);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await counters(limit)).toEqual([[null, 1, 1, 1]]);
    limit.follow(rate({ requestsPerMinute: 2, wait: { ms: 300_000 } }));
    expect((await waiting).kind).toBe('passed');
    limit.follow(rate({ requestsPerMinute: 2 }));
    expect(await limit.gate(null).pass(passing)).toMatchObject({ kind: 'refused', at: 1_060_000 });
  });

  it('of none let all pass who wait', async () => {
    const limit = limitOf({ requestsPerMinute: 1, concurrent: 1, wait: { ms: 300_000 } });
    await limit.gate(null).pass(passing);
    const waiting = Promise.all([1, 2, 3].map(() => limit.gate(null).pass(passing)));
    await vi.advanceTimersByTimeAsync(1_000);
    limit.retire();
    expect((await waiting).map(({ kind }) => kind)).toEqual(['passed', 'passed', 'passed']);
  });
});

describe('counts that are written down', () => {
  it('go on where they are read again, until their minute is over', async () => {
    const before = limitOf({ requestsPerMinute: 2, each: 'client' });
    for (const who of ['a', 'a', 'b', null]) await before.gate(who).pass(passing);
    const saved = savedRateSchema.parse(JSON.parse(JSON.stringify(before.saved())));
    await vi.advanceTimersByTimeAsync(10_000);
    const after = limitOf({ requestsPerMinute: 2, each: 'client' }, saved);
    expect(await after.gate('a').pass(passing)).toMatchObject({ kind: 'refused', at: 1_060_000 });
    expect((await after.gate('b').pass(passing)).kind).toBe('passed');
    expect(await counters(after)).toEqual([
      ['a', 2, 0, 0],
      ['b', 2, 1, 0],
      [null, 1, 0, 0],
    ]);
    await vi.advanceTimersByTimeAsync(50_001);
    const late = limitOf({ requestsPerMinute: 2, each: 'client' }, saved);
    expect((await late.gate('a').pass(passing)).kind).toBe('passed');
    expect(before.saved().requests).toEqual([]);
  });
});

it('forgets those who are not needed any more, however many there were', async () => {
  const limit = limitOf({ requestsPerMinute: 2, each: 'project' });
  for (let count = 0; count < 600; count += 1) {
    const end = await limit.gate(`/project-${count}`).pass(passing);
    if (end.kind === 'passed') end.end(null);
  }
  expect((await limit.view()).counters).toHaveLength(600);
  await vi.advanceTimersByTimeAsync(61_000);
  expect((await limit.view()).counters).toHaveLength(0);
  limit.gate('/another');
  expect(limit.size).toBe(1);
});

describe('what is told of a limit that is reached', () => {
  const refused = { kind: 'refused', figure: 'requestsPerMinute', at: 1_012_000, why: 'now' } as const;

  it('names it, its figure, who it is for, and when to try again', () => {
    const error = rateLimited(rate({ requestsPerMinute: 1_200, each: 'client' }), 'ci', refused);
    expect([error.status, error.retryAfter, error.retryable]).toEqual([429, 12, true]);
    expect(error.message).toBe(
      "Limit 'r' is reached: 1,200 requests a minute for client 'ci'. Ask again in 12 s, or change it at limits.rates in the configuration.",
    );
  });

  it('says that the queue is full, or takes too long', () => {
    const config = rate({ concurrent: 3, wait: { most: 5, ms: 900 } });
    const full = rateLimited(config, null, { ...refused, figure: 'concurrent', at: null, why: 'full' });
    expect(full.message).toContain('3 at a time, and as many wait as may (wait.most: 5). Ask again when one');
    expect(full.retryAfter).toBe(1);
    const late = rateLimited(config, null, { ...refused, figure: 'concurrent', at: null, why: 'too-long' });
    expect(late.message).toContain('does not come in time (wait.ms: 900)');
  });
});
