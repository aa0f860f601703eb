import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contentOf, readEvents } from '../helpers/answers.ts';
import { checkEventGrammar } from '../helpers/event-grammar.ts';
import { question, type RunningEngine, runEngine, agentTools as tools } from '../helpers/running-engine.ts';
import { answer, inPieces, raw, type ScriptableUpstream, say, startUpstream } from '../helpers/scriptable-upstream.ts';
import { waitUntil } from '../helpers/wait-until.ts';

const canary = 'sk-ant-canary-0123456789abcdef';
let upstream: ScriptableUpstream;
let running: RunningEngine;

beforeAll(async () => {
  upstream = await startUpstream();
  running = await runEngine(
    {
      providers: [
        { id: 'claude', type: 'anthropic', baseUrl: upstream.url, models: ['native'], key: 'env:CANARY' },
        { id: 'chat', type: 'openai-compatible', baseUrl: `${upstream.url}/v1/`, models: ['other'], key: 'env:CANARY' },
      ],
      aliases: { alias: 'claude/native' },
    },
    { env: { CANARY: canary } },
  );
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

describe('pass-through to an Anthropic provider', () => {
  it('sends the client bytes as they are, and gives back the provider bytes as they are', async () => {
    const body =
      ' {"stream" : true,"model":"native","unknown_field":{"a":[1,2.50,1e3]},"messages":[ {"role":"user","content":"Gr\\u00fc\u00dfe"} ],"max_tokens":9}\n';
    upstream.queue(say('hi'));
    const response = await running.ask(body, {
      headers: {
        'anthropic-beta': 'claude-code-20250219,new-thing-2027-01-01',
        'X-Claude-Code-Session-Id': 'session-1',
        'X-Unknown': 'kept',
        cookie: 'secret=1',
        'x-cproxy-anything': 'ours',
      },
    });
    const text = await response.text();
    const [asked] = await upstream.waitFor(1);
    expect(asked?.text).toBe(body);
    expect(asked?.url).toBe('/v1/messages?beta=true');
    expect(asked?.headers).toMatchObject({
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'claude-code-20250219,new-thing-2027-01-01',
      'x-claude-code-session-id': 'session-1',
      'x-unknown': 'kept',
      'x-api-key': canary,
      'accept-encoding': 'identity',
    });
    expect(asked?.headers.authorization).toBeUndefined();
    expect(asked?.headers.cookie).toBeUndefined();
    expect(asked?.headers['x-cproxy-anything']).toBeUndefined();
    expect(JSON.stringify(asked?.rawHeaders)).not.toContain(running.token);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-cproxy-provider': 'claude',
      'x-cproxy-model': 'native',
      'x-cproxy-route': 'model native',
      'x-cproxy-attempts': '1',
      'x-cproxy-request-id': expect.stringMatching(/^req_/),
    });
    expect(contentOf(text)).toEqual([{ type: 'text', text: 'hi' }]);
  });

  it('a header of the configuration takes the place of the one that would be sent', async () => {
    await using other = await runEngine({
      providers: [
        {
          id: 'claude',
          type: 'anthropic-compatible',
          baseUrl: upstream.url,
          headers: { 'User-Agent': 'mine', 'anthropic-version': '2026-10-21', 'anthropic-beta': 'ours' },
        },
        { id: 'chat', type: 'openai-compatible', baseUrl: upstream.url, headers: { 'User-Agent': 'mine' } },
      ],
    });
    for (const model of ['claude/m', 'chat/m'])
      await (await other.ask(question('x', { model }), { headers: { 'anthropic-beta': 'theirs' } })).text();
    const [native, translated] = await upstream.waitFor(2);
    const values = (raw: readonly string[] | undefined, wanted: string) =>
      raw?.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === wanted);
    expect(values(native?.rawHeaders, 'user-agent')).toEqual(['mine']);
    expect(values(native?.rawHeaders, 'anthropic-version')).toEqual(['2026-10-21']);
    expect(values(native?.rawHeaders, 'anthropic-beta')).toEqual(['theirs', 'ours']);
    expect(values(translated?.rawHeaders, 'user-agent')).toEqual(['mine']);
  });

  it('what a provider says of its own origin is not said of ours', async () => {
    const headers = {
      'access-control-allow-origin': '*',
      'alt-svc': 'h3=":443"',
      'strict-transport-security': 'max-age=9',
    };
    upstream.queue(say('hi', { headers }));
    const response = await running.ask(question('x', { model: 'native' }));
    await response.text();
    for (const name in headers) expect(response.headers.get(name)).toBeNull();
  });

  it('splices the model of an alias in place', async () => {
    const body = '{"messages":[{"role":"user","content":"x"}], "model" : "alias" ,"max_tokens":1}';
    await (await running.ask(body)).text();
    expect(upstream.asked[0]?.text).toBe(body.replace('"alias"', '"native"'));
  });

  it('passes a plain answer on byte for byte, fields we do not know included', async () => {
    const given =
      '{"id":"msg_x", "type":"message","role":"assistant","model":"native","content":[{"type":"novel","x":1}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4},"brand_new":true}';
    upstream.queue(
      raw(200, given, {
        'content-type': 'application/json',
        'request-id': 'req_upstream',
        'anthropic-ratelimit-requests-remaining': '7',
      }),
    );
    const response = await running.ask(question('x', { model: 'native' }));
    expect(await response.text()).toBe(given);
    expect(response.headers.get('request-id')).toBe('req_upstream');
    expect(response.headers.get('anthropic-ratelimit-requests-remaining')).toBe('7');
  });

  it('passes error bodies on unmodified, with retry-after', async () => {
    const given =
      '{"type":"error","error":{"type":"invalid_request_error","message":"messages.1.content.0: Invalid `signature` in `thinking` block"},"request_id":"req_1"}';
    upstream.queue(raw(400, given, { 'content-type': 'application/json' }));
    const response = await running.ask(question('x', { model: 'native' }));
    expect(response.status).toBe(400);
    expect(await response.text()).toBe(given);
    upstream.queue(
      raw(429, '{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}', {
        'retry-after': '6',
        'x-should-retry': 'true',
      }),
    );
    const limited = await running.ask(question('x', { model: 'native' }));
    expect(limited.status).toBe(429);
    expect(limited.headers.get('retry-after')).toBe('6');
    expect(limited.headers.get('x-should-retry')).toBe('true');
  });

  it('a key the provider refuses does not look like a wrong client token, and is not shown', async () => {
    upstream.queue(
      raw(
        401,
        JSON.stringify({
          type: 'error',
          error: { type: 'authentication_error', message: `invalid x-api-key ${canary}` },
        }),
        { 'content-type': 'application/json' },
      ),
    );
    const response = await running.ask(question('x', { model: 'native' }));
    const text = await response.text();
    expect(response.status).toBe(502);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(text).toContain("'claude' refused its API key");
    expect(text).not.toContain(canary);
  });

  it.each([
    ['every byte alone', { chunkBytes: 1 }],
    ['in pieces with CRLF, comments and pings', inPieces(2)],
    ['compressed, though not asked for', { gzip: true }],
  ])('a stream that arrives %s', async (_name, wire) => {
    upstream.queue(
      answer(
        [
          { type: 'thinking', text: 'hm 🤔', signature: 'sig' },
          { type: 'text', text: 'Größe 😀' },
        ],
        { usage: { input: 5, cacheRead: 3, output: 2 }, wire },
      ),
    );
    const response = await running.ask(question('x', { model: 'native', stream: true }));
    const { events, text } = await readEvents(response);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(contentOf(text)).toEqual([
      { type: 'thinking', thinking: 'hm 🤔', signature: 'sig' },
      { type: 'text', text: 'Größe 😀' },
    ]);
  });

  it('a whole answer where a stream was asked for becomes a stream, and the other way round', async () => {
    upstream.queue(
      raw(
        200,
        '{"id":"msg_1","type":"message","role":"assistant","model":"native","content":[{"type":"text","text":"whole"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}',
        { 'content-type': 'application/json' },
      ),
    );
    const streamed = await readEvents(await running.ask(question('x', { model: 'native', stream: true })));
    expect(checkEventGrammar(streamed.events)).toEqual([]);
    expect(contentOf(streamed.text)).toEqual([{ type: 'text', text: 'whole' }]);
    upstream.queue(raw(200, streamed.text, { 'content-type': 'text/event-stream' }));
    const whole = (await (await running.ask(question('x', { model: 'native' }))).json()) as { content: unknown };
    expect(whole.content).toEqual([{ type: 'text', text: 'whole' }]);
  });
});

describe('translation to an OpenAI-compatible provider', () => {
  it.each([1, 2, 3, 4])('thinking, text and two tool calls in fragments (%i)', async (seed) => {
    upstream.queue(
      answer(
        [
          { type: 'thinking', text: 'let me think 🤔 ähm' },
          { type: 'text', text: 'Größe 😀' },
          { type: 'tool_use', id: 'call_a', name: 'Bash', input: { command: 'echo "ä😀"' } },
          { type: 'tool_use', id: 'call_b', name: 'Read', input: { file_path: '/tmp/x' } },
        ],
        { usage: { input: 11, cacheRead: 4, output: 9 }, wire: inPieces(seed) },
      ),
    );
    const { events, text } = await readEvents(
      await running.ask(question('x', { model: 'other', stream: true, tools })),
    );
    expect(checkEventGrammar(events)).toEqual([]);
    expect(contentOf(text)).toMatchObject([
      { type: 'thinking', thinking: 'let me think 🤔 ähm' },
      { type: 'text', text: 'Größe 😀' },
      { type: 'tool_use', id: 'call_a', name: 'Bash', input: { command: 'echo "ä😀"' } },
      { type: 'tool_use', id: 'call_b', name: 'Read', input: { file_path: '/tmp/x' } },
    ]);
    const end = events.find((event) => event.type === 'message_delta');
    expect(end).toMatchObject({
      delta: { stop_reason: 'tool_use' },
      usage: { input_tokens: 11, cache_read_input_tokens: 4, output_tokens: 9 },
    });
    const [asked] = upstream.asked;
    expect(asked?.path).toBe('/v1/chat/completions');
    expect(asked?.headers.authorization).toBe(`Bearer ${canary}`);
    expect(asked?.headers['anthropic-version']).toBeUndefined();
  });

  it('a plain answer is the same message as the stream', async () => {
    const step = answer([
      { type: 'text', text: 'hello' },
      { type: 'tool_use', id: 'call_1', name: 'Bash', input: { command: 'ls' } },
    ]);
    upstream.queue(step, step);
    const streamed = contentOf(
      (await readEvents(await running.ask(question('x', { model: 'other', stream: true, tools })))).text,
    );
    const whole = (await (await running.ask(question('x', { model: 'other', tools }))).json()) as Record<
      string,
      unknown
    >;
    expect(whole.content).toEqual(streamed);
    expect(whole).toMatchObject({
      type: 'message',
      role: 'assistant',
      stop_reason: 'tool_use',
      usage: { output_tokens: 7 },
    });
  });

  it('context overflow gets the wording that makes Claude Code compact', async () => {
    upstream.queue(
      raw(
        400,
        JSON.stringify({
          error: {
            message:
              "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
            type: 'invalid_request_error',
            code: 'context_length_exceeded',
          },
        }),
        { 'content-type': 'application/json' },
      ),
    );
    const response = await running.ask(question('x', { model: 'other' }));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: 'prompt is too long: 9001 tokens > 8192 maximum' },
    });
  });

  it('a continued thread is refused in the words that make the client send everything', async () => {
    const response = await running.ask(
      question('x', { model: 'other', thread: { type: 'continue', previous_message_id: 'msg_1' } }),
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('capability_rejected: beta_header:message-threads-2026-08-12');
    expect(upstream.asked).toHaveLength(0);
  });
});

describe('a client that leaves', () => {
  it.each([
    ['native', 'before the answer'],
    ['other', 'before the answer'],
  ])('ends the call of %s %s', async (model) => {
    upstream.queue({ kind: 'hang' });
    const controller = new AbortController();
    const response = running.ask(question('x', { model, stream: true }), { signal: controller.signal });
    const [asked] = await upstream.waitFor(1);
    controller.abort();
    await expect(response).rejects.toThrow();
    await waitUntil('the abort of the provider call', () => asked?.aborted === true);
  });

  it.each(['native', 'other'])('ends the call of %s in the middle of the stream', async (model) => {
    upstream.queue(
      say('one two three four five six seven eight nine ten', { fragment: 3, breakAfter: { frames: 6, how: 'hang' } }),
    );
    const controller = new AbortController();
    const response = await running.ask(question('x', { model, stream: true }), { signal: controller.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    controller.abort();
    const [asked] = upstream.asked;
    await waitUntil('the abort of the provider call', () => asked?.aborted === true);
    await waitUntil('the end of the request', () => running.engine.status().requests.running === 0);
  });
});

describe('models', () => {
  it('lists in the shape of the asking protocol, and everything listed can be asked for', async () => {
    const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(running.url + path, { headers: { 'x-api-key': running.token, ...headers } });
    const openai = (await (await get('/v1/models')).json()) as { object: string; data: { id: string }[] };
    expect(openai.object).toBe('list');
    expect(openai.data.map(({ id }) => id)).toEqual(['alias', 'claude/native', 'chat/other']);
    const anthropic = (await (await get('/v1/models?limit=2', { 'anthropic-version': '2023-06-01' })).json()) as {
      data: { id: string }[];
      has_more: boolean;
      last_id: string;
    };
    expect(anthropic).toMatchObject({ has_more: true, first_id: 'alias', last_id: 'claude/native' });
    const next = await (
      await get(`/v1/models?limit=2&after_id=${encodeURIComponent(anthropic.last_id)}`, {
        'anthropic-version': '2023-06-01',
      })
    ).json();
    expect(next).toMatchObject({ data: [{ id: 'chat/other', type: 'model' }], has_more: false });
    for (const { id } of openai.data) {
      expect((await get(`/v1/models/${id}`)).status).toBe(200);
      expect((await running.ask(question('x', { model: id }))).status).toBe(200);
    }
    const missing = await get('/v1/models/claude/nativ', { 'anthropic-version': '2023-06-01' });
    expect(missing.status).toBe(200);
    const unknown = await get('/v1/models/nativ', { 'anthropic-version': '2023-06-01' });
    expect(unknown.status).toBe(404);
    expect(await unknown.text()).toContain('claude/native');
  });
});
