import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../src-main/pipeline/attempt-outcome.ts';
import { type RetrySettings, TargetQueue, type Turn } from '../../../src-main/pipeline/target-queue.ts';
import { nameOf, type Plan } from '../../../src-main/routing/plan.ts';
import { type ErrorCode, type ErrorDetails, ProxyError } from '../../../src-shared/errors.ts';
import { factsOf, planOf, routerFor } from '../../helpers/routing.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const { router } = routerFor({
  providers: names.map((id) => ({ id, type: 'anthropic-compatible', baseUrl: 'http://127.0.0.1:9' })),
});
const targetOf = (id: string) => {
  const [target] = router.plan(factsOf({ model: `${id}/m` })).targets;
  if (target === undefined) throw new Error(`no target ${id}`);
  return target;
};
const plan = (parts: { targets?: string; reserves?: string; contentPolicy?: string }): Plan => ({
  ...planOf('test'),
  targets: [...(parts.targets ?? '')].map(targetOf),
  reserves: [...(parts.reserves ?? '')].map(targetOf),
  contentPolicy: [...(parts.contentPolicy ?? '')].map(targetOf),
});

const retries: RetrySettings = { rounds: 2, waitMs: 500, longestWaitMs: 10_000, attempts: 12, deadlineMs: 600_000 };
const queueOf = (parts: Parameters<typeof plan>[0], settings: Partial<RetrySettings> = {}, random = () => 0.5) =>
  new TargetQueue(plan(parts), { ...retries, ...settings }, random);

const failureOf = (error: ProxyError): readonly Failure[] => [{ error, original: null, tryNext: true }];
const of = <Code extends ErrorCode>(code: Code, details: ErrorDetails<Code>, retryAfter?: number): readonly Failure[] =>
  failureOf(ProxyError.of(code, details, retryAfter === undefined ? {} : { retryAfter }));
const passing = (retryAfter?: number) =>
  of('provider_error', { provider: 'a', status: 500, upstream: 'x' }, retryAfter);
const lasting = of('provider_key_refused', { provider: 'a', status: 401, upstream: 'x' });
const silent = of('provider_silent', { provider: 'a', ms: 60_000 });

/** Goes through a queue with a clock that stands still but for its waits. @returns who was asked, with the wait before. */
function walk(queue: TargetQueue, failure: (turn: Turn) => readonly Failure[]): [string, number][] {
  const asked: [string, number][] = [];
  let now = 0;
  for (let turn = queue.next(now); turn !== null; turn = queue.next(now)) {
    now += turn.waitMs;
    asked.push([turn.queued.target.provider.id, turn.waitMs]);
    queue.attempted();
    queue.failed(turn.queued, failure(turn), now);
  }
  return asked;
}

describe('the order in which targets are asked', () => {
  it('is each once without a wait, then each again after its own, then those whose circuit is open', () => {
    expect(walk(queueOf({ targets: 'ab', reserves: 'c' }), () => passing())).toEqual([
      ['a', 0],
      ['b', 0],
      ['a', 250],
      ['b', 0],
      ['a', 500],
      ['b', 0],
      ['c', 0],
    ]);
  });

  it('has no rounds for what waiting does not help', () => {
    expect(walk(queueOf({ targets: 'ab', reserves: 'c' }), () => lasting).map(([id]) => id)).toEqual(['a', 'b', 'c']);
    const mixed = walk(queueOf({ targets: 'ab' }), ({ queued }) =>
      queued.target.provider.id === 'a' ? lasting : passing(),
    );
    expect(mixed.map(([id]) => id)).toEqual(['a', 'b', 'b', 'b']);
  });

  it('honours how long a provider asks to be left alone, and leaves out who asks for too long', () => {
    expect(walk(queueOf({ targets: 'a' }), () => passing(4))).toEqual([
      ['a', 0],
      ['a', 4_000],
      ['a', 4_000],
    ]);
    expect(
      walk(queueOf({ targets: 'ab' }), ({ queued }) => passing(queued.target.provider.id === 'a' ? 11 : 3)),
    ).toEqual([
      ['a', 0],
      ['b', 0],
      ['b', 3_000],
      ['b', 3_000],
    ]);
  });

  it('asks once more, and not twice, who has been silent for all its time', () => {
    expect(walk(queueOf({ targets: 'a' }), () => silent).map(([id]) => id)).toEqual(['a', 'a']);
  });

  it('ends with the attempts, and with the time', () => {
    expect(walk(queueOf({ targets: 'ab' }, { attempts: 3 }), () => passing())).toHaveLength(3);
    expect(walk(queueOf({ targets: 'a' }, { deadlineMs: 5_000 }), () => passing(4)).map(([id]) => id)).toEqual([
      'a',
      'a',
    ]);
  });

  it('puts a target whose circuit opens meanwhile behind all others', () => {
    const queue = queueOf({ targets: 'ab', reserves: 'c' }, { rounds: 0 });
    const first = queue.next(0);
    if (first === null) throw new Error('nobody is asked');
    queue.circuitOpened(first.queued);
    const asked = walk(queue, () => passing());
    expect(asked.map(([id]) => id)).toEqual(['b', 'a', 'c']);
    expect(queue.targets.map(({ isReserve }) => isReserve)).toEqual([true, false, true]);
  });
});

describe('where the content is refused', () => {
  const refused = of('content_refused', { provider: 'a', upstream: 'no' });

  it('the targets for that are asked, and no others any more', () => {
    const queue = queueOf({ targets: 'ab', reserves: 'c', contentPolicy: 'de' });
    const first = queue.next(0);
    if (first === null) throw new Error('nobody is asked');
    expect(queue.hasOthersForRefused(first.queued)).toBe(true);
    queue.failed(first.queued, refused, 0);
    expect(queue.refused()).toBe(true);
    const asked = walk(queue, () => lasting);
    expect(asked.map(([id]) => id)).toEqual(['d', 'e']);
    expect(queue.refused()).toBe(false);
    expect(queue.targets.map(({ target }) => target.provider.id)).toEqual(['a', 'd', 'e']);
  });

  it('nobody is asked a second time for it', () => {
    const queue = queueOf({ targets: 'ab', contentPolicy: 'ab' });
    const first = queue.next(0);
    if (first === null) throw new Error('nobody is asked');
    queue.failed(first.queued, refused, 0);
    expect(queue.refused()).toBe(true);
    expect(walk(queue, () => refused).map(([id]) => id)).toEqual(['b']);
  });

  it('without such targets that is the end', () => {
    const queue = queueOf({ targets: 'ab' });
    const first = queue.next(0);
    if (first === null) throw new Error('nobody is asked');
    expect(queue.hasOthersForRefused(first.queued)).toBe(false);
    queue.failed(first.queued, refused, 0);
    expect(queue.refused()).toBe(false);
  });
});

describe('what is left beside a target', () => {
  const none = () => false;
  const leftAfter = (queue: TargetQueue, willSkip: (id: string) => boolean = none) => {
    const turn = queue.next(0);
    if (turn === null) throw new Error('nobody is asked');
    return { turn, left: queue.leftBeside(turn.queued, ({ provider }) => willSkip(provider.id)) };
  };

  it('is another that was not asked yet, a reserve among them', () => {
    expect(leftAfter(queueOf({ targets: 'ab' })).left).toEqual({ noOther: false, nothing: false });
    expect(leftAfter(queueOf({ targets: 'a', reserves: 'b' })).left).toEqual({ noOther: false, nothing: false });
  });

  it('is not one that will be skipped, nor one after the last attempt', () => {
    expect(leftAfter(queueOf({ targets: 'ab' }, { rounds: 0 }), (id) => id === 'b').left).toEqual({
      noOther: true,
      nothing: true,
    });
    expect(leftAfter(queueOf({ targets: 'ab' }, { attempts: 1 })).left).toEqual({ noOther: true, nothing: true });
  });

  it('of a single target is the same again, while there are rounds', () => {
    expect(leftAfter(queueOf({ targets: 'a' })).left).toEqual({ noOther: true, nothing: false });
    expect(leftAfter(queueOf({ targets: 'a' }, { rounds: 0 })).left).toEqual({ noOther: true, nothing: true });
  });

  it('is one that will be asked again; who was silent before gets the time all the same', () => {
    const queue = queueOf({ targets: 'ab' }, { rounds: 1 }, () => 0);
    const first = leftAfter(queue);
    queue.failed(first.turn.queued, passing(), 0);
    const second = leftAfter(queue);
    expect(second.left).toEqual({ noOther: false, nothing: false });
    queue.failed(second.turn.queued, silent, 0);
    const third = leftAfter(queue);
    expect(third.turn.queued.target.provider.id).toBe('a');
    expect(third.left).toEqual({ noOther: false, nothing: false });
    queue.failed(third.turn.queued, passing(), 0);
    expect(leftAfter(queue).left).toEqual({ noOther: true, nothing: true });
  });
});

it('whatever happens, nobody is asked too often, too early or too late, and no one who is new waits', () => {
  const kinds = fc.constantFrom('passing', 'resting', 'far', 'lasting', 'silent', 'open');
  fc.assert(
    fc.property(
      fc.record({
        targets: fc.integer({ min: 1, max: 3 }),
        reserves: fc.integer({ min: 0, max: 2 }),
        rounds: fc.integer({ min: 0, max: 4 }),
        attempts: fc.integer({ min: 1, max: 14 }),
        deadlineMs: fc.integer({ min: 1, max: 30_000 }),
        random: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        happens: fc.array(fc.tuple(kinds, fc.integer({ min: 0, max: 2_000 })), { minLength: 40, maxLength: 40 }),
      }),
      ({ targets, reserves, rounds, attempts, deadlineMs, random, happens }) => {
        const settings = { ...retries, rounds, attempts, deadlineMs };
        const queue = new TargetQueue(
          plan({
            targets: names.slice(0, targets).join(''),
            reserves: names.slice(targets, targets + reserves).join(''),
          }),
          settings,
          () => random,
        );
        const tries = new Map<string, number>();
        const notBefore = new Map<string, number>();
        let now = 0;
        let made = 0;
        for (const [kind, tookMs] of happens) {
          const turn = queue.next(now);
          if (turn === null) return;
          const { queued, waitMs } = turn;
          const name = nameOf(queued.target);
          const before = tries.get(name) ?? 0;
          if (before === 0) expect(waitMs).toBe(0);
          now += waitMs;
          expect(now).toBeLessThan(deadlineMs);
          expect(now).toBeGreaterThanOrEqual(notBefore.get(name) ?? 0);
          if (kind === 'open' && !queued.isReserve) {
            queue.circuitOpened(queued);
            continue;
          }
          tries.set(name, before + 1);
          made += 1;
          queue.attempted();
          now += tookMs;
          const failures =
            kind === 'lasting'
              ? lasting
              : kind === 'silent'
                ? silent
                : passing({ resting: 2, far: 60 }[kind as string]);
          if (kind === 'resting') notBefore.set(name, now + 2_000);
          if (kind === 'far' || kind === 'lasting') notBefore.set(name, Number.POSITIVE_INFINITY);
          queue.failed(queued, failures, now);
          expect(before).toBeLessThanOrEqual(rounds);
          expect(made).toBeLessThanOrEqual(attempts);
        }
      },
    ),
    { numRuns: 500 },
  );
});
