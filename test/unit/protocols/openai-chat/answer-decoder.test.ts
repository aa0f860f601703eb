import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnswerBlock,
  cutEvent,
  type StopDetails,
  type StopReason,
  type Usage,
} from '../../../../src-main/protocols/canonical.ts';
import { openaiChatCodec } from '../../../../src-main/protocols/openai-chat/codec.ts';
import { createStreamDecoder } from '../../../../src-main/protocols/openai-chat/decode-answer.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { collect } from '../../../helpers/answers.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';
import { context, decodeFixture, decodePieces, decodeText, fixtureNames, readFixture, streamOf } from './fixtures.ts';

interface Expected {
  content: AnswerBlock[];
  stop: StopReason | null;
  usage?: Usage;
  sequence?: string;
  refused?: StopDetails;
  error?: { type: string; message: string };
}

const text = (value: string): AnswerBlock => ({ type: 'text', text: value });
const thinking = (value: string, state?: unknown): AnswerBlock => ({
  type: 'thinking',
  thinking: value,
  signature: state === undefined ? '' : packed(state),
});
const redacted = (state: unknown): AnswerBlock => ({ type: 'redacted_thinking', data: packed(state) });
const packed = (data: unknown): string =>
  packState({ dialect: 'openai-chat', provider: 'upstream', model: 'upstream-model', data });
const tool = (id: string, name: string, input: unknown): AnswerBlock => ({ type: 'tool_use', id, name, input });
const usage = (input: number, output: number, read = 0, write = 0, reasoning = 0): Usage => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: read,
  cache_creation_input_tokens: write,
  ...(reasoning === 0 ? {} : { output_tokens_details: { thinking_tokens: reasoning } }),
});

const cutOff = { type: 'api_error', message: 'the stream ended before the answer was finished' };

const expected: Record<string, Expected> = {
  text: { content: [text('Grüße an 世界 🌍')], stop: 'end_turn', usage: usage(76, 9, 1024, 100) },
  'role-and-content-together': { content: [text('Hello there')], stop: 'end_turn', usage: usage(12, 2) },
  'reasoning-content': {
    content: [thinking('Two and two.'), text('Four.')],
    stop: 'end_turn',
    usage: usage(10, 8, 40, 0, 5),
  },
  'reasoning-details': {
    content: [thinking('Thinking.'), text('Done.')],
    stop: 'end_turn',
    usage: { ...usage(20, 6), cost_usd: 0.0001 },
  },
  'content-parts': { content: [thinking('Hm.'), text('Yes.')], stop: 'end_turn', usage: usage(5, 3) },
  'tools-one-after-another': {
    content: [text('Looking.'), tool('call_a', 'Read', { path: 'a }"{ ü' }), tool('call_b', 'Bash', { command: 'ls' })],
    stop: 'tool_use',
    usage: usage(100, 30),
  },
  'tools-interleaved': {
    content: [
      tool('call_a', 'Read', { path: 'x' }),
      tool('call_b', 'Bash', { command: 'pwd' }),
      text('Meanwhile.'),
      tool('call_c', 'Glob', {}),
    ],
    stop: 'tool_use',
  },
  'tool-without-index': {
    content: [tool('id64_Zm46MS54', 'Read', { path: 'a' }), tool('id64_Zm46MS55', 'Read', { path: 'b' })],
    stop: 'tool_use',
    usage: usage(10, 20),
  },
  'tool-all-under-index-0': {
    content: [tool('call_1', 'Read', { path: 'a' }), tool('call_2', 'Read', { path: 'b' })],
    stop: 'tool_use',
  },
  'tool-whole-arguments': {
    content: [thinking('I call it.'), tool('call_9x', 'Bash', { command: 'date' })],
    stop: 'tool_use',
  },
  'tool-arguments-repeated': { content: [tool('call_r', 'Bash', { command: 'ls' })], stop: 'tool_use' },
  'tool-name-in-pieces': {
    content: [tool('call_late', 'mcp__files__list', { dir: '.' }), tool('call_2', 'Glob', {})],
    stop: 'tool_use',
  },
  'tool-name-repeated': { content: [tool('call_nim', 'read_file', { path: 'a' })], stop: 'tool_use' },
  'tool-new-id-each-chunk': { content: [tool('chatcmpl-tool-1', 'Bash', { command: 'ls' })], stop: 'tool_use' },
  'tool-ids-are-numbers': {
    content: [tool('call_new1', 'Bash', { command: 'ls' }), tool('call_new2', 'Bash', { command: 'pwd' })],
    stop: 'tool_use',
  },
  'tool-without-arguments': { content: [tool('call_q', 'ListTasks', {})], stop: 'tool_use' },
  'tool-arguments-null': {
    content: [tool('now_1', 'Now', {})],
    stop: 'tool_use',
    usage: usage(12, 4),
  },
  'text-after-tool': {
    content: [tool('call_1', 'Bash', { command: 'ls' }), text('And now'), tool('call_2', 'Bash', { command: 'pwd' })],
    stop: 'tool_use',
  },
  'function-call-legacy': { content: [tool('call_new1', 'Bash', { command: 'ls' })], stop: 'tool_use' },
  'tool-cut-by-length': {
    content: [
      tool('call_1', 'Bash', { command: 'ls' }),
      tool('call_2', 'Write', { _raw: '{"path":"a","text":"Once up' }),
    ],
    stop: 'max_tokens',
  },
  'content-filter': {
    content: [text('I will')],
    stop: 'refusal',
    refused: { type: 'refusal', category: null, explanation: null },
  },
  refusal: {
    content: [{ type: 'text', text: 'I cannot help.', openai: { refusal: true } }],
    stop: 'refusal',
    refused: { type: 'refusal', category: null, explanation: 'I cannot help.' },
  },
  'azure-content-filter': {
    content: [text('I can')],
    stop: 'refusal',
    refused: { type: 'refusal', category: null, explanation: null },
  },
  'thinking-after-text': {
    content: [thinking('First.'), text('Half '), thinking('Wait.'), text('an answer.')],
    stop: 'end_turn',
  },
  'thinking-blank': { content: [text('Hi.')], stop: 'end_turn' },
  'gemini-thought-signature': {
    content: [
      redacted({ extra: { 'function-call-1': { google: { thought_signature: 'SIG+a/1=' } } } }),
      tool('function-call-1', 'Read', { path: 'a' }),
      tool('function-call-2', 'Read', { path: 'b' }),
    ],
    stop: 'tool_use',
    usage: usage(30, 12),
  },
  'gemini-signature-each-step': {
    content: [
      thinking('Two files.', { extra: { call_a: { google: { thought_signature: 'one' } } } }),
      tool('call_a', 'Read', { path: 'a' }),
      tool('call_b', 'Read', { path: 'b' }),
      redacted({ extra: { call_b: { google: { thought_signature: 'two' } } } }),
    ],
    stop: 'tool_use',
  },
  'openrouter-anthropic-signature': {
    content: [
      thinking('Let me look.', {
        details: [
          {
            type: 'reasoning.text',
            text: 'Let me look.',
            format: 'anthropic-claude-v1',
            index: 0,
            signature: 'EqMB/x==',
          },
        ],
      }),
      tool('toolu_1', 'Bash', { command: 'ls' }),
    ],
    stop: 'tool_use',
  },
  'openrouter-openai-summaries': {
    content: [
      thinking('**Plan** first', {
        details: [
          { type: 'reasoning.summary', summary: '**Plan** first', format: 'openai-responses-v1', index: 0 },
          { type: 'reasoning.encrypted', data: 'gAAAA+/=', id: 'rs_1', format: 'openai-responses-v1', index: 1 },
        ],
      }),
      text('Done.'),
    ],
    stop: 'end_turn',
  },
  'openrouter-gemini-encrypted': {
    content: [
      redacted({
        details: [
          { type: 'reasoning.encrypted', data: 'Ev4B/==', id: 'tool_Read_1', format: 'google-gemini-v1', index: 0 },
        ],
      }),
      tool('tool_Read_1', 'Read', { path: 'a' }),
    ],
    stop: 'tool_use',
  },
  'openrouter-details-late': {
    content: [
      thinking('Hm.', {
        details: [{ type: 'reasoning.text', text: 'Hm.', format: 'google-gemini-v1', index: 0 }],
      }),
      text('Reading.'),
      tool('tool_1', 'Read', { path: 'a' }),
      redacted({
        details: [{ type: 'reasoning.encrypted', data: 'Late==', id: 'tool_1', format: 'google-gemini-v1', index: 1 }],
      }),
    ],
    stop: 'tool_use',
  },
  'openrouter-details-after-text': { content: [text('All done.')], stop: 'end_turn' },
  'custom-tool': {
    content: [
      {
        type: 'tool_use',
        id: 'call_1',
        name: 'apply_patch',
        input: { input: '*** Begin "x"\n+ü\\n}' },
        openai: { custom: true },
      },
      { type: 'tool_use', id: 'call_2', name: 'refresh', input: { input: '' }, openai: { custom: true } },
    ],
    stop: 'tool_use',
  },
  citations: {
    content: [
      {
        type: 'text',
        text: 'It rains. Still.',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://x.test/a',
            title: 'Weather',
            cited_text: 'Rain all day',
            encrypted_index: '',
          },
          {
            type: 'web_search_result_location',
            url: 'https://x.test/b',
            title: null,
            cited_text: '',
            encrypted_index: '',
          },
        ],
      },
    ],
    stop: 'end_turn',
  },
  logprobs: {
    content: [
      {
        type: 'text',
        text: 'Hi🌍',
        openai: {
          logprobs: [
            { token: 'Hi', logprob: -0.1, bytes: [72, 105], top_logprobs: [] },
            { token: '\\xf0\\x9f', logprob: -1, bytes: [240, 159], top_logprobs: [] },
            { token: '\\x8c\\x8d', logprob: -2, bytes: [140, 141], top_logprobs: [] },
          ],
        },
      },
    ],
    stop: 'end_turn',
  },
  'two-choices': { content: [text('One.')], stop: 'end_turn', usage: usage(9, 4) },
  'usage-in-choice': { content: [text('Yes.')], stop: 'end_turn', usage: usage(10, 2, 40) },
  'usage-groq': { content: [text('Yes.')], stop: 'end_turn', usage: usage(50, 2) },
  'usage-reasoning-apart': {
    content: [thinking('Hm.'), text('Yes.')],
    stop: 'end_turn',
    usage: usage(6, 52, 4, 0, 50),
  },
  'usage-cumulative': { content: [text('Yes.')], stop: 'end_turn', usage: usage(10, 2) },
  'markup-hermes': {
    content: [thinking('Look first.'), text('I look.\n'), tool('call_new1', 'Bash', { command: 'ls </tool_call>' })],
    stop: 'tool_use',
  },
  'markup-qwen-coder': { content: [tool('call_new1', 'Bash', { command: '12', timeout: 5000 })], stop: 'tool_use' },
  'stop-sequence-cut': {
    content: [text('One. ')],
    stop: 'stop_sequence',
    sequence: '<END>',
    usage: usage(9, 8),
  },
  'tool-open-at-end': { content: [tool('call_1', 'Bash', {})], stop: null, error: cutOff },
  'done-without-finish': { content: [text('Half of')], stop: null, error: cutOff },
  'error-openrouter-choice': {
    content: [],
    stop: null,
    error: { type: 'api_error', message: 'Provider returned error: model crashed' },
  },
  'error-bare-string': { content: [text('So')], stop: null, error: { type: 'api_error', message: 'Model unloaded.' } },
  'done-missing': { content: [text('All said.')], stop: 'end_turn', usage: usage(3, 3) },
  empty: { content: [], stop: 'end_turn', usage: usage(4, 0) },
  cut: { content: [text('Half of')], stop: null, error: cutOff },
  'cut-inside-frame': { content: [text('Half of')], stop: null, error: cutOff },
  'error-openrouter': {
    content: [text('So')],
    stop: null,
    error: { type: 'overloaded_error', message: 'Provider returned error: upstream is full' },
  },
  'error-vllm': {
    content: [],
    stop: null,
    error: { type: 'invalid_request_error', message: 'prompt is too long: 40000 tokens > 32768 maximum' },
  },
  'error-event': {
    content: [text('So')],
    stop: null,
    error: { type: 'rate_limit_error', message: 'Too many requests in this minute' },
  },
  garbage: {
    content: [text('So')],
    stop: null,
    error: { type: 'api_error', message: 'a frame of the stream is not valid JSON' },
  },
  'finish-reason-error': {
    content: [text('So')],
    stop: null,
    error: { type: 'api_error', message: "the answer ended with finish_reason 'insufficient_system_resource'" },
  },
};

describe('recorded streams', () => {
  it('are all expected to give something', () => {
    expect(Object.keys(expected).sort()).toEqual([...fixtureNames].sort());
  });

  it.each(Object.entries(expected))('%s', (name, { content, stop, usage: counted, sequence, refused, error }) => {
    const events = decodeFixture(name, [readFixture(name)]);
    expect(checkEventGrammar(events)).toEqual([]);
    const collected = collect(events);
    expect(collected.error).toEqual(error ?? null);
    expect(events.at(-1)).toEqual(error === cutOff ? cutEvent : expect.not.objectContaining({ cut: true }));
    expect(collected.message?.content ?? []).toEqual(content);
    expect(collected.message?.stop_reason ?? null).toBe(stop);
    expect(collected.message?.stop_sequence ?? null).toBe(sequence ?? null);
    expect(collected.message?.stop_details).toEqual(refused);
    if (counted !== undefined) expect(collected.message?.usage).toEqual(counted);
    expect(events.some((event) => event.type === 'message_delta' && event.estimated === true)).toBe(
      stop !== null && counted === undefined,
    );
  });

  it.each(fixtureNames)('%s gives the same events cut at every byte', (name) => {
    const bytes = readFixture(name);
    const whole = decodeFixture(name, [bytes]);
    for (let place = 1; place < bytes.length; place += 1)
      expect(decodeFixture(name, [bytes.subarray(0, place), bytes.subarray(place)])).toEqual(whole);
    expect(
      decodeFixture(
        name,
        Array.from(bytes, (_, place) => bytes.subarray(place, place + 1)),
      ),
    ).toEqual(whole);
  });

  it.each(fixtureNames)('%s gives the same events with CRLF, CR and a byte order mark', (name) => {
    const recorded = readFixture(name).toString('utf8');
    const decode = (stream: string) => decodeFixture(name, [Buffer.from(stream)]);
    const whole = decode(recorded);
    expect(decode(recorded.replaceAll('\n', '\r\n'))).toEqual(whole);
    expect(decode(recorded.replaceAll('\n', '\r'))).toEqual(whole);
    expect(decode(`\uFEFF${recorded}`)).toEqual(whole);
  });

  it('give the same events in random pieces', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fixtureNames), fc.array(fc.nat(), { maxLength: 30 }), (name, places) => {
        const bytes = readFixture(name);
        const cuts = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
        expect(decodeFixture(name, pieces)).toEqual(decodeFixture(name, [bytes]));
      }),
      { numRuns: 200 },
    );
  });
});

describe('the live stream', () => {
  const fragment = (index: number, fields: Record<string, unknown>, id?: string) => ({
    tool_calls: [{ index, ...(id === undefined ? {} : { id }), function: fields }],
  });

  /** What each pushed chunk gives, as event types (and the delta's text). */
  function steps(deltas: readonly unknown[]): string[][] {
    const decoder = createStreamDecoder(context);
    return deltas.map((delta) =>
      decoder
        .push(Buffer.from(`data: ${JSON.stringify({ id: 'c', choices: [{ delta }] })}\n\n`))
        .map((event) =>
          event.type === 'content_block_delta' ? JSON.stringify(Object.values(event.delta)[1]) : event.type,
        ),
    );
  }

  it('begins the message with the first good content', () => {
    expect(steps([{ role: 'assistant', content: '' }, { content: '\n' }, { content: 'Hi' }, { content: ' ' }])).toEqual(
      [[], [], ['message_start', 'content_block_start', '"\\nHi"'], ['" "']],
    );
  });

  it('streams the first open call live and the next one when it is whole', () => {
    expect(
      steps([
        fragment(0, { name: 'A', arguments: '' }, 'a1'),
        fragment(0, { arguments: '{"x":' }),
        fragment(1, { name: 'B', arguments: '{"y"' }, 'b1'),
        fragment(0, { arguments: '1}' }),
        fragment(1, { arguments: ':2}' }),
      ]),
    ).toEqual([
      [],
      ['message_start', 'content_block_start', '"{\\"x\\":"'],
      [],
      ['"1}"', 'content_block_stop', 'content_block_start', '"{\\"y\\""'],
      ['":2}"'],
    ]);
  });

  it('tells that the answer is finished before usage and end have come', () => {
    const decoder = openaiChatCodec.createStreamDecoder(context);
    decoder.push(Buffer.from('data: {"choices":[{"delta":{"content":"x"}}]}\n\n'));
    expect(decoder.finished).toBe(false);
    decoder.push(Buffer.from('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'));
    expect(decoder.finished).toBe(true);
    expect(decoder.end().map((event) => event.type)).toEqual(['content_block_stop', 'message_delta', 'message_stop']);
    expect(decoder.end()).toEqual([]);
  });

  it('says nothing after its end, whatever still comes', () => {
    const decoder = createStreamDecoder(context);
    decoder.push(Buffer.from(streamOf([{ content: 'x' }])));
    expect(decoder.push(Buffer.from(streamOf([{ content: 'y' }])))).toEqual([]);
    expect(decoder.end()).toEqual([]);
  });
});

describe('reasoning state', () => {
  const encrypted = { type: 'reasoning.encrypted', data: 'x', index: 0 };
  const returning = { quirks: { ...context.quirks, returnsReasoningDetails: true } };

  it('is collected only for providers that want it back', () => {
    const stream = streamOf([{ reasoning_details: [encrypted], content: 'Hi' }]);
    expect(collect(decodeText(stream)).message?.content).toEqual([text('Hi')]);
    expect(collect(decodeText(stream, returning)).message?.content).toEqual([
      redacted({ details: [encrypted] }),
      text('Hi'),
    ]);
  });

  it("that came before its thinking is the thinking block's", () => {
    const stream = streamOf([{ reasoning_details: [encrypted] }, { reasoning: 'Hm.' }, { content: 'Hi' }]);
    expect(collect(decodeText(stream, returning)).message?.content).toEqual([
      thinking('Hm.', { details: [encrypted] }),
      text('Hi'),
    ]);
  });

  it('that came amid text stands before the tool call that follows', () => {
    const call = { index: 0, id: 'a', function: { name: 'A', arguments: '{}' } };
    const stream = streamOf([
      { content: 'One ' },
      { reasoning_details: [encrypted] },
      { content: 'two.' },
      { tool_calls: [call] },
    ]);
    expect(collect(decodeText(stream, returning)).message?.content).toEqual([
      text('One two.'),
      redacted({ details: [encrypted] }),
      tool('a', 'A', {}),
    ]);
  });

  it('names a call by the id that the client gets', () => {
    const extra = { google: { thought_signature: 's' } };
    const call = (id: string) => ({ id, function: { name: 'A', arguments: '{}' }, extra_content: extra });
    const { message } = collect(decodeText(streamOf([{ tool_calls: [call(''), call('x.y:0')] }])));
    expect(message?.content).toEqual([
      redacted({ extra: { call_new1: extra, id64_eC55OjA: extra } }),
      tool('call_new1', 'A', {}),
      tool('id64_eC55OjA', 'A', {}),
    ]);
  });

  it('is unmodified in a whole answer', () => {
    const details = [
      { type: 'reasoning.text', text: 'a', index: 0 },
      { type: 'reasoning.text', text: 'b', index: 0, signature: null },
      { type: 'reasoning.summary', summary: 'c' },
    ];
    const message = { content: 'Hi', reasoning: 'ab', reasoning_details: details };
    const events = openaiChatCodec.decodeAnswer({ choices: [{ message }] }, { ...context, ...returning });
    expect(collect(events).message?.content).toEqual([thinking('ab', { details }), text('Hi')]);
  });

  it('joins no text to one that is signed', () => {
    const pieces = [
      { type: 'reasoning.text', text: 'a', index: 0 },
      { type: 'reasoning.text', text: '', signature: 's', index: 0 },
      { type: 'reasoning.text', text: 'b', index: 0 },
    ];
    const stream = streamOf(pieces.map((piece) => ({ reasoning_details: [piece] })));
    expect(collect(decodeText(stream, returning)).message?.content).toEqual([
      thinking('ab', {
        details: [
          { type: 'reasoning.text', text: 'a', index: 0, signature: 's' },
          { type: 'reasoning.text', text: 'b', index: 0 },
        ],
      }),
    ]);
  });
});

describe('message and tool ids', () => {
  const idOf = (id: unknown): string | undefined =>
    collect(decodeText(`data: ${JSON.stringify({ id, choices: [{ delta: {}, finish_reason: 'stop' }] })}\n\n`)).message
      ?.id;

  it('never begin with msg_, for Claude Code would anchor a thread on it', () => {
    expect(idOf('chatcmpl-1')).toBe('chatcmpl-1');
    expect(idOf('msg_abc')).toBe('answer_msg_abc');
    expect(idOf('gen:1/2')).toBe('gen_1_2');
    expect(idOf(undefined)).toBe('answer_new1');
  });

  it('are made up, and differ, where the provider has none', () => {
    const ids = [1, 2].map(() => {
      const decoder = openaiChatCodec.createStreamDecoder(context);
      const call = { index: 0, function: { name: 'A', arguments: '{}' } };
      const events = [...decoder.push(Buffer.from(streamOf([{ tool_calls: [call] }]))), ...decoder.end()];
      const block = collect(events).message?.content[0];
      return block?.type === 'tool_use' ? block.id : '';
    });
    expect(ids[0]).toMatch(/^call_[0-9a-f]{32}$/);
    expect(ids[0]).not.toBe(ids[1]);
  });

  it('are made unique in an answer', () => {
    const call = (index: number) => ({ index, id: 'same:id', function: { name: 'A', arguments: `{"n":${index}}` } });
    const { message } = collect(decodeText(streamOf([{ tool_calls: [call(0), call(1), call(2)] }])));
    expect(message?.content.map((block) => block.type === 'tool_use' && block.id)).toEqual([
      'id64_c2FtZTppZA',
      'id64_c2FtZTppZF8y',
      'id64_c2FtZTppZF8z',
    ]);
  });

  it('are unlike those of the conversation: some servers count anew in each answer', () => {
    const call = { index: 0, id: 'call_0', function: { name: 'A', arguments: '{}' } };
    const usedToolIds = new Set(['call_0', 'call_0_2']);
    const { message } = collect(decodeText(streamOf([{ tool_calls: [call] }]), { usedToolIds }));
    expect(message?.content).toMatchObject([{ type: 'tool_use', id: 'call_0_3' }]);
    expect([...usedToolIds]).toEqual(['call_0', 'call_0_2']);
  });
});

describe('tool names', () => {
  it('are given back as the client knows them', () => {
    const call = { index: 0, id: 'c1', function: { name: 'short_12345678', arguments: '{}' } };
    const events = decodeText(streamOf([{ tool_calls: [call] }]), {
      toolNames: new Map([['short_12345678', 'the.long.name']]),
    });
    expect(collect(events).message?.content).toEqual([tool('c1', 'the.long.name', {})]);
  });

  it('that never come make an error', () => {
    const call = { index: 0, id: 'c1', function: { arguments: '{"a":1}' } };
    const { error } = collect(decodeText(streamOf([{ tool_calls: [call] }])));
    expect(error).toEqual({ type: 'api_error', message: 'the answer holds a tool call without a name' });
  });

  it('are not missed where the token limit cut them, or where the call is empty altogether', () => {
    const cut = decodeText(
      streamOf([{ content: 'x' }, { tool_calls: [{ index: 0, function: { arguments: '{' } }] }], 'length'),
    );
    expect(checkEventGrammar(cut)).toEqual([]);
    expect(collect(cut).message).toMatchObject({ content: [text('x')], stop_reason: 'max_tokens' });
    const empty = decodeText(streamOf([{ content: 'x' }, { tool_calls: [{ index: 0 }] }], 'tool_calls'));
    expect(collect(empty).message).toMatchObject({ content: [text('x')], stop_reason: 'end_turn' });
  });
});

describe('tool calls as servers send them', () => {
  const inputs = (deltas: readonly unknown[]): unknown[] => {
    const events = decodeText(streamOf(deltas, 'tool_calls'));
    expect(checkEventGrammar(events)).toEqual([]);
    return (collect(events).message?.content ?? []).map((block) =>
      block.type === 'tool_use' ? [block.name, block.input] : block,
    );
  };
  const calls = (...entries: unknown[]) => ({ tool_calls: entries });

  it.each<[string, unknown[], unknown[]]>([
    [
      'arguments as an object',
      [calls({ index: 0, id: 'a', function: { name: 'A', arguments: { x: 1 } } })],
      [['A', { x: 1 }]],
    ],
    [
      'no index and no id, one whole call after the other',
      [
        calls({ function: { name: 'A', arguments: '{"x":1}' } }),
        calls({ function: { name: 'A', arguments: '{"x":1}' } }),
      ],
      [
        ['A', { x: 1 }],
        ['A', { x: 1 }],
      ],
    ],
    [
      'no index and no id, in fragments',
      [
        calls({ function: { name: 'A', arguments: '{"x"' } }),
        calls({ function: { arguments: ':1}' } }),
        calls({ function: { name: 'B', arguments: '{"y"' } }),
        calls({ function: { name: 'B', arguments: ':2}' } }),
        calls({ function: { arguments: '' } }),
      ],
      [
        ['A', { x: 1 }],
        ['B', { y: 2 }],
      ],
    ],
    [
      'no index, the id in every fragment',
      [
        calls(
          { id: 'a', function: { name: 'A', arguments: '{"x"' } },
          { id: 'b', function: { name: 'B', arguments: '{"y"' } },
        ),
        calls({ id: 'a', function: { arguments: ':1}' } }, { id: 'b', function: { arguments: ':2}' } }),
      ],
      [
        ['A', { x: 1 }],
        ['B', { y: 2 }],
      ],
    ],
    [
      'no index, a new id for every fragment',
      [
        calls({ id: 'a', function: { name: 'A', arguments: '' } }),
        calls({ id: 'b', function: { name: '', arguments: '{"x":' } }),
        calls({ id: 'c', function: { name: '', arguments: '1}' } }),
      ],
      [['A', { x: 1 }]],
    ],
    [
      'one index and no ids, told apart by whole arguments',
      [
        calls({ index: 0, function: { name: 'A', arguments: '{"x":1}' } }),
        calls({ index: 0, function: { name: 'A', arguments: '{"x":2}' } }),
      ],
      [
        ['A', { x: 1 }],
        ['A', { x: 2 }],
      ],
    ],
    [
      'one index and no ids, the same arguments again in another form',
      [
        calls({ index: 0, function: { name: 'A', arguments: '{"x":1}' } }),
        calls({ index: 0, function: { name: 'A', arguments: '{ "x": 1 }' } }),
      ],
      [['A', { x: 1 }]],
    ],
    [
      'one index and no ids, broken arguments after whole ones',
      [
        calls({ index: 0, function: { name: 'A', arguments: '{"x":1}' } }),
        calls({ index: 0, function: { name: 'B', arguments: '{}' } }),
      ],
      [
        ['A', { x: 1 }],
        ['B', {}],
      ],
    ],
    [
      'id and name in every fragment, the id another each time',
      [
        calls({ index: 0, id: 'a', function: { name: 'A', arguments: '{"x"' } }),
        calls({ index: 0, id: 'b', function: { name: 'A', arguments: ':1}' } }),
      ],
      [['A', { x: 1 }]],
    ],
    [
      'another name after the arguments began, in a call that waits',
      [
        calls(
          { index: 0, id: 'a', function: { name: 'A', arguments: '{' } },
          { index: 1, id: 'b', function: { name: 'B', arguments: '{' } },
        ),
        calls(
          { index: 1, id: 'b', function: { name: 'C', arguments: '}' } },
          { index: 0, function: { arguments: '}' } },
        ),
      ],
      [
        ['A', {}],
        ['B', {}],
      ],
    ],
    [
      'whitespace after the arguments',
      [
        calls({ index: 0, id: 'a', function: { name: 'A', arguments: '{"x":1}\n' } }),
        calls({ index: 0, function: { arguments: '\n' } }),
      ],
      [['A', { x: 1 }]],
    ],
    [
      'junk among the calls',
      [
        { tool_calls: [null, 7, 'x', { index: 0, id: 'a', function: { name: 'A', arguments: '{}' } }] },
        { tool_calls: null },
        { tool_calls: {} },
      ],
      [['A', {}]],
    ],
  ])('%s', (_, deltas, wanted) => {
    expect(inputs(deltas)).toEqual(wanted);
  });

  it('keeps input that is not JSON as text', () => {
    const events = decodeText(streamOf([calls({ index: 0, id: 'a', function: { name: 'A', arguments: 'ls -la' } })]));
    expect(collect(events).message?.content).toEqual([tool('a', 'A', { _raw: 'ls -la' })]);
    expect(checkEventGrammar(events)).toEqual([expect.stringContaining("the input of tool 'A' is not a JSON object")]);
  });

  it('closes a custom call before the next block, and leaves it open where the token limit cut it', () => {
    const custom = (index: number, input: string) => ({
      index,
      id: `c${index}`,
      type: 'custom',
      custom: { name: 'patch', input },
    });
    const events = decodeText(streamOf([calls(custom(0, 'a')), calls(custom(1, 'b'))], 'length'));
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events).message?.content).toMatchObject([
      { input: { input: 'a' }, openai: { custom: true } },
      { input: { _raw: '{"input":"b' } },
    ]);
  });

  it('gives whatever order of whatever deltas a valid stream', () => {
    const piece = fc.constantFrom('', 'x', ' ', '\n', 'ü', '</', '{"a":', '1}', '{}', '"');
    const detail = fc.record(
      {
        type: fc.constantFrom('reasoning.text', 'reasoning.summary', 'reasoning.encrypted', 'other'),
        text: piece,
        data: piece,
        signature: piece,
        index: fc.nat(2),
      },
      { requiredKeys: ['type'] },
    );
    const fragment = fc.record(
      {
        index: fc.nat(2),
        id: fc.constantFrom('a', 'b', '0', 'x.y:1'),
        function: fc.record({ name: fc.constantFrom('A', 'B', ''), arguments: piece }, { requiredKeys: [] }),
        custom: fc.record({ name: fc.constantFrom('A', 'C'), input: piece }, { requiredKeys: [] }),
        extra_content: fc.record({ google: fc.record({ thought_signature: piece }) }),
      },
      { requiredKeys: [] },
    );
    const delta = fc.record(
      {
        content: fc.oneof(piece, fc.constant(null)),
        reasoning_content: piece,
        reasoning: piece,
        reasoning_details: fc.array(detail, { maxLength: 2 }),
        refusal: fc.constantFrom(null, '', 'no'),
        tool_calls: fc.array(fragment, { maxLength: 3 }),
        annotations: fc.array(fc.record({ url_citation: fc.record({ url: fc.constant('https://x.test') }) }), {
          maxLength: 1,
        }),
      },
      { requiredKeys: [] },
    );
    const logprobs = fc.constantFrom(undefined, null, { content: [{ token: 'x' }], refusal: [{ token: 'no' }] });
    const chunk = fc
      .record({
        delta,
        logprobs,
        index: fc.constantFrom(0, 0, 0, 1),
        finish_reason: fc.constantFrom(null, null, null, 'stop', 'length'),
      })
      .map((choice) => ({ id: 'c', choices: [choice] }));
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 12 }), fc.constantFrom('stop', 'length', null), (chunks, finish) => {
        const frames = [...chunks, ...(finish === null ? [] : [{ choices: [{ delta: {}, finish_reason: finish }] }])];
        const stream = frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join('');
        const quirks = { ...context.quirks, returnsReasoningDetails: true };
        const problems = checkEventGrammar(decodeText(stream, { quirks }));
        // What the model wrote into its arguments is passed on, valid or not.
        expect(problems.filter((problem) => !problem.includes('is not a JSON object'))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('puts randomly interleaved fragments together', () => {
    const call = fc.record({
      name: fc.constantFrom('Read', 'Bash', 'mcp__x__y'),
      input: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
      cuts: fc.array(fc.nat(), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 60 }),
        (wanted, order) => {
          const queues = wanted.map(({ name, input, cuts }, index) => {
            const json = JSON.stringify(input);
            const places = [0, ...cuts.map((cut) => cut % (json.length + 1)).sort((a, b) => a - b), json.length];
            return [
              { index, id: `call_${index}`, type: 'function', function: { name, arguments: '' } },
              ...places.slice(1).map((end, at) => ({ index, function: { arguments: json.slice(places[at], end) } })),
            ];
          });
          const deltas: unknown[] = [];
          const started = (index: number) =>
            index === 0 || (queues[index - 1]?.length ?? 0) < (wanted[index - 1]?.cuts.length ?? 0) + 2;
          for (let turn = 0; queues.some((queue) => queue.length > 0); turn += 1) {
            const ready = queues
              .map((_, index) => index)
              .filter((index) => (queues[index]?.length ?? 0) > 0 && started(index));
            const next = ready[(order[turn] ?? turn) % ready.length] ?? 0;
            deltas.push({ tool_calls: [queues[next]?.shift()] });
            if ((order[turn] ?? 0) % 5 === 4) deltas.push({ content: 'word ' });
          }
          const events = decodeText(streamOf(deltas, 'tool_calls'));
          expect(checkEventGrammar(events)).toEqual([]);
          const blocks = (collect(events).message?.content ?? []).filter((block) => block.type === 'tool_use');
          expect(blocks).toEqual(
            wanted.map(({ name, input }, index) => tool(`call_${index}`, name, JSON.parse(JSON.stringify(input)))),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('what is no answer', () => {
  const errorOf = (stream: string) => {
    const events = decodeText(stream);
    expect(checkEventGrammar(events)).toEqual([]);
    return collect(events).error;
  };

  it.each([
    ['nothing at all', ''],
    ['only comments', ': hello\n\n'],
    ['[DONE] alone', 'data: [DONE]\n\n'],
    ['a finish that is null', streamOf([{ content: 'x' }], null)],
    ['frames of other things', 'data: {}\n\ndata: {"usage":null}\n\n'],
  ])('%s', (_, stream) => {
    expect(errorOf(stream)).toEqual(cutOff);
  });

  it.each([
    ['a list', 'data: []\n\n'],
    ['null', 'data: null\n\n'],
    ['a number', 'data: 7\n\n'],
  ])('a frame that holds %s', (_, stream) => {
    expect(errorOf(stream)).toEqual({ type: 'api_error', message: 'a frame of the stream is not a JSON object' });
  });

  it('takes a named error event for an error whatever it holds', () => {
    expect(errorOf('event: error\ndata: upstream went away\n\n')).toEqual({
      type: 'api_error',
      message: 'upstream went away',
    });
    expect(errorOf('event: error\ndata: {"message":"busy","code":503}\n\n')).toEqual({
      type: 'overloaded_error',
      message: 'busy',
    });
  });

  it('takes an error in the choice for an error', () => {
    const choice = { delta: {}, error: { code: 504, message: 'late' } };
    expect(errorOf(`data: ${JSON.stringify({ choices: [choice] })}\n\n`)).toEqual({
      type: 'timeout_error',
      message: 'late',
    });
  });

  it('is skipped where it is blank', () => {
    const stream = streamOf([{ content: 'x' }]).replace('data: [DONE]', 'data:\n\ndata: \n\ndata:  [DONE] ');
    expect(collect(decodeText(stream)).message?.stop_reason).toBe('end_turn');
  });

  it('gives up on a line without end', () => {
    const decoder = createStreamDecoder(context);
    const piece = new Uint8Array(20 * 1024 * 1024).fill(0x61);
    expect(decoder.push(piece)).toEqual([]);
    expect(decoder.push(piece)).toEqual([
      { type: 'error', error: { type: 'api_error', message: 'a line of the stream is longer than 32 MB' } },
    ]);
    expect(decoder.end()).toEqual([]);
  });
});

describe('stop sequences that the provider was not told', () => {
  it('finish the answer; what still comes may be waited for, not for long', () => {
    const decoder = createStreamDecoder({ ...context, stopSequences: ['END'] });
    decoder.push(Buffer.from('data: {"choices":[{"delta":{"content":"a EN"}}]}\n\n'));
    expect(decoder.finished).toBe(false);
    decoder.push(Buffer.from('data: {"choices":[{"delta":{"content":"D b"}}]}\n\n'));
    expect(decoder.finished).toBe(true);
    expect(decoder.end()).toEqual([
      {
        type: 'message_delta',
        delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' },
        usage: { input_tokens: 77, output_tokens: 2, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
        estimated: true,
      },
      { type: 'message_stop' },
    ]);
  });

  it('are found in a whole answer too', () => {
    const body = { choices: [{ message: { content: 'a END b' }, finish_reason: 'stop' }] };
    const events = openaiChatCodec.decodeAnswer(body, { ...context, stopSequences: ['END'] });
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events).message).toMatchObject({ content: [text('a ')], stop_sequence: 'END' });
  });
});

describe('a whole JSON answer to a request for a stream', () => {
  const answer = {
    id: 'c',
    choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  };

  it('is read as what it is', () => {
    const bytes = Buffer.from(JSON.stringify(answer));
    const events = decodePieces([bytes.subarray(0, 10), bytes.subarray(10)]);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events).message).toMatchObject({ content: [text('Hi')], stop_reason: 'end_turn' });
  });

  it('may be an error', () => {
    expect(collect(decodeText('{"error":{"message":"no","type":"invalid_request_error"}}')).error).toEqual({
      type: 'invalid_request_error',
      message: 'no',
    });
  });

  it('is an error where it is cut or something else', () => {
    expect(collect(decodeText('{"choices":[')).error?.message).toBe('the answer cannot be read: it is not valid JSON');
    expect(collect(decodeText('{"object":"list"}')).error?.message).toBe(
      'the answer cannot be read: the answer has no choices',
    );
  });

  it('has a limit', () => {
    const decoder = createStreamDecoder(context);
    const piece = new Uint8Array(20 * 1024 * 1024).fill(0x20);
    decoder.push(Buffer.from('{'));
    decoder.push(piece);
    expect(decoder.push(piece)).toEqual([
      { type: 'error', error: { type: 'api_error', message: 'the answer is larger than 32 MB' } },
    ]);
    expect(decoder.end()).toEqual([]);
  });
});
