import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HealthBoard } from '../../../src-main/observability/health-board.ts';
import type { ProbeReport } from '../../../src-main/observability/provider-health.ts';
import type { KeyView } from '../../../src-shared/control.ts';
import { type ErrorCode, ProxyError } from '../../../src-shared/errors.ts';
import type { AttemptRow } from '../../../src-shared/requests.ts';
import { makeAttempt } from '../../helpers/rows.ts';

const row = (changes: Partial<AttemptRow> = {}): AttemptRow =>
  makeAttempt({
    provider: 'p',
    model: 'm',
    startedMs: 0,
    firstContentMs: 500,
    endedMs: 1_500,
    status: 200,
    outcome: 'answered',
    stopReason: 'end_turn',
    ...changes,
  });
const key = (state: KeyView['state'], id = 'key', reason: string | null = null): KeyView => ({
  id,
  reference: 'env:K',
  state,
  reason,
  until: null,
  limits: [],
});
const errors = {
  unreachable: ProxyError.of('provider_unreachable', { provider: 'p', reason: 'nothing listens there.' }),
  overloaded: ProxyError.of('provider_error', { provider: 'p', status: 529, upstream: 'full' }, { status: 529 }),
  limited: ProxyError.of('provider_error', { provider: 'p', status: 429, upstream: 'slow down' }, { status: 429 }),
  refused: ProxyError.of('provider_key_refused', { provider: 'p', status: 401, upstream: 'no' }),
  badRequest: ProxyError.of('provider_error', { provider: 'p', status: 400, upstream: 'what?' }, { status: 400 }),
  overflow: ProxyError.of('context_overflow', { provider: 'p', wording: 'too long' }),
  cut: ProxyError.of('provider_cut_stream', { provider: 'p' }),
  noPath: ProxyError.of('provider_error', { provider: 'p', status: 404, upstream: 'no path' }, { status: 404 }),
  html: ProxyError.of('provider_garbage', { provider: 'p', reason: 'a page of HTML' }),
};
const failedProbe = (error: ProxyError): ProbeReport => ({ state: 'failed', error: error.view() });
const ready: ProbeReport = { state: 'ready' };

/** Tokens a second. */
const SLOW_BELOW = 3;

function board(keys: KeyView[] = [key('ready')], elsewhere = true) {
  const clock = { now: 1_000_000 };
  const health = new HealthBoard([{ id: 'p', keys: () => keys, elsewhere }], SLOW_BELOW, () => clock.now);
  return {
    clock,
    health,
    keys,
    answered: (changes: Partial<AttemptRow> = {}) => health.attemptFinished(row(changes)),
    failed: (error: ProxyError) => health.attemptFinished(row({ outcome: 'failed', error: error.view() })),
    probed: (report: ProbeReport) => health.probed('p', report),
    state: () => health.view('p').state,
    reason: () => health.view('p').reason,
  };
}

describe('states', () => {
  test('unknown until something is seen, then healthy', () => {
    const { state, reason, answered, health } = board();
    expect([state(), reason()]).toEqual(['unknown', 'Nothing has been asked of it yet.']);
    expect(health.lastGood('p')).toBe(null);
    answered();
    expect([state(), reason(), health.lastGood('p')]).toEqual(['healthy', null, 1_000_000]);
  });

  test('down after three failures in a row, and back with one good answer', () => {
    const { state, reason, answered, failed } = board();
    answered();
    failed(errors.overloaded);
    expect(state()).toBe('healthy');
    failed(errors.overloaded);
    expect([state(), reason()]).toEqual(['degraded', '2 of the last 3 requests failed: it answered HTTP 529: full']);
    failed(errors.overloaded);
    expect([state(), reason()]).toEqual(['down', 'The last 3 requests failed: it answered HTTP 529: full']);
    answered();
    expect(state()).toBe('healthy');
  });

  test('one that fails at first is not healthy', () => {
    const { state, reason, failed } = board();
    failed(errors.cut);
    expect([state(), reason()]).toEqual([
      'degraded',
      'Its last request failed: it ended the answer before it was finished.',
    ]);
  });

  test.each(['badRequest', 'overflow'] as const)('a fault of the request is none of its own: %s', (name) => {
    const { state, answered, failed, health } = board();
    answered();
    for (let times = 0; times < 5; times += 1) failed(errors[name]);
    expect(state()).toBe('healthy');
    expect(health.view('p')).toMatchObject({ attempts: 1, failures: 0 });
  });

  test('neither is an answer that was broken off by its client', () => {
    const { answered, health } = board();
    answered({ outcome: 'aborted' });
    expect(health.view('p')).toMatchObject({ state: 'unknown', attempts: 0 });
  });

  test('a limit that is reached makes it degraded, never down', () => {
    const { state, reason, answered, failed } = board();
    answered();
    for (let times = 0; times < 5; times += 1) failed(errors.limited);
    expect([state(), reason()]).toEqual(['degraded', 'Its last request failed: it answered HTTP 429: slow down']);
    answered();
    expect(state()).toBe('healthy');
  });

  test('often failing ends when the failures are old', () => {
    const { clock, state, answered, failed } = board();
    for (const times of [1, 2]) {
      failed(errors.cut);
      for (let good = 0; good < times; good += 1) answered();
    }
    expect(state()).toBe('degraded');
    // A few good ones do not end it, so that it does not go to and fro.
    for (let times = 0; times < 6; times += 1) answered();
    expect(state()).toBe('degraded');
    clock.now += 5 * 60_000;
    expect(state()).toBe('healthy');
  });

  test('unreachable by a probe is down, and what a probe finds is up again', () => {
    const { state, reason, answered, probed } = board();
    answered();
    probed(failedProbe(errors.unreachable));
    expect([state(), reason()]).toEqual(['down', 'It could not be reached: nothing listens there.']);
    probed(ready);
    expect(state()).toBe('healthy');
  });

  test('that it is there does not make up for failing at what it is asked', () => {
    const { clock, state, failed, probed } = board();
    for (let times = 0; times < 3; times += 1) failed(errors.overloaded);
    expect(state()).toBe('down');
    probed(ready);
    expect(state()).toBe('degraded');
    clock.now += 5 * 60_000;
    probed(ready);
    expect(state()).toBe('healthy');
  });

  test('but where it could not be reached, it does', () => {
    const { state, failed, probed } = board();
    for (let times = 0; times < 3; times += 1) failed(errors.unreachable);
    expect(state()).toBe('down');
    probed(ready);
    expect(state()).toBe('healthy');
  });

  test('a question that answers have shown to say nothing is not listened to', () => {
    const { state, answered, probed, failed } = board();
    probed(failedProbe(errors.noPath));
    expect(state()).toBe('down');
    answered();
    probed(failedProbe(errors.noPath));
    expect(state()).toBe('healthy');
    failed(errors.cut);
    probed(failedProbe(errors.noPath));
    expect(state()).toBe('down');
  });

  test('a probe that is answered with an error is down when it stays so', () => {
    const { state, probed } = board();
    probed(failedProbe(errors.overloaded));
    expect(state()).toBe('degraded');
    probed(failedProbe(errors.overloaded));
    probed(failedProbe(errors.overloaded));
    expect(state()).toBe('down');
    probed(failedProbe(errors.limited));
    expect(state()).toBe('degraded');
  });

  test('a page of HTML is down at once', () => {
    const { state, reason, probed } = board();
    probed(failedProbe(errors.html));
    expect([state(), reason()]).toEqual(['down', 'It sent an answer that cannot be read: a page of HTML']);
  });

  test('loading', () => {
    const { state, reason, probed, answered } = board();
    probed({ state: 'loading', reason: 'It is loading a model.' });
    expect([state(), reason()]).toEqual(['degraded', 'It is loading a model.']);
    answered();
    expect(state()).toBe('healthy');
  });
});

describe('keys', () => {
  test.each([
    [[key('refused')], 'down', 'Its key was refused.'],
    [[key('missing', 'key', 'K is not set.')], 'down', 'K is not set.'],
    [[key('cooling-down')], 'degraded', 'Its key rests.'],
    [
      [key('refused', 'a'), key('exhausted', 'b')],
      'down',
      "None of its keys can be used: 'a' was refused, 'b' is spent.",
    ],
    [[key('ready', 'a'), key('refused', 'b')], 'degraded', "1 of 2 keys cannot be used: 'b' was refused."],
    [
      [key('refused', 'a'), key('cooling-down', 'b')],
      'degraded',
      "None of its keys can be used: 'a' was refused, 'b' rests.",
    ],
    [[key('not-needed')], 'healthy', null],
    [[key('from-client')], 'healthy', null],
  ] as const)('%#: %s', (keys, state, reason) => {
    const { health, answered } = board([...keys]);
    answered();
    expect(health.view('p')).toMatchObject({ state, reason });
  });

  test('the only key was refused when it was asked about', () => {
    const { state, probed } = board();
    probed(failedProbe(errors.refused));
    expect(state()).toBe('down');
  });
});

describe('offline', () => {
  test('is told from down, and what was not reached then does not count', () => {
    const { state, reason, answered, failed, probed, health } = board();
    answered();
    failed(errors.unreachable);
    failed(errors.unreachable);
    failed(errors.unreachable);
    probed(failedProbe(errors.unreachable));
    expect(state()).toBe('down');
    health.setOnline(false);
    expect([state(), reason()]).toEqual([
      'unknown',
      'This machine is offline. It could not be reached: nothing listens there.',
    ]);
    failed(errors.unreachable);
    health.setOnline(true);
    expect(state()).toBe('unknown');
    probed(ready);
    expect(state()).toBe('healthy');
  });

  test('says nothing of servers nearby', () => {
    const { state, answered, health } = board(undefined, false);
    answered();
    health.setOnline(false);
    expect(state()).toBe('healthy');
  });
});

describe('measures', () => {
  test('times and speed, averaged', () => {
    const { answered, health } = board();
    const usage = { input: 10, cacheRead: 0, cacheWrite: 0, output: 100 };
    answered({ startedMs: 100, firstContentMs: 600, endedMs: 2_600, usage });
    answered({ startedMs: 100, firstContentMs: 1_100, endedMs: 3_100, usage });
    expect(health.view('p')).toMatchObject({ firstContentMs: 650, totalMs: 2_650, tokensPerSecond: 50 });
  });

  test('none of an answer that came all at once', () => {
    const { answered, health } = board();
    answered({
      firstContentMs: 1_499,
      endedMs: 1_500,
      usage: { input: 1, cacheRead: 0, cacheWrite: 0, output: 900 },
    });
    expect(health.view('p')).toMatchObject({ firstContentMs: 1_499, tokensPerSecond: null });
  });

  test('none across a sleep, whose failures do not count either', () => {
    const { clock, answered, failed, health } = board();
    clock.now += 3_600_000;
    health.woke();
    clock.now += 500;
    answered();
    failed(errors.cut);
    expect(health.view('p')).toMatchObject({ state: 'healthy', firstContentMs: null, attempts: 1, failures: 0 });
    clock.now += 2_000;
    answered();
    expect(health.view('p').firstContentMs).toBe(500);
  });

  test('slower than usual, until it is not', () => {
    const { answered, state, reason } = board();
    for (let times = 0; times < 20; times += 1) answered();
    for (let times = 0; times < 3; times += 1) answered({ firstContentMs: 20_000, endedMs: 21_000 });
    expect(state()).toBe('degraded');
    expect(reason()).toMatch(/^It is slower than usual: 1\d\.\d s to the first content, mostly \d\.\d s\.$/);
    for (let times = 0; times < 12; times += 1) answered();
    expect(state()).toBe('healthy');
  });
});

describe('a provider that answers slowly', () => {
  const answerOf = (tokens: number): Partial<AttemptRow> => ({
    firstContentMs: 1_000,
    endedMs: 31_000,
    usage: { input: 10, cacheRead: 0, cacheWrite: 0, output: tokens },
  });

  test('is degraded, with its speed, until it answers faster', () => {
    const { answered, state, reason } = board();
    answered(answerOf(36));
    expect([state(), reason()]).toEqual(['degraded', 'It answers slowly: 1.2 tokens/s.']);
    answered(answerOf(3_000));
    expect([state(), reason()]).toEqual(['healthy', null]);
  });

  test('is not known by a few tokens', () => {
    const { answered, state } = board();
    answered(answerOf(5));
    expect(state()).toBe('healthy');
  });

  test('has failed where the beginning of its answers was too slow', () => {
    const { failed, state, reason } = board();
    failed(ProxyError.of('provider_slow', { provider: 'p', tokensPerSecond: 0.5, ms: 4_000 }));
    expect(state()).toBe('degraded');
    expect(reason()).toContain('answers slowly: 0.5 tokens/s in its first 4 s');
  });
});

describe('whatever happens', () => {
  const failure = fc.constantFrom(
    ...([
      'unreachable',
      'overloaded',
      'limited',
      'refused',
      'badRequest',
      'overflow',
      'cut',
      'noPath',
      'html',
    ] as const),
  );
  const badStep = fc.oneof(
    fc.record({ kind: fc.constant('failed' as const), error: failure }),
    fc.record({ kind: fc.constant('probeFailed' as const), error: failure }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(400_000) }),
    fc.record({ kind: fc.constant('online' as const), online: fc.boolean() }),
  );
  const anyStep = fc.oneof(
    badStep,
    fc.record({ kind: fc.constantFrom('answered' as const, 'ready' as const, 'loading' as const, 'woke' as const) }),
  );
  type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

  function take(on: ReturnType<typeof board>, step: Step): void {
    switch (step.kind) {
      case 'failed':
        on.failed(errors[step.error]);
        break;
      case 'probeFailed':
        on.probed(failedProbe(errors[step.error]));
        break;
      case 'wait':
        on.clock.now += step.ms;
        break;
      case 'online':
        on.health.setOnline(step.online);
        break;
      case 'answered':
        on.answered();
        break;
      case 'ready':
        on.probed(ready);
        break;
      case 'loading':
        on.probed({ state: 'loading', reason: 'It loads.' });
        break;
      case 'woke':
        on.health.woke();
        break;
    }
  }

  test('nothing but failures is never healthy', () => {
    fc.assert(
      fc.property(fc.array(badStep, { maxLength: 40 }), (steps) => {
        const on = board();
        for (const step of steps) {
          take(on, step);
          expect(on.state()).not.toBe('healthy');
        }
      }),
    );
  });

  test('`since` moves with the state alone, and forward; what is not healthy has a reason; counts are bounded', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 150 }), (steps) => {
        const on = board();
        let before = on.health.view('p');
        for (const step of steps) {
          take(on, step);
          const now = on.health.view('p');
          if (now.state === before.state) expect(now.since).toBe(before.since);
          else expect(now.since).toBe(on.clock.now);
          expect(now.reason === null).toBe(now.state === 'healthy');
          expect(now.failures).toBeLessThanOrEqual(now.attempts);
          expect(now.attempts).toBeLessThanOrEqual(100);
          before = now;
        }
      }),
    );
  });

  test('one good answer ends being down, and a quiet while after it makes healthy', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const on = board();
        for (const step of steps) take(on, step);
        on.health.setOnline(true);
        on.clock.now += 2_000;
        on.answered();
        expect(on.state()).not.toBe('down');
        on.clock.now += 5 * 60_000;
        on.answered();
        expect(on.state()).toBe('healthy');
      }),
    );
  });

  test('counts stay those of a hundred attempts', () => {
    const { answered, health } = board();
    for (let times = 0; times < 1_000; times += 1) answered();
    expect(health.view('p').attempts).toBe(100);
  });
});

test('every error has its place: none makes the board throw', () => {
  const { health } = board();
  const codes: ErrorCode[] = ['internal', 'draining', 'provider_busy', 'all_targets_failed'];
  for (const code of codes)
    health.attemptFinished(row({ outcome: 'failed', error: { code, status: 500, message: 'x' } }));
  health.attemptFinished(row({ provider: 'forgotten' }));
  expect(health.view('p').state).toBe('unknown');
});

describe('other providers', () => {
  const provider = (id: string) => ({ id, keys: () => [key('ready')], elsewhere: true });

  test('the same go on, others begin anew, also under the same id', () => {
    const [a, b] = [provider('a'), provider('b')];
    const board = new HealthBoard([a, b], SLOW_BELOW, () => 1_000_000);
    for (const id of ['a', 'b']) board.attemptFinished(row({ provider: id }));
    board.follow([a, provider('b'), provider('c')], SLOW_BELOW);
    expect(['a', 'b', 'c'].map((id) => board.view(id).state)).toEqual(['healthy', 'unknown', 'unknown']);
    board.follow([a], SLOW_BELOW);
    expect(() => board.view('b')).toThrow("no provider 'b'");
    expect(board.lastGood('a')).toBe(1_000_000);
  });

  test('one that comes while this machine is offline is as far away as the others', () => {
    const board = new HealthBoard([], SLOW_BELOW, () => 1_000_000);
    board.setOnline(false);
    board.follow([provider('a')], SLOW_BELOW);
    expect(board.trouble('a')).toBe('this machine is offline');
    board.setOnline(true);
    expect(board.trouble('a')).toBeNull();
  });

  test('what counts as slow is as it is now', () => {
    const a = provider('a');
    const board = new HealthBoard([a], SLOW_BELOW, () => 1_000_000);
    const usage = { input: 10, cacheRead: 0, cacheWrite: 0, output: 100 };
    board.attemptFinished(row({ provider: 'a', firstContentMs: 0, endedMs: 10_000, usage }));
    expect(board.view('a').state).toBe('healthy');
    board.follow([a], 20);
    expect(board.view('a')).toMatchObject({ state: 'degraded', reason: 'It answers slowly: 10.0 tokens/s.' });
  });
});
