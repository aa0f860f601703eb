import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnswerBlock, cutEvent, type StopReason, type Usage } from '../../../../src-main/protocols/canonical.ts';
import { ollamaCodec } from '../../../../src-main/protocols/ollama/codec.ts';
import { OllamaStreamDecoder } from '../../../../src-main/protocols/ollama/stream-decoder.ts';
import { collect } from '../../../helpers/answers.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';
import { context, decodePieces, decodeText, fixtureNames, ownSignature, readFixture, streamOf } from './fixtures.ts';

interface Expected {
  content: AnswerBlock[];
  stop: StopReason | null;
  usage?: Usage;
  error?: { type: string; message: string };
}

const text = (value: string): AnswerBlock => ({ type: 'text', text: value });
const thinking = (value: string): AnswerBlock => ({ type: 'thinking', thinking: value, signature: ownSignature });
const tool = (id: string, name: string, input: unknown): AnswerBlock => ({ type: 'tool_use', id, name, input });
const usage = (input: number, output: number): Usage => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
});
const failure = (type: string, message: string, content: AnswerBlock[] = []): Expected => ({
  content,
  stop: null,
  error: { type, message },
});

const cutOff = { type: 'api_error', message: 'the stream ended before the answer was finished' };

const expected: Record<string, Expected> = {
  text: { content: [text('Grüße an 世界 🌍')], stop: 'end_turn', usage: usage(26, 9) },
  'content-in-last-line': { content: [text('All said.')], stop: 'end_turn', usage: usage(26, 9) },
  thinking: { content: [thinking('Two and two.'), text('Four.')], stop: 'end_turn', usage: usage(10, 8) },
  'thinking-text-tools': {
    content: [
      thinking('I look.'),
      text('Looking.'),
      tool('call_abcd1234', 'Read', { path: 'a }"{ ü' }),
      tool('call_efgh5678', 'Bash', { command: 'ls' }),
    ],
    stop: 'tool_use',
    usage: usage(100, 30),
  },
  'tools-in-one-line': {
    content: [tool('call_a', 'Read', { path: 'a' }), tool('call_b', 'Read', { path: 'b' })],
    stop: 'tool_use',
    usage: usage(26, 9),
  },
  'tool-without-id': {
    content: [tool('call_new1', 'get_weather', { city: 'Tokyo', days: 2 })],
    stop: 'tool_use',
    usage: usage(26, 9),
  },
  'tool-without-arguments': { content: [tool('call_t', 'ListTasks', {})], stop: 'tool_use', usage: usage(26, 9) },
  'tool-arguments-as-text': {
    content: [tool('call_t', 'Bash', { command: 'ls' }), tool('call_u', 'Bash', { _raw: 'ls -la' })],
    stop: 'tool_use',
    usage: usage(26, 9),
  },
  'tool-without-name': failure('api_error', 'the answer holds a tool call without a name'),
  'blank-text-around-tools': {
    content: [tool('call_1', 'Bash', { command: 'ls' })],
    stop: 'tool_use',
    usage: usage(26, 9),
  },
  length: { content: [text('Once upon')], stop: 'max_tokens', usage: usage(12, 2) },
  'prompt-in-memory': { content: [text('Again.')], stop: 'end_turn' },
  empty: { content: [], stop: 'end_turn', usage: usage(4, 1) },
  load: failure('api_error', 'the model was only loaded and gave no answer'),
  cut: { content: [text('Half of it')], stop: null, error: cutOff },
  'cut-inside-line': { content: [text('Half of')], stop: null, error: cutOff },
  'last-line-without-end': { content: [text('Whole.')], stop: 'end_turn', usage: usage(3, 3) },
  'error-in-stream': failure(
    'api_error',
    'an error was encountered while running the model: CUDA error: out of memory',
    [text('So')],
  ),
  'error-context': failure('invalid_request_error', 'prompt is too long: the input length exceeds the context length'),
  'error-busy': failure('overloaded_error', 'server busy, please try again.  maximum pending requests exceeded'),
  'error-not-found': failure('not_found_error', "model 'qwen9' not found"),
  logprobs: {
    content: [{ type: 'text', text: 'Hi', openai: { logprobs: [{ token: 'Hi', logprob: -0.25, bytes: [72, 105] }] } }],
    stop: 'end_turn',
    usage: usage(3, 1),
  },
  garbage: failure('api_error', 'a line of the stream is not valid JSON', [text('So')]),
  'server-sent-events': failure('api_error', "the answer is a stream of server-sent events, not of Ollama's own API"),
  'chat-completions': failure('api_error', "the answer is in the form of Chat Completions, not of Ollama's own API"),
  'generate-form': failure('api_error', "the answer is not in the form of Ollama's own API"),
  'line-is-a-list': failure('api_error', 'a line of the stream is not a JSON object'),
};

describe('streams', () => {
  it('are all expected to give something', () => {
    expect(Object.keys(expected).sort()).toEqual([...fixtureNames].sort());
  });

  it.each(Object.entries(expected))('%s', (name, { content, stop, usage: counted, error }) => {
    const events = decodePieces([readFixture(name)]);
    expect(checkEventGrammar(events)).toEqual([]);
    const collected = collect(events);
    expect(collected.error).toEqual(error ?? null);
    expect(events.at(-1)).toEqual(error === cutOff ? cutEvent : expect.not.objectContaining({ cut: true }));
    expect(collected.message?.content ?? []).toEqual(content);
    expect(collected.message?.stop_reason ?? null).toBe(stop);
    if (counted !== undefined) expect(collected.message?.usage).toEqual(counted);
    expect(events.some((event) => event.type === 'message_delta' && event.estimated === true)).toBe(
      stop !== null && counted === undefined,
    );
  });

  it.each(fixtureNames)('%s gives the same events cut at every byte', (name) => {
    const bytes = readFixture(name);
    const whole = decodePieces([bytes]);
    for (let place = 1; place < bytes.length; place += 1)
      expect(decodePieces([bytes.subarray(0, place), bytes.subarray(place)])).toEqual(whole);
    expect(decodePieces(Array.from(bytes, (_, place) => bytes.subarray(place, place + 1)))).toEqual(whole);
  });

  it.each(fixtureNames)('%s gives the same events with CRLF, blank lines and a byte order mark', (name) => {
    const given = readFixture(name).toString('utf8');
    const whole = decodeText(given);
    expect(decodeText(given.replaceAll('\n', '\r\n'))).toEqual(whole);
    expect(decodeText(given.replaceAll('\n', '\n\n \n'))).toEqual(whole);
    expect(decodeText(`\uFEFF${given}`)).toEqual(whole);
  });

  it('carry the logprobs of the text, and only of that', () => {
    const entry = (token: string) => ({ token, logprob: -1 });
    const line = (message: Record<string, unknown>, tokens: string[]) =>
      `${JSON.stringify({ message: { role: 'assistant', content: '', ...message }, done: false, logprobs: tokens.map(entry) })}\n`;
    const events = decodeText(
      line({ thinking: 'Hm' }, ['Hm']) +
        line({ content: 'Yes' }, ['Yes']) +
        line({ content: '!' }, ['!']) +
        streamOf([]),
    );
    const deltas = events.flatMap((event) =>
      event.type === 'content_block_delta' && event.delta.type === 'text_delta' ? [event.delta] : [],
    );
    expect(deltas).toEqual([
      { type: 'text_delta', text: 'Yes', openai: { logprobs: [entry('Yes')] } },
      { type: 'text_delta', text: '!', openai: { logprobs: [entry('!')] } },
    ]);
  });
});

describe('the live stream', () => {
  /** What each line gives, as event types (and the delta's text). */
  function steps(messages: readonly unknown[]): string[][] {
    const decoder = new OllamaStreamDecoder(context);
    return messages.map((message) =>
      decoder
        .push(Buffer.from(`${JSON.stringify({ message, done: false })}\n`))
        .map((event) => (event.type === 'content_block_delta' ? String(Object.values(event.delta)[1]) : event.type)),
    );
  }

  it('begins the message with the first good content', () => {
    expect(steps([{ content: '' }, { content: '\n' }, { content: 'Hi' }, { content: ' ' }])).toEqual([
      [],
      [],
      ['message_start', 'content_block_start', '\nHi'],
      [' '],
    ]);
  });

  it('ends thinking with its signature before what follows', () => {
    expect(steps([{ thinking: 'a' }, { content: 'b' }])).toEqual([
      ['message_start', 'content_block_start', 'a'],
      [ownSignature, 'content_block_stop', 'content_block_start', 'b'],
    ]);
  });

  it('gives a tool call as soon as it is there', () => {
    expect(steps([{ tool_calls: [{ id: 'c', function: { name: 'A', arguments: { x: 1 } } }] }])).toEqual([
      ['message_start', 'content_block_start', '{"x":1}', 'content_block_stop'],
    ]);
  });

  it('is finished with its last line, and says nothing after it', () => {
    const decoder = ollamaCodec.createStreamDecoder(context);
    expect(decoder.finished).not.toBe(true);
    expect(decoder.push(Buffer.from(streamOf([{ content: 'x' }]))).at(-1)).toEqual({ type: 'message_stop' });
    expect(decoder.push(Buffer.from(streamOf([{ content: 'y' }])))).toEqual([]);
    expect(decoder.end()).toEqual([]);
  });

  it('gives up on a line without end', () => {
    const decoder = new OllamaStreamDecoder(context);
    const piece = new Uint8Array(20 * 1024 * 1024).fill(0x61);
    expect(decoder.push(piece)).toEqual([]);
    expect(decoder.push(piece)).toEqual([
      { type: 'error', error: { type: 'api_error', message: 'a line of the stream is longer than 32 MB' } },
    ]);
    expect(decoder.end()).toEqual([]);
  });
});

describe('ids and names', () => {
  const call = (id: unknown, name = 'A') => ({ tool_calls: [{ id, function: { name, arguments: {} } }] });
  const blocks = (stream: string, overrides = {}) => collect(decodeText(stream, overrides)).message?.content;

  it('are made unique in an answer, and unpackable', () => {
    expect(blocks(streamOf([call('same:id'), call('same:id'), call('7'), call(undefined)]))).toEqual([
      tool('id64_c2FtZTppZA', 'A', {}),
      tool('id64_c2FtZTppZF8y', 'A', {}),
      tool('call_new2', 'A', {}),
      tool('call_new3', 'A', {}),
    ]);
  });

  it('that are made up differ from answer to answer', () => {
    const idOf = () => {
      const decoder = ollamaCodec.createStreamDecoder(context);
      const { message } = collect(decoder.push(Buffer.from(streamOf([call(undefined)]))));
      const block = message?.content[0];
      return [message?.id, block?.type === 'tool_use' ? block.id : ''];
    };
    const [first, second] = [idOf(), idOf()];
    expect(first[0]).toMatch(/^answer_[0-9a-f]{32}$/);
    expect(first[1]).toMatch(/^call_[0-9a-f]{32}$/);
    expect(first).not.toEqual(second);
  });

  it('are given back as the client knows them', () => {
    const toolNames = new Map([['short_12345678', 'the.long.name']]);
    expect(blocks(streamOf([call('c', 'short_12345678')]), { toolNames })).toEqual([tool('c', 'the.long.name', {})]);
  });
});

describe('the stop reason', () => {
  const stopOf = (stream: string) => collect(decodeText(stream)).message?.stop_reason;
  const call = { tool_calls: [{ function: { name: 'A', arguments: {} } }] };

  it.each([
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['unload', 'end_turn'],
    ['something new', 'end_turn'],
    [undefined, 'end_turn'],
  ])('%s of a text', (done_reason, wanted) => {
    expect(stopOf(streamOf([{ content: 'x' }], { done_reason }))).toBe(wanted);
  });

  it('is tool_use after a call, whatever the server says, but where the limit cut the answer', () => {
    expect(stopOf(streamOf([call], { done_reason: 'stop' }))).toBe('tool_use');
    expect(stopOf(streamOf([call], { done_reason: undefined }))).toBe('tool_use');
    expect(stopOf(streamOf([call], { done_reason: 'length' }))).toBe('max_tokens');
  });
});

describe('whatever a server sends', () => {
  const textual = fc.constantFrom('', ' ', '\n', 'a', 'Hi ', '<think>', '{"a":1}', 'ü🌍');
  const anyCall = fc.oneof(
    fc.record(
      {
        id: fc.oneof(fc.constantFrom('', '0', 'c', 'a:b'), fc.integer()),
        function: fc.record(
          {
            name: fc.constantFrom('A', 'B', 'mcp__x__y'),
            arguments: fc.oneof(
              fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }),
              fc.constantFrom<unknown>('{"a":1}', '{', 'ls', '', null, 7, [1]),
            ),
          },
          { requiredKeys: ['name'] },
        ),
      },
      { requiredKeys: ['function'] },
    ),
    fc.constantFrom<unknown>(null, {}, { function: {} }, 'x'),
  );
  const message = fc.record(
    {
      role: fc.constant('assistant'),
      content: fc.oneof(textual, fc.constant(null)),
      thinking: fc.oneof(textual, fc.constant(7)),
      tool_calls: fc.oneof(
        { weight: 4, arbitrary: fc.array(anyCall, { maxLength: 3 }) },
        { weight: 1, arbitrary: fc.constant(null) },
      ),
    },
    { requiredKeys: [] },
  );
  const line = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record(
        {
          message,
          done: fc.constant(false),
          logprobs: fc.constant([{ token: 'x', logprob: -1 }]),
        },
        { requiredKeys: ['message'] },
      ),
    },
    {
      weight: 2,
      arbitrary: fc.record(
        {
          message,
          done: fc.constant(true),
          done_reason: fc.constantFrom('stop', 'length', 'load', 'unload', 'other'),
          prompt_eval_count: fc.oneof(fc.nat(), fc.constant('x')),
          eval_count: fc.nat(),
        },
        { requiredKeys: ['done'] },
      ),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<unknown>({ error: 'broken' }, { error: '' }, {}, [], null, 7, { choices: [] }),
    },
  );

  it('gives a valid stream of events, the same in any pieces', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (lines, places) => {
        const bytes = Buffer.from(lines.map((value) => `${JSON.stringify(value)}\n`).join(''));
        const whole = decodePieces([bytes]);
        expect(checkEventGrammar(whole)).toEqual([]);
        if (bytes.length === 0) return;
        const cuts = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b), bytes.length];
        expect(decodePieces(cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end)))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, even at bytes that are no text', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (pieces) => {
        expect(checkEventGrammar(decodePieces(pieces))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('after the decoder', () => {
  const quirks = { ...context.quirks, readsMarkup: true };
  const bash = { name: 'Bash', input_schema: { type: 'object', properties: { command: { type: 'string' } } } };
  const offeredTools = new Map([['Bash', bash]]);

  it('thinking and tool calls that were left in the text are read, where the server is known for it', () => {
    const stream = streamOf([
      { content: '<think>Hm.</think>Looking.' },
      { content: '<tool_call>\n{"name":"Bash","arguments":{"command":"ls"}}\n</tool_call>' },
    ]);
    const events = decodeText(stream, { quirks, offeredTools });
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events).message).toMatchObject({
      content: [
        { type: 'thinking', thinking: 'Hm.' },
        { type: 'text', text: 'Looking.' },
        { type: 'tool_use', name: 'Bash', input: { command: 'ls' } },
      ],
      stop_reason: 'tool_use',
    });
    expect(collect(decodeText(stream, { offeredTools })).message?.content).toMatchObject([{ type: 'text' }]);
    const whole = { message: { content: '<think>Hm.</think>Yes.' }, done: true };
    expect(collect(ollamaCodec.decodeAnswer(whole, { ...context, quirks })).message?.content).toMatchObject([
      { type: 'thinking', thinking: 'Hm.' },
      { type: 'text', text: 'Yes.' },
    ]);
  });

  it('stop sequences are found that the server could not be told', () => {
    const decoder = new OllamaStreamDecoder({ ...context, stopSequences: ['END'] });
    const line = (content: string) => Buffer.from(`${JSON.stringify({ message: { content }, done: false })}\n`);
    const events = [...decoder.push(line('one E')), ...decoder.push(line('ND two'))];
    expect(decoder.finished).toBe(true);
    events.push(...decoder.push(Buffer.from(streamOf([], { prompt_eval_count: 5, eval_count: 6 }))), ...decoder.end());
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events).message).toMatchObject({
      content: [text('one ')],
      stop_reason: 'stop_sequence',
      stop_sequence: 'END',
      usage: usage(5, 6),
    });
  });
});

describe('a whole answer', () => {
  const message = {
    role: 'assistant',
    content: 'Looking.',
    thinking: 'I look.',
    tool_calls: [{ id: 'call_1', function: { index: 0, name: 'Read', arguments: { path: 'a' } } }],
  };
  const answer = { model: 'm', message, done: true, done_reason: 'stop', prompt_eval_count: 5, eval_count: 6 };

  it('is read as a stream of one line', () => {
    const events = ollamaCodec.decodeAnswer(answer, context);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events).message).toMatchObject({
      model: 'asked-model',
      content: [thinking('I look.'), text('Looking.'), tool('call_1', 'Read', { path: 'a' })],
      stop_reason: 'tool_use',
      usage: usage(5, 6),
    });
  });

  it('is whole, whatever an imitation leaves out', () => {
    const events = ollamaCodec.decodeAnswer({ message: { content: 'Hi' } }, context);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events).message).toMatchObject({ content: [text('Hi')], stop_reason: 'end_turn' });
  });

  it('may be an error', () => {
    const events = ollamaCodec.decodeAnswer({ error: "model 'x' not found" }, context);
    expect(events).toEqual([{ type: 'error', error: { type: 'not_found_error', message: "model 'x' not found" } }]);
  });

  it.each([
    [7, 'the answer is not a JSON object'],
    [{}, "the answer is not in the form of Ollama's own API"],
    [
      { choices: [{ message: { content: 'x' } }] },
      "the answer is in the form of Chat Completions, not of Ollama's own API",
    ],
  ])('is none in %j', (body, reason) => {
    expect(() => ollamaCodec.decodeAnswer(body, context)).toThrow(reason);
  });

  it('may be given on one line where a stream was asked for', () => {
    expect(collect(decodeText(JSON.stringify(answer))).message?.stop_reason).toBe('tool_use');
  });
});
