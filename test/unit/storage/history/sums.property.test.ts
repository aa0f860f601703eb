import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { usageOfRows } from '../../../../src-main/observability/usage-of-rows.ts';
import { HistoryDatabase } from '../../../../src-main/storage/history/history-database.ts';
import type { RequestRow } from '../../../../src-shared/requests.ts';
import { type UsageView, usageParts, usageQuerySchema } from '../../../../src-shared/usage.ts';
import { makeAttempt, makeRow } from '../../../helpers/rows.ts';

const NOW = Date.UTC(2026, 10, 20);
const DAY_MS = 86_400_000;
const count = fc.integer({ min: 0, max: 1_000_000 });
const name = (...names: string[]) => fc.constantFrom(null, ...names);

const usage = fc
  .record({
    input: count,
    cacheRead: count,
    cacheWrite: count,
    output: count,
    long: fc.double({ min: 0, max: 1, noNaN: true }),
    reasoning: fc.option(count, { nil: undefined }),
  })
  .map(({ long, reasoning, ...rest }) => ({
    ...rest,
    cacheWrite1h: Math.floor(rest.cacheWrite * long),
    ...(reasoning === undefined ? {} : { reasoning }),
  }));
const attempt = fc
  .record({
    provider: fc.constantFrom('a', 'b'),
    model: fc.constantFrom('m', 'n'),
    startedMs: fc.integer({ min: 0, max: 7_200_000 }),
    outcome: fc.constantFrom('answered' as const, 'failed' as const, 'aborted' as const),
    usage: fc.option(usage),
    // Sums of these are exact.
    cost: fc.option(
      fc.integer({ min: 0, max: 4_000 }).map((eighths) => ({ usd: eighths / 8, source: 'prices' as const })),
    ),
  })
  .map(makeAttempt);
const row: fc.Arbitrary<RequestRow> = fc
  .record({
    startedAt: fc.integer({ min: NOW - 20 * DAY_MS, max: NOW }),
    state: fc.constantFrom('answered' as const, 'failed' as const, 'aborted' as const),
    askedModel: fc.constantFrom('m', 'asked'),
    route: name('rule x', 'default'),
    project: name('/p', '/q'),
    client: name('laptop'),
    class: fc.constantFrom(null, 'main' as const, 'title' as const),
    sessionId: name('s', 't'),
    attempts: fc.array(attempt, { maxLength: 3 }),
  })
  .map(makeRow);
const queries = fc.record(
  {
    by: fc.uniqueArray(fc.constantFrom(...usageParts.filter((part) => part !== 'session')), {
      minLength: 1,
      maxLength: 2,
    }),
    from: fc.integer({ min: NOW - 20 * DAY_MS, max: NOW }),
    to: fc.integer({ min: NOW - 20 * DAY_MS, max: NOW + DAY_MS }),
    provider: fc.constantFrom('a', 'nobody'),
    model: fc.constantFrom('m', 'asked'),
    class: fc.constantFrom('main' as const),
    project: fc.constantFrom('/p'),
  },
  { requiredKeys: ['by'] },
);
/** Where costs are alike, the order is left open. */
const ordered = ({ rows, ...rest }: Omit<UsageView, 'source'>) => ({
  ...rest,
  rows: rows.map((one) => JSON.stringify(one, Object.keys(one).sort())).sort(),
});

test('the sums are those of the rows, whatever the batches, also of some that come twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 30 }),
      fc.integer({ min: 1, max: 10 }),
      fc.array(queries, { minLength: 1, maxLength: 5 }),
      async (rows, size, asked) => {
        const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-sums-'));
        const database = await HistoryDatabase.open(path.join(folder, 'history.db'), expect.unreachable, NOW);
        try {
          for (let from = 0; from < rows.length; from += size) {
            const batch = rows.slice(from, from + size).map((one) => ({ row: JSON.stringify(one), route: null }));
            database.write(batch, NOW);
            // As after a fault that left open whether it was written.
            if (from % 3 === 0) database.write(batch, NOW);
          }
          const ofSessions = asked.map(({ from, to }) => ({ by: ['session' as const], from, to }));
          for (const input of [...asked, ...ofSessions]) {
            const query = usageQuerySchema.parse(input);
            expect(ordered(database.usage(query, NOW))).toEqual(ordered(usageOfRows(rows, query)));
          }
        } finally {
          database.close();
          rmSync(folder, { recursive: true });
        }
      },
    ),
    { numRuns: 40 },
  );
});
