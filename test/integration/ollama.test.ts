import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AnswerMessage } from '../../src-main/protocols/canonical.ts';
import { errorOf, readEvents, readMessage } from '../helpers/answers.ts';
import { checkEventGrammar } from '../helpers/event-grammar.ts';
import { question, type RunningEngine, runEngine, agentTools as tools } from '../helpers/running-engine.ts';
import {
  answer,
  callTools,
  close,
  fail,
  hang,
  inPieces,
  raw,
  type ScriptableUpstream,
  say,
  startUpstream,
  type Wire,
} from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine({
    providers: [
      { id: 'local', type: 'ollama', baseUrl: upstream.url, models: ['qwen3:8b', 'gpt-oss:20b'] },
      { id: 'roomy', type: 'ollama', baseUrl: `${upstream.url}/v1/`, models: ['big'], contextWindow: 65_536 },
    ],
  });
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const request = (rest: Record<string, unknown> = {}): Record<string, unknown> =>
  question('x', { model: 'qwen3:8b', ...rest });

/** The same answer, asked for as a stream and as a whole. */
async function ask(streamed: boolean, rest: Record<string, unknown> = {}): Promise<AnswerMessage> {
  const response = await running.ask(request({ ...rest, stream: streamed }));
  expect(response.status).toBe(200);
  return readMessage(response);
}

describe.each([true, false])('an answer (streamed: %s)', (streamed) => {
  it('of text', async () => {
    upstream.queue(say('Größe 😀', { chunkBytes: 1 }));
    expect(await ask(streamed)).toMatchObject({
      content: [{ type: 'text', text: 'Größe 😀' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 25, output_tokens: 7 },
    });
    const [asked] = upstream.asked;
    expect(asked?.url).toBe('/api/chat');
    expect(asked?.json).toMatchObject({
      model: 'qwen3:8b',
      messages: [{ role: 'user', content: 'x' }],
      stream: streamed,
      options: { num_predict: 256 },
    });
    expect(JSON.stringify(asked?.rawHeaders)).not.toContain(running.token);
  });

  it('with a tool', async () => {
    upstream.queue(callTools([{ id: 'call_1', name: 'Bash', input: { command: 'ls "ä"' } }]));
    expect(await ask(streamed, { tools })).toMatchObject({
      content: [{ type: 'tool_use', id: 'call_1', name: 'Bash', input: { command: 'ls "ä"' } }],
      stop_reason: 'tool_use',
    });
    expect(upstream.asked[0]?.json.tools).toMatchObject([
      { type: 'function', function: { name: 'Bash', description: 'Runs' } },
      { type: 'function', function: { name: 'Read' } },
    ]);
  });

  it('with parallel tools, without ids, and their results given back', async () => {
    upstream.queue(
      answer([
        { type: 'text', text: 'Looking.' },
        { type: 'tool_use', name: 'Bash', input: { command: 'ls' } },
        { type: 'tool_use', name: 'Read', input: { file_path: '/tmp/x' } },
      ]),
    );
    const first = await ask(streamed, { tools });
    const ids = first.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(2);

    upstream.queue(say('done'));
    const results = [
      { type: 'tool_result', tool_use_id: ids[1], content: 'second', is_error: true },
      { type: 'tool_result', tool_use_id: ids[0], content: [{ type: 'text', text: 'first' }] },
    ];
    await ask(streamed, {
      tools,
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: first.content },
        { role: 'user', content: results },
      ],
    });
    expect(upstream.asked[1]?.json.messages).toEqual([
      { role: 'user', content: 'x' },
      {
        role: 'assistant',
        content: 'Looking.',
        tool_calls: [
          { id: ids[0], function: { name: 'Bash', arguments: { command: 'ls' } } },
          { id: ids[1], function: { name: 'Read', arguments: { file_path: '/tmp/x' } } },
        ],
      },
      { role: 'tool', content: 'first', tool_name: 'Bash', tool_call_id: ids[0] },
      { role: 'tool', content: 'Error: second', tool_name: 'Read', tool_call_id: ids[1] },
    ]);
  });

  it('with thinking, which only the model that thought it gets back', async () => {
    upstream.queue(
      answer([
        { type: 'thinking', text: 'I had better look 🤔' },
        { type: 'tool_use', id: 'call_1', name: 'Bash', input: { command: 'ls' } },
      ]),
    );
    const thinking = { type: 'adaptive' };
    const first = await ask(streamed, { tools, thinking });
    expect(first.content).toMatchObject([{ type: 'thinking', thinking: 'I had better look 🤔' }, { type: 'tool_use' }]);
    expect(upstream.asked[0]?.json.think).toBe(true);

    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'a.txt' }] },
    ];
    await ask(streamed, { tools, thinking, messages });
    await ask(streamed, { tools, thinking, messages, model: 'gpt-oss:20b' });
    const turns = upstream.asked.slice(1).map(({ json }) => (json.messages as Record<string, unknown>[])[1]);
    expect(turns[0]).toMatchObject({ role: 'assistant', thinking: 'I had better look 🤔' });
    expect(turns[1]).not.toHaveProperty('thinking');
  });

  it('about images, in the question and in a tool result', async () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0K' } };
    await ask(streamed, {
      tools,
      messages: [
        { role: 'user', content: [image, { type: 'text', text: 'What is it?' }] },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'call_1', name: 'Read', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: [image] }] },
      ],
    });
    expect(upstream.asked[0]?.json.messages).toMatchObject([
      { role: 'user', content: 'What is it?', images: ['iVBORw0K'] },
      { role: 'assistant' },
      { role: 'tool', images: ['iVBORw0K'] },
    ]);
  });

  it('that the token limit cut', async () => {
    upstream.queue(answer([{ type: 'text', text: 'Once upon' }], { stopReason: 'max_tokens' }));
    expect((await ask(streamed)).stop_reason).toBe('max_tokens');
  });

  it('of which nothing was counted', async () => {
    upstream.queue(answer([{ type: 'text', text: 'Hello there' }], { usage: null }));
    const { usage } = await ask(streamed);
    expect(usage.input_tokens).toBeGreaterThan(0);
    expect(usage.output_tokens).toBeGreaterThan(0);
  });
});

describe('the stream', () => {
  it.each<[string, Wire]>([
    ['in single bytes', { chunkBytes: 1 }],
    ['in pieces, with CRLF and empty lines', inPieces(2)],
    ['in other pieces', inPieces(3)],
    ['compressed, though not asked for', { gzip: true }],
  ])('arrives %s', async (_, wire) => {
    upstream.queue(
      answer(
        [
          { type: 'thinking', text: 'hm 🤔 ähm' },
          { type: 'text', text: 'Größe 😀' },
          { type: 'tool_use', id: 'call_a', name: 'Bash', input: { command: 'echo "ä😀"' } },
          { type: 'tool_use', id: 'call_b', name: 'Read', input: {} },
        ],
        { wire },
      ),
    );
    expect((await ask(true, { tools })).content).toMatchObject([
      { type: 'thinking', thinking: 'hm 🤔 ähm' },
      { type: 'text', text: 'Größe 😀' },
      { type: 'tool_use', id: 'call_a', name: 'Bash', input: { command: 'echo "ä😀"' } },
      { type: 'tool_use', id: 'call_b', name: 'Read', input: {} },
    ]);
  });

  it('of a server that leaves thinking and tool calls in the text is read', async () => {
    upstream.queue(
      say('<think>Hm.</think>Looking.\n<tool_call>\n{"name":"Bash","arguments":{"command":"ls"}}\n</tool_call>', {
        fragment: 5,
      }),
    );
    const { content, stop_reason } = await ask(true, { tools });
    expect(content).toMatchObject([
      { type: 'thinking', thinking: 'Hm.' },
      { type: 'text' },
      { type: 'tool_use', name: 'Bash', input: { command: 'ls' } },
    ]);
    expect(stop_reason).toBe('tool_use');
  });
});

describe('what is set', () => {
  it('is the window, below a baseUrl with or without a version', async () => {
    await ask(true, { model: 'roomy/big', max_tokens: 4096 });
    const [asked] = upstream.asked;
    expect(asked?.url).toBe('/api/chat');
    expect(asked?.json).toMatchObject({
      options: { num_ctx: 65_536, num_predict: 4096 },
      truncate: false,
      shift: false,
    });
  });

  it('is how hard gpt-oss thinks', async () => {
    await ask(true, { model: 'gpt-oss:20b', thinking: { type: 'adaptive' }, output_config: { effort: 'high' } });
    expect(upstream.asked[0]?.json.think).toBe('high');
  });

  it('is no thinking any more for a model that has refused it', async () => {
    const refuses = fail(400, { message: '"shy" does not support thinking' });
    upstream.script(({ json }) => ('think' in json ? refuses : say('Without.')));
    const thinking = { type: 'adaptive' };
    for (const streamed of [true, false])
      expect((await ask(streamed, { model: 'local/shy', thinking })).content).toMatchObject([{ text: 'Without.' }]);
    expect(upstream.asked.map(({ json }) => json.think)).toEqual([true, undefined, undefined]);
    upstream.script(() => say('ok'));
  });
});

describe.each([true, false])('an error (streamed: %s)', (stream) => {
  it('before the answer keeps its words', async () => {
    upstream.queue(fail(404, { message: "model 'qwen3:8b' not found" }));
    const response = await running.ask(request({ stream }));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type: 'not_found_error', message: expect.stringContaining("model 'qwen3:8b' not found") },
    });
  });

  it('about a window that is too small makes Claude Code compact', async () => {
    upstream.queue(fail(400, { message: 'the input length exceeds the context length' }));
    const response = await running.ask(request({ stream }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', message: expect.stringMatching(/^prompt is too long: /) },
    });
  });

  it('of an overloaded server can be retried', async () => {
    upstream.queue(fail(503, { message: 'server busy, please try again.  maximum pending requests exceeded' }));
    const response = await running.ask(request({ stream }));
    expect(response.status).toBe(529);
    expect(response.headers.get('x-should-retry')).not.toBe('false');
    expect(await response.json()).toMatchObject({ error: { type: 'overloaded_error' } });
  });

  it.each([
    ['a page of HTML', raw(200, '<!doctype html><title>Sign in</title>', { 'content-type': 'text/html' })],
    [
      'an answer in the form of Chat Completions',
      raw(200, '{"choices":[{"message":{"content":"x"}}]}', { 'content-type': 'application/json' }),
    ],
    ['nothing', raw(200, '', { 'content-type': 'application/x-ndjson' })],
    ['a reset connection', close()],
  ])('is %s', async (_, step) => {
    upstream.queue(step);
    const response = await running.ask(request({ stream }));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'api_error' } });
  });
});

describe('an error in the stream', () => {
  it('before content is an HTTP error', async () => {
    upstream.queue(say('x', { errorAfter: { frames: 0, message: 'CUDA error: out of memory' } }));
    const response = await running.ask(request({ stream: true }));
    expect(response.status).toBe(502);
    expect(await response.text()).toContain('CUDA error: out of memory');
  });

  it.each<[string, Wire, string]>([
    ['that the server reports', { errorAfter: { frames: 3, message: 'CUDA error' } }, 'CUDA error'],
    ['that is no end', { omitFinish: true }, 'ended the answer before it was finished'],
    ['that is a cut', { breakAfter: { bytes: 400, how: 'end' } }, 'ended the answer before it was finished'],
    ['that is a reset', { breakAfter: { frames: 3, how: 'reset' } }, "'local'"],
  ])('after content %s is an error event, never an end', async (_, wire, words) => {
    upstream.queue(say('one two three four five six', { fragment: 3, ...wire }));
    const response = await running.ask(request({ stream: true }));
    const { events } = await readEvents(response);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(errorOf(events)?.message).toContain(words);
  });
});

describe('a client that leaves', () => {
  it('before the answer ends the call', async () => {
    upstream.queue(hang());
    const controller = new AbortController();
    const response = running.ask(request({ stream: true }), { signal: controller.signal });
    const [asked] = await upstream.waitFor(1);
    controller.abort();
    await expect(response).rejects.toThrow();
    await waitUntil('the abort of the provider call', () => asked?.aborted === true);
  });

  it('in the middle of the stream ends the call', async () => {
    upstream.queue(say('one two three four five', { fragment: 3, breakAfter: { frames: 4, how: 'hang' } }));
    const controller = new AbortController();
    const response = await running.ask(request({ stream: true }), { signal: controller.signal });
    await response.body?.getReader().read();
    controller.abort();
    const [asked] = upstream.asked;
    await waitUntil('the abort of the provider call', () => asked?.aborted === true);
    await waitUntil('the end of the request', () => running.engine.status().requests.running === 0);
  });
});
