import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnthropicStreamTap } from '../../../../src-main/protocols/anthropic/stream-tap.ts';

const frame = (event: { type: string } & Record<string, unknown>, eol = '\n'): string =>
  `event: ${event.type}${eol}data: ${JSON.stringify(event)}${eol}${eol}`;

const events = [
  {
    type: 'message_start',
    message: { id: 'msg_1', content: [], usage: { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 } },
  },
  { type: 'ping' },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Grüße 😀\n\nevent: error' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } },
  { type: 'message_stop' },
];

function feed(bytes: Buffer, cuts: readonly number[]): { tap: AnthropicStreamTap; out: Buffer } {
  const tap = new AnthropicStreamTap();
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  const out: Buffer[] = [];
  for (let index = 1; index < edges.length; index += 1)
    out.push(Buffer.from(tap.push(bytes.subarray(edges[index - 1], edges[index]))));
  out.push(Buffer.from(tap.end()));
  return { tap, out: Buffer.concat(out) };
}

describe.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
])('a stream with %s is watched', (_name, eol) => {
  const bytes = Buffer.from(events.map((event) => frame(event, eol)).join(''));

  it('at every cut: the same bytes come out and the same is seen', () => {
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { tap, out } = feed(bytes, [cut]);
      expect(out.equals(bytes)).toBe(true);
      expect(tap).toMatchObject({ started: true, finished: true, error: null, stopReason: 'end_turn' });
      expect(tap.usage).toEqual({
        input_tokens: 10,
        cache_read_input_tokens: 5,
        cache_creation_input_tokens: 0,
        output_tokens: 7,
      });
    }
  });
  it('in any pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        const { tap, out } = feed(bytes, cuts);
        expect(out.equals(bytes)).toBe(true);
        expect(tap.finished).toBe(true);
      }),
    );
  });
  it('cut off anywhere it lets through whole frames only', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      const { out } = feed(bytes.subarray(0, length), []);
      // What says why it stops is whole: its end is made.
      const text = out.toString().replace(/event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/, '');
      expect(text === '' || text.endsWith(eol + eol) || text.endsWith('\n\n')).toBe(true);
      expect(bytes.toString().startsWith(text.replace(/\n\n$/, ''))).toBe(true);
    }
  });
});

describe('what it tells', () => {
  const see = (...list: ({ type: string } & Record<string, unknown>)[]): AnthropicStreamTap =>
    feed(Buffer.from(list.map((event) => frame(event)).join('')), []).tap;

  it('content has begun with the first block, not with message_start', () => {
    expect(see(events[0] as never).started).toBe(false);
    expect(see(events[0] as never, events[2] as never).started).toBe(true);
  });
  it('a stream without its finish is not finished', () => {
    expect(see(...(events.slice(0, 5) as never[])).finished).toBe(false);
  });
  it('a refusal without content is an answer', () => {
    const tap = see(events[0] as never, {
      type: 'message_delta',
      delta: { stop_reason: 'refusal' },
      usage: { output_tokens: 0 },
    });
    expect(tap).toMatchObject({ started: true, finished: true, stopReason: 'refusal' });
  });
  it('an error event, with its type', () => {
    expect(see({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }).error).toEqual({
      message: 'Overloaded',
      code: 'overloaded_error',
    });
  });
  it('frames that cannot be read change nothing', () => {
    const tap = feed(Buffer.from('data: {broken\n\n: comment\n\nevent: x\n\ndata: 5\n\n'), []).tap;
    expect(tap).toMatchObject({ started: false, finished: false, error: null });
  });
  it('a last frame without its empty line counts when it is whole', () => {
    const text = events
      .map((event) => frame(event))
      .join('')
      .slice(0, -2);
    const { tap, out } = feed(Buffer.from(text), []);
    expect(tap.finished).toBe(true);
    expect(out.toString()).toBe(`${text}\n\n`);
  });
});

describe('signatures that go by', () => {
  const delta = (index: number, fields: Record<string, unknown>) => ({
    type: 'content_block_delta',
    index,
    delta: fields,
  });
  const block = (index: number, content_block: Record<string, unknown>) => ({
    type: 'content_block_start',
    index,
    content_block,
  });
  const quoted = 'He wrote {"type":"signature_delta","signature":"NO"}';
  const list = [
    events[0] as never,
    block(0, { type: 'thinking', thinking: '', signature: '' }),
    delta(0, { type: 'thinking_delta', thinking: quoted }),
    delta(0, { type: 'signature_delta', signature: 'EqQB/+==' }),
    { type: 'content_block_stop', index: 0 },
    block(1, { type: 'redacted_thinking', data: 'EmwK' }),
    { type: 'content_block_stop', index: 1 },
    block(2, { type: 'thinking', thinking: '', signature: 'whole' }),
    delta(2, { type: 'signature_delta', signature: 'cproxy1.e30' }),
    delta(2, { type: 'signature_delta', signature: '' }),
    block(3, { type: 'text', text: '' }),
    delta(3, { type: 'text_delta', text: quoted }),
    ...(events.slice(4) as never[]),
  ];
  const seen = ['EqQB/+==', 'EmwK', 'whole'];

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ])('are told at every cut, and packed ones are not (%s)', (_name, eol) => {
    const bytes = Buffer.from(list.map((event) => frame(event, eol)).join(''));
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { tap, out } = feed(bytes, [cut]);
      expect(tap.signatures).toEqual(seen);
      expect(out.equals(bytes)).toBe(true);
    }
  });
  it('are told where no line names the event', () => {
    const bytes = Buffer.from(list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
    expect(feed(bytes, []).tap.signatures).toEqual(seen);
  });
});
