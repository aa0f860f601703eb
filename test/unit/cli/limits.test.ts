import { expect, test } from 'vitest';
import { limitLines } from '../../../src-main/cli/limits.ts';
import type { RatesView, RateView } from '../../../src-shared/rates.ts';

const minute = { most: 1_000, used: 200, left: 800, resetsAt: null };
const rate: RateView = {
  ...{ id: 'team', of: { client: 'ci' }, each: null, counts: 'requests', concurrent: 3, refused: 2 },
  wait: { most: 10, ms: 1_000 },
  counters: [{ who: null, requests: minute, tokens: null, running: 1, waiting: 4 }],
};
const view: RatesView = { store: 'memory', trouble: null, rates: [rate] };

test('a line for each that is counted by itself', () => {
  const byProvider: RateView = {
    ...{ ...rate, id: 'providers', each: 'provider', concurrent: null, wait: null, refused: 0 },
    counters: ['a', 'b'].map((who) => ({ who, requests: null, tokens: minute, running: 0, waiting: 0 })),
  };
  const unused: RateView = { ...byProvider, id: 'unused', counters: [] };
  expect(limitLines({ ...view, rates: [rate, byProvider, unused] }).map((line) => line.trimEnd())).toEqual([
    'limit      of             requests      tokens        at a time  waiting  refused  begins anew',
    'team       ci             200 of 1,000                1 of 3     4 of 10  2',
    'providers  a                            200 of 1,000',
    '           b                            200 of 1,000',
    'unused     each provider',
  ]);
});

test('when it begins anew, at the later of both', () => {
  const at = new Date(2026, 0, 1, 12, 30, 5).getTime();
  const counters = [
    {
      who: null,
      requests: { ...minute, resetsAt: at - 5_000 },
      tokens: { ...minute, resetsAt: at },
      running: 0,
      waiting: 0,
    },
  ];
  expect(limitLines({ ...view, rates: [{ ...rate, counters }] })[1]).toMatch(/12:30:05$/);
});

test('where there are none, and where Redis does not answer', () => {
  expect(limitLines({ ...view, rates: [] })).toEqual(['No rates are configured (limits.rates).']);
  const lines = limitLines({ store: 'redis', trouble: 'it cannot be reached', rates: [rate] });
  expect(lines.slice(2)).toEqual([
    'Requests and tokens are counted in Redis, with other CProxies.',
    'Redis cannot be asked: it cannot be reached. They are counted here alone.',
  ]);
});
