import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CacheAlerts } from '../../../src-main/observability/cache-alert.ts';
import { EventBus } from '../../../src-main/pipeline/events.ts';
import type { CacheAlertView } from '../../../src-shared/cache-alert.ts';
import type { AttemptRow, RequestRow } from '../../../src-shared/requests.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const START = Date.UTC(2026, 10, 20);
const MINUTE = 60_000;

interface Asked extends Partial<Pick<AttemptRow, 'provider' | 'model' | 'key' | 'outcome'>> {
  /** Part of its input from the cache. */
  hit: number;
  input?: number;
  /** Since the turn before, in ms. */
  after?: number;
  long?: boolean;
  row?: Partial<RequestRow>;
}

function watch(capacity?: { lines: number; alerts: number }) {
  const bus = new EventBus((error) => {
    throw error;
  });
  const told: CacheAlertView[] = [];
  let at = START;
  const alerts = new CacheAlerts({
    bus,
    onAlert: (alert) => told.push(alert),
    now: () => at,
    ...(capacity === undefined ? {} : { capacity }),
  });
  const ask = ({ hit, input = 10_000, after = MINUTE, long = false, row = {}, ...attempt }: Asked): void => {
    at += after;
    const cacheRead = Math.round(input * hit);
    const usage = {
      ...{ input: 0, cacheRead, cacheWrite: input - cacheRead, output: 10 },
      ...(long ? { cacheWrite1h: 1 } : {}),
    };
    const answered = makeAttempt({ outcome: 'answered', startedMs: 0, endedMs: 1_000, usage, ...attempt });
    bus.emit('request.finished', makeRow({ sessionId: 's', startedAt: at, attempts: [answered], ...row }));
  };
  return { alerts, told, ask, askAll: (turns: readonly Asked[]) => turns.forEach(ask) };
}

const good = Array.from({ length: 3 }, (): Asked => ({ hit: 0.9 }));

describe('an alert', () => {
  test('comes with the second low turn in a row, and says what was lost', () => {
    const { alerts, told, ask, askAll } = watch();
    askAll([{ hit: 0 }, ...good, { hit: 0.1 }]);
    expect(alerts.list()).toEqual([]);
    ask({ hit: 0.2, row: { id: 'req_here' } });
    expect(alerts.list()).toEqual([
      {
        ...{ at: START + 6 * MINUTE, session: 's', request: 'req_here', provider: 'local', model: 'qwen3' },
        ...{ before: expect.closeTo(0.9), after: expect.closeTo(0.15), uncached: 17_000, reason: 'prefix' },
        text: expect.stringContaining('system prompt'),
      },
    ]);
    expect(told).toEqual(alerts.list());
  });

  test('comes once, until there have been good hits again', () => {
    const { told, askAll } = watch();
    askAll([...good, ...Array.from({ length: 10 }, () => ({ hit: 0 }))]);
    expect(told).toHaveLength(1);
    askAll([...good, { hit: 0 }, { hit: 0 }]);
    expect(told).toHaveLength(2);
  });

  test.each<[string, Asked[]]>([
    ['one low turn, as after a conversation was made shorter', [...good, { hit: 0 }, { hit: 0.9 }, { hit: 0 }]],
    ['too few good turns before', [{ hit: 0.9 }, { hit: 0.9 }, { hit: 0 }, { hit: 0 }]],
    ['low, but not by that much', [...good, { hit: 0.4 }, { hit: 0.4 }, { hit: 0.4 }]],
    ['small requests', [...good, { hit: 0, input: 3_999 }, { hit: 0, input: 3_999 }]],
    ['failures', [...good, { hit: 0, outcome: 'failed' }, { hit: 0, outcome: 'failed' }]],
    ['answers that were cut short', [...good, { hit: 0, outcome: 'aborted' }, { hit: 0, outcome: 'aborted' }]],
    ['repeated requests', [...good, { hit: 0, row: { replayOf: 'x' } }, { hit: 0, row: { replayOf: 'x' } }]],
    ['another session', [...good, { hit: 0, row: { sessionId: 't' } }, { hit: 0, row: { sessionId: 't' } }]],
    ['no session', [...good, { hit: 0, row: { sessionId: null } }, { hit: 0, row: { sessionId: null } }]],
    ['another agent of it', [...good, { hit: 0, row: { agentId: 'a' } }, { hit: 0, row: { agentId: 'a' } }]],
    ['another kind of request', [...good, { hit: 0, row: { class: 'title' } }, { hit: 0, row: { class: 'title' } }]],
    ['usage that is not told', [...good, { hit: 0, row: { attempts: [makeAttempt({ outcome: 'answered' })] } }]],
  ])('does not come of %s', (_, turns) => {
    const { told, askAll } = watch();
    askAll(turns);
    expect(told).toEqual([]);
  });

  test.each<[string, string, Asked[]]>([
    ['provider', 'It went to other and no longer to local', [{ hit: 0, provider: 'other', key: 'b' }]],
    ['model', 'It went to big and no longer to qwen3', [{ hit: 0, model: 'big' }]],
    ['key', 'key second', [{ hit: 0, key: 'second' }]],
    ['silence', 'Nothing was asked for 6 minutes, and a cache lives 5.', [{ hit: 0, after: 6 * MINUTE }]],
    ['prefix', 'changed', [{ hit: 0, after: 4 * MINUTE }]],
  ])('says as its reason: %s', (reason, text, [first]) => {
    const { told, askAll } = watch();
    askAll([...good, ...(first === undefined ? [] : [first]), { hit: 0 }]);
    expect(told).toMatchObject([{ reason, text: expect.stringContaining(text) }]);
  });

  test('knows of caches that live for an hour', () => {
    const { told, askAll } = watch();
    askAll([{ hit: 0, long: true }, ...good, { hit: 0, after: 20 * MINUTE }, { hit: 0 }]);
    expect(told).toMatchObject([{ reason: 'prefix' }]);
    askAll([...good, { hit: 0, after: 61 * MINUTE }, { hit: 0 }]);
    expect(told.at(-1)).toMatchObject({ reason: 'silence', text: expect.stringContaining('lives 60') });
  });
});

test('the newest come first, and only so many are kept', () => {
  const { alerts, told, askAll } = watch({ lines: 10, alerts: 2 });
  for (let time = 0; time < 4; time += 1) askAll([...good, { hit: 0 }, { hit: 0 }]);
  expect(told).toHaveLength(4);
  expect(alerts.list()).toEqual([told[3], told[2]]);
});

test('of more sessions than it remembers, it forgets the one that was longest silent', () => {
  const { told, askAll } = watch({ lines: 2, alerts: 10 });
  const of = (sessionId: string, turns: readonly Asked[]) => turns.map((turn) => ({ ...turn, row: { sessionId } }));
  askAll([...of('a', good), ...of('b', good), ...of('a', [{ hit: 0.9 }]), ...of('c', [{ hit: 0.9 }])]);
  askAll([...of('b', [{ hit: 0 }, { hit: 0 }])]);
  expect(told).toEqual([]);
});

test('it listens no longer once it is closed', () => {
  const { alerts, told, askAll } = watch();
  askAll(good);
  alerts.close();
  askAll([{ hit: 0 }, { hit: 0 }]);
  expect(told).toEqual([]);
});

test('whatever happens, three good turns stand before an alert, and two low ones are its cause', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 0.1, 0.4, 0.6, 0.9), { maxLength: 60 }), (hits) => {
      const { told, ask } = watch();
      let goodTurns = 0;
      for (const [index, hit] of hits.entries()) {
        const before = told.length;
        ask({ hit });
        if (hit >= 0.5) goodTurns += 1;
        if (told.length === before) continue;
        const two = [hits[index - 1] ?? 1, hit];
        expect(goodTurns).toBeGreaterThanOrEqual(3);
        expect(Math.max(...two)).toBeLessThan(0.9 / 3);
        expect(told.at(-1)?.after).toBeCloseTo(((two[0] ?? 0) + hit) / 2, 3);
        goodTurns = 0;
      }
    }),
  );
});
