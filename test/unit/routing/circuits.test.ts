import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttemptResult } from '../../../src-main/routing/attempt-result.ts';
import { type CircuitAttempt, type CircuitSettings, Circuits } from '../../../src-main/routing/circuits.ts';
import type { ErrorCode } from '../../../src-shared/errors.ts';

const settings: CircuitSettings = {
  enabled: true,
  failures: 3,
  share: 0.5,
  windowMs: 60_000,
  openMs: 10_000,
  longestOpenMs: 40_000,
};

function make(changes: Partial<CircuitSettings> = {}) {
  const clock = { now: 1_800_000_000_000 };
  const circuits = new Circuits(
    () => ({ ...settings, ...changes }),
    () => clock.now,
  );
  const began = (isReserve = false): CircuitAttempt => {
    const attempt = circuits.begin('p', 'm', isReserve);
    if (attempt === null) throw new Error('its circuit is open');
    return attempt;
  };
  return {
    circuits,
    clock,
    began,
    fail: (code: ErrorCode = 'provider_error', status = 500) => began().end(failure(code, status)),
    succeed: () => began().end(success),
    state: () => circuits.standing('p', 'm').state,
  };
}

const result = (changes: Partial<AttemptResult>): AttemptResult => ({
  outcome: 'answered',
  error: null,
  status: 200,
  retryAfterMs: null,
  firstContentMs: 10,
  totalMs: 20,
  usage: null,
  ...changes,
});
const success = result({});
const aborted = result({ outcome: 'aborted', status: null });
const failure = (code: ErrorCode, status: number, changes: Partial<AttemptResult> = {}): AttemptResult =>
  result({
    outcome: 'failed',
    error: { code, status, message: `it failed with ${code}` },
    status: code === 'provider_unreachable' ? null : status,
    ...changes,
  });

describe('a circuit', () => {
  it('opens after failures in a row, says why, and is tried again with one request', () => {
    const { circuits, clock, began, fail, succeed, state } = make();
    fail();
    fail();
    expect(state()).toBe('closed');
    fail();
    expect(state()).toBe('open');
    expect(circuits.begin('p', 'm')).toBeNull();
    expect(circuits.standing('p', 'm').why).toBe(
      'it is left alone for 10 s more, after 3 failures in a row: it failed with provider_error',
    );
    expect(circuits.standing('p', 'another').state).toBe('closed');
    clock.now += 10_000;
    expect(state()).toBe('half-open');
    const trial = began();
    expect(state()).toBe('open');
    expect(circuits.begin('p', 'm')).toBeNull();
    trial.end(success);
    expect(state()).toBe('closed');
    succeed();
    expect(circuits.views()).toEqual([]);
  });

  it('whose trial fails rests for twice as long, up to the longest', () => {
    const { circuits, clock, fail, state } = make();
    for (let count = 0; count < 3; count += 1) fail();
    for (const ms of [10_000, 20_000, 40_000, 40_000]) {
      clock.now += ms - 1;
      expect(state()).toBe('open');
      clock.now += 1;
      expect(state()).toBe('half-open');
      fail();
    }
    expect(circuits.views()).toMatchObject([{ provider: 'p', model: 'm', state: 'open', failures: 7 }]);
  });

  it('whose trial is given up by the client is tried again with the next request', () => {
    const { clock, began, fail, state } = make();
    for (let count = 0; count < 3; count += 1) fail();
    clock.now += 10_000;
    began().end(aborted);
    expect(state()).toBe('half-open');
  });

  it('is not opened by what is no fault of its own', () => {
    const { fail, state, began } = make();
    for (let count = 0; count < 10; count += 1) {
      fail('provider_error', 400);
      fail('provider_error', 429);
      fail('context_overflow', 400);
      fail('provider_key_refused', 502);
      fail('provider_keys_resting', 429);
      fail('provider_busy', 529);
      began().end(aborted);
    }
    expect(state()).toBe('closed');
  });

  it('opens when a part of the attempts fails, though not in a row', () => {
    const { fail, succeed, state } = make();
    for (let count = 0; count < 3; count += 1) {
      fail();
      succeed();
    }
    // Six attempts, half of them failed, the last of these before a good one.
    expect(state()).toBe('closed');
    fail();
    expect(state()).toBe('open');
  });

  it('forgets failures that are older than its window', () => {
    const { clock, fail, succeed, state } = make();
    for (let count = 0; count < 10; count += 1) {
      fail();
      clock.now += 61_000;
      succeed();
    }
    expect(state()).toBe('closed');
  });

  it('opens at once for as long as an overloaded provider asks to be left alone', () => {
    const { clock, began, state } = make();
    began().end(failure('provider_error', 529, { retryAfterMs: 25_000 }));
    clock.now += 24_999;
    expect(state()).toBe('open');
    clock.now += 1;
    expect(state()).toBe('half-open');
  });

  it('of a whole provider opens when it cannot be reached, for all its models; an answer of any kind closes it', () => {
    const { circuits, clock, fail } = make();
    for (let count = 0; count < 3; count += 1) fail('provider_unreachable', 502);
    expect(circuits.standing('p', 'another').state).toBe('open');
    expect(circuits.views()).toMatchObject([{ provider: 'p', model: null }]);
    clock.now += 10_000;
    circuits.begin('p', 'another')?.end(failure('provider_error', 429));
    expect(circuits.standing('p', 'm').state).toBe('closed');
  });

  it('of a provider that has answered a probe is tried at once', () => {
    const { circuits, fail, state } = make();
    for (let count = 0; count < 3; count += 1) fail('provider_unreachable', 502);
    circuits.reached('p');
    expect(state()).toBe('half-open');
  });

  it('lets an attempt through when nothing else is left, and closes when that is answered', () => {
    const { began, fail, state } = make();
    for (let count = 0; count < 3; count += 1) fail();
    began(true).end(success);
    expect(state()).toBe('closed');
  });

  it('is not kept open longer by many at once for which nothing else was left', () => {
    const { clock, began, fail, state } = make();
    for (let count = 0; count < 3; count += 1) fail();
    const attempts = Array.from({ length: 20 }, () => began(true));
    for (const attempt of attempts) attempt.end(failure('provider_error', 500));
    clock.now += 10_000;
    expect(state()).toBe('half-open');
    const trial = began();
    began(true).end(aborted);
    // The trial is still under way.
    expect(state()).toBe('open');
    trial.end(failure('provider_error', 500));
    clock.now += 20_000;
    expect(state()).toBe('half-open');
  });

  it('that was turned off during its trial is tried again when it is turned on', () => {
    const changes = { enabled: true };
    const clock = { now: 1_800_000_000_000 };
    const circuits = new Circuits(
      () => ({ ...settings, ...changes }),
      () => clock.now,
    );
    for (let count = 0; count < 3; count += 1) circuits.begin('p', 'm')?.end(failure('provider_error', 500));
    clock.now += 10_000;
    const trial = circuits.begin('p', 'm');
    changes.enabled = false;
    trial?.end(success);
    changes.enabled = true;
    expect(circuits.standing('p', 'm').state).toBe('half-open');
  });

  it('that opened meanwhile is not kept open longer by attempts that began before', () => {
    const { clock, began, state } = make();
    const attempts = Array.from({ length: 20 }, () => began());
    for (const attempt of attempts) attempt.end(failure('provider_error', 500));
    clock.now += 10_000;
    expect(state()).toBe('half-open');
  });

  it('is closed by hand: a model, a provider, all', () => {
    const { circuits, fail, state } = make();
    for (let count = 0; count < 3; count += 1) fail();
    expect(circuits.reset('q')).toBe(0);
    expect(circuits.reset('p', 'another')).toBe(0);
    expect(state()).toBe('open');
    expect(circuits.reset('p', 'm')).toBe(1);
    expect(state()).toBe('closed');
    for (let count = 0; count < 3; count += 1) fail();
    expect(circuits.reset()).toBe(1);
    expect(state()).toBe('closed');
  });

  it('does nothing where it is turned off', () => {
    const { fail, state } = make({ enabled: false });
    for (let count = 0; count < 10; count += 1) fail();
    expect(state()).toBe('closed');
  });

  it('a clock that was set back does not make it rest for hours', () => {
    const { clock, fail, state } = make();
    for (let count = 0; count < 3; count += 1) fail();
    clock.now -= 3_600_000;
    expect(state()).toBe('half-open');
  });
});

describe('whatever happens', () => {
  const event = fc.oneof(
    fc.record({ do: fc.constant('begin' as const), isReserve: fc.boolean() }),
    fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(10),
      how: fc.constantFrom(
        success,
        aborted,
        failure('provider_error', 500),
        failure('provider_unreachable', 502),
        failure('provider_error', 429),
      ),
    }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 5_000, 10_000, 40_000) }),
  );

  it('an open circuit lets nobody through, a half-open one a single attempt, and after the longest rest one may always try', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), (events) => {
        const { circuits, clock, state } = make();
        const running: { attempt: CircuitAttempt; isTrial: boolean }[] = [];
        for (const next of events) {
          if (next.do === 'wait') clock.now += next.ms;
          else if (next.do === 'end') running.splice(next.which, 1)[0]?.attempt.end(next.how);
          else {
            const before = state();
            const attempt = circuits.begin('p', 'm', next.isReserve);
            if (!next.isReserve) expect(attempt === null).toBe(before === 'open');
            if (attempt === null) continue;
            const isTrial = before === 'half-open';
            // While one finds out, no other does, unless nothing else is left.
            if (isTrial) expect(circuits.begin('p', 'm')).toBeNull();
            running.push({ attempt, isTrial });
          }
        }
        for (const { attempt } of running) attempt.end(aborted);
        clock.now += settings.longestOpenMs;
        expect(state()).not.toBe('open');
        expect(circuits.begin('p', 'm')).not.toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});
