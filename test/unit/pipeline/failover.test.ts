import { describe, expect, it } from 'vitest';
import { type AttemptOutcome, failed } from '../../../src-main/pipeline/attempt-outcome.ts';
import { type AttemptContext, RequestContext } from '../../../src-main/pipeline/context.ts';
import { failOver } from '../../../src-main/pipeline/failover.ts';
import { WindowCheck } from '../../../src-main/pipeline/window-check.ts';
import { anthropicClientCodec } from '../../../src-main/protocols/anthropic/client-codec.ts';
import { RequestBody } from '../../../src-main/protocols/request-body.ts';
import type { Plan } from '../../../src-main/routing/plan.ts';
import { ProxyError } from '../../../src-shared/errors.ts';
import { factsOf, factWorld, planOf, routerFor } from '../../helpers/routing.ts';

const WINDOWS: Readonly<Record<string, number>> = { small: 1_000, tiny: 500 };
const { router } = routerFor({
  providers: ['a', 'b', 'small', 'tiny'].map((id) => ({
    id,
    type: 'openai-compatible',
    baseUrl: 'http://10.0.0.1:9',
    ...(WINDOWS[id] === undefined ? {} : { contextWindow: WINDOWS[id] }),
  })),
});
const targetsOf = (ids: readonly string[]) => ids.flatMap((id) => router.plan(factsOf({ model: `${id}/m` })).targets);

const down = (provider: string): AttemptOutcome =>
  failed(ProxyError.of('provider_error', { provider, status: 500, upstream: 'broken' }));
const overflow = (provider: string): AttemptOutcome =>
  failed(ProxyError.of('context_overflow', { provider, wording: 'prompt is too long: 1200 tokens > 1000 maximum' }));

interface World {
  targets: readonly string[];
  reserves?: readonly string[];
  /** Targets whose circuits have opened since they were planned. */
  open?: readonly string[];
  bytes?: number;
  rounds?: number;
  outcome?: (provider: string) => AttemptOutcome;
  /** Filled with what the router is told of each attempt. */
  ended?: (string | null)[];
}

/** One request through the loop. */
async function go({ targets, reserves = [], open = [], bytes = 100, rounds = 0, outcome = down, ended = [] }: World) {
  const body = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(bytes) }] };
  const request = new RequestContext(
    {
      id: 'req_1',
      codec: anthropicClientCodec,
      path: '/v1/messages',
      query: '',
      rawHeaders: [],
      header: () => null,
      body: new RequestBody(Buffer.from(JSON.stringify(body))),
      clientCredentials: [],
      client: null,
      signal: new AbortController().signal,
      arrivedAt: performance.now(),
    },
    factWorld,
  );
  const plan: Plan = { ...planOf('test'), targets: targetsOf(targets), reserves: targetsOf(reserves) };
  const asked: Pick<AttemptContext, 'noOther' | 'isFinal'>[] = [];
  const order: string[] = [];
  const tokens = Math.ceil(bytes / 4);
  const end = await failOver(request, plan, {
    retries: { rounds, waitMs: 0, longestWaitMs: 1_000, attempts: 12, deadlineMs: 60_000 },
    windows: new WindowCheck({
      counter: { count: () => Promise.resolve({ tokens, least: tokens, method: 'learned' }), learn: () => undefined },
      ownCount: () => Promise.resolve({ kind: 'none' }),
    }),
    begin: (_facts, target, isReserve) => {
      if (open.includes(target.provider.id) && !isReserve) return null;
      return ({ error }) => void ended.push(error?.code ?? null);
    },
    attempt: ({ target, noOther, isFinal }) => {
      order.push(target.provider.id);
      asked.push({ noOther, isFinal });
      return Promise.resolve(outcome(target.provider.id));
    },
  });
  const message = end.kind === 'failed' ? end.failure.error.message : null;
  const skipped = request.row.trace.filter(({ step }) => step === 'target skipped').map(({ detail }) => detail);
  return { end, order, asked, ended, message, skipped };
}

describe('circuits', () => {
  it('one that has opened meanwhile is passed over, and asked when nothing else is left', async () => {
    const { order, skipped, message, ended } = await go({ targets: ['a', 'b'], open: ['a'] });
    expect(order).toEqual(['b', 'a']);
    expect(skipped).toEqual(['a/m: its circuit has opened meanwhile']);
    expect(message).toContain('- a/m answered HTTP 500: broken (its circuit is open)');
    expect(ended).toEqual(['provider_error', 'provider_error']);
  });

  it('those that are open are asked once, after the rounds of the others', async () => {
    const { order } = await go({ targets: ['a'], reserves: ['b'], open: ['b'], rounds: 2 });
    expect(order).toEqual(['a', 'a', 'a', 'b']);
  });

  it('one that opens between rounds is not asked again where it was', async () => {
    const open: string[] = [];
    const { order } = await go({
      targets: ['a', 'b'],
      open,
      rounds: 2,
      outcome: (id) => {
        if (id === 'a') open.push('a');
        return down(id);
      },
    });
    expect(order).toEqual(['a', 'b', 'b', 'b']);
  });
});

describe('what a target is told of the others', () => {
  it('they are there until the last one is asked', async () => {
    const { asked } = await go({ targets: ['a', 'b'] });
    expect(asked).toEqual([
      { noOther: false, isFinal: false },
      { noOther: true, isFinal: true },
    ]);
  });

  it('those do not count whose windows are too small', async () => {
    const { order, asked, skipped, message } = await go({ targets: ['a', 'small', 'tiny'], bytes: 5_200 });
    expect(order).toEqual(['a']);
    expect(asked).toEqual([{ noOther: true, isFinal: true }]);
    expect(skipped).toEqual([
      'small/m: about 1,300 tokens are more than its window of 1,000',
      'tiny/m: its window is not larger',
    ]);
    expect(message).toContain('- tiny/m was not asked: its window is not larger');
  });

  it('nor those that are no larger than one that has refused', async () => {
    const { order, asked, end } = await go({ targets: ['small', 'tiny'], bytes: 2_400, outcome: overflow });
    expect(order).toEqual(['small']);
    expect(asked).toEqual([{ noOther: true, isFinal: true }]);
    expect(end).toMatchObject({ kind: 'failed', failure: { error: { code: 'context_overflow' } } });
  });
});

it('a bug of ours is not held against the target', async () => {
  const bug = new TypeError('a bug');
  const ended: (string | null)[] = [];
  const outcome = (): never => {
    throw bug;
  };
  await expect(go({ targets: ['a', 'b'], outcome, ended })).rejects.toBe(bug);
  expect(ended).toEqual([null]);
});
