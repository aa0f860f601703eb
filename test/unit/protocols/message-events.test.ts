import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerBlock, AnswerMessage } from '../../../src-main/protocols/canonical.ts';
import { MessageCollector } from '../../../src-main/protocols/message-collector.ts';
import { messageEvents } from '../../../src-main/protocols/message-events.ts';
import { collectMessage } from '../../helpers/answers.ts';
import { checkEventGrammar } from '../../helpers/event-grammar.ts';

const usage = { input_tokens: 9, output_tokens: 5, cache_creation_input_tokens: 1, cache_read_input_tokens: 2 };
const message = (content: AnswerBlock[], fields: Partial<AnswerMessage> = {}): AnswerMessage => ({
  id: 'm1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content,
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage,
  ...fields,
});

const block: fc.Arbitrary<AnswerBlock> = fc.oneof(
  fc.string().map((text): AnswerBlock => ({ type: 'text', text })),
  fc
    .record({ thinking: fc.string({ minLength: 1 }), signature: fc.string() })
    .map((fields): AnswerBlock => ({ type: 'thinking', ...fields })),
  fc.string({ minLength: 1 }).map((signature): AnswerBlock => ({ type: 'thinking', thinking: '', signature })),
  fc.string().map((data): AnswerBlock => ({ type: 'redacted_thinking', data })),
  fc.dictionary(fc.string(), fc.jsonValue()).map(
    (input): AnswerBlock => ({
      type: 'tool_use',
      id: 'x',
      name: 'A',
      input: JSON.parse(JSON.stringify(input)) as unknown,
    }),
  ),
);

describe('messageEvents and MessageCollector', () => {
  it('are the reverse of each other', () => {
    fc.assert(
      fc.property(
        fc.array(block),
        fc.constantFrom('end_turn', 'tool_use', 'max_tokens', 'refusal'),
        (blocks, stop_reason) => {
          const content = blocks.map((each, index) => (each.type === 'tool_use' ? { ...each, id: `t${index}` } : each));
          const whole = message(content, { stop_reason });
          const events = messageEvents(whole);
          expect(checkEventGrammar(events)).toEqual([]);
          expect(collectMessage(events)).toEqual(whole);
        },
      ),
    );
  });

  it('keep what they do not know', () => {
    const whole = message(
      [{ type: 'server_tool_use', id: 's', name: 'web_search', input: { q: 1 } } as unknown as AnswerBlock],
      {
        stop_reason: 'stop_sequence',
        stop_sequence: 'END',
        ...({ container: { id: 'c' } } as object),
        usage: { ...usage, ...({ service_tier: 'standard' } as object) },
      },
    );
    expect(collectMessage(messageEvents(whole))).toEqual(whole);
  });
});

describe('MessageCollector', () => {
  it('shows what there is so far', () => {
    const collector = new MessageCollector();
    expect(collector.message).toBeNull();
    const events = messageEvents(message([{ type: 'text', text: 'Hi' }]));
    for (const event of events.slice(0, 3)) collector.push(event);
    collector.push({ type: 'ping' });
    expect(collector.message).toMatchObject({ content: [{ text: 'Hi' }], stop_reason: null });
  });

  it('changes none of the events it is given', () => {
    const events = messageEvents(
      message([
        { type: 'text', text: 'Hi' },
        { type: 'tool_use', id: 'a', name: 'A', input: { x: 1 } },
      ]),
    );
    const before = structuredClone(events);
    collectMessage(events);
    expect(events).toEqual(before);
  });

  it('lets later counts overwrite earlier ones where they are given', () => {
    const events = messageEvents(message([]));
    const later = { ...usage, input_tokens: null, output_tokens: 50 } as unknown as typeof usage;
    events.splice(-2, 1, {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: later,
    });
    expect(collectMessage(events).usage).toEqual({ ...usage, output_tokens: 50 });
  });

  it('ignores deltas that fit no block', () => {
    const events = messageEvents(message([{ type: 'text', text: 'Hi' }]));
    events.splice(2, 0, { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'x' } });
    events.splice(2, 0, { type: 'content_block_delta', index: 7, delta: { type: 'text_delta', text: 'x' } });
    expect(collectMessage(events).content).toEqual([{ type: 'text', text: 'Hi' }]);
  });
});
