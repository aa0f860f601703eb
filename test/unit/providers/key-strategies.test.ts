import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KeyLease, KeyPool, type KeyRequest } from '../../../src-main/providers/key-pool.ts';
import { type KeyStrategy, keyStrategies } from '../../../src-shared/config.ts';

function makePool(strategy: KeyStrategy, weights: Readonly<Record<string, number>> = { a: 1, b: 1, c: 1 }) {
  const clock = { now: 1_800_000_000_000 };
  const pool = new KeyPool({
    provider: 'p',
    needsKey: true,
    strategy,
    now: () => clock.now,
    entries: Object.entries(weights).map(([id, weight]) => ({
      id,
      weight,
      requestsPerMinute: null,
      tokensPerMinute: null,
      question: { reference: `env:${id}`, provider: 'p', origin: 'https://x', usualVariable: null, prefix: null },
    })),
    resolve: async ({ reference }) => ({
      state: 'present',
      value: `value-${reference}`,
      reference: reference ?? '',
      warning: null,
    }),
  });
  return { pool, clock };
}

const ask = (rest: Partial<KeyRequest> = {}): KeyRequest => ({
  model: 'm',
  conversation: null,
  tried: new Set(),
  last: false,
  tokens: 10,
  ...rest,
});

/** Ids of the keys that so many new conversations get, each of which ends before the next. */
async function newConversations(pool: KeyPool, count: number, firstContentMs: (id: string) => number = () => 500) {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const lease = await pool.choose(ask({ conversation: `conversation ${index}` }));
    pool.ended(lease, firstContentMs(lease.id));
    ids.push(lease.id);
  }
  return ids;
}

describe('the key of a new conversation', () => {
  it('is the first with priority, and the next while that rests', async () => {
    const { pool, clock } = makePool('priority');
    expect(await newConversations(pool, 3)).toEqual(['a', 'a', 'a']);
    const lease = await pool.choose(ask());
    pool.report(lease, {
      model: 'm',
      fault: { kind: 'limited', scope: 'key', until: clock.now + 5_000, message: 'no' },
      headers: null,
    });
    expect((await pool.choose(ask({ conversation: 'new' }))).id).toBe('b');
    clock.now += 6_000;
    expect((await pool.choose(ask({ conversation: 'newer' }))).id).toBe('a');
  });

  it('is the next in turn with round-robin, by weight', async () => {
    expect((await newConversations(makePool('round-robin').pool, 6)).join('')).toBe('abcabc');
    const ids = await newConversations(makePool('round-robin', { a: 3, b: 1 }).pool, 400);
    expect(ids.filter((id) => id === 'a')).toHaveLength(300);
  });

  it('has nothing to do with the turns that conversations with a key take', async () => {
    const { pool } = makePool('round-robin');
    const first = await pool.choose(ask({ conversation: 'one' }));
    for (let turn = 0; turn < 20; turn += 1) await pool.choose(ask({ conversation: 'one' }));
    expect([first.id, (await pool.choose(ask({ conversation: 'two' }))).id]).toEqual(['a', 'b']);
  });

  it('is the one with the fewest attempts under way with least-connections, by weight', async () => {
    const { pool } = makePool('least-connections', { a: 2, b: 1 });
    const leases: KeyLease[] = [];
    for (let index = 0; index < 6; index += 1) leases.push(await pool.choose(ask({ conversation: `c${index}` })));
    expect(leases.filter(({ id }) => id === 'a')).toHaveLength(4);
    for (const lease of leases) if (lease.id === 'b') pool.ended(lease, null);
    expect((await pool.choose(ask({ conversation: 'new' }))).id).toBe('b');
  });

  it('is counted once as ended, however often that is told', async () => {
    const { pool } = makePool('least-connections', { a: 1, b: 1 });
    const first = await pool.choose(ask());
    await pool.choose(ask());
    pool.ended(first, 100);
    pool.ended(first, 100);
    const next = [await pool.choose(ask()), await pool.choose(ask())].map(({ id }) => id);
    expect(next.toSorted()).toEqual(['a', 'b']);
  });

  it('is the one that answers soonest with response-time, once all have been tried', async () => {
    const { pool } = makePool('response-time');
    const times: Record<string, number> = { a: 900, b: 200, c: 1_500 };
    const ids = await newConversations(pool, 20, (id) => times[id] ?? 0);
    expect(ids.slice(0, 3).toSorted()).toEqual(['a', 'b', 'c']);
    expect(new Set(ids.slice(3))).toEqual(new Set(['b']));
    const several = [];
    for (let index = 0; index < 6; index += 1) several.push((await pool.choose(ask())).id);
    expect(several).toContain('a');
  });

  it.each(keyStrategies)('stays its key with %s, whatever others do', async (strategy) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            other: fc.integer({ min: 0, max: 30 }),
            ends: fc.boolean(),
            ms: fc.integer({ min: 1, max: 9_000 }),
          }),
          {
            maxLength: 40,
          },
        ),
        async (steps) => {
          const { pool, clock } = makePool(strategy, { a: 1, b: 2, c: 3 });
          const home = await pool.choose(ask({ conversation: 'mine' }));
          for (const { other, ends, ms } of steps) {
            const lease = await pool.choose(ask({ conversation: other === 0 ? null : `other ${other}` }));
            if (ends) pool.ended(lease, ms);
            clock.now += ms;
            expect((await pool.choose(ask({ conversation: 'mine' }))).id).toBe(home.id);
          }
        },
      ),
    );
  });

  it.each(keyStrategies)('is none that has been tried, with %s', async (strategy) => {
    const { pool } = makePool(strategy);
    const tried = new Set<string>();
    for (let index = 0; index < 3; index += 1) tried.add((await pool.choose(ask({ conversation: 'one', tried }))).id);
    expect([...tried].toSorted()).toEqual(['a', 'b', 'c']);
  });
});
