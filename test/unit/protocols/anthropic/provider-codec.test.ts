import { describe, expect, it } from 'vitest';
import { anthropicProviderCodec } from '../../../../src-main/protocols/anthropic/provider-codec.ts';
import type { StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import { collectMessage } from '../../../helpers/answers.ts';
import { decodeContext, decodeStream } from '../../../helpers/codec-contexts.ts';

const context = decodeContext();

function decode(...events: { type: string; [field: string]: unknown }[]): { events: StreamEvent[]; finished: boolean } {
  const decoder = anthropicProviderCodec.createStreamDecoder(context);
  const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
  const decoded = decoder.push(Buffer.from(text));
  const finished = decoder.finished === true;
  return { events: [...decoded, ...decoder.end()], finished };
}

describe('the end of a stream that is decoded', () => {
  it('is made where only message_stop is missing', () => {
    const { events, finished } = decode({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: {} });
    expect(finished).toBe(true);
    expect(events.at(-1)).toEqual({ type: 'message_stop' });
  });
  it('is a cut where no reason was given', () => {
    const { events, finished } = decode({ type: 'content_block_stop', index: 0 });
    expect(finished).toBe(false);
    expect(events.at(-1)).toMatchObject({ type: 'error', cut: true });
  });
});

describe('a stream that is none', () => {
  const read = (text: string): StreamEvent[] =>
    decodeStream(anthropicProviderCodec.createStreamDecoder(context), [Buffer.from(text)]);

  it('is read where it is a whole message: some servers ignore stream', () => {
    const body = { id: 'a', content: [{ type: 'text', text: 'Hi' }], stop_reason: 'end_turn' };
    expect(collectMessage(read(JSON.stringify(body)))).toMatchObject(body);
  });
  it('is an error where it is something else in JSON', () => {
    expect(read('{"detail":"no"}')).toMatchObject([{ error: { message: expect.stringContaining('no content') } }]);
  });
  it('is an error where a line never ends', () => {
    const events = read(`data: ${'x'.repeat(33 * 1024 * 1024)}`);
    expect(events).toMatchObject([{ error: { message: expect.stringContaining('longer than 32 MB') } }]);
  });
});

it.each([
  ['FastAPI', '{"detail":"Model is loading"}', 'Model is loading'],
  ['a text', '{"error":"no such model"}', 'no such model'],
  ['a page', '<html><head><title>502 Bad Gateway</title></head></html>', '502 Bad Gateway'],
])('an error answer of %s is understood', (_, body, message) => {
  expect(anthropicProviderCodec.decodeError(body)).toMatchObject({ message });
});

it('an error in the place of a message keeps its kind', () => {
  const body = { type: 'error', error: { type: 'overloaded_error', message: 'Full' } };
  expect(anthropicProviderCodec.decodeAnswer(body, context)).toEqual([body]);
});
