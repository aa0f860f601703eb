import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type EndTurn, Turns } from '../../../src-main/providers/concurrency.ts';

const never = new AbortController().signal;

describe('turns', () => {
  it('are taken in the order in which they were asked for', async () => {
    const turns = new Turns(1);
    const order: string[] = [];
    const first = await turns.take(never, null);
    const wait = (name: string) =>
      turns.take(never, null).then((end) => {
        order.push(name);
        end?.();
      });
    const all = [wait('b'), wait('c'), wait('d')];
    expect([turns.running, turns.waiting]).toEqual([1, 3]);
    first?.();
    await Promise.all(all);
    expect(order).toEqual(['b', 'c', 'd']);
    expect([turns.running, turns.waiting]).toEqual([0, 0]);
  });

  it('are not given to who comes while others wait', async () => {
    const turns = new Turns(1);
    const first = turns.tryTake();
    const second = turns.take(never, null);
    first?.();
    expect(turns.tryTake()).toBeNull();
    (await second)?.();
    expect(turns.tryTake()).not.toBeNull();
  });

  it('are given back once', async () => {
    const turns = new Turns(2);
    const [first, second] = [turns.tryTake(), turns.tryTake()];
    first?.();
    first?.();
    expect(turns.running).toBe(1);
    second?.();
    expect(turns.running).toBe(0);
  });

  it('are more, or fewer, as soon as their number changes', async () => {
    const turns = new Turns(1);
    const first = turns.tryTake();
    const waiting = [turns.take(never, null), turns.take(never, null)];
    turns.limit = 2;
    const second = await waiting[0];
    expect([turns.running, turns.waiting]).toEqual([2, 1]);
    turns.limit = 1;
    first?.();
    expect([turns.running, turns.waiting]).toEqual([1, 1]);
    second?.();
    (await waiting[1])?.();
    expect([turns.running, turns.waiting]).toEqual([0, 0]);
  });

  it('pass by who has left', async () => {
    const turns = new Turns(1);
    const first = turns.tryTake();
    const leaver = new AbortController();
    const left = turns.take(leaver.signal, null);
    const stayed = turns.take(never, null);
    leaver.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(turns.waiting).toBe(1);
    first?.();
    await expect(stayed).resolves.toBeTypeOf('function');
  });

  it('are not waited for by who has left before', async () => {
    const turns = new Turns(1);
    await expect(turns.take(AbortSignal.abort(new Error('left')), null)).rejects.toThrow('left');
    expect(turns.running).toBe(0);
  });

  it('are waited for only so long', async () => {
    vi.useFakeTimers();
    try {
      const turns = new Turns(1);
      const first = turns.tryTake();
      const waited = turns.take(never, 500);
      await vi.advanceTimersByTimeAsync(499);
      expect(turns.waiting).toBe(1);
      await vi.advanceTimersByTimeAsync(1);
      await expect(waited).resolves.toBeNull();
      expect(turns.waiting).toBe(0);
      first?.();
      expect(turns.running).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('are never more than there are, and none is lost, whatever happens', async () => {
    const step = fc.oneof(
      fc.constant({ kind: 'come' as const }),
      fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }),
      fc.record({ kind: fc.constant('leave' as const), which: fc.nat(20) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), async (limit, steps) => {
        const turns = new Turns(limit);
        const running: EndTurn[] = [];
        const waiting = new Set<AbortController>();
        for (const event of steps) {
          if (event.kind === 'come') {
            const controller = new AbortController();
            waiting.add(controller);
            turns.take(controller.signal, null).then(
              (end) => {
                waiting.delete(controller);
                if (end !== null) running.push(end);
              },
              () => waiting.delete(controller),
            );
          } else if (event.kind === 'end') running.splice(event.which % Math.max(1, running.length), 1)[0]?.();
          else [...waiting][event.which % Math.max(1, waiting.size)]?.abort();
          await new Promise(setImmediate);
          expect(turns.running).toBe(running.length);
          expect(turns.running).toBeLessThanOrEqual(limit);
          expect(turns.waiting).toBe(waiting.size);
          expect(turns.waiting === 0 || turns.running === limit).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });
});
