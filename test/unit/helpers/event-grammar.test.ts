import { describe, expect, it } from 'vitest';
import type { AnswerMessage, StreamEvent } from '../../../src-main/protocols/canonical.ts';
import { messageEvents } from '../../../src-main/protocols/message-events.ts';
import { checkEventGrammar, parseAnthropicSse } from '../../helpers/event-grammar.ts';

const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const message: AnswerMessage = {
  id: 'm1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [
    { type: 'thinking', thinking: 'hm', signature: 's' },
    { type: 'text', text: 'Hi' },
    { type: 'tool_use', id: 't1', name: 'A', input: { x: 1 } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage,
};

/** A valid stream: message_start 0, thinking 1–4, text 5–7, tool 8–10, message_delta 11, message_stop 12. */
const valid = (): StreamEvent[] => messageEvents(message);
const error: StreamEvent = { type: 'error', error: { type: 'api_error', message: 'broke' } };

describe('checkEventGrammar', () => {
  it('finds nothing wrong with a valid stream, with pings anywhere', () => {
    expect(checkEventGrammar(valid())).toEqual([]);
    expect(
      checkEventGrammar([
        { type: 'ping' },
        ...valid()
          .flatMap((event): StreamEvent[] => [event, { type: 'ping' }])
          .slice(0, -1),
      ]),
    ).toEqual([]);
  });

  it('takes an error for an end, at any place', () => {
    for (let place = 0; place < valid().length; place += 1)
      expect(checkEventGrammar([...valid().slice(0, place), error])).toEqual([]);
  });

  it('lets the token limit cut the input of a tool', () => {
    const events = change((list) => {
      list[9] = { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"x":' } };
      list[11] = { type: 'message_delta', delta: { stop_reason: 'max_tokens', stop_sequence: null }, usage };
    });
    expect(checkEventGrammar(events)).toEqual([]);
  });

  function change(edit: (events: StreamEvent[]) => void): StreamEvent[] {
    const events = valid();
    edit(events);
    return events;
  }

  const textDelta = (index: number): StreamEvent => ({
    type: 'content_block_delta',
    index,
    delta: { type: 'text_delta', text: 'x' },
  });

  it.each<[string, (events: StreamEvent[]) => void, string]>([
    ['no events', (events) => events.splice(0), 'there are no events'],
    ['no end', (events) => events.pop(), 'the stream has no end'],
    ['no message_start', (events) => events.shift(), 'stands before message_start'],
    ['two message_starts', (events) => events.unshift(...events.slice(0, 1)), 'is the second one'],
    [
      'content in message_start',
      (events) => events.splice(0, 1, { type: 'message_start', message }),
      'already has content',
    ],
    [
      'a stop reason in message_start',
      (events) => events.splice(0, 1, { type: 'message_start', message: { ...message, content: [] } }),
      'already has a stop reason',
    ],
    [
      'usage without numbers',
      (events) =>
        events.splice(0, 1, {
          type: 'message_start',
          message: { ...message, content: [], stop_reason: null, usage: {} as typeof usage },
        }),
      'not four numbers',
    ],
    ['a gap in the indices', (events) => events.splice(1, 4), 'index is 1, not 0'],
    ['a block inside another', (events) => events.splice(7, 1), 'block 1 is still open'],
    ['a delta for another block', (events) => events.splice(6, 0, textDelta(0)), 'block 0 is not open'],
    ['a delta of another kind', (events) => events.splice(2, 0, textDelta(0)), 'text_delta in a thinking block'],
    [
      'thinking after the signature',
      (events) =>
        events.splice(4, 0, {
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'thinking_delta', thinking: 'x' },
        }),
      'follows the signature',
    ],
    ['empty thinking', (events) => events.splice(2, 2), 'the thinking block is empty'],
    [
      'text in the start',
      (events) =>
        events.splice(5, 1, { type: 'content_block_start', index: 1, content_block: { type: 'text', text: 'x' } }),
      'starts with text',
    ],
    [
      'thinking in the start',
      (events) =>
        events.splice(1, 1, {
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'thinking', thinking: 'x', signature: '' },
        }),
      'starts with thinking',
    ],
    [
      'input in the start',
      (events) =>
        events.splice(8, 1, {
          type: 'content_block_start',
          index: 2,
          content_block: { type: 'tool_use', id: 'a', name: 'A', input: { x: 1 } },
        }),
      'starts with input',
    ],
    [
      'a foreign tool id',
      (events) =>
        events.splice(8, 1, {
          type: 'content_block_start',
          index: 2,
          content_block: { type: 'tool_use', id: 'a:1', name: 'A', input: {} },
        }),
      'foreign characters',
    ],
    [
      'a tool without a name',
      (events) =>
        events.splice(8, 1, {
          type: 'content_block_start',
          index: 2,
          content_block: { type: 'tool_use', id: 'a', name: '', input: {} },
        }),
      'has no name',
    ],
    [
      'input that is no object',
      (events) =>
        events.splice(9, 1, {
          type: 'content_block_delta',
          index: 2,
          delta: { type: 'input_json_delta', partial_json: '[1]' },
        }),
      'is not a JSON object',
    ],
    [
      'cut input',
      (events) =>
        events.splice(9, 1, {
          type: 'content_block_delta',
          index: 2,
          delta: { type: 'input_json_delta', partial_json: '{"x":' },
        }),
      'is not a JSON object',
    ],
    [
      'a second tool of the same id',
      (events) =>
        events.splice(
          11,
          0,
          {
            type: 'content_block_start',
            index: 3,
            content_block: { type: 'tool_use', id: 't1', name: 'A', input: {} },
          },
          { type: 'content_block_stop', index: 3 },
        ),
      'stands twice',
    ],
    [
      'a stop for no block',
      (events) => events.splice(11, 0, { type: 'content_block_stop', index: 2 }),
      'block 2 is not open',
    ],
    ['an open block at message_delta', (events) => events.splice(10, 1), 'block 2 is still open'],
    ['no message_delta', (events) => events.splice(11, 1), 'there was no message_delta'],
    [
      'no stop reason',
      (events) =>
        events.splice(11, 1, { type: 'message_delta', delta: { stop_reason: null, stop_sequence: null }, usage }),
      'there was no stop reason',
    ],
    [
      'a block after message_delta',
      (events) =>
        events.splice(12, 0, { type: 'content_block_start', index: 3, content_block: { type: 'text', text: '' } }),
      'stands after message_delta',
    ],
    ['anything after message_stop', (events) => events.push({ type: 'ping' }), 'follows message_stop'],
    ['anything after an error', (events) => events.splice(3, 0, error), 'follows error'],
    [
      'an error that says nothing',
      (events) => events.splice(3, 99, { type: 'error', error: { type: '', message: '' } }),
      'no type or no message',
    ],
    [
      'an unknown event',
      (events) => events.splice(3, 0, { type: 'surprise' } as unknown as StreamEvent),
      'no event of this grammar',
    ],
  ])('finds %s', (_, edit, problem) => {
    expect(checkEventGrammar(change((events) => void edit(events))).join('\n')).toContain(problem);
  });
});

describe('parseAnthropicSse', () => {
  const sse = (events: readonly StreamEvent[]) =>
    events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

  it('reads what was sent', () => {
    expect(parseAnthropicSse(sse(valid()))).toEqual(valid());
  });

  it('refuses frames that the SDK would skip', () => {
    expect(() => parseAnthropicSse('data: {"type":"ping"}\n\n')).toThrow("event line says 'null'");
    expect(() => parseAnthropicSse('event: x\ndata: {"type":"ping"}\n\n')).toThrow("event line says 'x'");
  });
});
