import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnswerBlock, cutEvent, type StopReason, type Usage } from '../../../../src-main/protocols/canonical.ts';
import { openaiChatCodec } from '../../../../src-main/protocols/openai-chat/codec.ts';
import { ChatStreamDecoder } from '../../../../src-main/protocols/openai-chat/stream-decoder.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';
import { collect, context, decodePieces, decodeText, fixtureNames, readFixture, streamOf } from './fixtures.ts';

interface Expected {
  content: AnswerBlock[];
  stop: StopReason | null;
  usage?: Usage;
  error?: { type: string; message: string };
}

const text = (value: string): AnswerBlock => ({ type: 'text', text: value });
const thinking = (value: string): AnswerBlock => ({ type: 'thinking', thinking: value, signature: '' });
const tool = (id: string, name: string, input: unknown): AnswerBlock => ({ type: 'tool_use', id, name, input });
const usage = (input: number, output: number, read = 0, write = 0): Usage => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: read,
  cache_creation_input_tokens: write,
});

const cutOff = { type: 'api_error', message: 'the stream ended before the answer was finished' };

const expected: Record<string, Expected> = {
  text: { content: [text('Grüße an 世界 🌍')], stop: 'end_turn', usage: usage(76, 9, 1024, 100) },
  'role-and-content-together': { content: [text('Hello there')], stop: 'end_turn', usage: usage(12, 2) },
  'reasoning-content': {
    content: [thinking('Two and two.'), text('Four.')],
    stop: 'end_turn',
    usage: usage(10, 8, 40),
  },
  'reasoning-details': { content: [thinking('Thinking.'), text('Done.')], stop: 'end_turn', usage: usage(20, 6) },
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
  'content-filter': { content: [text('I will')], stop: 'refusal' },
  refusal: { content: [text('I cannot help.')], stop: 'refusal' },
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

  it.each(fixtureNames)('%s gives the same events with CRLF, CR and a byte order mark', (name) => {
    const recorded = readFixture(name).toString('utf8');
    const whole = decodeText(recorded);
    expect(decodeText(recorded.replaceAll('\n', '\r\n'))).toEqual(whole);
    expect(decodeText(recorded.replaceAll('\n', '\r'))).toEqual(whole);
    expect(decodeText(`\uFEFF${recorded}`)).toEqual(whole);
  });

  it('give the same events in random pieces', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fixtureNames), fc.array(fc.nat(), { maxLength: 30 }), (name, places) => {
        const bytes = readFixture(name);
        const cuts = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
        expect(decodePieces(pieces)).toEqual(decodePieces([bytes]));
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
    const decoder = new ChatStreamDecoder(context);
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
    const decoder = new ChatStreamDecoder(context);
    decoder.push(Buffer.from(streamOf([{ content: 'x' }])));
    expect(decoder.push(Buffer.from(streamOf([{ content: 'y' }])))).toEqual([]);
    expect(decoder.end()).toEqual([]);
  });
});

describe('message and tool ids', () => {
  const idOf = (id: unknown): string | undefined =>
    collect(decodeText(`data: ${JSON.stringify({ id, choices: [{ delta: {}, finish_reason: 'stop' }] })}\n\n`)).message
      ?.id;

  it('never begin with msg_, for Claude Code would anchor a thread on it', () => {
    expect(idOf('chatcmpl-1')).toBe('chatcmpl-1');
    expect(idOf('msg_abc')).toBe('chat_msg_abc');
    expect(idOf('gen:1/2')).toBe('gen_1_2');
    expect(idOf(undefined)).toBe('chat_new1');
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
    const decoder = new ChatStreamDecoder(context);
    const piece = new Uint8Array(20 * 1024 * 1024).fill(0x61);
    expect(decoder.push(piece)).toEqual([]);
    expect(decoder.push(piece)).toEqual([
      { type: 'error', error: { type: 'api_error', message: 'a line of the stream is longer than 32 MB' } },
    ]);
    expect(decoder.end()).toEqual([]);
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
    const decoder = new ChatStreamDecoder(context);
    const piece = new Uint8Array(20 * 1024 * 1024).fill(0x20);
    decoder.push(Buffer.from('{'));
    decoder.push(piece);
    expect(decoder.push(piece)).toEqual([
      { type: 'error', error: { type: 'api_error', message: 'the answer is larger than 32 MB' } },
    ]);
    expect(decoder.end()).toEqual([]);
  });
});
