import { describe, expect, it } from 'vitest';
import type { AnswerBlock, StreamEvent } from '../../../src-main/protocols/canonical.ts';
import { messageEvents } from '../../../src-main/protocols/message-events.ts';
import { packState } from '../../../src-main/protocols/reasoning-state.ts';
import { turnKey } from '../../../src-main/protocols/turn-key.ts';
import { TurnRecorder } from '../../../src-main/protocols/turn-recorder.ts';

const target = { provider: 'claude', model: 'opus' };
const state = packState({ dialect: 'ollama', ...target, data: null });

const thinking = (text: string, signature = ''): AnswerBlock => ({ type: 'thinking', thinking: text, signature });
const text = (value: string, phase?: string): AnswerBlock => ({
  type: 'text',
  text: value,
  ...(phase === undefined ? {} : { openai: { phase } }),
});
const use = (id: string, input: unknown = { a: 1 }) => ({ type: 'tool_use' as const, id, name: 'Bash', input });

const events = (...content: AnswerBlock[]): StreamEvent[] =>
  messageEvents({
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content,
    stop_reason: 'tool_use',
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  });

function record(given: readonly StreamEvent[]): TurnRecorder {
  const recorder = new TurnRecorder(target);
  for (const event of given) recorder.take(event);
  return recorder;
}

describe('what is remembered of an answer', () => {
  it('is its reasoning by what it stands before, and its key', () => {
    const { turn } = record(
      events(
        thinking('first', 'EqQB'),
        { type: 'redacted_thinking', data: 'EroC' },
        text('Let me look.'),
        thinking('between'),
        text('Or rather:'),
        use('a', { b: 1, a: 2 }),
        thinking('then', state),
        use('b'),
        thinking('of no use'),
      ),
    );
    expect(turn).toEqual({
      key: turnKey([use('a', { a: 2, b: 1 }), use('b')]),
      turn: {
        ...target,
        reasoning: {
          '': [thinking('first', 'EqQB'), { type: 'redacted_thinking', data: 'EroC' }],
          'text:1': [thinking('between')],
          b: [thinking('then', state)],
        },
      },
    });
  });

  it('is the place of the beginning for what stands before a call', () => {
    expect(record(events(thinking('t'), use('a'))).turn?.turn?.reasoning).toEqual({ '': [thinking('t')] });
    const late = record(events(text('Look:'), thinking('t'), use('a')));
    expect(late.turn?.turn?.reasoning).toEqual({ a: [thinking('t')] });
  });

  it('does not count blank texts, which clients drop', () => {
    const { turn } = record(
      events(text('\n'), thinking('a'), text('  '), text('Hi'), thinking('b'), text('Ho'), use('u')),
    );
    expect(turn?.turn?.reasoning).toEqual({ '': [thinking('a')], 'text:1': [thinking('b')] });
  });

  it('keeps the phases of texts, without any reasoning too', () => {
    const { turn } = record(events(text('I look', 'commentary'), text('\n', 'x'), text('here'), use('u')));
    expect(turn?.turn).toEqual({ ...target, reasoning: {}, phases: ['commentary', null] });
  });

  it('knows the id that an item of reasoning came as', () => {
    const block: AnswerBlock = { type: 'thinking', thinking: 't', signature: state, openai: { id: 'rs_1' } };
    expect(record(events(block, use('u'))).turn?.turn?.reasoning).toEqual({ '': [block] });
  });

  it.each<[string, AnswerBlock[]]>([
    ['an answer without reasoning', [text('Hi'), use('u')]],
    ['reasoning without a word or a state', [thinking(''), use('u')]],
    ['reasoning behind the last call', [use('u'), thinking('t', 'EqQB'), text('Hi')]],
  ])('is its key and nothing else of %s', (_, content) => {
    expect(record(events(...content)).turn).toEqual({ key: turnKey([use('u')]), turn: null });
  });

  it('is nothing at all of one that calls nothing', () => {
    expect(record(events(thinking('t', 'EqQB'), text('Hi'))).turn).toBeNull();
  });

  it('is what had come whole where the answer was cut', () => {
    const all = events(thinking('t', 'EqQB'), use('a'), thinking('u', 'EroC'), use('b'));
    const second = all.findIndex((event) => event.type === 'content_block_stop' && event.index === 3);
    expect(record(all.slice(0, second)).turn).toEqual({
      key: turnKey([use('a')]),
      turn: { ...target, reasoning: { '': [thinking('t', 'EqQB')] } },
    });
    const first = all.findIndex((event) => event.type === 'content_block_stop' && event.index === 1);
    expect(record(all.slice(0, first)).turn).toBeNull();
  });

  it('takes calls with names that objects have by themselves', () => {
    const { turn } = record(events(text('Hi'), thinking('t'), use('__proto__'), thinking('v'), use('constructor')));
    expect(Object.entries(turn?.turn?.reasoning ?? {})).toEqual([
      ['__proto__', [thinking('t')]],
      ['constructor', [thinking('v')]],
    ]);
  });
});

it("an answer's own signatures are those that do not say whose they are", () => {
  const { signatures } = record(
    events(thinking('a', 'EqQB'), thinking('b', state), thinking('c'), { type: 'redacted_thinking', data: 'EroC' }),
  );
  expect(signatures).toEqual(['EqQB', 'EroC']);
});
