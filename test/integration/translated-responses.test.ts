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
  type Part,
  raw,
  type ScriptableUpstream,
  say,
  startUpstream,
  type Wire,
} from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const canary = 'sk-canary-0123456789abcdef';
let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine(
    {
      providers: [
        { id: 'gpt', type: 'openai', baseUrl: upstream.url, models: ['gpt-6.1-sol', 'gpt-6-astra'], key: 'env:CANARY' },
      ],
    },
    { env: { CANARY: canary } },
  );
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const request = (rest: Record<string, unknown> = {}): Record<string, unknown> =>
  question('x', { model: 'gpt-6.1-sol', ...rest });

/** The same answer, asked for as a stream and as a whole. */
async function ask(streamed: boolean, rest: Record<string, unknown> = {}): Promise<AnswerMessage> {
  const response = await running.ask(request({ ...rest, stream: streamed }));
  expect(response.status).toBe(200);
  return readMessage(response);
}

type Item = Record<string, unknown>;
const inputOf = (place: number): Item[] => upstream.asked[place]?.json.input as Item[];

/** A whole turn of an agent: it thinks, speaks and calls two tools. */
const turn: Part[] = [
  { type: 'thinking', text: 'First this 🤔\n\nThen that', signature: 'c2VhbGVk' },
  { type: 'text', text: 'Größe 😀' },
  { type: 'tool_use', id: 'call_a', name: 'Bash', input: { command: 'echo "ä😀"' } },
  { type: 'tool_use', id: 'call_b', name: 'Read', input: { file_path: '/tmp/x' } },
];
const translated = [
  { type: 'thinking', thinking: 'First this 🤔\n\nThen that' },
  { type: 'text', text: 'Größe 😀' },
  { type: 'tool_use', id: 'call_a', name: 'Bash', input: { command: 'echo "ä😀"' } },
  { type: 'tool_use', id: 'call_b', name: 'Read', input: { file_path: '/tmp/x' } },
];

describe.each([true, false])('an answer (streamed: %s)', (streamed) => {
  it('of text', async () => {
    upstream.queue(
      answer([{ type: 'text', text: 'Größe 😀' }], {
        usage: { input: 11, cacheRead: 4, cacheWrite: 2, output: 9 },
        wire: { chunkBytes: 1 },
      }),
    );
    expect(await ask(streamed, { system: 'S' })).toMatchObject({
      content: [{ type: 'text', text: 'Größe 😀' }],
      stop_reason: 'end_turn',
      usage: {
        input_tokens: 11,
        cache_read_input_tokens: 4,
        cache_creation_input_tokens: 2,
        output_tokens: 9,
      },
    });
    const [asked] = upstream.asked;
    expect(asked?.path).toBe('/v1/responses');
    expect(asked?.headers.authorization).toBe(`Bearer ${canary}`);
    expect(asked?.headers['anthropic-version']).toBeUndefined();
    expect(asked?.json).toMatchObject({
      model: 'gpt-6.1-sol',
      input: [
        { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'S' }] },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x' }] },
      ],
      max_output_tokens: 256,
      store: false,
    });
    expect(asked?.json.stream).toBe(streamed ? true : undefined);
  });

  it('with a tool', async () => {
    upstream.queue(callTools([{ id: 'call_1', name: 'Bash', input: { command: 'ls' } }]));
    expect(await ask(streamed, { tools })).toMatchObject({
      content: [{ type: 'tool_use', id: 'call_1', name: 'Bash', input: { command: 'ls' } }],
      stop_reason: 'tool_use',
    });
    expect(upstream.asked[0]?.json.tools).toMatchObject([
      { type: 'function', name: 'Bash', description: 'Runs', strict: false },
      { type: 'function', name: 'Read', strict: false },
    ]);
  });

  it('with parallel tools, and their results in the order of the calls', async () => {
    upstream.queue(answer(turn.slice(2)));
    const first = await ask(streamed, { tools });
    expect(first.content).toMatchObject(translated.slice(2));
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0K' } };
    await ask(streamed, {
      tools,
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: first.content },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'call_b', content: [image] },
            { type: 'tool_result', tool_use_id: 'call_a', content: 'first', is_error: true },
          ],
        },
      ],
    });
    expect(inputOf(1)).toMatchObject([
      { type: 'message', role: 'user' },
      { type: 'function_call', call_id: 'call_a', name: 'Bash', arguments: '{"command":"echo \\"ä😀\\""}' },
      { type: 'function_call', call_id: 'call_b', name: 'Read', arguments: '{"file_path":"/tmp/x"}' },
      { type: 'function_call_output', call_id: 'call_a', output: [{ type: 'input_text', text: 'Error: first' }] },
      {
        type: 'function_call_output',
        call_id: 'call_b',
        output: [{ type: 'input_image', image_url: 'data:image/png;base64,iVBORw0K' }],
      },
    ]);
  });

  it('with reasoning, which goes back unmodified and in its place', async () => {
    upstream.queue(answer(turn), say('done'));
    const thinking = { type: 'adaptive' };
    const first = await ask(streamed, { tools, thinking });
    expect(first.content).toMatchObject(translated);
    expect(upstream.asked[0]?.json).toMatchObject({
      include: expect.arrayContaining(['reasoning.encrypted_content']),
      reasoning: { summary: 'auto' },
    });

    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: first.content },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_a', content: 'a' },
          { type: 'tool_result', tool_use_id: 'call_b', content: 'b' },
        ],
      },
    ];
    await ask(streamed, { tools, thinking, messages });
    const input = inputOf(1);
    expect(input.map(({ type }) => type)).toEqual([
      'message',
      'reasoning',
      'message',
      'function_call',
      'function_call',
      'function_call_output',
      'function_call_output',
    ]);
    expect(input[1]).toEqual({
      id: expect.stringMatching(/^rs_/),
      type: 'reasoning',
      summary: [
        { type: 'summary_text', text: 'First this 🤔' },
        { type: 'summary_text', text: 'Then that' },
      ],
      encrypted_content: 'c2VhbGVk',
    });

    // Another model is given none of it.
    await ask(streamed, { tools, thinking, messages, model: 'gpt-6-astra' });
    expect(inputOf(2).map(({ type }) => type)).not.toContain('reasoning');
  });

  it('with reasoning that says nothing, which goes back too', async () => {
    const parts: Part[] = [{ type: 'thinking', text: '', signature: 'c2VhbGVk' }, ...turn.slice(2, 3)];
    upstream.queue(answer(parts), say('done'));
    const { content } = await ask(streamed, { tools, thinking: { type: 'adaptive' } });
    await ask(streamed, {
      tools,
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_a', content: 'a' }] },
      ],
    });
    expect(inputOf(1)).toMatchObject([
      { type: 'message' },
      { type: 'reasoning', summary: [], encrypted_content: 'c2VhbGVk' },
      { type: 'function_call' },
      { type: 'function_call_output' },
    ]);
  });

  it('about images', async () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0K' } };
    const linked = { type: 'image', source: { type: 'url', url: 'https://x.test/a.png' } };
    await ask(streamed, { messages: [{ role: 'user', content: [image, { type: 'text', text: 'What?' }, linked] }] });
    expect(inputOf(0)).toMatchObject([
      {
        role: 'user',
        content: [
          { type: 'input_image', image_url: 'data:image/png;base64,iVBORw0K' },
          { type: 'input_text', text: 'What?' },
          { type: 'input_image', image_url: 'https://x.test/a.png' },
        ],
      },
    ]);
  });

  it('ends before a stop sequence, which this API cannot be told', async () => {
    upstream.queue(say('one two END three', { fragment: 2 }));
    expect(await ask(streamed, { stop_sequences: ['END'] })).toMatchObject({
      content: [{ type: 'text', text: 'one two ' }],
      stop_reason: 'stop_sequence',
      stop_sequence: 'END',
    });
    expect(upstream.asked[0]?.json).not.toHaveProperty('stop');
  });

  it('that the token limit cut, or that is refused', async () => {
    upstream.queue(
      answer([{ type: 'text', text: 'Once upon' }], { stopReason: 'max_tokens' }),
      answer([{ type: 'text', text: 'I cannot' }], { stopReason: 'refusal' }),
    );
    expect(await ask(streamed)).toMatchObject({ content: [{ text: 'Once upon' }], stop_reason: 'max_tokens' });
    expect(await ask(streamed)).toMatchObject({ content: [{ text: 'I cannot' }], stop_reason: 'refusal' });
  });
});

describe('the stream', () => {
  it.each<[string, Wire]>([
    ['in single bytes', { chunkBytes: 1 }],
    ['in pieces, its items taking turns', inPieces(2)],
    ['in other pieces', inPieces(3)],
    ['compressed, though not asked for', { gzip: true }],
    ['with arguments only at the end of each call (BerriAI/litellm issue 25321)', { argumentsInDone: true }],
    ['as nothing but its completed response', { onlyCompleted: true }],
    ['with every item once more at its end (diegosouzapw/OmniRoute pull 11347)', { echo: true }],
    ['with no output at its end', { omitOutput: true }],
    ['with thinking as it was thought', { rawReasoning: true }],
  ])('arrives %s', async (_, wire) => {
    upstream.queue(answer(turn, { wire }));
    const { content, stop_reason } = await ask(true, { tools });
    // A message has its place from its first text on: where items take turns, that may come after the calls have begun.
    const byType = ({ type: one }: { type: string }, { type: other }: { type: string }) => one.localeCompare(other);
    const wanted = wire.interleave === true ? [...translated].sort(byType) : translated;
    expect(wire.interleave === true ? [...content].sort(byType) : content).toMatchObject(wanted);
    expect(content[0]?.type).toBe('thinking');
    expect(stop_reason).toBe('tool_use');
  });
});

describe.each([true, false])('an error (streamed: %s)', (stream) => {
  it('before the answer keeps its words', async () => {
    upstream.queue(fail(400, { type: 'invalid_request_error', message: "Invalid value: 'x'." }));
    const response = await running.ask(request({ stream }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringContaining("Invalid value: 'x'.") },
    });
  });

  it('about a window that is too small makes Claude Code compact', async () => {
    upstream.queue(
      fail(400, {
        type: 'context_length_exceeded',
        message: 'Your input exceeds the context window of this model. Please adjust your input and try again.',
      }),
    );
    const response = await running.ask(request({ stream }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', message: expect.stringMatching(/^prompt is too long: /) },
    });
  });

  it('about the key does not look like a wrong client token, and does not show it', async () => {
    upstream.queue(fail(401, { type: 'invalid_api_key', message: `Incorrect API key provided: ${canary}` }));
    const response = await running.ask(request({ stream }));
    const text = await response.text();
    expect(response.status).toBe(502);
    expect(text).toContain("'gpt' refused its API key");
    expect(text).not.toContain(canary);
  });

  it.each([
    ['a page of HTML', raw(200, '<!doctype html><title>Sign in</title>', { 'content-type': 'text/html' })],
    ['an object of another kind', raw(200, '{"object":"list","data":[]}', { 'content-type': 'application/json' })],
    ['nothing', raw(200, '', { 'content-type': 'text/event-stream' })],
    ['a reset connection', close()],
  ])('is %s', async (_, step) => {
    upstream.queue(step);
    const response = await running.ask(request({ stream }));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'api_error' } });
  });
});

describe('an error in the stream', () => {
  it.each([true, false])('before content is an HTTP error (response.failed: %s)', async (failed) => {
    upstream.queue(say('x', { errorAfter: { frames: 2, type: 'server_error', message: 'It broke.', failed } }));
    const response = await running.ask(request({ stream: true }));
    expect(response.status).toBe(502);
    expect(await response.text()).toContain('It broke.');
  });

  it.each<[string, Wire, string]>([
    ['with an error event', { errorAfter: { frames: 8, message: 'It broke.' } }, 'It broke.'],
    ['with response.failed', { errorAfter: { frames: 8, message: 'It broke.', failed: true } }, 'It broke.'],
    ['without an end', { omitFinish: true }, 'ended the answer before it was finished'],
    ['in a frame', { breakAfter: { bytes: 1500, how: 'end' } }, 'ended the answer before it was finished'],
    ['with a reset', { breakAfter: { frames: 8, how: 'reset' } }, "'gpt'"],
  ])('after content, %s, is an error event, never an end', async (_, wire, words) => {
    upstream.queue(say('one two three four five six seven eight', { fragment: 3, ...wire }));
    const response = await running.ask(request({ stream: true }));
    const { events } = await readEvents(response);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(events.some(({ type }) => type === 'content_block_delta')).toBe(true);
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
    upstream.queue(say('one two three four five', { fragment: 3, breakAfter: { frames: 8, how: 'hang' } }));
    const controller = new AbortController();
    const response = await running.ask(request({ stream: true }), { signal: controller.signal });
    await response.body?.getReader().read();
    controller.abort();
    const [asked] = upstream.asked;
    await waitUntil('the abort of the provider call', () => asked?.aborted === true);
    await waitUntil('the end of the request', () => running.engine.status().requests.running === 0);
  });
});
