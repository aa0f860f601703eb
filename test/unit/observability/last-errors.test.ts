import { describe, expect, test } from 'vitest';
import { LastErrors } from '../../../src-main/observability/last-errors.ts';
import { EventBus } from '../../../src-main/pipeline/events.ts';
import { type ErrorView, ProxyError } from '../../../src-shared/errors.ts';
import { makeAttempt, makeRow } from '../../helpers/rows.ts';

const cut = ProxyError.of('provider_cut_stream', { provider: 'a' }).view();
const empty = ProxyError.of('provider_empty', { provider: 'b' }).view();
const unknown = ProxyError.of('unknown_model', { model: 'm', near: [] }).view();

function setUp(capacity?: number) {
  const bus = new EventBus((error) => {
    throw error;
  });
  let now = 0;
  const errors = new LastErrors(bus, capacity, () => ++now);
  const failed = (provider: string, error: ErrorView) =>
    makeAttempt({ provider, model: 'm', outcome: 'failed', error });
  return { bus, errors, failed };
}

describe('the last errors', () => {
  test('tell what failed on the way to an answer, and that it was made up for', () => {
    const { bus, errors, failed } = setUp();
    const attempts = [failed('a', cut), makeAttempt({ provider: 'b', outcome: 'answered' })];
    bus.emit('request.finished', makeRow({ id: 'req_x', state: 'answered', attempts }));
    expect(errors.list()).toEqual([
      { at: 1, requestId: 'req_x', model: 'm', provider: 'a', error: cut, recovered: true },
    ]);
  });

  test('tell each failure once, the newest first', () => {
    const { bus, errors, failed } = setUp();
    const attempts = [failed('a', cut), failed('b', empty)];
    bus.emit('request.finished', makeRow({ state: 'failed', error: empty, attempts }));
    bus.emit('request.finished', makeRow({ state: 'failed', error: unknown, askedModel: 'nobody' }));
    expect(errors.list().map(({ provider, model, error }) => [provider, model, error.code])).toEqual([
      [null, 'nobody', 'unknown_model'],
      ['b', 'm', 'provider_empty'],
      ['a', 'm', 'provider_cut_stream'],
    ]);
  });

  test('are forgotten, the oldest first, and none is told after the end', () => {
    const { bus, errors } = setUp(2);
    const fail = (askedModel: string) =>
      bus.emit('request.finished', makeRow({ state: 'failed', error: unknown, askedModel }));
    for (const model of ['x', 'y', 'z']) fail(model);
    bus.emit('request.finished', makeRow({ state: 'answered', attempts: [makeAttempt()] }));
    expect(errors.list().map(({ model }) => model)).toEqual(['z', 'y']);
    errors.close();
    fail('later');
    expect(errors.list().map(({ model }) => model)).toEqual(['z', 'y']);
  });
});
