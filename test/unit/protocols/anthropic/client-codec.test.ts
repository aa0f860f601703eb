import { describe, expect, it } from 'vitest';
import { anthropicClientCodec } from '../../../../src-main/protocols/anthropic/client-codec.ts';
import type { AnswerMessage, StreamEvent } from '../../../../src-main/protocols/canonical.ts';
import { messageEvents } from '../../../../src-main/protocols/message-events.ts';
import { parseAnthropicSse } from '../../../helpers/event-grammar.ts';

const usage = { input_tokens: 1, output_tokens: 2, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const message: AnswerMessage = {
  id: 'm',
  type: 'message',
  role: 'assistant',
  model: 'asked',
  content: [
    { type: 'thinking', thinking: 'Hm "\n', signature: 's', openai: { id: 'rs_1' } },
    { type: 'text', text: 'Grüße\u2028 "x"', openai: { phase: 'final_answer', refusal: true } },
    { type: 'tool_use', id: 'a', name: 'Bash', input: { command: 'ls' }, openai: { custom: true } },
  ],
  stop_reason: 'tool_use',
  stop_sequence: null,
  usage,
};
const encoder = anthropicClientCodec.answerEncoder(() => ({}));

describe('an Anthropic client', () => {
  const stream = encoder.createStream();
  const encode = (events: readonly StreamEvent[]) => events.map((event) => stream.encode(event)).join('');

  it('gets the events as they are, without what only OpenAI can say', () => {
    const events: StreamEvent[] = [
      ...messageEvents(message),
      { type: 'content_block_delta', index: 9, delta: { type: 'text_delta', text: 'x', openai: { logprobs: [1] } } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage, estimated: true },
      { type: 'error', error: { type: 'api_error', message: 'cut' }, cut: true },
      { type: 'ping' },
    ];
    const text = encode(events);
    expect(text).not.toMatch(/openai|logprobs|estimated|"cut":/);
    const { openai: _, ...thinking } = message.content[0] as { openai: unknown };
    expect(parseAnthropicSse(text)[1]).toEqual({
      type: 'content_block_start',
      index: 0,
      content_block: { ...thinking, thinking: '', signature: '' },
    });
    const deltas = parseAnthropicSse(text).filter(({ type }) => type === 'content_block_delta');
    expect(deltas).toEqual([
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm "\n' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 's' } },
      { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Grüße\u2028 "x"' } },
      { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"command":"ls"}' } },
      { type: 'content_block_delta', index: 9, delta: { type: 'text_delta', text: 'x' } },
    ]);
  });

  it('gets a whole answer without it, too', () => {
    const whole = JSON.parse(encoder.encodeAnswer(message)) as AnswerMessage;
    expect(JSON.stringify(whole)).not.toContain('openai');
    expect(whole.content.map(({ type }) => type)).toEqual(['thinking', 'text', 'tool_use']);
    expect(message.content[1]).toHaveProperty('openai');
  });
});
