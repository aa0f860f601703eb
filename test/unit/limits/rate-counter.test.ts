import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RateCounter, type Taken } from '../../../src-main/limits/rate-counter.ts';

beforeEach(async () => {
  // It is loaded with the first count, which takes real time.
  await import('rate-limiter-flexible');
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const step = fc.oneof(
  fc.record({ kind: fc.constant('take' as const), points: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant('correct' as const), points: fc.integer({ min: 0, max: 80 }) }),
  fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 70 }) }),
);

it('lets as many through as are left of a minute, for each by itself, and no more', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('a', 'b'), step), { maxLength: 50 }), async (steps) => {
      const most = 100;
      const counter = new RateCounter({ name: () => 'x', most, redis: () => null });
      /** What it should hold, and when that ends. */
      const minutes = new Map<string, { used: number; endsAt: number }>();
      const under: { who: string; points: number; endsAt: number; taken: Extract<Taken, { kind: 'taken' }> }[] = [];
      const minuteOf = (who: string) => {
        const known = minutes.get(who);
        if (known !== undefined && known.endsAt > Date.now()) return known;
        const begun = { used: 0, endsAt: Date.now() + 60_000 };
        minutes.set(who, begun);
        return begun;
      };
      for (const [who, what] of steps) {
        if (what.kind === 'pass') await vi.advanceTimersByTimeAsync(what.seconds * 1000);
        else if (what.kind === 'take') {
          const minute = minuteOf(who);
          const taken = await counter.take(who, what.points);
          const fits = minute.used + what.points <= most;
          expect(taken.kind).toBe(fits ? 'taken' : 'refused');
          if (taken.kind === 'refused') expect(taken.resetsAt).toBe(minute.endsAt);
          else {
            minute.used += what.points;
            under.push({ who, points: what.points, endsAt: minute.endsAt, taken });
          }
        } else {
          const ended = under.shift();
          if (ended === undefined) continue;
          ended.taken.correct(what.points);
          const more = what.points - ended.points;
          // What is given back belongs to its own minute, up to its last second; what is added counts now.
          if (more > 0 || (more < 0 && Date.now() <= ended.endsAt - 1_000)) minuteOf(ended.who).used += more;
          for (let times = 0; times < 5; times += 1) await Promise.resolve();
        }
        const used = minutes.get(who);
        const view = await counter.look(who);
        expect(view.used).toBe(used === undefined || used.endsAt <= Date.now() ? 0 : used.used);
        expect(view.left).toBe(Math.max(0, most - view.used));
      }
      await vi.advanceTimersByTimeAsync(120_000);
    }),
  );
});

it('keeps nothing of a minute that is over', async () => {
  const counter = new RateCounter({ name: () => 'x', most: 5, redis: () => null });
  await counter.take('a', 3);
  expect(counter.saved()).toEqual([{ key: 'a', value: 3, expiresAt: 1_060_000 }]);
  await vi.advanceTimersByTimeAsync(60_001);
  expect(counter.saved()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
