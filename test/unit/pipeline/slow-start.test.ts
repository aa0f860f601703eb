import { describe, expect, it } from 'vitest';
import { SlowStart } from '../../../src-main/pipeline/slow-start.ts';
import type { StreamEvent } from '../../../src-main/protocols/canonical.ts';

/** 10 tokens a second over 4 s: 160 bytes are fast. The stream's bytes are one digit for each of these events. */
function watcher(events: readonly StreamEvent[]) {
  const decoder = {
    push: (chunk: Uint8Array) => [...Buffer.from(chunk).toString()].flatMap((digit) => events[Number(digit)] ?? []),
    end: () => [],
  };
  const slowStart = new SlowStart(decoder, { tokensPerSecond: 10, holdMs: 4_000 });
  return { slowStart, push: (digits: string, now: number) => slowStart.push(Buffer.from(digits), now) };
}

const begin = (type: 'text' | 'thinking'): StreamEvent => ({
  type: 'content_block_start',
  index: 0,
  content_block: type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' },
});
const delta = (delta: Extract<StreamEvent, { type: 'content_block_delta' }>['delta']): StreamEvent => ({
  type: 'content_block_delta',
  index: 0,
  delta,
});

describe('a stream that begins', () => {
  it('is slow by what it says, thinks or calls tools with', () => {
    for (const said of [
      delta({ type: 'text_delta', text: 'ümlaut ' }),
      delta({ type: 'thinking_delta', thinking: 'ümlaut ' }),
      delta({ type: 'input_json_delta', partial_json: 'ümlaut ' }),
    ]) {
      const { slowStart, push } = watcher([said]);
      push('0', 1_000);
      push('000', 4_000);
      expect(slowStart.isFast).toBe(false);
      expect(slowStart.tooSlow(5_000)).toBe(2);
    }
  });

  it('is fast as soon as it has given what the whole time asks for', () => {
    const { slowStart, push } = watcher([delta({ type: 'text_delta', text: 'x'.repeat(40) })]);
    push('000', 0);
    expect(slowStart.isFast).toBe(false);
    push('0', 100);
    expect(slowStart.isFast).toBe(true);
    expect(slowStart.tooSlow(4_000)).toBe(null);
  });

  it('is slow where it shows nothing after a text has begun', () => {
    const { slowStart, push } = watcher([begin('text')]);
    push('0', 0);
    expect(slowStart.tooSlow(4_000)).toBe(0);
  });

  it('is not judged while it thinks in secret, nor by a moment after that', () => {
    const { slowStart, push } = watcher([
      begin('thinking'),
      delta({ type: 'signature_delta', signature: 'c2ln' }),
      begin('text'),
      delta({ type: 'text_delta', text: 'at' }),
    ]);
    push('01', 0);
    expect(slowStart.tooSlow(4_000)).toBe(null);
    push('23', 3_900);
    expect(slowStart.tooSlow(4_000)).toBe(null);
  });
});
