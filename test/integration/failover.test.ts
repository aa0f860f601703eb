import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contentOf, errorOf, readEvents } from '../helpers/answers.ts';
import { checkEventGrammar } from '../helpers/event-grammar.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  close,
  closedPort,
  empty,
  fail,
  garbage,
  hang,
  html,
  raw,
  redirect,
  type ScriptableUpstream,
  type Step,
  say,
  startUpstream,
} from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

let first: ScriptableUpstream;
let second: ScriptableUpstream;
let running: RunningEngine;
/** With the patience that is shipped. */
let slow: RunningEngine;

beforeAll(async () => {
  first = await startUpstream();
  second = await startUpstream();
  const quick = { silenceMs: 150, idleMs: 1_000 };
  running = await runEngine({
    // What one test breaks, the next one needs.
    routing: { circuit: { enabled: false }, affinity: { enabled: false } },
    providers: [
      { id: 'claude1', type: 'anthropic-compatible', baseUrl: first.url, timeouts: quick },
      { id: 'claude2', type: 'anthropic-compatible', baseUrl: second.url, timeouts: quick },
      { id: 'chat1', type: 'openai-compatible', baseUrl: first.url, timeouts: quick },
      { id: 'chat2', type: 'openai-compatible', baseUrl: second.url, timeouts: quick },
      { id: 'gone', type: 'anthropic-compatible', baseUrl: `http://127.0.0.1:${await closedPort()}` },
    ],
    aliases: {
      claude: ['claude1/m', 'claude2/m'],
      chat: ['chat1/m', 'chat2/m'],
      mixed: ['chat1/m', 'claude2/m'],
      gone: ['gone/m', 'claude2/m'],
      nowhere: ['gone/m'],
    },
  });
});
beforeAll(async () => {
  slow = await runEngine({ providers: [{ id: 'claude1', type: 'anthropic-compatible', baseUrl: first.url }] });
});
beforeEach(() => {
  first.reset();
  second.reset();
});
afterAll(async () => {
  await running.stop();
  await slow.stop();
  await first.close();
  await second.close();
});

const before: [string, Step][] = [
  ['an immediate 500', fail(500)],
  ['overloaded', fail(529, { type: 'overloaded_error' })],
  ['a rate limit', fail(429)],
  ['a refused key', fail(401)],
  ['no credit', fail(402)],
  ['an unknown model', fail(404)],
  ['a reset connection', close()],
  ['silence before the headers', hang()],
  ['silence after the headers', say('late', { firstDelayMs: 10_000 })],
  ['an empty 200', empty()],
  ['a web page', html()],
  ['garbage', garbage()],
  ['a redirect', redirect('http://127.0.0.1:9/v1/messages')],
  ['an error inside the 200 stream, before content', say('x', { errorAfter: { frames: 1 } })],
  ['a cut before content', say('x', { breakAfter: { frames: 1, how: 'reset' } })],
  ['an end before content', say('x', { breakAfter: { frames: 1, how: 'end' } })],
];

describe.each(['claude', 'chat', 'mixed'])('%s: the client does not notice', (model) => {
  it.each(before)('%s', async (_name, step) => {
    first.queue(step);
    second.queue(say('from the second'));
    const response = await running.ask(question('x', { model, stream: true }));
    const { events, text } = await readEvents(response);
    expect(response.status).toBe(200);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(contentOf(text)).toEqual([{ type: 'text', text: 'from the second' }]);
    expect(response.headers.get('x-cproxy-attempts')).toBe('2');
    expect(response.headers.get('x-cproxy-provider')).toMatch(/2$/);
    expect(first.asked).toHaveLength(1);
  });

  it.each(before.filter(([name]) => !/silence/.test(name)))('not streamed: %s', async (_name, step) => {
    first.queue(step);
    second.queue(say('from the second'));
    const response = await running.ask(question('x', { model }));
    // An end before the end of a stream says nothing of an answer that is not one: what came whole is an answer.
    const { content } = (await response.json()) as { content: { text: string }[] };
    expect(response.status).toBe(200);
    expect(['from the second', 'x']).toContain(content[0]?.text);
  });
});

it('a connection that is refused moves on at once', async () => {
  second.queue(say('from the second'));
  const started = performance.now();
  const response = await running.ask(question('x', { model: 'gone' }));
  expect(response.status).toBe(200);
  expect(performance.now() - started).toBeLessThan(4_000);
});

it('a request that is wrong in itself is not tried elsewhere', async () => {
  first.queue(fail(400, { type: 'invalid_request_error', message: 'max_tokens: must be positive' }));
  const response = await running.ask(question('x', { model: 'claude' }));
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('max_tokens: must be positive');
  expect(second.asked).toHaveLength(0);
});

it('when every target failed, one error names each and says why', async () => {
  first.queue(fail(500, { message: 'first broke' }));
  second.queue(fail(529, { type: 'overloaded_error', message: 'second is full', headers: { 'retry-after': '4' } }));
  const response = await running.ask(question('x', { model: 'claude', stream: true }));
  expect(response.status).toBe(502);
  const text = await response.text();
  expect(text).toContain('claude1/m answered HTTP 500: first broke');
  expect(text).toContain('claude2/m answered HTTP 529: second is full');
  expect(response.headers.get('x-should-retry')).toBeNull();
  // The first one has named no time.
  expect(response.headers.get('retry-after')).toBeNull();
});

describe('after the first content nothing is replayed', () => {
  it.each([
    ['claude1/m', 'reset'],
    ['claude1/m', 'end'],
    ['claude1/m', 'hang'],
    ['chat1/m', 'reset'],
    ['chat1/m', 'end'],
    ['chat1/m', 'hang'],
  ] as const)('%s, stream broken by %s: an error event, not a silent end', async (model, how) => {
    first.queue(say('one two three four five six', { fragment: 4, breakAfter: { frames: 5, how } }));
    const response = await running.ask(question('x', { model, stream: true }));
    const { events } = await readEvents(response);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(errorOf(events)?.message).toMatch(how === 'hang' ? /sent nothing for/ : /before it was finished/);
    expect(events.some((event) => event.type === 'message_stop')).toBe(false);
  });

  it('an error event of the provider reaches the client once, whatever follows', async () => {
    first.queue(say('one two three four', { fragment: 3, errorAfter: { frames: 4, message: 'Overloaded now' } }));
    const { events } = await readEvents(await running.ask(question('x', { model: 'claude', stream: true })));
    expect(events.filter((event) => event.type === 'error')).toHaveLength(1);
    expect(errorOf(events)?.message).toBe('Overloaded now');
    expect(second.asked).toHaveLength(0);
  });
});

describe('what a provider sends in its own way', () => {
  const events = { 'content-type': 'text/event-stream' };
  const frames = (...list: Record<string, unknown>[]): string =>
    list.map((event) => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`).join('');
  const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const begun = frames(
    {
      type: 'message_start',
      message: { id: 'a', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null, usage },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hi' } },
  );
  const finished = frames(
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage },
  );
  const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Full now' } };

  it('an error event without its empty line reaches the client', async () => {
    first.queue(raw(200, begun + frames(overloaded).trimEnd(), events));
    const streamed = await readEvents(await running.ask(question('x', { model: 'claude', stream: true })));
    expect(streamed.events.filter((event) => event.type === 'error')).toHaveLength(1);
    expect(errorOf(streamed.events)?.message).toBe('Full now');
  });

  it.each(['end', 'hang'] as const)('a finished answer without message_stop, then %s: it gets one', async (how) => {
    first.queue(raw(200, begun + finished, events, how === 'hang' ? { breakAfter: { frames: 1, how } } : {}));
    const streamed = await readEvents(await running.ask(question('x', { model: 'claude', stream: true })));
    expect(checkEventGrammar(streamed.events)).toEqual([]);
    expect(streamed.events.at(-1)?.type).toBe('message_stop');
  });

  it.each([true, false])('an error in place of the answer keeps its kind (stream: %s)', async (stream) => {
    first.queue(raw(200, JSON.stringify(overloaded), { 'content-type': 'application/json' }));
    const response = await running.ask(question('x', { model: 'claude1/m', stream }));
    expect(response.status).toBe(529);
    expect(await response.text()).toContain('Full now');
  });

  it('an event without end is given up, at no great cost', async () => {
    first.queue(raw(200, `data: ${'z'.repeat(40 * 1024 * 1024)}`, events, { chunkBytes: 65_536 }));
    const started = process.cpuUsage();
    const response = await running.ask(question('x', { model: 'claude1/m', stream: true }));
    expect(response.status).toBe(502);
    expect(await response.text()).toContain('longer than 32 MB');
    expect(process.cpuUsage(started).user).toBeLessThan(5_000_000);
  });

  it('an error whose body does not end is told all the same', async () => {
    first.queue(raw(500, 'it broke', {}, { breakAfter: { bytes: 8, how: 'hang' } }));
    const response = await slow.ask(question('x', { model: 'claude1/m', stream: true }));
    expect(response.status).toBe(500);
    expect(await response.text()).toBe('it broke');
  });

  it('a web page is not held on to', async () => {
    const page = `<!doctype html>${'x'.repeat(400_000)}`;
    first.queue(raw(200, page, { 'content-type': 'text/html' }, { chunkBytes: 65_536, delayMs: 50 }));
    expect((await running.ask(question('x', { model: 'claude1/m', stream: true }))).status).toBe(502);
    await waitUntil('the provider is let go', () => first.asked[0]?.aborted === true);
  });
});

describe('the last target gives its own error', () => {
  it.each<[string, Step, number, RegExp]>([
    ['silence', hang(), 504, /sent nothing for 1 s/],
    ['an empty 200', empty(), 502, /empty answer/],
    ['a web page', html(), 502, /HTML page/],
    ['a redirect', redirect('http://127.0.0.1:9/'), 502, /redirect/],
    ['a cut', say('x', { breakAfter: { frames: 1, how: 'reset' } }), 502, /before it was finished/],
  ])('%s', async (_name, step, status, message) => {
    for (const model of ['claude1/m', 'chat1/m']) {
      first.queue(step);
      const response = await running.ask(question('x', { model, stream: true }));
      expect(response.status).toBe(status);
      const body = (await response.json()) as { type: string; error: { message: string } };
      expect(body.type).toBe('error');
      expect(body.error.message).toMatch(message);
      expect(body.error.message).toContain(model.split('/')[0]);
    }
  });

  it('refused: the provider and what to look at are named', async () => {
    const response = await running.ask(question('x', { model: 'nowhere' }));
    expect(response.status).toBe(502);
    expect(await response.text()).toMatch(/'gone' could not be reached: nothing listens at 127\.0\.0\.1:\d+/);
  });
});

describe('an answer without content', () => {
  it('is tried again elsewhere, and given as it is when no one has more', async () => {
    const nothing = answer([], { stopReason: 'stop' });
    first.queue(nothing);
    second.queue(say('something'));
    const tried = await readEvents(await running.ask(question('x', { model: 'chat', stream: true })));
    expect(contentOf(tried.text)).toEqual([{ type: 'text', text: 'something' }]);
    first.queue(nothing);
    const given = await readEvents(await running.ask(question('x', { model: 'chat1/m', stream: true })));
    expect(given.events.at(-1)?.type).toBe('message_stop');
  });

  it('of Anthropic with a reason is an answer', async () => {
    first.queue(
      raw(
        200,
        'event: message_start\ndata: {"type":"message_start","message":{}}\n\nevent: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"refusal"},"usage":{}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
        { 'content-type': 'text/event-stream' },
      ),
    );
    const response = await running.ask(question('x', { model: 'claude', stream: true }));
    expect(await response.text()).toContain('refusal');
    expect(second.asked).toHaveLength(0);
  });
});

it('a client that stays but does not read lets the provider go in the end', async () => {
  first.queue(say('x'.repeat(40_000_000), { fragment: 1_000_000 }));
  const { port } = new URL(running.url);
  const body = JSON.stringify(question('x', { model: 'claude1/m', stream: true }));
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${running.token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const [asked] = await first.waitFor(1);
  await waitUntil('the end of the provider call', () => asked?.aborted === true);
  await waitUntil('the end of the request', () => running.engine.status().requests.running === 0);
  socket.destroy();
});
