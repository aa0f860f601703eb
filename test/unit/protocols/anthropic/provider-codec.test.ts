import { describe, expect, it } from 'vitest';
import { anthropicProviderCodec } from '../../../../src-main/protocols/anthropic/provider-codec.ts';
import type { StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import { decodeContext } from '../../../helpers/codec-contexts.ts';

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

it('an error in the place of a message keeps its kind', () => {
  const body = { type: 'error', error: { type: 'overloaded_error', message: 'Full' } };
  expect(anthropicProviderCodec.decodeAnswer(body, context)).toEqual([body]);
});
