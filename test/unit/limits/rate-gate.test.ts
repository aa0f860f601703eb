import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RateCounter } from '../../../src-main/limits/rate-counter.ts';
import {
  type Passed,
  type Passing,
  type RateFigures,
  RateGate,
  type Refused,
} from '../../../src-main/limits/rate-gate.ts';

const never = new AbortController().signal;
const passing = (changes: Partial<Passing> = {}): Passing => ({
  ...{ signal: never, tokens: 0, mayWait: true, onWait: () => undefined },
  ...changes,
});
const counterOf = (most: number | undefined) =>
  most === undefined ? null : new RateCounter({ name: () => 'x', most, redis: () => null });
const gateWith = (some: RateFigures): RateGate => {
  const counters = { requests: counterOf(some.requestsPerMinute), tokens: counterOf(some.tokensPerMinute) };
  return new RateGate('*', some, () => counters);
};
const passed = (end: Passed | Refused): Passed => {
  if (end.kind !== 'passed') throw new Error(`refused: ${end.figure}, ${end.why}`);
  return end;
};
/** Lets everything happen that waits for nothing but its turn. */
const settle = async (): Promise<void> => {
  for (let times = 0; times < 20; times += 1) await Promise.resolve();
};

describe('a gate of so many at a time', () => {
  it('never lets more pass, lets them pass in the order in which they came, and forgets who leaves', async () => {
    type Step = 'comes' | 'ends' | 'leaves' | 1 | 2 | 3;
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constant<Step>('comes') },
      { weight: 3, arbitrary: fc.constant<Step>('ends') },
      { weight: 1, arbitrary: fc.constant<Step>('leaves') },
      { weight: 1, arbitrary: fc.constantFrom<Step>(1, 2, 3) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(1000), async (steps, seed) => {
        const wait = { most: 1000, ms: 60_000 };
        let concurrent = 2;
        const gate = gateWith({ concurrent, wait });
        const waiting: { name: number; leave: AbortController }[] = [];
        const running: { name: number; end: Passed }[] = [];
        let came = 0;
        for (const what of steps) {
          if (what === 'comes') {
            const leave = new AbortController();
            const name = came++;
            waiting.push({ name, leave });
            gate.pass(passing({ signal: leave.signal })).then(
              (end) => {
                // Who passes has waited for longer than all others who still wait.
                expect(waiting[0]?.name).toBe(name);
                waiting.shift();
                running.push({ name, end: passed(end) });
              },
              () => undefined,
            );
          } else if (what === 'ends') running.splice(seed % Math.max(1, running.length), 1)[0]?.end.end(null);
          else if (what === 'leaves') waiting.splice(seed % Math.max(1, waiting.length), 1)[0]?.leave.abort();
          else {
            concurrent = what;
            gate.follow({ concurrent, wait });
          }
          const before = running.length;
          await settle();
          expect(running.length).toBeLessThanOrEqual(Math.max(concurrent, before));
          // Nobody waits while there is room.
          if (waiting.length > 0) expect(running.length).toBeGreaterThanOrEqual(concurrent);
          expect(gate.waiting).toBe(waiting.length);
        }
        for (const { leave } of waiting.splice(0)) leave.abort();
        for (const { end } of running.splice(0)) end.end(null);
        await settle();
        const view = await gate.view();
        expect([view.running, view.waiting]).toEqual([0, 0]);
      }),
    );
  });

  it('refuses who may not wait, and who finds the queue full', async () => {
    const gate = gateWith({ concurrent: 1, wait: { most: 2, ms: 60_000 } });
    const first = passed(await gate.pass(passing()));
    expect(await gate.pass(passing({ mayWait: false }))).toMatchObject({ figure: 'concurrent', why: 'now' });
    const others = [gate.pass(passing()), gate.pass(passing())];
    expect(await gate.pass(passing())).toMatchObject({ figure: 'concurrent', why: 'full' });
    first.end(null);
    passed(await (others[0] ?? Promise.reject())).undo();
    passed(await (others[1] ?? Promise.reject())).end(null);
    expect(await gate.view()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('tells each who waits how many have waited for longer', async () => {
    const gate = gateWith({ concurrent: 1, wait: { most: 5, ms: 60_000 } });
    const first = passed(await gate.pass(passing()));
    const before: number[] = [];
    const others = [0, 1, 2].map(() => gate.pass(passing({ onWait: (count) => before.push(count) })));
    await settle();
    expect(before).toEqual([0, 1, 2]);
    first.end(null);
    for (const other of others) passed(await other).end(null);
  });
});

describe('a gate of so many a minute', () => {
  beforeEach(async () => {
    // It is loaded with the first count, which takes real time.
    await import('rate-limiter-flexible');
    vi.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('has who waits pass when the minute is over, as many as it may have', async () => {
    const gate = gateWith({ requestsPerMinute: 2, wait: { most: 10, ms: 300_000 } });
    const order: number[] = [];
    const all = [0, 1, 2, 3, 4].map((name) =>
      gate.pass(passing()).then((end) => {
        order.push(name);
        passed(end).end(null);
      }),
    );
    await vi.advanceTimersByTimeAsync(59_000);
    expect(order).toEqual([0, 1]);
    expect(gate.waiting).toBe(3);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(order).toEqual([0, 1, 2, 3]);
    await vi.advanceTimersByTimeAsync(60_000);
    await Promise.all(all);
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses at once who would wait in vain, and says when it may pass', async () => {
    const gate = gateWith({ requestsPerMinute: 1, wait: { most: 10, ms: 10_000 } });
    passed(await gate.pass(passing())).end(null);
    expect(await gate.pass(passing())).toEqual({
      ...{ kind: 'refused', figure: 'requestsPerMinute' },
      ...{ at: 1_060_000, why: 'too-long' },
    });
  });

  it('refuses who has waited for as long as one may', async () => {
    const gate = gateWith({ concurrent: 1, wait: { most: 10, ms: 10_000 } });
    const first = passed(await gate.pass(passing()));
    const all = Promise.all([gate.pass(passing()), gate.pass(passing())]);
    await vi.advanceTimersByTimeAsync(10_010);
    expect(await all).toMatchObject([{ why: 'too-long' }, { why: 'too-long' }]);
    expect(gate.waiting).toBe(0);
    first.end(null);
  });

  it('takes an estimate of the tokens, and corrects it', async () => {
    const gate = gateWith({ tokensPerMinute: 100 });
    const one = passed(await gate.pass(passing({ tokens: 80 })));
    expect(await gate.pass(passing({ tokens: 30 }))).toMatchObject({ figure: 'tokensPerMinute', at: 1_060_000 });
    one.end(60);
    await settle();
    const two = passed(await gate.pass(passing({ tokens: 30 })));
    expect((await gate.view()).tokens).toEqual({ most: 100, used: 90, left: 10, resetsAt: 1_060_000 });
    two.end(50);
    await settle();
    expect((await gate.view()).tokens).toMatchObject({ used: 110, left: 0 });
    // What is too little is known only later: it counts then.
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await gate.view()).tokens).toEqual({ most: 100, used: 0, left: 100, resetsAt: null });
  });

  it('gives nothing back to a minute that is over', async () => {
    const gate = gateWith({ tokensPerMinute: 100 });
    const one = passed(await gate.pass(passing({ tokens: 80 })));
    await vi.advanceTimersByTimeAsync(60_000);
    one.end(0);
    await settle();
    expect((await gate.view()).tokens).toMatchObject({ used: 0 });
    expect(passed(await gate.pass(passing({ tokens: 100 }))).kind).toBe('passed');
    expect((await gate.view()).tokens).toMatchObject({ used: 100 });
  });

  it('lets one that is larger than a whole minute pass, but alone', async () => {
    const gate = gateWith({ tokensPerMinute: 100 });
    const small = passed(await gate.pass(passing({ tokens: 1 })));
    expect(await gate.pass(passing({ tokens: 5_000 }))).toMatchObject({ figure: 'tokensPerMinute' });
    small.undo();
    await settle();
    passed(await gate.pass(passing({ tokens: 5_000 })));
    expect(await gate.pass(passing({ tokens: 1 }))).toMatchObject({ figure: 'tokensPerMinute' });
  });

  it('counts no request that was refused for its tokens', async () => {
    const gate = gateWith({ requestsPerMinute: 10, tokensPerMinute: 100, concurrent: 5 });
    passed(await gate.pass(passing({ tokens: 90 })));
    await gate.pass(passing({ tokens: 20 }));
    await settle();
    expect(await gate.view()).toMatchObject({ requests: { used: 1 }, tokens: { used: 90 }, running: 1 });
  });
});
