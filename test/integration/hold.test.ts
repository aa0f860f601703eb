import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { contentOf, errorOf, readEvents } from '../helpers/answers.ts';
import { checkEventGrammar } from '../helpers/event-grammar.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, hang, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';

let first: ScriptableUpstream;
let second: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  first = await startUpstream();
  second = await startUpstream();
  running = await runEngine({
    server: { pingMs: 60 },
    // What one test breaks, the next one needs.
    routing: { holdMs: 100, circuit: { enabled: false }, affinity: { enabled: false } },
    providers: [
      { id: 'one', type: 'anthropic-compatible', baseUrl: first.url, timeouts: { silenceMs: 300, idleMs: 600 } },
      { id: 'two', type: 'openai-compatible', baseUrl: second.url, timeouts: { silenceMs: 300, idleMs: 600 } },
    ],
    aliases: { both: ['one/m', 'two/m'] },
  });
});
beforeEach(() => {
  first.reset();
  second.reset();
});
afterAll(async () => {
  await running.stop();
  await first.close();
  await second.close();
});

const pings = (text: string): number => text.split('event: ping').length - 1;

it('after holdMs the client gets headers and pings, and failover goes on behind them', async () => {
  first.queue(hang());
  second.queue(say('at last'));
  const response = await running.ask(question('x', { model: 'both', stream: true }));
  const { events, text } = await readEvents(response);
  expect(response.status).toBe(200);
  expect(response.headers.get('x-cproxy-request-id')).toMatch(/^req_/);
  expect(pings(text)).toBeGreaterThanOrEqual(2);
  expect(checkEventGrammar(events)).toEqual([]);
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'at last' }]);
});

it('a failure after that is an error event', async () => {
  first.queue(hang());
  second.queue(fail(500, { message: 'and this one broke' }));
  const response = await running.ask(question('x', { model: 'both', stream: true }));
  const { events } = await readEvents(response);
  expect(response.status).toBe(200);
  expect(errorOf(events)?.message).toContain('and this one broke');
});

it.each(['one/m', 'two/m'])('a stream of %s that falls silent is kept alive with pings', async (model) => {
  const upstream = model === 'one/m' ? first : second;
  upstream.queue(say('one two three', { fragment: 4, delayMs: 150 }));
  const { events, text } = await readEvents(await running.ask(question('x', { model, stream: true })));
  expect(pings(text)).toBeGreaterThanOrEqual(2);
  expect(checkEventGrammar(events)).toEqual([]);
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'one two three' }]);
});

it('what the provider sends to keep alive counts as life', async () => {
  first.queue(say('slow but there', { firstDelayMs: 0, fragment: 2, delayMs: 120, pings: true, comments: true }));
  second.queue(say('not needed'));
  const { text } = await readEvents(await running.ask(question('x', { model: 'both', stream: true })));
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'slow but there' }]);
  expect(second.asked).toHaveLength(0);
});

it('a whole answer is not given up while it is only slow', async () => {
  first.queue(say('thought about it', { headerDelayMs: 450 }));
  second.queue(say('not needed'));
  const response = await running.ask(question('x', { model: 'both' }));
  expect(await response.json()).toMatchObject({ content: [{ text: 'thought about it' }] });
});

it.each([
  ['one/m', 'after its end', 7],
  ['two/m', 'after its end', 5],
])('a connection of %s that stays open %s does not keep the client waiting', async (model, _when, frames) => {
  const upstream = model === 'one/m' ? first : second;
  upstream.queue(say('all there', { fragment: 40, breakAfter: { frames, how: 'hang' } }));
  const started = performance.now();
  const { events, text } = await readEvents(await running.ask(question('x', { model, stream: true })));
  expect(checkEventGrammar(events)).toEqual([]);
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'all there' }]);
  // Less than the moment that an unfinished end is given.
  expect(performance.now() - started).toBeLessThan(1_400);
});

it('a server that sends its finish but neither [DONE] nor the end is given a moment for usage', async () => {
  second.queue(say('all there', { fragment: 40, omitDone: true, breakAfter: { frames: 4, how: 'hang' } }));
  const { events, text } = await readEvents(await running.ask(question('x', { model: 'two/m', stream: true })));
  expect(checkEventGrammar(events)).toEqual([]);
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'all there' }]);
});
