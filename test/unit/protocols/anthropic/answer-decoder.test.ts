import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnthropicAnswerDecoder } from '../../../../src-main/protocols/anthropic/answer-decoder.ts';
import { anthropicProviderCodec } from '../../../../src-main/protocols/anthropic/provider-codec.ts';
import type { AnswerMessage, StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import { messageEvents } from '../../../../src-main/protocols/message-events.ts';
import { unpackState } from '../../../../src-main/protocols/reasoning-state.ts';
import { collect, collectMessage } from '../../../helpers/answers.ts';
import { decodeContext } from '../../../helpers/codec-contexts.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';

const folder = new URL('../../../fixtures/anthropic/streams/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.sse'))
  .map((file) => file.replace(/\.sse$/, ''));
const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8').replaceAll('\r\n', '\n');

const context = decodeContext({ toolNames: new Map([['read_file_1214148e', 'read file']]) });

function decode(pieces: readonly Uint8Array[]): StreamEvent[] {
  const decoder = anthropicProviderCodec.createStreamDecoder(context);
  return [...pieces.flatMap((piece) => decoder.push(piece)), ...decoder.end()];
}

/** What a client has in the end. */
function summary(events: readonly StreamEvent[]): Record<string, unknown> {
  const { message, error } = collect(events);
  const { content, stop_reason, stop_details, usage } = message ?? {};
  return {
    ...(message === null ? {} : { content, stop_reason, ...(stop_details ? { stop_details } : {}), usage }),
    ...(error === null ? {} : { error }),
  };
}

/** New types are passed on as they are, which the grammar does not know. */
const inGrammar = (name: string): boolean => name !== 'unknown-blocks';

/** Ids for what has none differ from run to run. */
const withoutMadeId = (events: StreamEvent[]): StreamEvent[] =>
  events.map((event) =>
    event.type === 'message_start' ? { ...event, message: { ...event.message, id: 'id' } } : event,
  );

describe.each(names)('%s', (name) => {
  const bytes = Buffer.from(read(`${name}.sse`));
  const whole = decode([bytes]);

  it('gives what it should', () => {
    expect(summary(whole)).toEqual(JSON.parse(read(`${name}.json`)));
    if (inGrammar(name)) expect(checkEventGrammar(whole)).toEqual([]);
  });

  it('gives the same wherever it is cut', () => {
    const expected = withoutMadeId(whole);
    for (let cut = 0; cut <= bytes.length; cut += 1)
      expect(withoutMadeId(decode([bytes.subarray(0, cut), bytes.subarray(cut)]))).toEqual(expected);
  });
});

describe('what arrives in order', () => {
  it('stays as it is, new types too', () => {
    const text = read('unknown-blocks.sse');
    const sent = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as StreamEvent);
    const known = sent.filter(({ type }) => (type as string) !== 'brand_new');
    const events = decode([Buffer.from(text)]);
    expect(events.map((event) => ('message' in event || 'usage' in event ? event.type : event))).toEqual(
      known.map((event) => ('message' in event || 'usage' in event ? event.type : event)),
    );
  });

  it('shows the model that was asked for, and the id that the provider gave', () => {
    expect(decode([Buffer.from(read('text.sse'))])[0]).toMatchObject({
      message: { id: 'msg_01', model: 'asked-model' },
    });
  });
});

it('what has no id gets one', () => {
  const decoder = new AnthropicAnswerDecoder(context, () => 'new');
  decoder.read({ type: 'content_block_start', index: 0, content_block: { type: 'tool_use', name: 'Read' } });
  decoder.read({ type: 'message_stop' });
  const events = decoder.take();
  expect(events[0]).toMatchObject({ message: { id: 'answer_new' } });
  expect(events[1]).toMatchObject({ content_block: { id: 'toolu_new' } });
  expect(checkEventGrammar(events)).toEqual([]);
  decoder.read({ type: 'ping' });
  decoder.end();
  expect(decoder.take()).toEqual([]);
});

it.each([
  ['{"type":"message_start"', 'not valid JSON'],
  ['{"type":"error"}', 'no reason given'],
])('a stream with %s ends with an error', (data, problem) => {
  const events = decode([Buffer.from(`event: x\ndata: ${data}\n\n`)]);
  expect(events).toEqual([{ type: 'error', error: { type: 'api_error', message: expect.stringContaining(problem) } }]);
});

it('an event without a type has the one of its frame', () => {
  const frames = ['message_start', 'message_stop'].map((type) => `event: ${type}\ndata: {"message":{"id":"m"}}\n\n`);
  expect(decode([Buffer.from(frames.join(''))]).map(({ type }) => type)).toEqual([
    'message_start',
    'message_delta',
    'message_stop',
  ]);
});

describe('any order of events', () => {
  const index = fc.constantFrom(0, 0, 1, 2);
  const start = fc
    .record({
      index,
      content_block: fc.constantFrom<object>(
        { type: 'text', text: '' },
        { type: 'text', text: 'Begun' },
        { type: 'thinking', thinking: '', signature: '' },
        { type: 'thinking', thinking: 'Begun', signature: 'c2ln' },
        { type: 'redacted_thinking', data: 'ZGF0YQ' },
        { type: 'tool_use', id: 'a', name: 'Read', input: {} },
        { type: 'tool_use', id: 'b', name: 'Read', input: { path: 'b' } },
        { type: 'tool_use', id: 'x:1', name: 'read_file_1214148e', input: {} },
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} },
        { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
      ),
    })
    .map((fields) => ({ type: 'content_block_start', ...fields }));
  const delta = fc
    .record({
      index,
      delta: fc.constantFrom<object>(
        { type: 'text_delta', text: 'Hi' },
        { type: 'text_delta', text: ' ' },
        { type: 'thinking_delta', thinking: 'Hm' },
        { type: 'signature_delta', signature: 'c2ln' },
        { type: 'input_json_delta', partial_json: '{}' },
        { type: 'input_json_delta', partial_json: '{"path":' },
        { type: 'input_json_delta', partial_json: '"a"}' },
        { type: 'citations_delta', citation: { type: 'char_location' } },
      ),
    })
    .map((fields) => ({ type: 'content_block_delta', ...fields }));
  const stop = index.map((place) => ({ type: 'content_block_stop', index: place }));
  const other = fc.constantFrom<object>(
    { type: 'message_start', message: { id: 'm', usage: { input_tokens: 3 } } },
    { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 4 } },
    { type: 'message_delta', delta: {} },
    { type: 'message_stop' },
    { type: 'ping' },
    { type: 'brand_new' },
  );
  const events = fc.array(fc.oneof({ weight: 4, arbitrary: delta }, { weight: 3, arbitrary: start }, stop, other), {
    maxLength: 25,
  });

  it('becomes one that clients understand', () => {
    fc.assert(
      fc.property(events, (given) => {
        const frames = given.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
        const problems = checkEventGrammar(decode([Buffer.from(frames)]));
        // What a model writes as a tool's input is its own affair.
        expect(problems.filter((problem) => !problem.includes('is not a JSON object'))).toEqual([]);
      }),
      { numRuns: 3000 },
    );
  });
});

it('any answer in order comes out as it is', () => {
  const visible = fc.string({ minLength: 1 }).filter((text) => /\S/.test(text));
  const block = fc.oneof(
    fc.record({ type: fc.constant('text'), text: visible }),
    fc.record({ type: fc.constant('thinking'), thinking: visible, signature: fc.constantFrom('', 'c2ln') }),
    fc.record({ type: fc.constant('redacted_thinking'), data: fc.constant('ZGF0YQ') }),
    fc.record({
      type: fc.constant('tool_use'),
      name: fc.constant('Read'),
      input: fc.dictionary(fc.string(), fc.jsonValue()),
    }),
  );
  const usage = { input_tokens: 3, output_tokens: 4, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  fc.assert(
    fc.property(fc.array(block), fc.boolean(), (blocks, numbered) => {
      const content = blocks.map((each, index) => ('name' in each ? { ...each, id: `t${index}` } : each));
      const stop_reason = content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn';
      const message = JSON.parse(
        JSON.stringify({
          id: 'm',
          type: 'message',
          role: 'assistant',
          model: context.model,
          content,
          stop_reason,
          stop_sequence: null,
          usage,
        }),
      ) as AnswerMessage;
      const events = messageEvents(message).map((event) =>
        'index' in event && !numbered ? { ...event, index: 0 } : event,
      );
      const decoded = decode([Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''))]);
      expect(collectMessage(decoded)).toEqual(message);
    }),
  );
});

describe('a whole answer', () => {
  const body = {
    id: 'msg_01',
    type: 'message',
    role: 'assistant',
    model: 'claude-opus-5-5',
    content: [
      { type: 'thinking', thinking: '', signature: 'c2ln' },
      { type: 'text', text: 'Found.', citations: [{ type: 'char_location', cited_text: 'x' }] },
      { type: 'tool_use', id: 'a', name: 'read_file_1214148e', input: { path: 'a' }, caller: { type: 'direct' } },
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
    ],
    stop_reason: 'tool_use',
    stop_sequence: null,
    stop_details: null,
    usage: {
      input_tokens: 9,
      output_tokens: 5,
      output_tokens_details: { thinking_tokens: 2 },
      service_tier: 'standard',
    },
  };

  it('is the same as its stream would be', () => {
    const events = anthropicProviderCodec.decodeAnswer(body, context);
    expect(checkEventGrammar(events)).toEqual([]);
    const content = body.content.map((block) =>
      block.name === 'read_file_1214148e' ? { ...block, name: 'read file' } : block,
    );
    const counts = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    expect(collectMessage(events)).toEqual({
      ...body,
      model: 'asked-model',
      content,
      usage: { ...body.usage, ...counts },
    });
  });

  it('keeps why it was refused', () => {
    const stop_details = { type: 'refusal', category: 'cyber', explanation: 'No.' };
    const events = anthropicProviderCodec.decodeAnswer(
      { ...body, content: [], stop_reason: 'refusal', stop_details },
      context,
    );
    expect(events.find(({ type }) => type === 'message_delta')).toMatchObject({ delta: { stop_details } });
  });

  it('may lack everything but content', () => {
    const events = anthropicProviderCodec.decodeAnswer(
      { content: [{ type: 'text', text: 'Hi' }, null, { type: 'text' }] },
      context,
    );
    expect(checkEventGrammar(events)).toEqual([]);
    expect(summary(events)).toMatchObject({ content: [{ type: 'text', text: 'Hi' }], stop_reason: 'end_turn' });
    expect(events.find(({ type }) => type === 'message_delta')).toMatchObject({ estimated: true });
  });

  it('is none where it has no content and is no error', () => {
    expect(() => anthropicProviderCodec.decodeAnswer({ id: 'x' }, context)).toThrow('no content');
  });
});

describe('a signature', () => {
  const signatureOf = (model: string, takesEmptySignature: boolean): unknown => {
    const events = anthropicProviderCodec.decodeAnswer(
      { content: [{ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }] },
      decodeContext({ target: { provider: 'p', model }, quirks: { takesEmptySignature } }),
    );
    const [block] = collectMessage(events).content;
    return block?.type === 'thinking' ? block.signature : null;
  };

  it('of Anthropic stays what it is, also behind a gateway', () => {
    expect(signatureOf('claude-sonnet-5-5', false)).toBe('c2ln');
    expect(signatureOf('bedrock/claude-sonnet-5-5', true)).toBe('c2ln');
  });

  it('of a compatible server says whose it is: Anthropic would refuse it', () => {
    const packed = String(signatureOf('minimax-m3', true));
    expect(unpackState(packed)).toEqual({ dialect: 'anthropic', provider: 'p', model: 'minimax-m3', data: 'c2ln' });
  });
});
