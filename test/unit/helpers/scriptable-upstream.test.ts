import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answer,
  callTools,
  close,
  closedPort,
  fail,
  garbage,
  hang,
  inPieces,
  redirect,
  type ScriptableUpstream,
  say,
  startUpstream,
} from '../../helpers/scriptable-upstream.ts';

let upstream: ScriptableUpstream;
beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(() => upstream.close());

const post = (path: string, body: Record<string, unknown>, init: RequestInit = {}) =>
  fetch(upstream.url + path, { method: 'POST', body: JSON.stringify(body), redirect: 'manual', ...init });

const messages = (stream: boolean) => post('/v1/messages?beta=true', { model: 'm', stream });
const chat = (stream: boolean) =>
  post('/v1/chat/completions', { model: 'm', stream, stream_options: { include_usage: true } });
const responses = (stream: boolean) => post('/v1/responses', { model: 'm', stream });
const ollama = (stream?: boolean) => post('/api/chat', { model: 'm', ...(stream === undefined ? {} : { stream }) });

/** Data of all frames of a stream, by the line rules of server-sent events. */
const dataOf = async (response: Response): Promise<unknown[]> =>
  (await response.text())
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice(6)) as unknown);

/** The lines of a stream of JSON values. */
const linesOf = async (response: Response): Promise<unknown[]> =>
  (await response.text())
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

interface ResponsesEvent {
  type: string;
  sequence_number: number;
  output_index?: number;
  delta?: string;
  item?: Record<string, unknown>;
  response?: { status: string; output: Record<string, unknown>[]; usage: unknown; error: unknown };
}
const eventsOf = async (response: Response): Promise<ResponsesEvent[]> => (await dataOf(response)) as ResponsesEvent[];

const everything = (wire: Parameters<typeof callTools>[1] = {}) =>
  answer(
    [
      { type: 'thinking', text: 'let me see', signature: 'sealed-state' },
      { type: 'text', text: 'héllo 🌍' },
      { type: 'tool_use', id: 'a', name: 'Bash', input: { command: 'ls' } },
      { type: 'tool_use', id: 'b', name: 'Read', input: { path: 'ä.txt' } },
    ],
    { wire },
  );

describe('scriptable upstream', () => {
  it('gives the same answer streamed and whole', async () => {
    upstream.script(() => everything());
    const whole = (await (await messages(false)).json()) as { content: unknown[]; stop_reason: string };
    expect(whole.stop_reason).toBe('tool_use');
    expect(whole.content).toHaveLength(4);
    const streamed = JSON.stringify(await dataOf(await messages(true)));
    expect(streamed).toContain('héllo 🌍');
    expect(streamed).toContain('"stop_reason":"tool_use"');

    const completion = (await (await chat(false)).json()) as { choices: { finish_reason: string }[] };
    expect(completion.choices[0]?.finish_reason).toBe('tool_calls');
    const chunks = JSON.stringify(await dataOf(await chat(true)));
    expect(chunks).toContain('"reasoning_content":"let me see"');
    expect(chunks).toContain('"prompt_tokens":25');
  });

  it('streams the same data in pieces, with CRLF, comments and pings, whatever the seed', async () => {
    const step = (wire: Parameters<typeof callTools>[1]) =>
      callTools(
        [
          { id: 'a', name: 'Read', input: { path: 'ä.txt' } },
          { id: 'b', name: 'Bash', input: { command: 'printf 日本' } },
        ],
        wire,
      );
    const argumentsOf = (frames: unknown[], index: number) =>
      frames
        .flatMap((frame) => (frame as { choices: { delta: { tool_calls?: ToolDelta[] } }[] }).choices)
        .flatMap((choice) => choice.delta.tool_calls ?? [])
        .filter((call) => call.index === index)
        .map((call) => call.function.arguments)
        .join('');
    type ToolDelta = { index: number; function: { arguments: string } };
    for (const seed of [1, 2, 3, 4]) {
      upstream.queue(step(inPieces(seed)));
      const frames = await dataOf(await chat(true));
      expect(argumentsOf(frames, 0)).toBe('{"path":"ä.txt"}');
      expect(argumentsOf(frames, 1)).toBe('{"command":"printf 日本"}');
    }
  });

  it('delivers single bytes as single chunks', async () => {
    upstream.queue(say('é', { chunkBytes: 1 }));
    const response = await messages(true);
    const sizes: number[] = [];
    for await (const chunk of response.body ?? []) sizes.push(chunk.length);
    expect(Math.min(...sizes)).toBe(1);
    expect(sizes.length).toBeGreaterThan(100);
  });

  it('compresses when told to', async () => {
    upstream.queue(say('squeezed', { gzip: true }));
    const response = await messages(true);
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(JSON.stringify(await dataOf(response))).toContain('squeezed');
    upstream.queue(say('squeezed', { gzip: true }));
    const lines = await ollama();
    expect(lines.headers.get('content-encoding')).toBe('gzip');
    expect(JSON.stringify(await linesOf(lines))).toContain('squeezed');
  });

  it('fails, redirects, sends garbage, breaks off and refuses', async () => {
    upstream.queue(
      fail(429, { headers: { 'retry-after': '7' } }),
      redirect('http://elsewhere.test/'),
      garbage(),
      close(),
    );
    const limited = await messages(true);
    expect(limited.status).toBe(429);
    expect(limited.headers.get('retry-after')).toBe('7');
    expect(await limited.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
    expect((await messages(true)).status).toBe(307);
    expect(new Uint8Array(await (await messages(true)).arrayBuffer())[0]).toBe(0xff);
    await expect(messages(true)).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${await closedPort()}/`)).rejects.toThrow();
    expect(upstream.asked.map((request) => request.aborted)).toEqual([false, false, false, false]);
  });

  it('ends a stream early in each way', async () => {
    upstream.queue(
      say('one two three', { fragment: 3, breakAfter: { frames: 3, how: 'end' } }),
      say('one two three', { fragment: 3, breakAfter: { frames: 3, how: 'reset' } }),
      say('one two three', { errorAfter: { frames: 2 } }),
      say('no finish', { omitFinish: true }),
    );
    expect(await dataOf(await messages(true))).toHaveLength(3);
    await expect(messages(true).then((response) => response.text())).rejects.toThrow();
    expect((await dataOf(await messages(true))).at(-1)).toMatchObject({ type: 'error' });
    expect(JSON.stringify(await dataOf(await messages(true)))).not.toContain('message_stop');
  });

  it('records bytes, headers and the moment a client leaves', async () => {
    upstream.queue(hang());
    const leaving = new AbortController();
    const pending = post('/v1/messages', { model: 'héé' }, { signal: leaving.signal, headers: { 'X-Odd': 'yes' } });
    pending.catch(() => undefined);
    const [request] = await upstream.waitFor(1);
    expect(request?.text).toBe('{"model":"héé"}');
    expect(request?.rawHeaders).toContain('yes');
    expect(request?.aborted).toBe(false);
    leaving.abort();
    await request?.ended;
    expect(request?.aborted).toBe(true);
    expect(request?.abortedAt).toBeGreaterThanOrEqual(request?.receivedAt ?? Number.POSITIVE_INFINITY);
  });
});

describe('Responses', () => {
  it('tells of each item from its announcement to its end, and of all of them at the end', async () => {
    upstream.queue(everything({ fragment: 100 }));
    const events = await eventsOf(await responses(true));
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ]);
    expect(events[2]?.item).toMatchObject({ type: 'reasoning', encrypted_content: 'seal' });
    const final = events.at(-1)?.response;
    expect(final).toMatchObject({
      status: 'completed',
      usage: { input_tokens: 25, output_tokens: 7, total_tokens: 32 },
      output: [
        {
          type: 'reasoning',
          summary: [{ type: 'summary_text', text: 'let me see' }],
          encrypted_content: 'sealed-state',
        },
        { type: 'message', content: [{ type: 'output_text', text: 'héllo 🌍' }] },
        { type: 'function_call', call_id: 'a', name: 'Bash', arguments: '{"command":"ls"}' },
        { type: 'function_call', call_id: 'b', name: 'Read', arguments: '{"path":"ä.txt"}' },
      ],
    });
    const done = events.filter(({ type }) => type === 'response.output_item.done').map(({ item }) => item);
    expect(done).toEqual(final?.output);
    upstream.queue(everything());
    const whole = (await (await responses(false)).json()) as { output: { id: string }[] };
    const withoutIds = (items: readonly Record<string, unknown>[] | undefined) => items?.map(({ id, ...item }) => item);
    expect(withoutIds(whole.output)).toEqual(withoutIds(final?.output));
  });

  it('differs as servers do', async () => {
    upstream.queue(everything({ argumentsInDone: true }), everything({ onlyCompleted: true }));
    const late = await eventsOf(await responses(true));
    expect(late.some(({ type }) => type === 'response.function_call_arguments.delta')).toBe(false);
    expect(JSON.stringify(late)).toContain('ä.txt');
    const bare = await eventsOf(await responses(true));
    expect(bare.map(({ type }) => type)).toEqual(['response.created', 'response.completed']);
    expect(bare[1]?.response?.output).toHaveLength(4);

    upstream.queue(everything({ echo: true, omitOutput: true }), everything({ rawReasoning: true }));
    const echoed = await eventsOf(await responses(true));
    expect(echoed.filter(({ type }) => type === 'response.output_item.added')).toHaveLength(8);
    expect(echoed.at(-1)?.response?.output).toEqual([]);
    const thought = await eventsOf(await responses(true));
    expect(thought.map(({ type }) => type)).toContain('response.reasoning_text.delta');
  });

  it('lets the events of items take turns', async () => {
    upstream.queue(everything({ interleave: true, fragment: 4 }));
    const events = await eventsOf(await responses(true));
    const places = events.flatMap(({ output_index }) => output_index ?? []);
    expect(places.slice(0, 8)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    const joined = (place: number) =>
      events.map((event) => (event.output_index === place ? (event.delta ?? '') : '')).join('');
    expect([0, 1, 2, 3].map(joined)).toEqual(['let me see', 'héllo 🌍', '{"command":"ls"}', '{"path":"ä.txt"}']);
  });

  it('ends as it is told', async () => {
    upstream.queue(
      say('ab', { errorAfter: { frames: 3, type: 'server_error', message: 'broken' } }),
      say('ab', { errorAfter: { frames: 3, message: 'broken', failed: true } }),
      answer([{ type: 'text', text: 'half' }], { stopReason: 'max_tokens' }),
      answer([{ type: 'text', text: 'no' }], { stopReason: 'refusal' }),
      fail(400, { type: 'invalid_request_error', message: 'wrong' }),
    );
    expect((await eventsOf(await responses(true))).at(-1)).toEqual({
      type: 'error',
      code: 'server_error',
      message: 'broken',
      param: null,
      sequence_number: 3,
    });
    const failed = (await eventsOf(await responses(true))).at(-1);
    expect(failed).toMatchObject({ type: 'response.failed', response: { status: 'failed' }, sequence_number: 3 });
    expect(failed?.response?.error).toEqual({ code: 'overloaded_error', message: 'broken' });
    expect((await eventsOf(await responses(true))).at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    });
    expect(JSON.stringify(await eventsOf(await responses(true)))).toContain('"type":"refusal","refusal":"no"');
    const refused = await responses(true);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { type: 'invalid_request_error', message: 'wrong' } });
  });
});

describe('Ollama', () => {
  it('streams lines unless told otherwise; tool calls come whole', async () => {
    upstream.queue(everything({ fragment: 5, crlf: true, pings: true, comments: true, chunkBytes: 3 }));
    const response = await ollama();
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = (await linesOf(response)) as { message: Record<string, unknown>; done: boolean }[];
    const joined = (field: string) => lines.map(({ message }) => message[field] ?? '').join('');
    expect(joined('thinking')).toBe('let me see');
    expect(joined('content')).toBe('héllo 🌍');
    expect(lines.flatMap(({ message }) => message.tool_calls ?? [])).toEqual([
      { id: 'a', function: { index: 0, name: 'Bash', arguments: { command: 'ls' } } },
      { id: 'b', function: { index: 1, name: 'Read', arguments: { path: 'ä.txt' } } },
    ]);
    expect(lines.filter(({ done }) => done)).toEqual([lines.at(-1)]);
    expect(lines.at(-1)).toMatchObject({ done_reason: 'stop', prompt_eval_count: 25, eval_count: 7 });

    upstream.queue(everything());
    const whole = (await (await ollama(false)).json()) as Record<string, unknown>;
    expect(whole).toMatchObject({
      message: { content: 'héllo 🌍', thinking: 'let me see', tool_calls: [{ id: 'a' }, { id: 'b' }] },
      done: true,
      done_reason: 'stop',
      prompt_eval_count: 25,
    });
  });

  it('fails with its own bodies and lines', async () => {
    upstream.queue(
      fail(404, { message: "model 'm' not found" }),
      say('one two', { fragment: 3, errorAfter: { frames: 2, message: 'out of memory' } }),
      say('no finish', { omitFinish: true }),
    );
    const missing = await ollama();
    expect(missing.status).toBe(404);
    expect(await missing.json()).toEqual({ error: "model 'm' not found" });
    const broken = await linesOf(await ollama());
    expect(broken).toHaveLength(3);
    expect(broken.at(-1)).toEqual({ error: 'out of memory' });
    expect(JSON.stringify(await linesOf(await ollama()))).not.toContain('"done":true');
  });

  it('tells what it has', async () => {
    const get = async (path: string) => (await fetch(upstream.url + path)).json();
    expect(await get('/api/tags')).toMatchObject({ models: [{ name: 'model-a' }, { name: 'model-b' }] });
    expect(await get('/api/version')).toEqual({ version: expect.any(String) });
    expect(await (await post('/api/show', { model: 'model-a' })).json()).toMatchObject({
      capabilities: ['completion', 'tools', 'thinking'],
      model_info: { 'qwen3.context_length': 40_960 },
    });
    expect(upstream.asked).toEqual([]);
  });
});
