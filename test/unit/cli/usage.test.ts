import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { pageLines } from '../../../src-main/cli/requests.ts';
import { parseSince } from '../../../src-main/cli/time-spans.ts';
import { alertLines, usageLines } from '../../../src-main/cli/usage.ts';
import { costOfRequest, dollars } from '../../../src-shared/costs.ts';
import type { UsageSum, UsageView } from '../../../src-shared/usage.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const sum = (changes: Partial<UsageSum>): UsageSum => ({
  ...{ requests: 1, attempts: 1, failed: 0, aborted: 0, input: 0, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0 },
  ...{ output: 0, reasoning: 0, usd: 0, costUnknown: 0 },
  ...changes,
});
const plain = (lines: readonly string[]) => lines.map((line) => stripVTControlCharacters(line).trimEnd());

describe('usage', () => {
  const view: UsageView = {
    by: ['model'],
    rows: [
      {
        parts: ['claude-sonnet-5-5'],
        ...sum({ requests: 120, failed: 2, input: 10_000, cacheRead: 90_000, output: 5_000, usd: 1.5 }),
      },
      { parts: ['qwen3'], ...sum({ requests: 3, aborted: 1, input: 50, output: 7, costUnknown: 3 }) },
      { parts: [null], ...sum({ requests: 1 }) },
    ],
    total: sum({ requests: 124, failed: 2, input: 10_050, cacheRead: 90_000, output: 5_007, usd: 1.5, costUnknown: 3 }),
    source: 'disk',
  };

  test('says what is not known as such', () => {
    const words = plain(usageLines(view, [], 100)).map((line) => line.replace(/ +/g, ' '));
    expect(words).toEqual([
      'model requests failed aborted read cached written cost',
      'claude-sonnet-5-5 120 2 100K 90 % 5,000 $1.50',
      'qwen3 3 1 50 0 % 7 unknown *',
      '(none) 1 0 0 $0',
      'all 124 2 100.1K 90 % 5,007 $1.50 *',
      '',
      '* without 3 attempts whose price is not known. Set it as price of the model in the configuration.',
    ]);
  });

  test('shows what is left of subscriptions', () => {
    const window = { provider: 'anthropic', key: 'key', window: '5h', used: 0.62, resetsAt: null };
    expect(plain(usageLines({ ...view, rows: [] }, [window]))).toContain('  anthropic  5h  62 % used, 38 % left');
    expect(usageLines({ ...view, rows: [] }, [])).toEqual(['Nothing has been used in that time.']);
  });
});

describe('cache hits that dropped', () => {
  const alert = (text: string) => ({
    ...{ at: new Date(2026, 10, 20, 17, 30).getTime(), session: 's1', request: 'req_1', provider: 'p', model: 'm' },
    ...{ before: 0.913, after: 0.04, uncached: 20_000, reason: 'prefix' as const, text },
  });

  test('are told with their reason', () => {
    expect(plain(alertLines([alert('It has changed.')], 60))).toEqual([
      ...['', 'Sessions that cost more than they did, for less of them comes from the cache:'],
      ...['  2026-11-20 17:30 s1: 91 %, now 4 %', '      It has changed.'],
    ]);
    expect(alertLines([])).toEqual([]);
  });

  test('are the newest only', () => {
    const lines = plain(alertLines(Array.from({ length: 7 }, (_, index) => alert(`Number ${index}.`))));
    expect(lines).toContain('      Number 4.');
    expect(lines).not.toContain('      Number 5.');
    expect(lines.at(-1)).toBe('  and 2 before; --json has them all');
  });
});

test('amounts say something, however small', () => {
  expect([0, 0.00000001, 0.00042, 0.0123, 0.5, 1.2, 1204.5].map(dollars)).toEqual([
    ...['$0', '<$0.000001', '$0.00042', '$0.012', '$0.50', '$1.20', '$1,204.50'],
  ]);
});

test('the cost of a request is known when that of all its attempts is', () => {
  const usage = { input: 1, cacheRead: 0, cacheWrite: 0, output: 1 };
  const priced = makeAttempt({ usage, cost: { usd: 0.5, source: 'prices' } });
  expect(costOfRequest({ attempts: [makeAttempt(), priced, priced] })).toBe(1);
  expect(costOfRequest({ attempts: [priced, makeAttempt({ usage })] })).toBeNull();
  expect(costOfRequest({ attempts: [] })).toBeNull();
});

describe('a time in the past', () => {
  test.each([
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1w', 604_800_000],
  ])('%s', (text, ms) => expect(parseSince(text, 1e12)).toBe(1e12 - ms));
  test('a day begins at local midnight', () => expect(parseSince('2026-11-01')).toBe(new Date(2026, 10, 1).getTime()));
  test.each(['', '7', '2026-02-30', 'yesterday', '-3d'])('%j is none', (text) =>
    expect(() => parseSince(text)).toThrow('a span such as'),
  );
});

describe('requests', () => {
  test('say what became of them, what they used and cost', () => {
    const usage = { input: 1_200, cacheRead: 0, cacheWrite: 0, output: 30 };
    const attempt = makeAttempt({ provider: 'a', model: 'm', usage, cost: { usd: 0.25, source: 'prices' } });
    const rows = [
      makeRow({ id: 'req_0123456789', state: 'answered', endedMs: 1_234, askedModel: 'fast', attempts: [attempt] }),
      makeRow({ id: 'req_abcdefghij', state: 'failed', askedModel: 'x'.repeat(200) }),
    ];
    const lines = plain(pageLines({ rows, next: '5.6', source: 'memory' }, 100));
    expect(lines[0]).toMatch(/^[\d-]+ [\d:]+ +01234567 +answered +1\.2 s +1,200 \/ 30 +\$0\.25 +fast → a\/m$/);
    expect(lines[1]).toMatch(/^[\d-]+ [\d:]+ +abcdefgh +failed .*x…$/);
    expect(lines[1]).toHaveLength(100);
    expect(lines.slice(2)).toEqual(['More: --after 5.6', expect.stringContaining('from memory')]);
  });
});
