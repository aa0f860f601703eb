import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chatFrames, chatProblems } from '../helpers/chat-grammar.ts';
import { type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  answer,
  closedPort,
  fail,
  inPieces,
  raw,
  type ScriptableUpstream,
  say,
  startUpstream,
} from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

type Json = Record<string, unknown>;

let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  const nobody = `http://127.0.0.1:${await closedPort()}`;
  running = await runEngine({
    providers: [
      { id: 'claude', type: 'anthropic-compatible', baseUrl: upstream.url, models: ['native'] },
      { id: 'chat', type: 'openai-compatible', baseUrl: upstream.url, models: ['other', 'strict'] },
      { id: 'gone', type: 'openai-compatible', baseUrl: nobody, models: ['lost'] },
    ],
    aliases: { both: ['gone/lost', 'claude/native'], alias: 'chat/other' },
  });
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const DOOR = '/v1/chat/completions';

const chat = (model: string, rest: Json = {}): Json => ({
  model,
  messages: [{ role: 'user', content: 'hello' }],
  ...rest,
});

function ask(body: unknown, options: { headers?: Record<string, string>; path?: string; signal?: AbortSignal } = {}) {
  return fetch(running.url + (options.path ?? DOOR), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${running.token}`, ...options.headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** What a client collects of a stream: what its deltas add up to. */
function read(text: string): { content: string; thinking: string; calls: Json[]; finish: unknown; usage: unknown } {
  const seen = { content: '', thinking: '', calls: [] as Json[], finish: null as unknown, usage: null as unknown };
  for (const frame of chatFrames(text)) {
    if (frame === '[DONE]' || !Array.isArray(frame.choices)) continue;
    seen.usage = frame.usage ?? seen.usage;
    const [choice] = frame.choices as { delta: Json; finish_reason: unknown }[];
    seen.finish = choice?.finish_reason ?? seen.finish;
    seen.content += choice?.delta.content ?? '';
    seen.thinking += choice?.delta.reasoning_content ?? '';
    for (const { index, id, function: called } of (choice?.delta.tool_calls ?? []) as {
      index: number;
      id?: string;
      function: { name?: string; arguments: string };
    }[]) {
      const call = seen.calls[index] ?? { id, name: called.name, arguments: '' };
      seen.calls[index] = call;
      call.arguments = `${String(call.arguments)}${called.arguments}`;
    }
  }
  return seen;
}

const tools = [
  {
    type: 'function',
    function: {
      name: 'Bash',
      description: 'Runs',
      parameters: { type: 'object', properties: { command: { type: 'string' } } },
    },
  },
];

describe('in front of an Anthropic provider', () => {
  it.each([1, 2, 3, 4])('thinking, text and tool calls in pieces (%i)', async (seed) => {
    upstream.queue(
      answer(
        [
          { type: 'thinking', text: 'let me think 🤔', signature: 'c2ln' },
          { type: 'text', text: 'Größe 😀' },
          { type: 'tool_use', id: 'toolu_a', name: 'Bash', input: { command: 'echo "ä😀"' } },
          { type: 'tool_use', id: 'toolu_b', name: 'Bash', input: { command: 'ls' } },
        ],
        { usage: { input: 11, cacheRead: 4, cacheWrite: 2, output: 9 }, wire: inPieces(seed) },
      ),
    );
    const response = await ask(chat('native', { stream: true, stream_options: { include_usage: true }, tools }));
    const text = await response.text();
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(chatProblems(text)).toEqual([]);
    expect(read(text)).toMatchObject({
      content: 'Größe 😀',
      thinking: 'let me think 🤔',
      calls: [
        { id: 'toolu_a', name: 'Bash', arguments: '{"command":"echo \\"ä😀\\""}' },
        { id: 'toolu_b', name: 'Bash', arguments: '{"command":"ls"}' },
      ],
      finish: 'tool_calls',
      usage: {
        prompt_tokens: 17,
        completion_tokens: 9,
        total_tokens: 26,
        prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
      },
    });
    const [asked] = upstream.asked;
    expect(asked?.path).toBe('/v1/messages');
    expect(asked?.json).toMatchObject({
      model: 'native',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
      tools: [{ name: 'Bash', input_schema: { type: 'object' } }],
      stream: true,
    });
    expect(asked?.text).not.toContain('openai');
    expect(asked?.headers['anthropic-version']).toBeDefined();
  });

  it('a whole answer says the same as the stream, and comes back as it was', async () => {
    const step = answer([
      { type: 'thinking', text: 'hm', signature: 'c2ln' },
      { type: 'text', text: 'hello' },
      { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } },
    ]);
    upstream.queue(step, step, say('done'));
    const streamed = read(await (await ask(chat('native', { stream: true, tools }))).text());
    const response = await ask(chat('native', { tools }));
    expect(response.headers.get('content-type')).toContain('application/json');
    const whole = (await response.json()) as { choices: { message: Json }[]; usage: Json };
    expect(whole).toMatchObject({
      object: 'chat.completion',
      id: expect.stringMatching(/^chatcmpl-/),
      model: 'native',
      choices: [{ index: 0, finish_reason: 'tool_calls', message: { role: 'assistant', content: 'hello' } }],
      usage: { completion_tokens: 7 },
    });
    expect(streamed).toMatchObject({ content: 'hello', thinking: 'hm', finish: 'tool_calls' });
    const message = whole.choices[0]?.message;
    await (
      await ask(
        chat('native', {
          tools,
          messages: [
            { role: 'user', content: 'hello' },
            message,
            { role: 'tool', tool_call_id: 'toolu_1', content: 'files' },
            { role: 'user', content: 'and?' },
          ],
        }),
      )
    ).text();
    expect(upstream.asked.at(-1)?.json.messages).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
          { type: 'text', text: 'hello' },
          { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1' },
          { type: 'text', text: 'and?' },
        ],
      },
    ]);
  });

  it('usage is told only to who asks for it', async () => {
    upstream.queue(say('hi'));
    const text = await (await ask(chat('native', { stream: true }))).text();
    expect(chatProblems(text)).toEqual([]);
    expect(read(text).usage).toBeNull();
  });

  it('a field that cannot be read is named, and nothing is sent', async () => {
    const response = await ask(chat('native', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }));
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: {
        message: 'messages[0].content[0].text: is required',
        type: 'invalid_request_error',
        param: 'messages[0].content[0].text',
        code: 'invalid_value',
      },
    });
    expect(upstream.asked).toHaveLength(0);
  });

  it('an error before the first byte is an HTTP error', async () => {
    upstream.queue(fail(529, { message: 'Overloaded', headers: { 'retry-after': '3' } }));
    const response = await ask(chat('native', { stream: true }));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('3');
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(response.headers.get('x-should-retry')).toBeNull();
    expect(await response.json()).toMatchObject({ error: { type: 'server_error', code: 'server_is_overloaded' } });
  });

  it('a conversation that does not fit is told in the code that clients know', async () => {
    upstream.queue(fail(400, { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' }));
    const response = await ask(chat('native'));
    expect(response.status).toBe(400);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(await response.json()).toMatchObject({ error: { code: 'context_length_exceeded' } });
  });

  it.each([
    ['an error event', { errorAfter: { frames: 4, message: 'Overloaded' } }, 'Overloaded'],
    ['a cut', { breakAfter: { frames: 4, how: 'end' as const } }, 'before it was finished'],
  ])('%s after the first byte ends the stream with an error', async (_name, wire, message) => {
    upstream.queue(say('one two three four five six', { fragment: 3, ...wire }));
    const response = await ask(chat('native', { stream: true }));
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(chatProblems(text)).toEqual([]);
    expect(text).not.toContain('[DONE]');
    expect(chatFrames(text).at(-1)).toMatchObject({ error: { message: expect.stringContaining(message) } });
  });

  it('a target that fails is not seen', async () => {
    upstream.queue(say('here'));
    const response = await ask(chat('both', { stream: true }));
    expect(response.headers.get('x-cproxy-provider')).toBe('claude');
    expect(read(await response.text()).content).toBe('here');
  });

  it('a client that leaves ends the call', async () => {
    upstream.queue({ kind: 'hang' });
    const controller = new AbortController();
    const response = ask(chat('native', { stream: true }), { signal: controller.signal });
    const [asked] = await upstream.waitFor(1);
    controller.abort();
    await expect(response).rejects.toThrow();
    await waitUntil('the abort of the provider call', () => asked?.aborted === true);
  });
});

describe('in front of a provider of its own dialect', () => {
  it('sends the bytes as they are, and gives back the bytes as they are', async () => {
    const body =
      ' {"stream" : true,"model":"other","unknown":{"a":[1,2.50,1e3]},"messages":[ {"role":"user","content":"Gr\\u00fc\u00dfe"} ],"n":1,"stream_options":{"include_usage" : true}}\n';
    const frames = [
      '{"id":"chatcmpl-x", "choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"new":1}',
      '{"id":"chatcmpl-x","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}',
      '{"id":"chatcmpl-x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
      '[DONE]',
    ];
    const stream = `: hello\n\n${frames.map((frame) => `data: ${frame}\r\n\r\n`).join('')}`;
    for (const chunkBytes of [1, 7, 1000]) {
      upstream.queue(
        raw(200, stream, { 'content-type': 'text/event-stream', 'x-request-id': 'req_upstream' }, { chunkBytes }),
      );
      const response = await ask(body, { headers: { 'X-Unknown': 'kept' } });
      expect(await response.text()).toBe(stream);
      expect(response.headers.get('x-request-id')).toBe('req_upstream');
    }
    const [asked] = upstream.asked;
    expect(asked?.text).toBe(body);
    expect(asked?.path).toBe(DOOR);
    expect(asked?.headers['x-unknown']).toBe('kept');
  });

  it('a stream is asked for its usage, of which a client that has not asked sees nothing', async () => {
    const body = ' {"messages":[{"role":"user","content":"hi"}], "model" : "other","stream":true }';
    const frames = [
      '{"id":"x", "choices":[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}],"usage":null}',
      '{"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}',
      '{"id":"x","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}',
      '[DONE]',
    ].map((frame) => `data: ${frame}\r\n\r\n`);
    for (const chunkBytes of [1, 7, 1000]) {
      upstream.queue(raw(200, frames.join(''), { 'content-type': 'text/event-stream' }, { chunkBytes }));
      const response = await ask(body);
      expect(await response.text()).toBe([frames[0], frames[1], frames[3]].join(''));
    }
    expect(upstream.asked[0]?.text).toBe(` {"stream_options":{"include_usage":true},${body.slice(2)}`);
  });

  it.each([
    ['other options', { include_obfuscation: false }, { include_obfuscation: false, include_usage: true }],
    ['a refusal of it', { include_usage: false }, { include_usage: true }],
    ['null', null, { include_usage: true }],
  ])('it is asked for beside %s', async (_name, given, sent) => {
    upstream.queue(answer([{ type: 'text', text: 'hi' }], { usage: { input: 3, output: 4 } }));
    const text = await (await ask(chat('other', { stream: true, stream_options: given }))).text();
    expect(chatProblems(text)).toEqual([]);
    expect(text).not.toContain('"usage":{');
    expect(upstream.asked[0]?.json.stream_options).toEqual(sent);
  });

  it('a server that does not take that is asked without, from then on', async () => {
    const refusal = { type: 'invalid_request_error', message: "Unknown parameter: 'stream_options'." };
    upstream.script(({ json }) => ('stream_options' in json ? fail(400, refusal) : say('hi')));
    for (const asked of [2, 3]) {
      expect(read(await (await ask(chat('strict', { stream: true }))).text()).content).toBe('hi');
      expect(upstream.asked).toHaveLength(asked);
    }
  });

  it('a whole answer, byte for byte; an alias is replaced in place', async () => {
    const given =
      '{"id":"x", "object":"chat.completion","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"new":1.0}';
    upstream.queue(raw(200, given, { 'content-type': 'application/json' }));
    const body = '{"messages":[{"role":"user","content":"x"}], "model" : "alias" }';
    expect(await (await ask(body)).text()).toBe(given);
    expect(upstream.asked[0]?.text).toBe(body.replace('"alias"', '"other"'));
  });

  it('what the provider refuses keeps its wording', async () => {
    const given =
      '{"error":{"message":"Invalid schema for function","type":"invalid_request_error","param":"tools","code":"invalid_function_parameters"}}';
    upstream.queue(raw(400, given, { 'content-type': 'application/json' }));
    const response = await ask(chat('other'));
    expect(response.status).toBe(400);
    expect(await response.text()).toBe(given);
  });

  it("a key that the provider refuses does not look like the client's own", async () => {
    upstream.queue(fail(401, { type: 'invalid_api_key', message: 'Incorrect API key provided' }));
    const response = await ask(chat('other'));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { type: 'server_error', code: 'provider_key_refused' } });
  });

  it('a stream that is cut ends with an error', async () => {
    upstream.queue(say('one two three four five six', { fragment: 3, breakAfter: { bytes: 700, how: 'reset' } }));
    const text = await (await ask(chat('other', { stream: true }))).text();
    expect(chatProblems(text)).toEqual([]);
    expect(chatFrames(text).at(-1)).toMatchObject({ error: { code: 'provider_cut_stream' } });
  });

  it('a finished stream without [DONE] gets it', async () => {
    upstream.queue(say('hi', { omitDone: true }));
    const text = await (await ask(chat('other', { stream: true }))).text();
    expect(chatProblems(text)).toEqual([]);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('a stream where none was asked for becomes an answer, and the other way round', async () => {
    const frames =
      '{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}';
    upstream.queue(raw(200, `data: ${frames}\n\ndata: [DONE]\n\n`, { 'content-type': 'text/event-stream' }));
    expect(await (await ask(chat('other'))).json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }],
    });
    upstream.queue(
      raw(200, '{"id":"c","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}', {
        'content-type': 'application/json',
      }),
    );
    const text = await (await ask(chat('other', { stream: true }))).text();
    expect(chatProblems(text)).toEqual([]);
    expect(read(text).content).toBe('hi');
  });
});

describe("errors before a door are in the protocol of the door's path", () => {
  interface Raw {
    status: number;
    headers: Record<string, string | string[] | undefined>;
    body: Json;
  }

  /** A request whose Host is ours to choose. */
  function send(method: string, path: string, headers: Record<string, string>, body = ''): Promise<Raw> {
    const { port } = new URL(running.url);
    return new Promise((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: JSON.parse(Buffer.concat(chunks).toString()) as Json,
          }),
        );
      });
      request.on('error', reject);
      request.end(body);
    });
  }

  const token = () => ({ authorization: `Bearer ${running.token}` });

  it.each([DOOR, '/v1/responses', '/v1/%63hat/completions'])('%s', async (path) => {
    const wrong = await send('POST', path, { authorization: 'Bearer sk-wrong' }, '{}');
    expect(wrong.status).toBe(401);
    expect(wrong.headers['x-should-retry']).toBe('false');
    expect(wrong.body).toMatchObject({ error: { type: 'authentication_error', code: 'invalid_api_key', param: null } });
    expect((await send('POST', path, {}, '{}')).body).toMatchObject({ error: { code: 'invalid_api_key' } });
    const foreign = await send('POST', path, { ...token(), host: 'evil.test' }, '{}');
    expect(foreign.status).toBe(403);
    expect(foreign.body).toMatchObject({ error: { type: 'permission_error', code: 'foreign_host' } });
    const broken = await send('POST', path, token(), '{"model":');
    expect(broken.status).toBe(400);
    expect(broken.body).toMatchObject({ error: { type: 'invalid_request_error', code: 'invalid_json' } });
    const nothing = await send('POST', path, token(), '{}');
    expect(nothing.body).toMatchObject({ error: { code: 'invalid_value', param: 'model' } });
    const unknown = await send('POST', path, token(), '{"model":"nativ","messages":[]}');
    expect(unknown.status).toBe(404);
    expect(unknown.body).toMatchObject({ error: { code: 'model_not_found' } });
    const large = await send('POST', path, { ...token(), 'content-length': String(33 * 1024 * 1024) }, '{');
    expect(large.status).toBe(413);
    expect(large.body).toMatchObject({ error: { code: 'body_too_large' } });
  });

  it('another method, and a path below that is not there', async () => {
    const method = await send('GET', DOOR, token());
    expect(method.status).toBe(405);
    expect(method.headers.allow).toBe('POST');
    expect(method.body).toMatchObject({ error: { type: 'invalid_request_error', code: 'method_not_allowed' } });
    const path = await send('POST', '/v1/responses/resp_1/cancel', token(), '{}');
    expect(path.status).toBe(404);
    expect(path.body).toMatchObject({ error: { code: 'no_such_path', message: expect.stringContaining(DOOR) } });
  });

  it.each(['/v1/embeddings', '/v1/completions', '/chat/completions', '/v1/v1/responses'])('%s', async (path) => {
    expect((await send('POST', path, token(), '{}')).body).toMatchObject({ error: { code: 'no_such_path' } });
  });

  it('/v1/models has both, by what the client sends; /v1/messages keeps its own', async () => {
    const asked = { authorization: 'Bearer wrong' };
    expect((await send('GET', '/v1/models', asked)).body).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect((await send('GET', '/v1/models/nativ', token())).body).toMatchObject({ error: { code: 'model_not_found' } });
    const anthropic = { type: 'error', error: { type: 'authentication_error' } };
    const version = { 'anthropic-version': '2023-06-01' };
    expect((await send('GET', '/v1/models', { ...asked, ...version })).body).toMatchObject(anthropic);
    expect((await send('POST', '/v1/messages', asked, '{}')).body).toMatchObject(anthropic);
  });
});

describe('Responses', () => {
  it('has its door', async () => {
    upstream.queue(say('hi'));
    const response = await ask({ model: 'native', input: 'hello', store: false }, { path: '/v1/responses' });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ object: 'response', status: 'completed' });
  });

  it('refuses what would have to be kept, also for a provider that keeps it', async () => {
    for (const model of ['native', 'other']) {
      const response = await ask({ model, input: 'hello', previous_response_id: 'resp_1' }, { path: '/v1/responses' });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: { type: 'invalid_request_error', param: 'previous_response_id', code: 'state_not_kept' },
      });
    }
    expect(upstream.asked).toHaveLength(0);
  });
});
