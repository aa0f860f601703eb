import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerBlock, AnswerMessage, BlockDelta, StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import { messageEvents } from '../../../../src-main/protocols/message-events.ts';
import { openaiResponsesClientCodec } from '../../../../src-main/protocols/openai-responses/client-codec.ts';
import { decodeResponsesRequest } from '../../../../src-main/protocols/openai-responses/client-request.ts';
import { packState, stateFor } from '../../../../src-main/protocols/reasoning-state.ts';
import { ProxyError } from '../../../../src-shared/errors.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';
import { checkResponsesGrammar, parseResponsesSse } from '../../../helpers/responses-grammar.ts';
import { answerFixtures, encodeEvents, encodeWhole, streamFixture, withoutTimes } from './client-fixtures.ts';

type Json = Record<string, unknown>;

const usage = { input_tokens: 1, output_tokens: 2, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const answer = (content: AnswerBlock[], id = 'msg_1'): AnswerMessage => ({
  id,
  type: 'message',
  role: 'assistant',
  model: 'm',
  content,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage,
});
const outputOf = (text: string): Json[] =>
  (parseResponsesSse(text).at(-1) as unknown as { response: { output: Json[] } }).response.output;

describe('a stream', () => {
  it('has exactly these events', () => {
    const { events, request, text } = streamFixture;
    expect(withoutTimes(encodeEvents(events, request))).toBe(text);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(checkResponsesGrammar(parseResponsesSse(text))).toEqual([]);
  });

  it('nothing of it is lost when nothing is said', () => {
    const events = messageEvents(answer([{ type: 'text', text: '' }]));
    expect(parseResponsesSse(encodeEvents(events)).map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.completed',
    ]);
  });

  it("takes OpenAI's own id of a reasoning item, to which its state is bound", () => {
    const item = { type: 'reasoning', id: 'rs_native', summary: [], encrypted_content: 'gAAAA' };
    const signature = packState({ dialect: 'openai-responses', provider: 'openai', model: 'gpt', data: item });
    const [start, ...rest] = messageEvents(
      answer([{ type: 'thinking', thinking: 'a', signature, openai: { id: 'rs_native' } }]),
    );
    expect(outputOf(encodeEvents([start as StreamEvent, ...rest]))).toEqual([
      {
        id: 'rs_native',
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'a' }],
        encrypted_content: 'gAAAA',
      },
    ]);
    // Under another id OpenAI would refuse it: it stays packed.
    const unnamed = outputOf(encodeEvents(messageEvents(answer([{ type: 'thinking', thinking: 'a', signature }]))));
    expect(unnamed).toMatchObject([{ id: 'rs_1_0', encrypted_content: signature }]);
  });

  it('ids of an answer that has none, or a long and strange one', () => {
    const idsOf = (id: string): string[] => {
      const output = outputOf(encodeEvents(messageEvents(answer([{ type: 'text', text: 'a' }], id))));
      return output.map((item) => String(item.id));
    };
    expect(idsOf('')[0]).toMatch(/^msg_[0-9a-f]{32}_0$/);
    expect(idsOf('chatcmpl-ä/b')).toEqual(['msg___b_0']);
    expect(idsOf('x'.repeat(200))[0]?.length).toBeLessThanOrEqual(64);
  });

  it('events after its end are ignored', () => {
    const events = messageEvents(answer([{ type: 'text', text: 'a' }]));
    const encoder = openaiResponsesClientCodec.answerEncoder(() => ({})).createStream();
    for (const event of events) encoder.encode(event);
    expect(events.map((event) => encoder.encode(event)).join('')).toBe('');
  });
});

describe('an answer', () => {
  it.each(answerFixtures)('$name: $about', ({ request, message, response }) => {
    const { status, incomplete_details, output, usage: counted } = encodeWhole(message, request);
    expect({ status, incomplete_details, output, usage: counted }).toEqual(response);
  });

  it.each(answerFixtures)('$name as a stream says the same', ({ request, message, response }) => {
    const events = parseResponsesSse(encodeEvents(messageEvents(message), request));
    expect(checkResponsesGrammar(events)).toEqual([]);
    const last = events.at(-1) as Json;
    expect(last.type).toBe(`response.${String(response.status)}`);
    // Known at the end only, and so only where the whole answer is known: the id of a reasoning item, a cut input.
    const late = (output: unknown) =>
      JSON.parse(JSON.stringify(output), (key, value) => (LATE.has(key) ? null : value));
    expect(late((last.response as Json).output)).toEqual(late(response.output));
  });
  const LATE = new Set(['id', 'encrypted_content', 'arguments', 'status']);

  it('repeats the settings of its request, and nothing of the conversation', () => {
    const request = {
      model: 'm',
      input: 'kept by nobody',
      store: true,
      instructions: 'i',
      tools: Object.freeze([{ type: 'function', name: 'f' }]),
      tool_choice: 'required',
      temperature: 0.1,
      top_p: 0.2,
      max_output_tokens: 5,
      max_tool_calls: 2,
      parallel_tool_calls: false,
      reasoning: { effort: 'low' },
      text: { verbosity: 'low' },
      metadata: { a: 'b' },
      truncation: 'auto',
      service_tier: 'flex',
      prompt_cache_key: 'k',
      safety_identifier: 's',
      user: 'u',
      top_logprobs: 1,
    };
    for (const whole of [encodeWhole(answer([]), request), encodeWhole(answer([]), request)]) {
      const { input: _, ...settings } = request;
      expect(whole).toMatchObject({
        ...settings,
        object: 'response',
        id: 'resp_1',
        store: false,
        background: false,
        previous_response_id: null,
        reasoning: { effort: 'low', summary: null },
        text: { format: { type: 'text' }, verbosity: 'low' },
      });
      expect(JSON.stringify(whole)).not.toContain('kept by nobody');
    }
  });
});

describe('an error', () => {
  const error = ProxyError.of('provider_cut_stream', { provider: 'p' });
  const encoder = () => openaiResponsesClientCodec.answerEncoder(() => ({ instructions: 'i' })).createStream();

  it('ends the stream that has begun, with what was finished', () => {
    const stream = encoder();
    const begun = streamFixture.events
      .slice(0, 16)
      .map((event) => stream.encode(event))
      .join('');
    const events = parseResponsesSse(begun + stream.encodeError?.(error, 'req_1'));
    expect(checkResponsesGrammar(events)).toEqual([]);
    const [told, failed] = events.slice(-2) as unknown as [Json, Json];
    const { message } = error;
    expect(told).toMatchObject({
      type: 'error',
      code: 'provider_cut_stream',
      message,
      error: { type: 'server_error', code: 'provider_cut_stream', message, param: null },
    });
    const response = failed.response as Json;
    expect(response).toMatchObject({
      id: 'resp_01Ab',
      status: 'failed',
      error: { code: 'provider_cut_stream', message },
      instructions: 'i',
    });
    expect((response.output as Json[]).map(({ type }) => type)).toEqual(['reasoning', 'web_search_call']);
    expect(stream.encode({ type: 'message_stop' })).toBe('');
  });

  it.each([
    ['before anything of the answer', openaiResponsesClientCodec.encodeStreamError(error, 'req_1')],
    ['of a stream that has not begun', encoder().encodeError?.(error, 'req_1') ?? ''],
  ])('%s is a stream of its own', (_when, text) => {
    const events = parseResponsesSse(text);
    expect(checkResponsesGrammar(events)).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['error', 'response.failed']);
    expect(events[1]).toMatchObject({ response: { id: 'resp_1', status: 'failed', output: [] } });
  });

  it.each([
    ['rate_limit_error', 'rate_limit_exceeded'],
    ['overloaded_error', 'server_error'],
  ])('event of kind %s fails the response with %s', (type, code) => {
    const [start] = messageEvents(answer([]));
    const events = parseResponsesSse(
      encodeEvents([start as StreamEvent, { type: 'error', error: { type, message: 'no' } }]),
    );
    expect(checkResponsesGrammar(events)).toEqual([]);
    expect(events.at(-1)).toMatchObject({ response: { error: { code, message: 'no' } } });
  });

  it("over HTTP has OpenAI's envelope", () => {
    const refused = ProxyError.of('invalid_field', { field: 'input[0].role', expected: 'is required' });
    const { status, headers, body } = openaiResponsesClientCodec.encodeError(refused, 'req_1');
    expect({ status, body: JSON.parse(body) }).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', param: 'input[0].role' } },
    });
    expect(headers['x-should-retry']).toBe('false');
  });
});

it('a ping is a comment without an event, which old readers of Go would take for one without data', () => {
  expect(openaiResponsesClientCodec.ping).toBe(': ping\n');
  const text = `${openaiResponsesClientCodec.ping}${streamFixture.text}`;
  expect(parseResponsesSse(text)).toEqual(parseResponsesSse(streamFixture.text));
});

describe('any answer', () => {
  const words = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => /\S/.test(text));
  const base64 = fc.base64String({ minLength: 4 });
  const packed = fc
    .constantFrom<'openai-chat' | 'openai-responses'>('openai-chat', 'openai-responses')
    .chain((dialect) =>
      fc
        .record({ id: fc.uuid(), encrypted_content: words })
        .map((data) => packState({ dialect, provider: 'p', model: 'x', data })),
    );
  const blocks = fc.array(
    fc.oneof<fc.Arbitrary<AnswerBlock>[]>(
      words.map((text) => ({ type: 'text', text })),
      fc
        .record({ text: words, phase: fc.constantFrom('commentary', 'final_answer') })
        .map(({ text, phase }) => ({ type: 'text', text, openai: { phase } })),
      words.map((text) => ({ type: 'text', text, openai: { refusal: true } })),
      fc
        .record({ thinking: words, signature: fc.oneof(base64, packed, fc.constant('')) })
        .map((block) => ({ type: 'thinking', ...block })),
      fc.record({ signature: base64 }).map((block) => ({ type: 'thinking', thinking: '', ...block })),
      fc.oneof(base64, packed).map((data) => ({ type: 'redacted_thinking', data })),
      fc
        .record({
          id: fc.uuid(),
          name: fc.constantFrom('f', 'mcp__files__read'),
          // -0 is no number of JSON's.
          input: fc.dictionary(words, fc.jsonValue()).map((input) => JSON.parse(JSON.stringify(input)) as Json),
        })
        .map((call) => ({ type: 'tool_use', ...call })),
      fc
        .record({ id: fc.uuid(), input: fc.string({ unit: 'grapheme' }) })
        .map(({ id, input }) => ({ type: 'tool_use', id, name: 'patch', input: { input }, openai: { custom: true } })),
    ),
    { maxLength: 8 },
  );
  const tools = [
    { type: 'custom', name: 'patch' },
    { type: 'namespace', name: 'mcp__files', tools: [{ type: 'function', name: 'read', parameters: {} }] },
  ];

  const target = { dialect: 'openai-responses', provider: 'p', model: 'x' } as const;
  /** OpenAI's own state goes to the client as OpenAI gave it, and comes back without the name of its provider. */
  const bare = (block: unknown): unknown => {
    const state = stateFor(block, target)?.data as Json | undefined;
    return state === undefined ? block : [(block as AnswerBlock).type, state.id, state.encrypted_content];
  };

  /** The same events with each delta cut in two, and pings between them. */
  const cut = (events: readonly StreamEvent[], at: number): StreamEvent[] =>
    events.flatMap((event): StreamEvent[] => {
      if (event.type !== 'content_block_delta') return [event];
      const halves = halve(event.delta, at);
      return halves.flatMap((delta) => [{ ...event, delta }, { type: 'ping' as const }]);
    });
  const halve = (delta: BlockDelta, at: number): BlockDelta[] => {
    const split = (text: string): string[] => [[...text].slice(0, at).join(''), [...text].slice(at).join('')];
    switch (delta.type) {
      case 'text_delta':
        return split(delta.text).map((text) => ({ type: 'text_delta', text }));
      case 'thinking_delta':
        return split(delta.thinking).map((thinking) => ({ type: 'thinking_delta', thinking }));
      case 'input_json_delta':
        return split(delta.partial_json).map((partial_json) => ({ type: 'input_json_delta', partial_json }));
      default:
        return [delta];
    }
  };

  it('is a valid stream, and comes back as the same content', () => {
    fc.assert(
      fc.property(
        blocks,
        fc.nat(6),
        fc.constantFrom('end_turn', 'tool_use', 'max_tokens', 'refusal'),
        (content, at, stop) => {
          const message = { ...answer(content), stop_reason: stop } as AnswerMessage;
          const events = cut(messageEvents(message), at);
          expect(checkEventGrammar(events)).toEqual([]);
          const text = encodeEvents(events, { tools });
          expect(checkResponsesGrammar(parseResponsesSse(text))).toEqual([]);
          const output = outputOf(text);
          const { messages } = decodeResponsesRequest({
            model: 'm',
            input: [{ role: 'user', content: 'a' }, ...output],
            tools,
          });
          const given = JSON.parse(JSON.stringify(content)) as AnswerBlock[];
          expect([...(messages[1]?.content ?? [])].map(bare)).toEqual(given.map(bare));
        },
      ),
    );
  });

  it('given whole says what its stream says', () => {
    fc.assert(
      fc.property(blocks, (content) => {
        const whole = encodeWhole(answer(content), { tools });
        const request = { model: 'm', input: [{ role: 'user', content: 'a' }, ...(whole.output as Json[])], tools };
        const back = (decodeResponsesRequest(request).messages[1]?.content ?? []) as AnswerBlock[];
        expect(back.map(bare)).toEqual((JSON.parse(JSON.stringify(content)) as AnswerBlock[]).map(bare));
      }),
    );
  });
});
