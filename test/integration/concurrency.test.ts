import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Middleware } from '../../src-main/pipeline/middleware.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { contentOf, errorOf, readEvents } from '../helpers/answers.ts';
import { checkEventGrammar } from '../helpers/event-grammar.ts';
import { question, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import { fail, hang, type ScriptableUpstream, type Step, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

let local: ScriptableUpstream;
let other: ScriptableUpstream;
let running: RunningEngine;
const rows: RequestRow[] = [];
const seen: Middleware = {
  name: 'seen',
  request: (context, next) => {
    rows.push(context.row);
    return next();
  },
};

/** Answers of the local server, which come when the test says so. */
let answers = new Map<string, PromiseWithResolvers<Step>>();
const answerTo = (text: string): PromiseWithResolvers<Step> => {
  const known = answers.get(text) ?? Promise.withResolvers<Step>();
  answers.set(text, known);
  return known;
};

beforeAll(async () => {
  local = await startUpstream();
  other = await startUpstream();
  running = await runEngine(
    {
      server: { pingMs: 40 },
      routing: { holdMs: 40 },
      providers: [
        {
          id: 'local',
          type: 'llamacpp',
          baseUrl: local.url,
          maxConcurrent: 1,
          timeouts: { silenceMs: 150, idleMs: 400 },
        },
        { id: 'other', type: 'anthropic-compatible', baseUrl: other.url },
      ],
      aliases: { both: ['local/m', 'other/m'] },
    },
    { middleware: [seen] },
  );
});
beforeEach(() => {
  local.reset();
  other.reset();
  rows.length = 0;
  answers = new Map();
  local.script(({ json }) => {
    const [message] = json.messages as { content: string }[];
    return answerTo(message?.content ?? '').promise;
  });
});
afterAll(async () => {
  await running.stop();
  await local.close();
  await other.close();
});

const ask = (text: string, model = 'local/m', signal?: AbortSignal): Promise<Response> =>
  running.ask(question(text, { model, stream: true }), signal === undefined ? {} : { signal });
const arrived = (count: number) => waitUntil('a request', () => rows.length === count);
const asked = () => local.asked.map(({ json }) => (json.messages as { content: string }[])[0]?.content);

it('gives a server as many requests at a time as it takes, in the order they came', async () => {
  const first = ask('a');
  await local.waitFor(1);
  const second = ask('b');
  await arrived(2);
  const third = ask('c');
  await arrived(3);
  // Longer than the server may be silent for: it is not the server that is.
  const waiting = await second;
  expect(waiting.headers.get('content-type')).toContain('text/event-stream');
  expect(asked()).toEqual(['a']);

  answerTo('a').resolve(say('one'));
  expect(contentOf((await readEvents(await first)).text)).toEqual([{ type: 'text', text: 'one' }]);
  await local.waitFor(2);
  expect(asked()).toEqual(['a', 'b']);
  answerTo('b').resolve(say('two'));
  const { events, text } = await readEvents(waiting);
  expect(checkEventGrammar(events)).toEqual([]);
  expect(text).toContain('event: ping');
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'two' }]);
  answerTo('c').resolve(say('three'));
  expect(contentOf((await readEvents(await third)).text)).toEqual([{ type: 'text', text: 'three' }]);

  expect(rows[0]?.trace.map(({ step }) => step)).not.toContain('waited');
  expect(rows[2]?.trace.find(({ step }) => step === 'waited')?.detail).toMatch(
    /^\d+\.\d s for its turn at local, which takes 1 at a time; 1 had waited for longer$/,
  );
  // What it waited is not the provider's time.
  const [attempt] = rows[1]?.attempts ?? [];
  expect(attempt?.startedMs).toBeGreaterThanOrEqual(40);
});

it('a client that leaves leaves the queue, and one that is answered makes room', async () => {
  const leaver = new AbortController();
  const first = new AbortController();
  const one = ask('a', 'local/m', first.signal).catch(() => null);
  await local.waitFor(1);
  const two = ask('b', 'local/m', leaver.signal).catch(() => null);
  await arrived(2);
  const three = ask('c');
  await arrived(3);
  leaver.abort();
  await two;
  await waitUntil('the end of the second', () => rows[1]?.state === 'aborted');
  first.abort();
  await one;
  await local.waitFor(2);
  answerTo('c').resolve(say('three'));
  expect(contentOf((await readEvents(await three)).text)).toEqual([{ type: 'text', text: 'three' }]);
  expect(asked()).toEqual(['a', 'c']);
});

it('a failure makes room as an answer does', async () => {
  const first = ask('a');
  await local.waitFor(1);
  const second = ask('b');
  await arrived(2);
  answerTo('a').resolve(fail(500, { message: 'broken' }));
  answerTo('b').resolve(say('two'));
  expect(await (await first).text()).toContain('broken');
  expect(contentOf((await readEvents(await second)).text)).toEqual([{ type: 'text', text: 'two' }]);
});

it('a silent server makes room when its patience is over', async () => {
  const first = ask('a');
  await local.waitFor(1);
  const second = ask('b');
  await arrived(2);
  answerTo('a').resolve(hang());
  answerTo('b').resolve(say('two'));
  expect(errorOf((await readEvents(await first)).events)?.message).toContain('sent nothing');
  expect(contentOf((await readEvents(await second)).text)).toEqual([{ type: 'text', text: 'two' }]);
});

it('who has another target waits for the busy one no longer than for a silent one', async () => {
  const first = ask('a');
  await local.waitFor(1);
  other.queue(say('from elsewhere'));
  const { text } = await readEvents(await ask('b', 'both'));
  expect(contentOf(text)).toEqual([{ type: 'text', text: 'from elsewhere' }]);
  expect(asked()).toEqual(['a']);
  const [busy] = rows[1]?.attempts ?? [];
  expect(busy?.error).toEqual({
    code: 'provider_busy',
    status: 529,
    message:
      "Provider 'local' is busy: it is given one request at a time (maxConcurrent), and none of those under way has ended within 0 s.",
  });
  answerTo('a').resolve(say('one'));
  await readEvents(await first);
});

it('answers that are not streamed wait as well, and counts do not', async () => {
  const first = ask('a');
  await local.waitFor(1);
  const second = running.ask(question('b', { model: 'local/m' }));
  await arrived(2);
  const count = await running.ask(question('x', { model: 'local/m' }), { path: '/v1/messages/count_tokens' });
  expect(await count.json()).toEqual({ input_tokens: 42 });
  answerTo('a').resolve(say('one'));
  answerTo('b').resolve(say('two'));
  await readEvents(await first);
  expect(await (await second).json()).toMatchObject({ content: [{ type: 'text', text: 'two' }] });
});
