import { afterEach, describe, expect, it, vi } from 'vitest';
import { RequestLog } from '../../../src-main/observability/request-log.ts';
import { EventBus } from '../../../src-main/pipeline/events.ts';
import type { RequestEvent } from '../../../src-shared/control.ts';
import type { AttemptRow, RequestRow } from '../../../src-shared/requests.ts';
import { makeProvider } from '../../helpers/providers.ts';
import { planOf } from '../../helpers/routing.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const logs: RequestLog[] = [];
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
});

function setUp(capacity?: number) {
  const bus = new EventBus((error) => {
    throw error;
  });
  const log = new RequestLog(bus, capacity);
  logs.push(log);
  const start = (changes: Partial<RequestRow> = {}) => {
    const row = makeRow(changes);
    bus.emit('request.started', row);
    return row;
  };
  const finish = (row: RequestRow, state: RequestRow['state'] = 'answered') => {
    Object.assign(row, { state, status: 200, endedMs: 12 });
    bus.emit('request.finished', row);
  };
  return { bus, log, start, finish };
}

const target = { provider: makeProvider({ type: 'demo' }), model: 'qwen3' };
const attempt = (): AttemptRow => makeAttempt({ mode: 'translated' });

describe('RequestLog', () => {
  it('lists the newest first and forgets the oldest', () => {
    const { log, start } = setUp(3);
    const rows = [start(), start(), start(), start()];
    expect(log.list(10).map((row) => row.id)).toEqual([rows[3]?.id, rows[2]?.id, rows[1]?.id]);
    expect(log.list(2)).toHaveLength(2);
    expect(log.list(0)).toEqual([]);
    expect(log.find(rows[0]?.id ?? '')).toBeNull();
    expect(log.find(rows[3]?.id ?? '')?.askedModel).toBe('claude-sonnet-5-5');
  });

  it('hands out snapshots', () => {
    const { log, start, finish } = setUp();
    const row = start({ attempts: [attempt()] });
    const [listed, found] = [log.list(1)[0], log.find(row.id)];
    finish(row);
    for (const live of row.attempts) live.outcome = 'answered';
    for (const copy of [listed, found]) {
      expect(copy?.state).toBe('running');
      expect(copy?.attempts[0]?.outcome).toBe('running');
    }
    expect(log.find(row.id)?.state).toBe('answered');
  });

  it('counts what runs, what was and what failed, also beyond what it remembers', () => {
    const { log, start, finish } = setUp(2);
    const rows = [start(), start(), start(), start()];
    expect(log.counts()).toEqual({ running: 4, total: 4, failed: 0 });
    for (const [index, row] of rows.entries())
      finish(row, (['failed', 'aborted', 'answered', 'failed'] as const)[index]);
    expect(log.counts()).toEqual({ running: 0, total: 4, failed: 2 });
  });

  it('explains a request by its id, a beginning of it, as the latest, and as the latest that failed', () => {
    const { bus, log, start, finish } = setUp();
    const rows = ['req_aa11', 'req_aa22', 'req_bb33'].map((id) => start({ id }));
    for (const row of rows) bus.emit('request.routed', { request: row, plan: planOf(`rule ${row.id}`) });
    for (const [index, row] of rows.entries()) finish(row, index === 1 ? 'failed' : 'answered');
    const routeOf = (which: string) => log.explain(which)?.route?.route;
    expect(['req_aa22', 'req_b', 'bb', 'latest', 'failed'].map(routeOf)).toEqual([
      'rule req_aa22',
      'rule req_bb33',
      'rule req_bb33',
      'rule req_bb33',
      'rule req_aa22',
    ]);
    expect(log.explain('cc')).toBeNull();
    expect(() => log.explain('req_aa')).toThrow("several begin with 'req_aa'");
    expect(log.routed(2).map(({ id, view }) => [id, view().route])).toEqual([
      ['req_bb33', 'rule req_bb33'],
      ['req_aa22', 'rule req_aa22'],
    ]);
  });

  it('explains what happened after a request was routed, and one that was not routed', () => {
    const { bus, log, start } = setUp();
    const trace = [{ step: 'model', detail: 'known' }];
    const row = start({ trace });
    bus.emit('request.routed', { request: row, plan: planOf('model m') });
    row.trace.push({ step: 'attempt failed', detail: 'no' }, { step: 'key changed', detail: 'another' });
    expect(log.explain('latest')?.steps).toEqual([{ step: 'key changed', detail: 'another' }]);
    const lost = start();
    expect(log.explain('latest')).toMatchObject({ request: { id: lost.id }, route: null });
    bus.emit('request.unroutable', { request: lost, route: { ...planOf('none').explain(), problem: 'nobody has it' } });
    expect(log.explain('latest')?.route?.problem).toBe('nobody has it');
  });

  it('puts a plan into words only for who asks, and forgets it with its request', () => {
    const { bus, log, start } = setUp(2);
    const plan = { ...planOf('model m'), explain: vi.fn(planOf('model m').explain) };
    const first = start({ id: 'req_first' });
    bus.emit('request.routed', { request: first, plan });
    log.list(10);
    expect(plan.explain).not.toHaveBeenCalled();
    log.explain('req_first');
    expect(plan.explain).toHaveBeenCalledTimes(1);
    start();
    start();
    expect(log.explain('req_first')).toBeNull();
    expect(log.routed(10)).toEqual([]);
    bus.emit('request.routed', { request: first, plan });
    expect(log.routed(10)).toEqual([]);
  });

  it('hears nothing after it is closed', () => {
    const { log, start } = setUp();
    log.close();
    start();
    expect(log.list(10)).toEqual([]);
  });
});

describe('a live reader', () => {
  it('gets a snapshot and then the changes of every kind', async () => {
    const { bus, log, start, finish } = setUp();
    const row = start();
    const reader = log.live();
    expect((await reader.next()).value).toMatchObject({ type: 'snapshot', rows: [{ id: row.id }] });

    const names: string[] = [];
    for (const change of [
      () => bus.emit('request.routed', { request: Object.assign(row, { route: 'alias' }), plan: planOf('') }),
      () => bus.emit('attempt.started', { request: row, attempt: attempt() }),
      () => bus.emit('request.answering', Object.assign(row, { status: 200 })),
      () => bus.emit('attempt.finished', { request: row, attempt: attempt(), target }),
      () => finish(row),
    ]) {
      change();
      const { value } = await reader.next();
      names.push(`${value?.type} ${value?.rows[0]?.route} ${value?.rows[0]?.status} ${value?.rows[0]?.state}`);
    }
    expect(names).toEqual([
      'changed alias null running',
      'changed alias null running',
      'changed alias 200 running',
      'changed alias 200 running',
      'changed alias 200 answered',
    ]);
  });

  it('gets the newest state of a row once, however often it changed while it was not reading', async () => {
    const { bus, log, start, finish } = setUp();
    const reader = log.live();
    await reader.next();
    const [first, second] = [start(), start()];
    for (let i = 0; i < 100; i += 1)
      bus.emit('request.routed', { request: Object.assign(first, { route: `rule ${i}` }), plan: planOf('') });
    finish(second);
    const { value } = await reader.next();
    expect(value?.rows.map((row) => [row.id, row.route, row.state])).toEqual([
      [first.id, 'rule 99', 'running'],
      [second.id, null, 'answered'],
    ]);
  });

  it('gets at most ten batches a second', async () => {
    const { log, start } = setUp();
    const reader = log.live();
    await reader.next();
    const events: RequestEvent[] = [];
    const reading = (async () => {
      for await (const event of { [Symbol.asyncIterator]: () => reader }) events.push(event);
    })();
    const begin = performance.now();
    while (performance.now() - begin < 350) {
      start();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await reader.return?.();
    await reading;
    expect(events.length).toBeGreaterThanOrEqual(2);
    expect(events.length).toBeLessThanOrEqual(5);
  });

  it('that never reads holds no more than the log remembers', async () => {
    const { log, start } = setUp(5);
    const reader = log.live();
    await reader.next();
    for (let i = 0; i < 1000; i += 1) start();
    const looks = vi.spyOn(log, 'find');
    const { value } = await reader.next();
    expect(value?.rows).toHaveLength(5);
    expect(looks).toHaveBeenCalledTimes(5);
  });

  it('has everything from one moment on: what happens before the first read is in the snapshot', async () => {
    const { log, start } = setUp();
    const reader = log.live();
    const before = start();
    expect((await reader.next()).value?.rows.map((row) => row.id)).toEqual([before.id]);
    const after = start();
    expect((await reader.next()).value?.rows.map((row) => row.id)).toEqual([after.id]);
  });

  it('is let go while it waits: by return, by its signal, by the end of the log', async () => {
    const { log } = setUp();
    const abort = new AbortController();
    const readers = [log.live(), log.live(abort.signal), log.live()];
    for (const reader of readers) await reader.next();
    const waiting = readers.map((reader) => reader.next());
    expect(log.readers).toBe(3);
    await readers[0]?.return?.();
    abort.abort();
    expect(log.readers).toBe(1);
    log.close();
    expect(log.readers).toBe(0);
    expect((await Promise.all(waiting)).every((next) => next.done)).toBe(true);
    expect((await log.live(AbortSignal.abort()).next()).done).toBe(true);
    expect(log.readers).toBe(0);
  });
});
