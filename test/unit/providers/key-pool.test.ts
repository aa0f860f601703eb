import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeyFault } from '../../../src-main/providers/key-fault.ts';
import { type KeyLease, KeyPool, type KeyRequest } from '../../../src-main/providers/key-pool.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import type { KeyState } from '../../../src-shared/keys.ts';

interface Made {
  id: string;
  weight?: number;
  requestsPerMinute?: number;
  tokensPerMinute?: number;
}

/** A pool with a clock that stands still, and keys named like their ids. */
function makePool(made: readonly Made[], states: Record<string, KeyState> = {}, needsKey = true) {
  const clock = { now: 1_800_000_000_000 };
  const asked: string[] = [];
  const pool = new KeyPool({
    provider: 'p',
    needsKey,
    now: () => clock.now,
    entries: made.map(({ id, weight = 1, requestsPerMinute = null, tokensPerMinute = null }) => ({
      id,
      weight,
      requestsPerMinute,
      tokensPerMinute,
      question: { reference: `env:${id}`, provider: 'p', origin: 'https://x', usualVariable: null, prefix: null },
    })),
    resolve: async ({ reference }) => {
      const id = reference?.slice(4) ?? '';
      asked.push(id);
      return states[id] ?? { state: 'present', value: `value-${id}`, reference: `env:${id}`, warning: null };
    },
  });
  return { pool, clock, asked };
}

const ask = (rest: Partial<KeyRequest> = {}): KeyRequest => ({
  model: 'm',
  conversation: null,
  tried: new Set(),
  last: false,
  tokens: 10,
  ...rest,
});

const fault = (kind: KeyFault['kind'], rest: Partial<KeyFault> = {}): KeyFault => ({
  kind,
  scope: kind === 'limited' || kind === 'forbidden' ? 'model' : 'key',
  until: null,
  message: 'no',
  ...rest,
});

const blame = (pool: KeyPool, lease: KeyLease, of: KeyFault, model: string | null = 'm'): void =>
  pool.report(lease, { model, fault: of, headers: {} });

const errorOf = async (promise: Promise<unknown>): Promise<ProxyError> => {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProxyError)) throw new Error(`no ProxyError: ${String(error)}`);
  return error;
};

describe('which key', () => {
  it('a conversation stays with, whatever others do', async () => {
    const { pool } = makePool([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
    const first = await pool.choose(ask({ conversation: 'one' }));
    for (let turn = 0; turn < 50; turn += 1) {
      await pool.choose(ask({ conversation: `other ${turn}` }));
      expect((await pool.choose(ask({ conversation: 'one' }))).id).toBe(first.id);
    }
  });

  it('a conversation has after a restart is the same', async () => {
    for (const conversation of ['x', 'y', 'z']) {
      const one = await makePool([{ id: 'a' }, { id: 'b' }]).pool.choose(ask({ conversation }));
      const two = await makePool([{ id: 'a' }, { id: 'b' }]).pool.choose(ask({ conversation }));
      expect(two.id).toBe(one.id);
    }
  });

  it('a conversation was moved to keeps it, also when the first is ready again', async () => {
    const { pool, clock } = makePool([{ id: 'a' }, { id: 'b' }]);
    const first = await pool.choose(ask({ conversation: 'one' }));
    blame(pool, first, fault('limited', { until: clock.now + 5_000 }));
    const second = await pool.choose(ask({ conversation: 'one', tried: new Set([first.id]) }));
    expect(second.id).not.toBe(first.id);
    clock.now += 60_000;
    expect((await pool.choose(ask({ conversation: 'one' }))).id).toBe(second.id);
  });

  it("a conversation is moved to is a model's own: its other models stay where they are", async () => {
    const { pool, clock } = makePool([{ id: 'a' }, { id: 'b' }]);
    const large = await pool.choose(ask({ conversation: 'one', model: 'large' }));
    const small = await pool.choose(ask({ conversation: 'one', model: 'small' }));
    expect(small.id).toBe(large.id);
    blame(pool, small, fault('limited', { until: clock.now + 5_000 }), 'small');
    const moved = await pool.choose(ask({ conversation: 'one', model: 'small', tried: new Set([small.id]) }));
    expect(moved.id).not.toBe(large.id);
    expect((await pool.choose(ask({ conversation: 'one', model: 'large' }))).id).toBe(large.id);
    expect((await pool.choose(ask({ conversation: 'one', model: 'small' }))).id).toBe(moved.id);
  });

  it('conversations get is by weight', async () => {
    const { pool } = makePool([{ id: 'light' }, { id: 'heavy', weight: 3 }]);
    let heavy = 0;
    for (let index = 0; index < 2_000; index += 1)
      if ((await pool.choose(ask({ conversation: `c${index}` }))).id === 'heavy') heavy += 1;
    expect(heavy / 2_000).toBeGreaterThan(0.7);
    expect(heavy / 2_000).toBeLessThan(0.8);
  });

  it('does not catch up on the time it rested', async () => {
    const { pool, clock } = makePool([{ id: 'a' }, { id: 'b' }]);
    blame(pool, await pool.choose(ask()), fault('limited', { until: clock.now + 60_000 }));
    for (let index = 0; index < 100; index += 1) await pool.choose(ask());
    clock.now += 60_000;
    const ids: string[] = [];
    for (let index = 0; index < 10; index += 1) ids.push((await pool.choose(ask())).id);
    expect(ids.filter((id) => id === 'a').length).toBeLessThanOrEqual(6);
  });

  it('is forgotten of the conversation that was longest silent, of ten thousand', async () => {
    const { pool, clock } = makePool([{ id: 'a' }, { id: 'b' }]);
    const first = await pool.choose(ask({ conversation: 'one' }));
    blame(pool, first, fault('limited', { until: clock.now + 1_000 }));
    const moved = await pool.choose(ask({ conversation: 'one', tried: new Set([first.id]) }));
    clock.now += 1_000;
    for (let index = 0; index < 9_999; index += 1) await pool.choose(ask({ conversation: `c${index}` }));
    expect((await pool.choose(ask({ conversation: 'one' }))).id).toBe(moved.id);
    for (let index = 0; index < 10_000; index += 1) await pool.choose(ask({ conversation: `d${index}` }));
    expect((await pool.choose(ask({ conversation: 'one' }))).id).toBe(first.id);
  });

  it('is by weight where no conversation is named', async () => {
    const { pool } = makePool([{ id: 'light' }, { id: 'heavy', weight: 3 }]);
    const ids: string[] = [];
    for (let index = 0; index < 40; index += 1) ids.push((await pool.choose(ask())).id);
    expect(ids.filter((id) => id === 'heavy')).toHaveLength(30);
  });
});

describe('a key that is', () => {
  it('limited rests for that model until it may, and for no other', async () => {
    const { pool, clock } = makePool([{ id: 'a' }]);
    const lease = await pool.choose(ask());
    blame(pool, lease, fault('limited', { until: clock.now + 7_000 }));
    const error = await errorOf(pool.choose(ask()));
    expect(error).toMatchObject({ code: 'provider_keys_resting', status: 429, retryAfter: 7 });
    expect((await pool.choose(ask({ model: 'other' }))).id).toBe('a');
    expect((await pool.choose(ask({ last: true }))).id).toBe('a');
    clock.now += 7_000;
    expect((await pool.choose(ask())).id).toBe('a');
  });

  it('limited again and again, without a word how long, rests longer each time up to a minute', async () => {
    const { pool, clock } = makePool([{ id: 'a' }]);
    const rests: (number | undefined)[] = [];
    for (let time = 0; time < 6; time += 1) {
      blame(pool, await pool.choose(ask()), fault('limited'));
      const { retryAfter } = await errorOf(pool.choose(ask()));
      rests.push(retryAfter);
      clock.now += 1_000 * (retryAfter ?? 0);
    }
    expect(rests).toEqual([5, 10, 20, 40, 60, 60]);
  });

  it.each([
    ['refused', 'refused'],
    ['exhausted', 'exhausted'],
  ] as const)('%s rests for all models, until an answer or the time shows otherwise', async (kind, state) => {
    const { pool } = makePool([{ id: 'a' }, { id: 'b' }]);
    const lease: KeyLease = { kind: 'own', id: 'a', value: 'value-a' };
    await pool.read();
    blame(pool, lease, fault(kind));
    expect(pool.views()[0]).toMatchObject({ id: 'a', state });
    for (const model of ['m', 'n']) expect((await pool.choose(ask({ model }))).id).toBe('b');
    const [again] = await pool.leases();
    if (again === undefined) throw new Error('no key is given out');
    pool.report(again, { model: null, fault: null, headers: {} });
    expect(pool.views()[0]).toMatchObject({ state: 'ready' });
  });

  it('limited is so for all that ran when it began: they neither end it nor lengthen it', async () => {
    const { pool, clock } = makePool([{ id: 'a' }]);
    const leases: KeyLease[] = [];
    for (let index = 0; index < 5; index += 1) leases.push(await pool.choose(ask()));
    for (const lease of leases.slice(1)) blame(pool, lease, fault('limited'));
    for (const lease of leases) pool.report(lease, { model: 'm', fault: null, headers: {} });
    expect(await errorOf(pool.choose(ask()))).toMatchObject({ retryAfter: 5 });
    const late = await pool.choose(ask({ last: true }));
    pool.report(late, { model: 'm', fault: null, headers: {} });
    expect((await pool.choose(ask())).id).toBe('a');
    expect(clock.now).toBe(1_800_000_000_000);
  });

  it('resting does so by the clock, and one that was set back does not make it rest for hours', async () => {
    const { pool, clock } = makePool([{ id: 'a' }]);
    blame(pool, await pool.choose(ask()), fault('limited', { until: clock.now + 30_000 }));
    clock.now -= 3_600_000;
    expect((await pool.choose(ask())).id).toBe('a');
  });

  it('replaced is known to be, and starts afresh', async () => {
    const states: Record<string, KeyState> = {};
    const { pool, clock } = makePool([{ id: 'a' }], states);
    const lease = await pool.choose(ask());
    blame(pool, lease, fault('limited', { until: clock.now + 60_000 }));
    expect(await pool.replaced(lease)).toBe(false);
    states.a = { state: 'present', value: 'value-new', reference: 'env:a', warning: 'it lies open.' };
    clock.now += 10_000;
    blame(pool, lease, fault('refused'));
    expect(await pool.replaced(lease)).toBe(true);
    expect(pool.views()[0]).toMatchObject({ state: 'ready', reason: 'it lies open.' });
    expect(await pool.choose(ask())).toMatchObject({ value: 'value-new' });
  });

  it('set anew is tried again at once, but for a limit', async () => {
    const { pool } = makePool([{ id: 'a' }, { id: 'b' }]);
    const [a, b] = await pool.leases();
    if (a === undefined || b === undefined) throw new Error('no keys are given out');
    blame(pool, a, fault('exhausted'));
    blame(pool, b, fault('limited', { scope: 'key' }));
    pool.refresh();
    expect(pool.views()[0]?.state).toBe('reading');
    await pool.read();
    expect(pool.views().map(({ state }) => state)).toEqual(['ready', 'cooling-down']);
  });

  it('read by many at once is read once', async () => {
    const { pool, asked } = makePool([{ id: 'a' }, { id: 'b' }]);
    await Promise.all(Array.from({ length: 20 }, () => pool.choose(ask())));
    expect(asked.toSorted()).toEqual(['a', 'b']);
  });

  it.each([
    ['env:KEY', /Give the variable KEY a new one and start CProxy again/],
    ['file:~/key', /Put a new one into the file ~\/key/],
    ['keychain:p', /`cproxy keys set p`/],
    ['keychain:team', /`cproxy keys set p --name team`/],
  ])('refused says what to do about %s, and never the key', async (reference, advice) => {
    const { pool } = makePool([{ id: 'a' }], { a: { state: 'present', value: 'value-a', reference, warning: null } });
    blame(pool, await pool.choose(ask()), fault('refused', { message: 'invalid x-api-key' }));
    expect(pool.views()[0]?.reason).toMatch(/invalid x-api-key/);
    expect(pool.views()[0]?.reason).toMatch(advice);
    expect(JSON.stringify(pool.views())).not.toContain('value-a');
  });

  it('refused is read again where it is kept, and a new one is used at once', async () => {
    const states: Record<string, KeyState> = {};
    const { pool, clock } = makePool([{ id: 'a' }], states);
    const lease = await pool.choose(ask());
    clock.now += 60_000;
    states.a = { state: 'present', value: 'value-new', reference: 'file:a', warning: null };
    blame(pool, lease, fault('refused'));
    await pool.read();
    expect(await pool.choose(ask())).toMatchObject({ value: 'value-new' });
  });

  it('missing is passed over, and read again a moment later', async () => {
    const states: Record<string, KeyState> = { a: { state: 'missing', reason: 'the keychain is locked.' } };
    const { pool, clock, asked } = makePool([{ id: 'a' }, { id: 'b' }], states);
    expect((await pool.choose(ask())).id).toBe('b');
    await pool.choose(ask());
    expect(asked).toEqual(['a', 'b']);
    delete states.a;
    clock.now += 10_000;
    await pool.choose(ask());
    expect((await pool.choose(ask({ tried: new Set(['b']) }))).id).toBe('a');
  });

  it('missing everywhere is an error that says why', async () => {
    const { pool } = makePool([{ id: 'a' }], { a: { state: 'missing', reason: 'it is not set.' } });
    expect(await errorOf(pool.choose(ask({ last: true })))).toMatchObject({ code: 'provider_key_missing' });
    expect(pool.views()[0]).toMatchObject({ state: 'missing', reason: 'it is not set.' });
  });

  it('wanted after all is looked for again, where it was asked without one', async () => {
    const states: Record<string, KeyState> = { a: { state: 'missing', reason: 'the keychain is locked.' } };
    const { pool, clock } = makePool([{ id: 'a' }], states, false);
    const without = { kind: 'none', id: 'a' } as const;
    await pool.read();
    clock.now += 60_000;
    states.a = { state: 'present', value: 'value-a', reference: 'keychain:a', warning: null };
    expect(await pool.replaced(without)).toBe(false);
    blame(pool, without, fault('refused'));
    expect(await pool.replaced(without)).toBe(true);
    expect(await pool.choose(ask())).toMatchObject({ kind: 'own', value: 'value-a' });
  });

  it('refused before it was replaced does not blame the one that took its place', async () => {
    const { pool } = makePool([{ id: 'a' }]);
    await pool.read();
    blame(pool, { kind: 'own', id: 'a', value: 'an older value' }, fault('refused'));
    expect(pool.views()[0]).toMatchObject({ state: 'ready' });
  });
});

describe("the client's own login, and no key", () => {
  it('are given out as they are, whatever is said of them', async () => {
    const { pool } = makePool([{ id: 'key' }], { key: { state: 'from-client' } });
    const lease = await pool.choose(ask());
    expect(lease).toEqual({ kind: 'client', id: 'key' });
    blame(pool, lease, fault('refused'));
    expect((await pool.choose(ask())).kind).toBe('client');
    expect(pool.views()[0]).toMatchObject({ state: 'from-client' });
  });
});

describe('limits of their own', () => {
  it('are not exceeded by the last target either', async () => {
    const { pool, clock } = makePool([{ id: 'a', requestsPerMinute: 2 }]);
    await pool.choose(ask({ last: true }));
    clock.now += 20_000;
    await pool.choose(ask({ last: true }));
    expect(await errorOf(pool.choose(ask({ last: true })))).toMatchObject({ retryAfter: 40 });
    clock.now += 40_000;
    expect((await pool.choose(ask())).id).toBe('a');
  });

  it('count the tokens that a request took, not those that were expected', async () => {
    const { pool } = makePool([{ id: 'a', tokensPerMinute: 1_000 }]);
    const lease = await pool.choose(ask({ tokens: 900 }));
    expect(pool.hasAnother(ask({ tokens: 200 }))).toBe(false);
    pool.used(lease, 300);
    expect((await pool.choose(ask({ tokens: 200 }))).id).toBe('a');
  });

  it('do not count what costs nothing, nor forbid it', async () => {
    const { pool } = makePool([{ id: 'a', requestsPerMinute: 1 }]);
    for (let index = 0; index < 3; index += 1) await pool.choose(ask({ model: null, tokens: 0 }));
    await pool.choose(ask());
    expect((await pool.choose(ask({ model: null, tokens: 0 }))).id).toBe('a');
    expect(await errorOf(pool.choose(ask({ last: true })))).toMatchObject({ code: 'provider_keys_resting' });
  });

  it('say where a request alone is more than a minute may have', async () => {
    const { pool } = makePool([{ id: 'a', tokensPerMinute: 1_000 }]);
    const error = await errorOf(pool.choose(ask({ tokens: 2_000, last: true })));
    expect(error.retryable).toBe(false);
  });
});

describe('whatever happens', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 90_000 }) }),
    fc.record({
      do: fc.constant('ask' as const),
      conversation: fc.option(fc.constantFrom('x', 'y', 'z'), { nil: null }),
      last: fc.boolean(),
      /** How many requests later it is answered. */
      later: fc.integer({ min: 0, max: 4 }),
      tokens: fc.integer({ min: 1, max: 50 }),
      outcome: fc.constantFrom('taken' as const, 'refused' as const, 'limited' as const, 'exhausted' as const),
    }),
  );

  it('a resting key is used by nobody but the last target, and no limit is exceeded', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { pool, clock } = makePool([
          { id: 'a', requestsPerMinute: 5 },
          { id: 'b', tokensPerMinute: 120 },
          { id: 'c' },
        ]);
        const restsUntil = new Map<string, { until: number; since: number }>();
        const running: { lease: KeyLease; given: number; due: number; outcome: 'taken' | KeyFault['kind'] }[] = [];
        let count = 0;
        const answer = (): void => {
          for (const one of running.splice(0)) {
            if (one.due > count) {
              running.push(one);
              continue;
            }
            const { id } = one.lease;
            const rest = restsUntil.get(id);
            if (one.outcome === 'taken') {
              pool.report(one.lease, { model: 'm', fault: null, headers: {} });
              // Only what was asked since it began to rest can end that.
              if (rest !== undefined && one.given > rest.since) restsUntil.delete(id);
              continue;
            }
            const until = clock.now + 30_000;
            blame(pool, one.lease, fault(one.outcome, { until, scope: 'key' }));
            const isOld = rest !== undefined && rest.until > clock.now && one.given <= rest.since;
            restsUntil.set(id, { until, since: isOld ? rest.since : count });
          }
        };
        const uses: { id: string; at: number; tokens: number }[] = [];
        for (const one of steps) {
          if (one.do === 'wait') {
            clock.now += one.ms;
            continue;
          }
          const lease = await pool.choose(ask({ ...one })).catch((error: unknown) => error);
          if (lease instanceof ProxyError) {
            expect(lease.code).toBe('provider_keys_resting');
            continue;
          }
          const { id } = lease as KeyLease;
          if (!one.last) expect(restsUntil.get(id)?.until ?? 0).toBeLessThanOrEqual(clock.now);
          uses.push({ id, at: clock.now, tokens: one.tokens });
          const minute = uses.filter((use) => use.id === id && use.at > clock.now - 60_000);
          if (id === 'a') expect(minute.length).toBeLessThanOrEqual(5);
          if (id === 'b') expect(minute.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(120);
          count += 1;
          running.push({ lease: lease as KeyLease, given: count, due: count + one.later, outcome: one.outcome });
          answer();
        }
      }),
      { numRuns: 300 },
    );
  });
});
