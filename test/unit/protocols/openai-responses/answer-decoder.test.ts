import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnswerBlock, cutEvent, type StopReason, type Usage } from '../../../../src-main/protocols/canonical.ts';
import { openaiResponsesCodec } from '../../../../src-main/protocols/openai-responses/codec.ts';
import { createStreamDecoder } from '../../../../src-main/protocols/openai-responses/decode-answer.ts';
import { packState } from '../../../../src-main/protocols/reasoning-state.ts';
import { collect } from '../../../helpers/answers.ts';
import { checkEventGrammar } from '../../../helpers/event-grammar.ts';
import {
  answerNames,
  completed,
  contextOf,
  decodePieces,
  decodeText,
  readAnswer,
  type ServerEvent,
  streamOf,
} from './answers.ts';

interface Expected {
  content: AnswerBlock[];
  stop: StopReason | null;
  /** Absent: the server counts as most fixtures do. Null: it counts nothing. */
  usage?: Usage | null;
  /** The model's words for a refusal; null where a filter spoke. */
  refused?: string | null;
  error?: { type: string; message: string };
}

const text = (value: string): AnswerBlock => ({ type: 'text', text: value });
const tool = (id: string, name: string, input: unknown): AnswerBlock => ({ type: 'tool_use', id, name, input });
const pack = (data: unknown): string =>
  packState({ dialect: 'openai-responses', provider: 'upstream', model: 'upstream-model', data });
const thinking = (value: string, item: { id: string; [field: string]: unknown }): AnswerBlock => ({
  type: 'thinking',
  thinking: value,
  signature: pack(item),
  openai: { id: item.id },
});
const usage = (input: number, output: number, read = 0): Usage => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: read,
  cache_creation_input_tokens: 0,
});
const summaryItem = (parts: string[], encrypted: string | null = 'gAAAAAB==') => ({
  id: 'rs_a',
  type: 'reasoning',
  encrypted_content: encrypted,
  summary: parts.map((part) => ({ type: 'summary_text', text: part })),
});

const cutOff = { type: 'api_error', message: 'the stream ended before the answer was finished' };

const expected: Record<string, Expected> = {
  text: {
    content: [text('Grüße an 世界 🌍')],
    stop: 'end_turn',
    usage: {
      input_tokens: 76,
      output_tokens: 9,
      cache_read_input_tokens: 1024,
      cache_creation_input_tokens: 100,
      cache_creation: { ephemeral_5m_input_tokens: 60, ephemeral_1h_input_tokens: 40 },
      output_tokens_details: { thinking_tokens: 4 },
    },
  },
  'reasoning-then-call': {
    content: [
      thinking('**Plan**\n\nRead it.\n\nThen answer.', summaryItem(['**Plan**\n\nRead it.', 'Then answer.'])),
      tool('call_1', 'Read', { path: 'a.ts' }),
    ],
    stop: 'tool_use',
  },
  'reasoning-hidden': {
    content: [{ type: 'redacted_thinking', data: pack(summaryItem([])) }, text('Four.')],
    stop: 'end_turn',
  },
  'reasoning-says-nothing': { content: [text('Four.')], stop: 'end_turn' },
  'reasoning-text': {
    content: [
      thinking('Two and two.', {
        id: 'rs_a',
        type: 'reasoning',
        summary: [],
        content: [{ type: 'reasoning_text', text: 'Two and two.' }],
      }),
      text('Four.'),
    ],
    stop: 'end_turn',
  },
  'arguments-only-in-done': { content: [tool('call_1', 'Bash', { command: 'ls' })], stop: 'tool_use' },
  'arguments-only-in-item-done': { content: [tool('call_1', 'Bash', { command: 'ls' })], stop: 'tool_use' },
  'arguments-as-object': { content: [tool('call_1', 'Bash', { command: 'ls' })], stop: 'tool_use' },
  'call-without-arguments': { content: [tool('call_1', 'ListTasks', {})], stop: 'tool_use' },
  'items-interleaved': {
    content: [tool('call_a', 'Read', { path: 'x' }), tool('call_b', 'Bash', { command: 'pwd' }), text('Meanwhile.')],
    stop: 'tool_use',
  },
  'items-repeated-at-the-end': {
    content: [text('Looking.'), tool('call_1', 'Bash', { command: 'ls' })],
    stop: 'tool_use',
  },
  'only-the-whole-response': {
    content: [
      thinking('I call it.', summaryItem(['I call it.'])),
      text('Looking.'),
      tool('call_1', 'Bash', { command: 'ls' }),
    ],
    stop: 'tool_use',
  },
  'custom-tool': {
    content: [
      {
        type: 'tool_use',
        id: 'call_1',
        name: 'apply_patch',
        input: { input: '*** Begin\n+"é"\n' },
        openai: { custom: true },
      },
    ],
    stop: 'tool_use',
  },
  refusal: {
    content: [{ type: 'text', text: "I can't help with that.", openai: { refusal: true } }],
    stop: 'refusal',
    refused: "I can't help with that.",
  },
  phases: {
    content: [
      { type: 'text', text: 'I look.', openai: { phase: 'commentary' } },
      { type: 'text', text: 'Found it.', openai: { phase: 'final_answer' } },
    ],
    stop: 'end_turn',
  },
  'cut-by-length': {
    content: [tool('call_a', 'Read', { path: 'a' }), tool('call_b', 'Write', { _raw: '{"path":"a","text":"Once up' })],
    stop: 'max_tokens',
  },
  'cut-before-arguments': { content: [tool('call_a', 'Read', { path: 'a' })], stop: 'max_tokens' },
  'content-filter': { content: [text('I will')], stop: 'refusal', refused: null },
  failed: {
    content: [text('I will')],
    stop: null,
    error: { type: 'rate_limit_error', message: 'Rate limit reached for gpt-6' },
  },
  'error-event': {
    content: [text('I will')],
    stop: null,
    error: { type: 'api_error', message: 'The server had an error' },
  },
  'error-nested': {
    content: [],
    stop: null,
    error: {
      type: 'invalid_request_error',
      message:
        'prompt is too long: Your input exceeds the context window of this model. Please adjust your input and try again.',
    },
  },
  'error-openrouter': {
    content: [text('I will')],
    stop: null,
    error: { type: 'overloaded_error', message: 'Provider returned error: upstream is full' },
  },
  'error-without-type': {
    content: [text('I will')],
    stop: null,
    error: { type: 'api_error', message: 'engine died' },
  },
  garbage: {
    content: [text('I will')],
    stop: null,
    error: { type: 'api_error', message: 'a frame of the stream is not valid JSON' },
  },
  cut: { content: [text('I will')], stop: null, error: cutOff },
  'cut-inside-frame': { content: [text('Half of')], stop: null, error: cutOff },
  'web-search': {
    content: [
      { type: 'server_tool_use', id: 'srvtoolu_ws_1', name: 'web_search', input: { query: 'cproxy' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_ws_1',
        content: ['https://a.example/', 'https://b.example/'].map((url) => ({
          type: 'web_search_result' as const,
          url,
          title: url,
          encrypted_content: '',
          page_age: null,
        })),
      },
      {
        type: 'text',
        text: 'It is good.',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://a.example/',
            title: 'A',
            cited_text: '',
            encrypted_index: '',
          } as { type: string },
        ],
      },
    ],
    stop: 'end_turn',
  },
  'ends-told-last': {
    // What it thought ended when it began to speak, before the server told its end.
    content: [
      { type: 'thinking', thinking: 'Hm.', signature: '', openai: { id: 'rs_x' } },
      text('Looking.'),
      tool('fc_y', 'Bash', { command: 'ls' }),
    ],
    stop: 'tool_use',
    usage: usage(12, 6, 8),
  },
  'ids-differ-in-each-event': {
    content: [text('Looking.'), tool('call_1', 'Bash', { command: 'ls' })],
    stop: 'tool_use',
  },
  'all-under-index-0': {
    content: [text('Looking.'), tool('call_a', 'Read', { path: 'x' }), tool('call_b', 'Bash', { command: 'pwd' })],
    stop: 'tool_use',
  },
  'end-mark-without-event-lines': { content: [text('All said.')], stop: 'end_turn' },
  'only-deltas': { content: [text('Hello you')], stop: 'end_turn', usage: null },
  'usage-missing': { content: [text('Four.')], stop: 'end_turn', usage: null },
};

describe('recorded streams', () => {
  it('are all expected to give something', () => {
    expect(Object.keys(expected).sort()).toEqual([...answerNames].sort());
  });

  it.each(Object.entries(expected))('%s', (name, { content, stop, usage: counted, refused, error }) => {
    const events = decodePieces([readAnswer(name)]);
    expect(checkEventGrammar(events)).toEqual([]);
    const { message, error: reported } = collect(events);
    expect(reported).toEqual(error ?? null);
    expect(events.at(-1)).toEqual(error === cutOff ? cutEvent : expect.not.objectContaining({ cut: true }));
    expect(message?.content ?? []).toEqual(content);
    expect(message?.stop_reason ?? null).toBe(stop);
    expect(message?.stop_details).toEqual(
      refused === undefined ? undefined : { type: 'refusal', category: null, explanation: refused },
    );
    if (stop !== null && counted !== null) expect(message?.usage).toEqual(counted ?? usage(10, 5));
    expect(events.some((event) => event.type === 'message_delta' && event.estimated === true)).toBe(counted === null);
  });

  it.each(answerNames)('%s gives the same events cut at every byte', (name) => {
    const bytes = readAnswer(name);
    const whole = decodePieces([bytes]);
    for (let place = 1; place < bytes.length; place += 1)
      expect(decodePieces([bytes.subarray(0, place), bytes.subarray(place)])).toEqual(whole);
    expect(decodePieces(Array.from(bytes, (_, place) => bytes.subarray(place, place + 1)))).toEqual(whole);
  });

  it.each(answerNames)('%s gives the same events with CRLF, CR and a byte order mark', (name) => {
    const recorded = readAnswer(name).toString('utf8');
    const whole = decodeText(recorded);
    expect(decodeText(recorded.replaceAll('\n', '\r\n'))).toEqual(whole);
    expect(decodeText(recorded.replaceAll('\n', '\r'))).toEqual(whole);
    expect(decodeText(`\uFEFF${recorded}`)).toEqual(whole);
  });

  it.each(answerNames)('%s is cut wherever it ends too early', (name) => {
    const bytes = readAnswer(name);
    const ending = bytes.lastIndexOf('data: {"type":"response.');
    for (let place = 0; place < ending; place += 7) {
      const events = decodePieces([bytes.subarray(0, place)]);
      expect(checkEventGrammar(events)).toEqual([]);
      expect(events.at(-1)).toMatchObject({ type: 'error' });
    }
  });
});

describe('the live stream', () => {
  /** What each pushed event gives, as event types (and the delta's text). */
  function steps(events: readonly ServerEvent[]): string[][] {
    const decoder = createStreamDecoder(contextOf());
    return events.map((event) =>
      decoder
        .push(Buffer.from(streamOf([event])))
        .map((given) =>
          given.type === 'content_block_delta' ? JSON.stringify(Object.values(given.delta)[1]) : given.type,
        ),
    );
  }
  const added = (output_index: number | null, item: Record<string, unknown>) => ({
    type: 'response.output_item.added',
    output_index,
    item,
  });
  const said = (output_index: number, delta: string) => ({
    type: 'response.output_text.delta',
    output_index,
    content_index: 0,
    delta,
  });

  it('begins the message with the first good content', () => {
    expect(steps([added(0, { type: 'message', id: 'm' }), said(0, '\n'), said(0, 'Hi'), said(0, ' ')])).toEqual([
      [],
      [],
      ['message_start', 'content_block_start', '"\\nHi"'],
      ['" "'],
    ]);
  });

  it('holds back what begins before the live block ends, and lets it go with that end', () => {
    const call = { type: 'function_call', id: 'fc', call_id: 'call_1', name: 'A' };
    const argued = { type: 'response.function_call_arguments.delta', output_index: 0 };
    expect(
      steps([
        added(0, call),
        { ...argued, delta: '{"x":' },
        said(1, 'Meanwhile'),
        { ...argued, delta: '1}' },
        { type: 'response.output_item.done', output_index: 0, item: { ...call, arguments: '{"x":1}' } },
        said(1, '.'),
      ]),
    ).toEqual([
      [],
      ['message_start', 'content_block_start', '"{\\"x\\":"'],
      [],
      ['"1}"'],
      ['content_block_stop', 'content_block_start', '"Meanwhile"'],
      ['"."'],
    ]);
  });

  it('waits for the end of a text where the server says which item is which', () => {
    const one = (delta: string) => ({ type: 'response.output_text.delta', item_id: 'm1', delta });
    const two = (delta: string) => ({ type: 'response.output_text.delta', item_id: 'm2', delta });
    const placed = (event: ServerEvent, output_index: number) => ({ ...event, output_index });
    const begun = ['message_start', 'content_block_start', '"One"'];
    const after = ['content_block_stop', 'content_block_start', '" more"'];
    expect(
      steps([placed(one('One'), 0), placed(two('Two'), 1), placed(one(' more'), 0), placed(two(' more'), 1)]),
    ).toEqual([begun, [], ['" more"'], []]);
    const unplaced = [
      added(null, { type: 'message', id: 'm1' }),
      one('One'),
      added(null, { type: 'message', id: 'm2' }),
    ];
    expect(steps([...unplaced, two('Two'), one(' more')])).toEqual([
      [],
      begun,
      ['content_block_stop'],
      ['content_block_start', '"Two"'],
      after,
    ]);
  });

  it('says nothing after its end, whatever still comes', () => {
    const decoder = createStreamDecoder(contextOf());
    decoder.push(Buffer.from(streamOf([said(0, 'x'), completed()])));
    expect(decoder.finished).toBe(true);
    expect(decoder.push(Buffer.from(streamOf([said(0, 'y'), completed()])))).toEqual([]);
    expect(decoder.end()).toEqual([]);
  });
});

describe('ids', () => {
  const idOf = (id: unknown): string | undefined =>
    collect(
      decodeText(streamOf([{ ...completed(), response: { id, status: 'completed', output: [] } } as ServerEvent])),
    ).message?.id;

  it('of messages never begin with msg_, for Claude Code would anchor a thread on it', () => {
    expect(idOf('resp_1')).toBe('resp_1');
    expect(idOf('msg_abc')).toBe('answer_msg_abc');
    expect(idOf('gen:1/2')).toBe('gen_1_2');
    expect(idOf(undefined)).toBe('answer_new1');
  });

  it('of calls are those of the call, packed where they have foreign characters, and unique', () => {
    const call = { type: 'function_call', name: 'A', arguments: '{}' };
    const output = [
      { ...call, call_id: 'call.1' },
      { ...call, call_id: 'same' },
      { ...call, call_id: 'same' },
      { ...call, id: 'fc_4' },
      call,
    ];
    const { message } = collect(decodeText(streamOf([completed(output)])));
    expect(message?.content.map((block) => block.type === 'tool_use' && block.id)).toEqual([
      'id64_Y2FsbC4x',
      'same',
      'same_2',
      'fc_4',
      'call_new1',
    ]);
  });

  it('are made up, and differ, where the provider has none', () => {
    const ids = [1, 2].map(() => collect(openaiResponsesCodec.decodeAnswer({ output: [] }, contextOf())).message?.id);
    for (const id of ids) expect(id).toMatch(/^answer_[0-9a-f]{32}$/);
    expect(ids[0]).not.toBe(ids[1]);
  });
});

describe('calls', () => {
  const call = { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'short_12345678', arguments: '{"a":1}' };

  it('have the names that the client knows', () => {
    const toolNames = new Map([['short_12345678', 'the.long.name']]);
    const { message } = collect(decodeText(streamOf([completed([call])]), { toolNames }));
    expect(message?.content).toEqual([tool('c1', 'the.long.name', { a: 1 })]);
  });

  it('without a name make an error', () => {
    const { error } = collect(decodeText(streamOf([completed([{ ...call, name: undefined }])])));
    expect(error).toEqual({ type: 'api_error', message: 'the answer holds a tool call without a name' });
  });

  it('that stop in the middle of an answer said to be whole make an error', () => {
    const started = { type: 'response.output_item.added', output_index: 0, item: { ...call, arguments: '' } };
    const delta = { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"a":' };
    const { error } = collect(decodeText(streamOf([started, delta, completed()])));
    expect(error).toEqual({ type: 'api_error', message: 'the answer holds a tool call that was not finished' });
  });

  it('are completed from the whole answer where their end was not told', () => {
    const started = { type: 'response.output_item.added', output_index: 0, item: { ...call, arguments: '' } };
    const delta = { type: 'response.function_call_arguments.delta', output_index: 0, delta: '{"a":' };
    const { message } = collect(decodeText(streamOf([started, delta, completed([call])])));
    expect(message?.content).toEqual([tool('c1', 'short_12345678', { a: 1 })]);
  });
});

describe('an answer that is not a stream', () => {
  it('is read all the same', () => {
    const body = JSON.stringify({ id: 'resp_9', status: 'completed', output: [], error: null });
    expect(collect(decodeText(body)).message?.id).toBe('resp_9');
  });

  it('is an error where it is cut, or is no answer', () => {
    const reason = (body: string) => collect(decodeText(body)).error?.message;
    expect(reason('{"id":"resp_9","outp')).toBe('the answer cannot be read: it is not valid JSON');
    expect(reason('{"hello":1}')).toBe('the answer cannot be read: the answer has no output');
    expect(reason('{"error":{"message":"no","code":"rate_limit_exceeded"}}')).toBe('no');
  });
});

describe('stop sequences', () => {
  const said = (delta: string) => ({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta });

  it('are found here, since the provider knows none; usage is waited for', () => {
    const decoder = createStreamDecoder(contextOf({ stopSequences: ['</end>'] }));
    const events = decoder.push(Buffer.from(streamOf([said('Yes.</e'), said('nd> and more')])));
    expect(decoder.finished).toBe(true);
    const usage = { input_tokens: 4, output_tokens: 9 };
    events.push(...decoder.push(Buffer.from(streamOf([completed([], { usage })]))), ...decoder.end());
    expect(checkEventGrammar(events)).toEqual([]);
    expect(collect(events).message).toMatchObject({
      content: [text('Yes.')],
      stop_reason: 'stop_sequence',
      stop_sequence: '</end>',
      usage: { input_tokens: 4, output_tokens: 9 },
    });
  });

  it('are found in whole answers, too', () => {
    const body = { output: [{ type: 'message', content: [{ type: 'output_text', text: 'a STOP b' }] }] };
    const events = openaiResponsesCodec.decodeAnswer(body, contextOf({ stopSequences: ['STOP'] }));
    expect(collect(events).message).toMatchObject({ content: [text('a ')], stop_sequence: 'STOP' });
  });
});

describe('logprobs', () => {
  it('go along with the text they are of', () => {
    const logprobs = [{ token: 'Hi', logprob: -0.1, top_logprobs: [] }];
    const delta = { type: 'response.output_text.delta', output_index: 0, delta: 'Hi', logprobs };
    const events = decodeText(streamOf([delta, completed()]));
    expect(events).toContainEqual({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: 'Hi', openai: { logprobs } },
    });
  });
});

describe('events in any order', () => {
  const items = [
    { id: 'rs_1', type: 'reasoning', summary: [{ text: 'Hm.' }], encrypted_content: 'abc' },
    { id: 'rs_2', type: 'reasoning', summary: [], encrypted_content: 'abc' },
    { id: 'm_1', type: 'message', content: [{ type: 'output_text', text: 'One two.' }] },
    { id: 'm_2', type: 'message', content: [{ type: 'refusal', refusal: 'No.' }] },
    { id: 'fc_1', type: 'function_call', call_id: 'c1', name: 'A', arguments: '{"x":[1,2]}' },
    { id: 'fc_2', type: 'function_call', call_id: 'c2', name: 'B', arguments: '' },
    { id: 'ct_1', type: 'custom_tool_call', call_id: 'c3', name: 'C', input: 'a "quoted" text' },
    { id: 'ws_1', type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'q', sources: [] } },
    { id: 'x_1', type: 'image_generation_call', result: 'aGk=' },
  ] as const;
  type Item = (typeof items)[number];

  function eventsOf(item: Item, output_index: number | null): ServerEvent[] {
    const at = { item_id: item.id, output_index, content_index: 0, summary_index: 0 };
    const halves = (whole: string) => [whole.slice(0, 3), whole.slice(3)];
    const deltas = (type: string, whole: string) => halves(whole).map((delta) => ({ ...at, type, delta }));
    const inner = (): ServerEvent[] => {
      switch (item.type) {
        case 'reasoning':
          return item.summary.flatMap(({ text: whole }) => deltas('response.reasoning_summary_text.delta', whole));
        case 'message': {
          const part = item.content[0];
          const told =
            part.type === 'refusal'
              ? deltas('response.refusal.delta', part.refusal)
              : deltas('response.output_text.delta', part.text);
          return [...told, { ...at, type: 'response.content_part.done', part } as ServerEvent];
        }
        case 'function_call':
          return deltas('response.function_call_arguments.delta', item.arguments);
        case 'custom_tool_call':
          return deltas('response.custom_tool_call_input.delta', item.input);
        default:
          return [];
      }
    };
    return [
      {
        type: 'response.output_item.added',
        output_index,
        item: { ...item, arguments: '', input: '', summary: [] },
      },
      ...inner(),
      { type: 'response.output_item.done', output_index, item },
    ];
  }

  /** Takes events from the lists in turn, each list in its own order. */
  function interleave(lists: ServerEvent[][], picks: readonly number[]): ServerEvent[] {
    const left = lists.map((list) => [...list]);
    const order: ServerEvent[] = [];
    for (let count = 0; left.some((list) => list.length > 0); count += 1) {
      const open = left.filter((list) => list.length > 0);
      const next = open[(picks[count % picks.length] ?? 0) % open.length]?.shift();
      if (next !== undefined) order.push(next);
    }
    return order;
  }

  const scenario = fc.record({
    chosen: fc.uniqueArray(fc.constantFrom(...items), { selector: ({ id }) => id, maxLength: items.length }),
    picks: fc.array(fc.nat(20), { minLength: 1, maxLength: 40 }),
    placed: fc.boolean(),
  });

  it('give what the items say, once each, as long as each item keeps its own', () => {
    fc.assert(
      fc.property(scenario, fc.boolean(), ({ chosen, picks, placed }, echoes) => {
        const lists = chosen.map((item, index) => eventsOf(item, placed ? index : null));
        const events = decodeText(streamOf([...interleave(lists, picks), completed(echoes ? chosen : [])]));
        expect(checkEventGrammar(events)).toEqual([]);
        const { message } = collect(events);
        const calls = chosen.filter(({ type }) => type === 'function_call' || type === 'custom_tool_call');
        expect(message?.content.filter(({ type }) => type === 'tool_use')).toHaveLength(calls.length);
        const texts = (message?.content ?? []).flatMap((block) => (block.type === 'text' ? block.text : []));
        const said = chosen.flatMap((item) =>
          item.type === 'message' ? item.content.map((part) => ('text' in part ? part.text : part.refusal)) : [],
        );
        expect([...texts.join('')].sort()).toEqual([...said.join('')].sort());
        if (placed) expect([...texts].sort()).toEqual([...said].sort());
      }),
      { numRuns: 300 },
    );
  });

  it('never give an invalid stream, whatever is lost, doubled or out of order', () => {
    const every = items.flatMap((item, index) => [...eventsOf(item, index), ...eventsOf(item, null)]);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...every), { maxLength: 30 }),
        fc.constantFrom('response.completed', 'response.incomplete', 'response.failed', null),
        (order, end) => {
          const response = { id: 'r', output: items.slice(0, order.length % 9), incomplete_details: { reason: 'x' } };
          const last = end === null ? [] : [{ type: end, response }];
          const events = decodeText(streamOf([...order, ...last]));
          // Half of a call's arguments is no object; that is not the decoder's fault.
          const problems = checkEventGrammar(events).filter((problem) => !problem.includes('is not a JSON object'));
          expect(problems).toEqual([]);
        },
      ),
      { numRuns: 500 },
    );
  });
});
