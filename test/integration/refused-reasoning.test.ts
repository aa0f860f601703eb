import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Middleware } from '../../src-main/pipeline/middleware.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import { agentTools, type RunningEngine, runEngine } from '../helpers/running-engine.ts';
import {
  fail,
  raw,
  type ScriptableUpstream,
  say,
  startUpstream,
  type UpstreamRequest,
} from '../helpers/scriptable-upstream.ts';

let upstream: ScriptableUpstream;
let running: RunningEngine;
const rows: RequestRow[] = [];

type Json = Record<string, unknown>;

beforeAll(async () => {
  upstream = await startUpstream();
  const keepRow: Middleware = {
    name: 'rows',
    request: async ({ row }, next) => {
      rows.push(row);
      await next();
    },
  };
  const baseUrl = upstream.url;
  running = await runEngine(
    {
      providers: [
        { id: 'claude', type: 'anthropic', baseUrl, key: 'env:KEY' },
        { id: 'relay', type: 'anthropic-compatible', baseUrl },
        { id: 'responses', type: 'openai-compatible', protocols: ['openai-responses'], baseUrl },
        { id: 'chat', type: 'openai-compatible', baseUrl },
        { id: 'router', type: 'openai-compatible', baseUrl, quirks: { returnsReasoningDetails: true } },
      ],
      aliases: { either: ['claude/claude-opus-5-5', 'chat/m'] },
    },
    { env: { KEY: 'sk-ant-test' }, middleware: [keepRow] },
  );
});
beforeEach(() => upstream.reset());
afterAll(async () => {
  await running.stop();
  await upstream.close();
});

const invalid = 'messages.1.content.0: Invalid `signature` in `thinking` block';
const refusal = (message: string) =>
  JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message }, request_id: 'req_1' });
const json = { 'content-type': 'application/json', 'request-id': 'req_1' };

/** Refuses every request of which `isWrong` says so. */
function refusing(body: string, isWrong: (request: UpstreamRequest) => boolean, status = 400): void {
  upstream.script((request) => (isWrong(request) ? raw(status, body, json) : say('ok')));
}
const trace = (): unknown[] => rows.at(-1)?.trace.filter(({ step }) => step === 'reasoning refused') ?? [];

const tool = (id: string) => ({ type: 'tool_use', id, name: 'Read', input: { file_path: id } });
const result = (id: string) => ({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'x' }] });
const thought = (signature: string) => ({ type: 'thinking', thinking: 'Hm.', signature });
const says = (...content: Json[]) => ({ role: 'assistant', content });
const question = { role: 'user', content: 'Go' };

const ask = (model: string, messages: unknown[], more: Json = {}) =>
  running.ask({ model, max_tokens: 9000, tools: agentTools, messages, ...more });

describe('thinking that Anthropic refuses', () => {
  const messages = [question, says(thought('QUJD'), tool('t1')), result('t1')];

  it('is left out at once, and from then on; the client sees nothing', async () => {
    refusing(refusal(invalid), ({ text }) => text.includes('"signature"'));
    const thinking = { type: 'adaptive' };
    const response = await ask('claude/claude-opus-5-5', messages, { thinking, stream: true });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-cproxy-attempts')).toBe('1');
    expect(await response.text()).toContain('ok');
    const without = [question, says(tool('t1')), result('t1')];
    expect(upstream.asked.map(({ json: body }) => body.messages)).toEqual([messages, without]);
    expect(upstream.asked[1]?.json.thinking).toEqual(thinking);
    expect(trace()).toEqual([
      {
        step: 'reasoning refused',
        detail:
          'claude/claude-opus-5-5 refused reasoning in the conversation that it does not take for its own: asked again without any of it',
      },
    ]);

    const grown = [...messages, says({ type: 'text', text: 'Done' }), question];
    expect((await ask('claude/claude-opus-5-5', grown, { thinking })).status).toBe(200);
    const [, second, third] = upstream.asked;
    expect(third?.json.messages).toEqual([...without, ...grown.slice(3)]);
    expect(JSON.stringify(third?.json.messages)).toContain(JSON.stringify(second?.json.messages).slice(0, -1));
    expect(upstream.asked).toHaveLength(3);
  });

  it('takes manual thinking along, where the tool loop would have to begin with it', async () => {
    const manual = { type: 'enabled', budget_tokens: 4096 };
    const loop = [question, says(thought('REVG'), tool('t2')), result('t2')];
    refusing(refusal(invalid), ({ text }) => text.includes('"signature"'));
    await ask('claude/claude-opus-4-5', loop, { thinking: manual });
    expect(upstream.asked.map(({ json: body }) => body.thinking)).toEqual([manual, { type: 'disabled' }]);
    await ask('claude/claude-opus-4-5', loop, { thinking: manual });
    expect(upstream.asked.map(({ json: body }) => body.thinking)).toEqual([
      manual,
      { type: 'disabled' },
      { type: 'disabled' },
    ]);
  });

  it('and missing thinking, which only the client can have lost', async () => {
    const missing =
      'messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block';
    refusing(refusal(missing), ({ json: body }) => (body.thinking as Json).type === 'enabled');
    const response = await ask('claude/claude-opus-4-5', [question, says(tool('t3')), result('t3')], {
      thinking: { type: 'enabled', budget_tokens: 4096 },
    });
    expect(response.status).toBe(200);
    expect(upstream.asked).toHaveLength(2);
  });

  it.each([
    [
      'missing thinking',
      'Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block',
      { type: 'enabled', budget_tokens: 4096 },
    ],
    [
      'thinking that was switched off',
      'messages.1.content.0: When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`. To use thinking blocks, enable `thinking` in your request.',
      { type: 'disabled' },
    ],
  ])('%s says nothing against the signatures of the conversation', async (_, message, thinking) => {
    const signed = says(thought(Buffer.from(message).toString('base64')), { type: 'text', text: 'Done' });
    upstream.script((_request, index) => (index === 0 ? raw(400, refusal(message), json) : say('ok')));
    const loop = [question, signed, question, says(tool('t9')), result('t9')];
    expect((await ask('claude/claude-opus-4-5', loop, { thinking })).status).toBe(200);
    expect(upstream.asked).toHaveLength(2);
    expect(upstream.asked[1]?.text).not.toContain('"signature"');
    const later = [...loop, says({ type: 'text', text: 'Done' }), question];
    await ask('claude/claude-opus-4-5', later, { thinking: { type: 'enabled', budget_tokens: 4096 } });
    expect(upstream.asked[2]?.json.messages).toEqual(later);
  });

  it('is told in its own first words where that does not help', async () => {
    upstream.script((_request, index) => raw(400, refusal(index === 0 ? invalid : 'Something else'), json));
    const fresh = [question, says(thought('R0hJ'), tool('t4')), result('t4')];
    const response = await ask('claude/claude-opus-5-5', fresh);
    expect(response.status).toBe(400);
    expect(response.headers.get('request-id')).toBe('req_1');
    expect(await response.text()).toBe(refusal(invalid));
    expect(upstream.asked).toHaveLength(2);
    expect(rows.at(-1)?.attempts[0]).toMatchObject({ status: 400, outcome: 'failed' });
    expect(trace()).toHaveLength(2);
    // Nothing has been proven against the signature.
    upstream.reset();
    upstream.script(() => say('ok'));
    await ask('claude/claude-opus-5-5', fresh);
    expect(upstream.asked[0]?.text).toContain('R0hJ');
  });

  it('is told as well where it cannot be asked once more', async () => {
    upstream.script((_request, index) => (index === 0 ? raw(400, refusal(invalid), json) : { kind: 'close' }));
    const response = await ask('claude/claude-opus-5-5', [question, says(thought('SktM'), tool('t5')), result('t5')]);
    expect(response.status).toBe(400);
    expect(await response.text()).toBe(refusal(invalid));
  });

  it('is asked about once only, whatever the second answer says', async () => {
    refusing(refusal(invalid), () => true);
    const response = await ask('claude/claude-opus-5-5', [question, says(thought('TU5P'), tool('t6')), result('t6')]);
    expect(response.status).toBe(400);
    expect(upstream.asked).toHaveLength(2);
  });

  it('is no reason to ask again where there is none, nor another status', async () => {
    refusing(refusal(invalid), () => true);
    expect((await ask('claude/claude-opus-5-5', [question])).status).toBe(400);
    expect(upstream.asked).toHaveLength(1);
    upstream.reset();
    upstream.script(() => fail(500, { message: invalid }));
    const messagesOfOthers = [question, says(thought('UFFS'), tool('t7')), result('t7')];
    expect((await ask('claude/claude-opus-5-5', messagesOfOthers)).status).toBe(500);
    expect(upstream.asked).toHaveLength(1);
  });

  it('is learned of a relay that takes none without a signature', async () => {
    const unsigned = [question, says(thought(''), tool('t8')), result('t8')];
    refusing(refusal('messages.1.content.0.thinking.signature: Field required'), ({ text }) =>
      text.includes('"signature"'),
    );
    expect((await ask('relay/claude-x', unsigned)).status).toBe(200);
    expect((await ask('relay/claude-x', unsigned)).status).toBe(200);
    expect(upstream.asked).toHaveLength(3);
    expect(upstream.asked[2]?.text).not.toContain('"signature"');
  });
});

describe('thinking that a compatible server misses', () => {
  it('is given to it empty, at once and from then on', async () => {
    const message = 'The `content[].thinking` in the thinking mode must be passed back to the API.';
    const lacks = ({ json: body }: UpstreamRequest) =>
      (body.messages as Json[]).some(
        ({ role, content }) => role === 'assistant' && (content as Json[])[0]?.type !== 'thinking',
      );
    refusing(JSON.stringify({ error: { message, type: 'invalid_request_error' } }), lacks);
    const messages = [question, says(tool('t1')), result('t1'), says({ type: 'text', text: 'Done' }), question];
    const thinking = { type: 'adaptive' };
    expect((await ask('relay/deepseek-v4', messages, { thinking })).status).toBe(200);
    expect((await ask('relay/deepseek-v4', messages, { thinking })).status).toBe(200);
    expect(upstream.asked).toHaveLength(3);
    expect(upstream.asked[2]?.json).toMatchObject({ thinking });
    expect(trace()).toEqual([]);
    // Translated, too.
    const body = {
      model: 'relay/deepseek-v4',
      messages: [question, { role: 'assistant', content: 'Done' }, question],
    };
    expect((await running.ask(body, { path: '/v1/chat/completions' })).status).toBe(200);
    expect(upstream.asked).toHaveLength(4);
  });
});

describe('reasoning of a Responses client', () => {
  const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' };
  const call = { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'Read', arguments: '{}' };
  const output = { type: 'function_call_output', call_id: 'c1', output: 'x' };
  const input = [question, reasoning, call, output];
  const send = (items: unknown[], more: Json = {}) =>
    running.ask({ model: 'responses/gpt-6', input: items, ...more }, { path: '/v1/responses' });
  const error = (message: string, code: string | null) =>
    JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code } });

  it('is left out at once, and from then on', async () => {
    const body = error('The encrypted content gAAA...DQ== could not be verified.', 'invalid_encrypted_content');
    refusing(body, ({ text }) => text.includes('encrypted_content'));
    expect((await send(input)).status).toBe(200);
    expect((await send(input)).status).toBe(200);
    const { id: _, ...rest } = call;
    const without = [question, rest, output];
    expect(upstream.asked.map(({ json: sent }) => sent.input)).toEqual([input, without, without]);
  });

  it('that is not stored is left out each time', async () => {
    const body = error("Item with id 'rs_2' not found. Items are not persisted when `store` is set to false.", null);
    refusing(body, ({ text }) => text.includes('rs_2'), 404);
    const stored = [question, { type: 'reasoning', id: 'rs_2', summary: [] }, call, output];
    expect((await send(stored)).status).toBe(200);
    expect(upstream.asked).toHaveLength(2);
  });

  it('is left out beside a parameter that is refused', async () => {
    const fresh = [question, { ...reasoning, encrypted_content: 'gBBB' }, call, output];
    upstream.script(({ text }) => {
      if (text.includes('gBBB')) return raw(400, error('could not be verified', 'invalid_encrypted_content'), json);
      if (text.includes('"top_p"'))
        return raw(400, error("Unsupported parameter: 'top_p' is not supported with this model.", null), json);
      return say('ok');
    });
    expect((await send(fresh, { top_p: 0.5 })).status).toBe(200);
    expect(upstream.asked).toHaveLength(3);
    expect(upstream.asked[2]?.json.input).toHaveLength(3);
  });

  it('of the translated kind is left out as well', async () => {
    upstream.script(({ protocol }) =>
      protocol === 'openai-responses'
        ? {
            kind: 'answer',
            content: [
              { type: 'thinking', text: 'Hm.', signature: 'gCCC' },
              { type: 'tool_use', id: 'c9', name: 'Read', input: {} },
            ],
          }
        : say('ok'),
    );
    const first = (await (await ask('responses/gpt-7', [question])).json()) as { content: Json[] };
    const messages = [question, says(...first.content), result('c9')];
    upstream.reset();
    const body = error('The encrypted content could not be verified.', 'invalid_encrypted_content');
    refusing(body, ({ text }) => text.includes('gCCC'));
    expect((await ask('responses/gpt-7', messages)).status).toBe(200);
    expect((await ask('responses/gpt-7', messages)).status).toBe(200);
    expect(upstream.asked).toHaveLength(3);
  });
});

describe('reasoning of a Chat Completions client', () => {
  const call = { id: 'c1', type: 'function', function: { name: 'Read', arguments: '{}' } };
  const called = { role: 'assistant', content: null, tool_calls: [call] };
  const output = { role: 'tool', tool_call_id: 'c1', content: 'x' };
  const send = (model: string, messages: unknown[]) =>
    running.ask({ model, messages }, { path: '/v1/chat/completions' });
  const error = (message: string) => JSON.stringify({ error: { message, type: 'invalid_request_error' } });
  const assistants = ({ json: body }: UpstreamRequest) =>
    (body.messages as Json[]).filter(({ role }) => role === 'assistant');

  it.each([
    ['kimi', 'thinking is enabled but reasoning_content is missing in assistant tool call message at index 1'],
    ['deepseek', 'The `reasoning_content` in the thinking mode must be passed back to the API.'],
  ])('is put back where %s turns out to want it', async (model, message) => {
    refusing(error(message), (request) => assistants(request).some((one) => one.reasoning_content === undefined));
    for (const _time of [1, 2]) expect((await send(`chat/${model}`, [question, called, output])).status).toBe(200);
    expect(upstream.asked).toHaveLength(3);
    // Translated, too.
    expect((await ask(`chat/${model}`, [question, says(tool('t1')), result('t1')])).status).toBe(200);
    expect(upstream.asked).toHaveLength(4);
    // Another model is not touched.
    await send(`chat/${model}-2`, [question, called, output]);
    expect(upstream.asked.at(-2)?.json).toMatchObject({ messages: [question, called, output] });
  });

  it.each([
    ['chat', ({ tool_calls: calls }: Json) => (calls as Json[])[0]?.extra_content],
    ['router', ({ reasoning_details: details }: Json) => details],
  ])('is marked as missing where Gemini turns out to be behind %s', async (provider, mark) => {
    refusing(error('Function call is missing a thought_signature in functionCall parts.'), (request) =>
      assistants(request).some((one) => mark(one) === undefined),
    );
    for (const _time of [1, 2])
      expect((await send(`${provider}/gemini-3`, [question, called, output])).status).toBe(200);
    expect(upstream.asked).toHaveLength(3);
    expect((await ask(`${provider}/gemini-3`, [question, says(tool('t1')), result('t1')])).status).toBe(200);
    expect(upstream.asked).toHaveLength(4);
  });

  it.each([
    ['refused all the same', raw(400, error('Something else'), json)],
    ['not answered', { kind: 'close' } as const],
  ])('teaches nothing about a model where it is put back and %s', async (_, second) => {
    const quoted = 'Invalid content: "Function call is missing a thought_signature in functionCall parts"';
    const other = 'Invalid content: "reasoning_content is missing in assistant tool call message at index 1"';
    const model = `odd-${second.kind}`;
    for (const message of [quoted, other]) {
      upstream.reset();
      upstream.script((_request, index) => [raw(400, error(message), json), second][index] ?? say('ok'));
      expect((await send(`chat/${model}`, [question, called, output])).status).toBe(400);
      expect((await send(`chat/${model}`, [question, called, output])).status).toBe(200);
      expect(upstream.asked).toHaveLength(3);
      expect(upstream.asked[2]?.json.messages).toEqual([question, called, output]);
    }
  });

  it('is left out where another model has signed it, and from then on', async () => {
    const details = [{ type: 'reasoning.encrypted', data: 'enc', format: 'openai-responses-v1', index: 0 }];
    const metadata = { raw: refusal(invalid), provider_name: 'Anthropic' };
    const body = JSON.stringify({ error: { message: 'Provider returned error', code: 400, metadata } });
    refusing(body, ({ text }) => text.includes('"enc"'));
    const messages = [question, { ...called, reasoning_details: details }, output];
    for (const _time of [1, 2]) expect((await send('router/claude', messages)).status).toBe(200);
    expect(upstream.asked).toHaveLength(3);
    expect(upstream.asked[2]?.json.messages).toEqual([question, called, output]);
  });
});
