import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnswerMessage, cutEvent, type StreamEvent, type Usage } from '../../../src-main/protocols/canonical.ts';
import { StopCutter } from '../../../src-main/protocols/stop-cutter.ts';
import { collect } from '../../helpers/answers.ts';
import { messageStart, textBlock } from '../../helpers/canonical-events.ts';
import { checkEventGrammar } from '../../helpers/event-grammar.ts';

const usage: Usage = {
  input_tokens: 50,
  output_tokens: 9,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 3,
};
const start = messageStart({ ...usage, output_tokens: 0 });
const end: StreamEvent[] = [
  { type: 'message_delta', delta: { stop_reason: 'max_tokens', stop_sequence: null }, usage },
  { type: 'message_stop' },
];
const answer = (...pieces: string[]): StreamEvent[] => [start, ...textBlock(0, pieces), ...end];

/** Events pushed one by one. */
function cut(events: readonly StreamEvent[], sequences: readonly string[]): StreamEvent[] {
  const cutter = new StopCutter(sequences);
  return events.flatMap((event) => cutter.push([event]));
}

function messageOf(events: readonly StreamEvent[]): AnswerMessage | null {
  expect(checkEventGrammar(events)).toEqual([]);
  return collect(events).message;
}

const textOf = (events: readonly StreamEvent[]): string =>
  (messageOf(events)?.content ?? []).map((block) => (block.type === 'text' ? block.text : '')).join('|');

describe('StopCutter', () => {
  it('cuts the text before the sequence and says which it was, with the usage of the real end', () => {
    const events = cut(answer('one END two', ' three'), ['END']);
    expect(messageOf(events)).toMatchObject({
      content: [{ type: 'text', text: 'one ' }],
      stop_reason: 'stop_sequence',
      stop_sequence: 'END',
      usage,
    });
    expect(events.some((event) => event.type === 'message_delta' && event.estimated)).toBe(false);
  });

  it('finds a sequence that is split over deltas and holds back only what may be one', () => {
    const cutter = new StopCutter(['</stop>']);
    const texts = (text: string) =>
      cutter
        .push([{ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }])
        .map((event) => (event.type === 'content_block_delta' ? Object.values(event.delta)[1] : event.type));
    cutter.push([start, { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }]);
    expect(texts('a <')).toEqual(['content_block_start', 'a ']);
    expect(texts('b </st')).toEqual(['<b ']);
    expect(texts('o')).toEqual([]);
    expect(cutter.found).toBe(false);
    expect(texts('p> c')).toEqual(['content_block_stop']);
    expect(cutter.found).toBe(true);
    expect(texts('d')).toEqual([]);
  });

  it('gives what it held back where the block ends without it', () => {
    expect(textOf(cut([start, ...textBlock(0, ['a <', '/']), ...textBlock(1, ['stop> b']), ...end], ['</stop>']))).toBe(
      'a </|stop> b',
    );
  });

  it('takes the sequence that is complete first, the longest of several', () => {
    expect(messageOf(cut(answer('xabcd'), ['abcd', 'bc', 'c']))).toMatchObject({
      content: [{ type: 'text', text: 'xa' }],
      stop_sequence: 'bc',
    });
  });

  it('leaves out a block that has no words before the sequence', () => {
    expect(messageOf(cut(answer('\n', ' STOP more'), ['STOP']))?.content).toEqual([]);
    expect(messageOf(cut(answer('\n', 'STO'), ['STOP']))?.content).toEqual([{ type: 'text', text: '\nSTO' }]);
  });

  it('estimates usage where the answer breaks off after the sequence', () => {
    const events = cut([start, ...textBlock(0, ['12345678 END']).slice(0, 2), cutEvent], ['END']);
    expect(messageOf(events)).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'END' });
    expect(events.at(-2)).toMatchObject({ estimated: true, usage: { input_tokens: 50, output_tokens: 3 } });
  });

  it('passes an error on while there was no sequence', () => {
    const events = cut([start, ...textBlock(0, ['a EN']).slice(0, 2), cutEvent], ['END']);
    expect(checkEventGrammar(events)).toEqual([]);
    expect(events.slice(-2)).toEqual([
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'EN' } },
      cutEvent,
    ]);
  });

  it('searches neither thinking nor tool input', () => {
    const events: StreamEvent[] = [
      start,
      { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'END' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't', name: 'T', input: {} } },
      { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"a":"END"}' } },
      { type: 'content_block_stop', index: 1 },
      ...end,
    ];
    expect(cut(events, ['END'])).toEqual(events);
  });

  it('drops the blocks that follow', () => {
    expect(textOf(cut([start, ...textBlock(0, ['a END']), ...textBlock(1, ['b']), ...end], ['END']))).toBe('a ');
  });

  it('keeps the logprobs of the tokens that stay', () => {
    const token = (text: string, bytes: readonly number[] | null = null): StreamEvent => ({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text, openai: { logprobs: [{ token: text, bytes }] } },
    });
    const [opening, closing] = textBlock(0, []) as [StreamEvent, StreamEvent];
    const globe = [token('', [240, 159]), token('🌍', [140, 141])];
    const events = cut(
      [start, opening, token('a'), token('E'), ...globe, token('x'), token('EN'), token('D'), closing, ...end],
      ['END'],
    );
    const tokens = events.flatMap((event) =>
      event.type === 'content_block_delta' && event.delta.type === 'text_delta'
        ? [[event.delta.text, event.delta.openai?.logprobs?.length]]
        : [],
    );
    expect(tokens).toEqual([
      ['a', 1],
      ['E🌍', 3],
      ['x', 1],
    ]);
  });

  it('gives the same message however the text is cut into deltas', () => {
    const sequence = fc.string({ unit: fc.constantFrom('a', 'b', '<', ' '), minLength: 1, maxLength: 4 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '<', ' ', '界'), maxLength: 24 });
    fc.assert(
      fc.property(text, fc.array(sequence, { maxLength: 3 }), fc.array(fc.nat(24)), (whole, sequences, places) => {
        const cuts = [0, ...places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b), whole.length];
        const pieces = cuts.slice(1).map((stop, place) => whole.slice(cuts[place], stop));
        const message = messageOf(cut(answer(...pieces), sequences));
        expect(message).toEqual(messageOf(cut(answer(whole), sequences)));
        const said = message?.content[0];
        const kept = said?.type === 'text' ? said.text : '';
        if (message?.stop_reason === 'stop_sequence') expect(whole).toContain(kept + message.stop_sequence);
        else expect(kept).toBe(whole);
        expect(sequences.some((stop) => kept.includes(stop))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
