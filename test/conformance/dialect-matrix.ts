import { strictEqual as equal, ok, deepStrictEqual as same } from 'node:assert/strict';
import type { ConfigInput } from '../../src-shared/config.ts';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  callTools,
  fail,
  hang,
  type ScriptableUpstream,
  say,
  startUpstream,
} from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';
import { clients, type Question, type Seen } from './clients.ts';
import { type Asked, readAsked } from './upstreams.ts';

/**
 * Every dialect a client speaks × every dialect a provider speaks × what an agent needs: the real engine, real sockets,
 * answers in pieces of a few bytes. Each cell throws where something is lost.
 */

export const clientProtocols: readonly ClientProtocol[] = ['anthropic', 'openai-chat', 'openai-responses'];
export const providerProtocols: readonly ProviderProtocol[] = [
  'anthropic',
  'openai-chat',
  'openai-responses',
  'ollama',
];

export interface Bench extends AsyncDisposable {
  engine: RunningEngine;
  upstream: ScriptableUpstream;
}

const config = (baseUrl: string): ConfigInput => ({
  providers: [
    // A model of today, whose rules for thinking, sampling and tool choice apply.
    { id: 'anthropic', type: 'anthropic', baseUrl, models: ['claude-sonnet-5-5'], key: 'env:MATRIX_KEY' },
    {
      id: 'openai-chat',
      type: 'openai-compatible',
      baseUrl,
      models: ['m'],
      key: 'env:MATRIX_KEY',
      quirks: { reasoningFormat: 'reasoning_effort' },
    },
    {
      id: 'openai-responses',
      type: 'openai-compatible',
      protocols: ['openai-responses'],
      baseUrl,
      models: ['m'],
      key: 'env:MATRIX_KEY',
    },
    { id: 'ollama', type: 'ollama', baseUrl, models: ['m'] },
  ],
});

export async function startMatrix(): Promise<Bench> {
  const upstream = await startUpstream();
  const engine = await runEngine(config(upstream.url), { env: { MATRIX_KEY: 'sk-matrix-canary-0123456789' } });
  return {
    engine,
    upstream,
    [Symbol.asyncDispose]: async () => {
      await engine.stop();
      await upstream.close();
    },
  };
}

/** One cell's surroundings. */
class Cell {
  readonly client: ClientProtocol;
  readonly provider: ProviderProtocol;
  readonly stream: boolean;
  readonly upstream: ScriptableUpstream;
  readonly #engine: RunningEngine;

  constructor({ engine, upstream }: Bench, client: ClientProtocol, provider: ProviderProtocol, stream: boolean) {
    this.#engine = engine;
    this.upstream = upstream;
    this.client = client;
    this.provider = provider;
    this.stream = stream;
    upstream.reset();
  }

  get model(): string {
    return `${this.provider}/${this.provider === 'anthropic' ? 'claude-sonnet-5-5' : 'm'}`;
  }

  send(question: Omit<Question, 'model' | 'stream'>, signal?: AbortSignal): Promise<Response> {
    const { door, ask } = clients[this.client];
    const body = ask({ ...question, model: this.model, stream: this.stream });
    return this.#engine.ask(body, { path: door, ...(signal === undefined ? {} : { signal }) });
  }

  /** Asks, and reads the answer to its end. */
  async ask(question: Omit<Question, 'model' | 'stream'>): Promise<Seen> {
    const response = await this.send(question);
    const text = await response.text();
    const streamed = response.headers.get('content-type')?.includes('event-stream') === true;
    if (response.status === 200) equal(streamed, this.stream, 'the answer has the form that was asked for');
    const seen = { status: response.status, ...clients[this.client].read(text, streamed) };
    // What passes through keeps the order of the provider, such as calls whose pieces take turns.
    if (this.client !== this.provider) same(seen.problems, [], `the stream keeps its grammar:\n${text}`);
    return seen;
  }

  /** What the provider was asked last. */
  async asked(): Promise<Asked> {
    const request = this.upstream.asked.at(-1);
    if (request === undefined) throw new Error('the provider was not asked');
    equal(request.protocol, this.provider, 'the provider is asked in its own dialect');
    return readAsked[this.provider](request.json);
  }
}

const user = (text: string) => ({ from: 'user', text }) as const;
/** A PNG of one pixel. */
const image = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const spoken = 'Grüße, 世界 — “quoted” \\ and\nnewline 😀';
const usage = { input: 30, cacheRead: 0, cacheWrite: 0, output: 9 };
const stops: Record<ClientProtocol, { end: string; tools: string }> = {
  anthropic: { end: 'end_turn', tools: 'tool_use' },
  'openai-chat': { end: 'stop', tools: 'tool_calls' },
  'openai-responses': { end: 'completed', tools: 'completed' },
};

async function text(cell: Cell): Promise<void> {
  cell.upstream.queue(answer([{ type: 'text', text: spoken }], { usage, wire: { randomChunks: 7, fragment: 3 } }));
  const seen = await cell.ask({ system: 'Be brief.', conversation: [user(spoken)] });
  equal(seen.status, 200);
  equal(seen.text, spoken);
  equal(seen.stop, stops[cell.client].end);
  same(seen.tokens, { input: 30, output: 9 });
  const asked = await cell.asked();
  equal(asked.system, 'Be brief.');
  same(asked.texts, [spoken]);
}

async function tools(cell: Cell): Promise<void> {
  const offered = ['Read', `mcp__${'x'.repeat(70)}`];
  cell.upstream.queue(
    callTools([{ name: 'Read', input: { path: 'C:\\a "b" ü' } }], { randomChunks: 3, fragment: 2 }),
    say('done'),
  );
  const first = await cell.ask({ conversation: [user('read it')], tools: offered });
  equal(first.stop, stops[cell.client].tools);
  same(
    first.calls.map(({ name, input }) => ({ name, input })),
    [{ name: 'Read', input: { path: 'C:\\a "b" ü' } }],
  );
  const { tools: sent } = await cell.asked();
  equal(sent[0], 'Read');
  equal(sent.length, 2);
  // Bytes that pass through are the client's own affair.
  if (cell.client !== cell.provider) ok((sent[1] ?? '').length <= 64, 'a long name is shortened');
  const second = await cell.ask({
    conversation: [
      user('read it'),
      { from: 'assistant', text: 'I read.', calls: first.calls },
      { from: 'tools', results: first.calls.map(({ id }) => ({ id, text: 'the content' })) },
    ],
    tools: offered,
  });
  equal(second.text, 'done');
  const { calls, results } = await cell.asked();
  same(
    calls.map(({ name, input }) => ({ name, input })),
    [{ name: 'Read', input: { path: 'C:\\a "b" ü' } }],
  );
  same(results, [{ id: calls[0]?.id, text: 'the content' }]);
}

async function parallelTools(cell: Cell): Promise<void> {
  const inputs = ['one', 'two', 'three'].map((path) => ({ path }));
  cell.upstream.queue(
    callTools(
      inputs.map((input) => ({ name: 'Read', input })),
      { interleave: true, fragment: 2, randomChunks: 11 },
    ),
    say('done'),
  );
  const first = await cell.ask({ conversation: [user('read all')], tools: ['Read'] });
  same(
    first.calls.map(({ input }) => input),
    inputs,
  );
  equal(new Set(first.calls.map(({ id }) => id)).size, 3, 'ids are unique');
  await cell.ask({
    conversation: [
      user('read all'),
      { from: 'assistant', calls: first.calls },
      // In the order of completion, as clients send them.
      { from: 'tools', results: first.calls.map(({ id }, index) => ({ id, text: `result ${index}` })).reverse() },
    ],
    tools: ['Read'],
  });
  const { calls, results } = await cell.asked();
  same(
    calls.map(({ input }) => input),
    inputs,
  );
  const byCall = calls.map(({ id }) => results.find((result) => result.id === id)?.text);
  same(byCall, ['result 0', 'result 1', 'result 2'], 'each result belongs to its call');
  equal(results.length, 3);
}

async function thinking(cell: Cell): Promise<void> {
  cell.upstream.queue(
    answer(
      [
        { type: 'thinking', text: 'Let me see.', signature: 'c2lnbmF0dXJl' },
        { type: 'text', text: 'It is 4.' },
      ],
      { wire: { randomChunks: 5 } },
    ),
  );
  const seen = await cell.ask({ conversation: [user('2 + 2?')], thinking: true });
  equal(seen.thinking, 'Let me see.');
  equal(seen.text, 'It is 4.');
  equal((await cell.asked()).thinks, true, 'the provider is asked to think');
}

async function images(cell: Cell): Promise<void> {
  cell.upstream.queue(say('a pixel'));
  const seen = await cell.ask({ conversation: [{ from: 'user', text: 'What is this?', image }] });
  equal(seen.text, 'a pixel');
  same((await cell.asked()).images, [image]);
}

async function errors(cell: Cell): Promise<void> {
  const conversation = [user('hello')];
  cell.upstream.queue(fail(429, { type: 'rate_limit_error', message: 'Slow down', headers: { 'retry-after': '3' } }));
  const refused = await cell.send({ conversation });
  equal(refused.status, 429);
  equal(refused.headers.get('retry-after'), '3');
  const told = clients[cell.client].read(await refused.text(), false);
  ok(told.error?.includes('Slow down'), `the reason is told: ${told.error}`);

  cell.upstream.queue(fail(401, { type: 'authentication_error', message: 'invalid x-api-key' }));
  const badKey = await cell.send({ conversation });
  equal(badKey.status, 502, "a provider's refused key does not look like a wrong client token");
  equal(badKey.headers.get('x-should-retry'), 'false');
  ok(!(await badKey.text()).includes('sk-matrix-canary'), 'no key is shown');

  cell.upstream.queue(
    fail(400, {
      type: 'context_length_exceeded',
      message:
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
    }),
  );
  const overflow = await cell.send({ conversation });
  equal(overflow.status, 400);
  const overflowText = await overflow.text();
  if (cell.client === 'anthropic' && cell.provider !== 'anthropic')
    ok(overflowText.includes('prompt is too long: 130000 tokens > 128000 maximum'), overflowText);
  else ok(/maximum context length|prompt is too long/.test(overflowText), overflowText);

  if (!cell.stream) return;
  cell.upstream.queue(
    say('a text that breaks off in its middle', {
      fragment: 4,
      errorAfter: { frames: 5, type: 'overloaded_error', message: 'Overloaded now' },
    }),
    say('a text that is cut', { fragment: 4, breakAfter: { frames: 3, how: 'end' } }),
  );
  const broken = await cell.ask({ conversation });
  ok(broken.error?.includes('Overloaded now'), `an error in the stream is told: ${broken.error}`);
  const cut = await cell.ask({ conversation });
  ok(cut.error !== null, 'a cut is an error and no end');
}

async function abort(cell: Cell): Promise<void> {
  const controller = new AbortController();
  cell.upstream.queue(
    cell.stream ? say('a long text that goes on and on and on and on', { fragment: 2, delayMs: 200 }) : hang(),
  );
  const sent = cell.send({ conversation: [user('hello')] }, controller.signal);
  if (cell.stream) await (await sent).body?.getReader().read();
  else await cell.upstream.waitFor(1);
  controller.abort();
  await sent.catch(() => undefined);
  await waitUntil('the abort of the upstream call', () => cell.upstream.asked.at(-1)?.aborted === true);
}

export const aspects = { text, tools, 'parallel tools': parallelTools, thinking, images, errors, abort } as const;
export type Aspect = keyof typeof aspects;

/** @throws AssertionError or Error saying what was lost. */
export async function checkCell(
  bench: Bench,
  client: ClientProtocol,
  provider: ProviderProtocol,
  aspect: Aspect,
  stream: boolean,
): Promise<void> {
  await aspects[aspect](new Cell(bench, client, provider, stream));
}
