import { describe, expect, it } from 'vitest';
import { SubscriptionUse } from '../../../src-main/providers/subscription-use.ts';
import type { KeyView, RateLimitView } from '../../../src-shared/control.ts';

const limit = (name: string, used: number | null, resetsAt: number | null = null): RateLimitView => ({
  name,
  limit: null,
  remaining: null,
  used,
  resetsAt,
});

function useOf(limits: () => RateLimitView[]) {
  let asked = 0;
  const clock = { now: 1_000_000 };
  const key = (): KeyView => {
    asked += 1;
    return { id: 'key', reference: null, state: 'ready', until: null, reason: null, limits: limits() };
  };
  const use = new SubscriptionUse({ providers: [{ id: 'p', keys: { views: () => [key()] } }], now: () => clock.now });
  return { use, clock, asked: () => asked };
}

describe('the used part of a subscription', () => {
  it('is that of its fullest window', () => {
    const { use } = useOf(() => [limit('5h', 0.62), limit('7d', 0.1), limit('7d_sonnet', 0.7)]);
    expect(use.used()).toBe(0.7);
  });
  it("is not known by a key's limits for a minute", () => {
    expect(useOf(() => [limit('tokens', 0.9), limit('requests', 1), limit('5h', null)]).use.used()).toBeNull();
    expect(useOf(() => []).use.used()).toBeNull();
  });
  it('is nothing once its window has begun anew', () => {
    const { use, clock } = useOf(() => [limit('5h', 0.9, 1_000_500)]);
    expect(use.used()).toBe(0.9);
    clock.now += 1_000;
    expect(use.used()).toBe(0);
  });
  it('is looked for once in a second, whichever way the clock is set', () => {
    const { use, clock, asked } = useOf(() => [limit('5h', 0.5)]);
    for (let index = 0; index < 10; index += 1) use.used();
    expect(asked()).toBe(1);
    clock.now += 1_000;
    use.used();
    clock.now -= 3_600_000;
    use.used();
    expect(asked()).toBe(3);
  });
});
