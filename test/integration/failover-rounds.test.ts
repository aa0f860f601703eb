import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contentOf, errorOf, readEvents } from '../helpers/answers.ts';
import { type FailoverLab, failoverLab } from '../helpers/failover-lab.ts';
import { question } from '../helpers/running-engine.ts';
import { answer, close, empty, fail, hang, type Step, say } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

let lab: FailoverLab;

beforeAll(async () => {
  lab = await failoverLab({ routing: { retries: { rounds: 2, waitMs: 10, longestWaitMs: 1_500 } } });
});
beforeEach(() => {
  lab.first.reset();
  lab.second.reset();
});
afterAll(() => lab[Symbol.asyncDispose]());

const ask = (model: string, stream = true) => lab.ask(question('x', { model, stream }));
const said = async (response: Response): Promise<unknown> => contentOf((await readEvents(response)).text);

describe('a failure that may pass', () => {
  it.each<[string, Step]>([
    ['an immediate 500', fail(500)],
    ['overloaded', fail(529)],
    ['a timeout of the provider', fail(408)],
    ['a conflict', fail(409)],
    ['a rate limit', fail(429, { headers: { 'retry-after': '0' } })],
    ['a reset connection', close()],
    ['silence', hang()],
    ['an empty 200', empty()],
    ['a cut before content', say('x', { breakAfter: { frames: 1, how: 'reset' } })],
    ['an error inside the 200 stream', say('x', { errorAfter: { frames: 1 } })],
    ['an answer without content', answer([], { stopReason: 'stop' })],
  ])('%s: the only target is asked again', async (_name, step) => {
    lab.second.queue(step, say('better'));
    expect(await said(await ask('b/m'))).toEqual([{ type: 'text', text: 'better' }]);
    expect(lab.attempts()).toEqual(['b failed', 'b answered']);
    expect(lab.told('asked again')).toEqual([expect.stringMatching(/^b\/m, after [\d.]+ s \(try 2\)$/)]);
  });

  it('all targets are asked, and then again in rounds', async () => {
    lab.first.queue(fail(500), fail(500), fail(500));
    lab.second.queue(fail(503), fail(503), say('at the third time'));
    expect(await said(await ask('both'))).toEqual([{ type: 'text', text: 'at the third time' }]);
    expect(lab.attempts().slice(0, 2)).toEqual(['a failed', 'b failed']);
    expect(lab.second.asked).toHaveLength(3);
    expect(lab.attempts().at(-1)).toBe('b answered');
  });

  it('no more rounds than the configuration says', async () => {
    lab.first.script(() => fail(500, { message: 'broken' }));
    const response = await ask('a/m');
    expect(response.status).toBe(500);
    // In its own words and bytes, which clients read.
    expect(await response.text()).toContain('"message":"broken"},"request_id":"req_upstream"');
    expect(lab.first.asked).toHaveLength(3);
  });
});

describe('a failure that does not pass', () => {
  it.each<[string, Step]>([
    ['a refused key', fail(401)],
    ['no credit', fail(402)],
    ['an unknown model', fail(404)],
    ['a malformed request', fail(400, { type: 'invalid_request_error', message: 'max_tokens: must be positive' })],
    ['a prompt that is too long', fail(400, { message: 'prompt is too long: 300000 tokens > 200000 maximum' })],
  ])('%s: it is not asked again', async (_name, step) => {
    lab.first.script(() => step);
    expect((await ask('a/m')).ok).toBe(false);
    expect(lab.first.asked).toHaveLength(1);
  });

  it('nothing is asked again after content', async () => {
    lab.first.script(() =>
      say('one two three four five six', { fragment: 4, breakAfter: { frames: 5, how: 'reset' } }),
    );
    const { events } = await readEvents(await ask('both'));
    expect(errorOf(events)?.message).toContain('before it was finished');
    expect(lab.attempts()).toEqual(['a failed']);
  });
});

describe('how long is waited', () => {
  it('as long as the provider asks, and before another target not at all', async () => {
    lab.first.queue(fail(429, { headers: { 'retry-after': '1' } }), say('rested'));
    lab.second.queue(fail(401));
    const started = performance.now();
    expect(await said(await ask('both'))).toEqual([{ type: 'text', text: 'rested' }]);
    expect(performance.now() - started).toBeGreaterThanOrEqual(990);
    expect(lab.attempts()).toEqual(['a failed', 'b failed', 'a answered']);
    const [first, second, third] = lab.rows.at(-1)?.attempts ?? [];
    expect((second?.startedMs ?? 0) - (first?.endedMs ?? 0)).toBeLessThan(100);
    expect((third?.startedMs ?? 0) - (first?.endedMs ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('not for one that asks for too long', async () => {
    lab.first.script(() => fail(529, { headers: { 'retry-after': '2' } }));
    const response = await ask('a/m');
    expect(response.status).toBe(529);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(lab.first.asked).toHaveLength(1);
  });

  it('no longer than the client stays', async () => {
    lab.first.script(() => fail(429, { headers: { 'retry-after': '1' } }));
    const controller = new AbortController();
    const response = lab.ask(question('x', { model: 'a/m', stream: true }), { signal: controller.signal });
    await waitUntil('the wait', () => lab.told('asked again').length === 1);
    controller.abort();
    await expect(response).rejects.toThrow();
    await waitUntil('the end', () => lab.engine.engine.status().requests.running === 0, 500);
    expect(lab.rows.at(-1)).toMatchObject({ state: 'aborted' });
    expect(lab.first.asked).toHaveLength(1);
  });
});

it('a target that was silent for all its time is asked once more, with more patience, and not twice', async () => {
  lab.first.script(() => hang());
  lab.second.script(() => hang());
  const response = await ask('both');
  expect(response.status).toBe(502);
  expect(await response.text()).toContain('asked twice');
  expect(lab.attempts()).toEqual(['a failed', 'b failed', 'a failed', 'b failed']);
  const took = (lab.rows.at(-1)?.attempts ?? []).map(({ startedMs, endedMs }) => (endedMs ?? 0) - startedMs);
  expect(took[0]).toBeLessThan(300);
  expect(took[2]).toBeGreaterThanOrEqual(390);
});

it('a slow server that others stand beside answers at its second time', async () => {
  lab.first.script(() => fail(500));
  lab.second.script(() => say('at last', { headerDelayMs: 250 }));
  expect(await said(await ask('both'))).toEqual([{ type: 'text', text: 'at last' }]);
  expect(lab.attempts().filter((attempt) => attempt.startsWith('b'))).toEqual(['b failed', 'b answered']);
});

it('an answer without content is given as it is when nothing is left', async () => {
  lab.second.script(() => answer([], { stopReason: 'stop' }));
  const { events } = await readEvents(await ask('b/m'));
  expect(events.at(-1)?.type).toBe('message_stop');
  expect(lab.second.asked).toHaveLength(3);
});

describe('bounds', () => {
  it('attempts of one request are counted, whoever they go to', async () => {
    await using short = await failoverLab({ routing: { retries: { rounds: 5, waitMs: 1, attempts: 3 } } });
    short.first.script(() => fail(500));
    short.second.script(() => fail(500));
    const response = await short.ask(question('x', { model: 'both', stream: true }));
    expect(response.status).toBe(502);
    expect(short.attempts()).toHaveLength(3);
  });

  it('after the deadline none is begun, and the error says so of who was not asked', async () => {
    await using late = await failoverLab({ routing: { retries: { rounds: 5, waitMs: 1, deadlineMs: 100 } } });
    late.first.script(() => hang());
    late.second.script(() => say('too late'));
    const response = await late.ask(question('x', { model: 'both', stream: true }));
    expect(response.status).toBe(502);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toContain('b/m was not asked: the time for it was over (routing.retries.deadlineMs: 100)');
    expect(late.attempts()).toEqual(['a failed']);
  });
});

it('while it waits, the client of a stream gets its headers and pings', async () => {
  await using held = await failoverLab({
    server: { pingMs: 60 },
    routing: { holdMs: 100, retries: { rounds: 1, waitMs: 1, longestWaitMs: 5_000 } },
  });
  held.first.queue(fail(529, { headers: { 'retry-after': '1' } }), say('rested'));
  const { text } = await readEvents(await held.ask(question('x', { model: 'a/m', stream: true })));
  expect(text.split('event: ping').length).toBeGreaterThan(5);
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'rested' }]);
});
