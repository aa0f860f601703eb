import { describe, expect, it } from 'vitest';
import { AnswerWatcher } from '../../../src-main/pipeline/answer-watcher.ts';
import type { ProviderCodec } from '../../../src-main/protocols/codec.ts';
import { openaiChatCodec } from '../../../src-main/protocols/openai-chat/codec.ts';
import { decodeContext } from '../../helpers/codec-contexts.ts';

const message = {
  role: 'assistant',
  content: null,
  reasoning_content: 'Hm',
  tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'Bash', arguments: '{}' } }],
};
const remembered = {
  provider: 'upstream',
  model: 'upstream-model',
  reasoning: { '': [{ type: 'thinking', thinking: 'Hm', signature: '' }] },
};

const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ id: '1', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const stream = [chunk(message), chunk({}, 'tool_calls'), 'data: [DONE]\n\n'].join('');

const watcher = (codec: ProviderCodec = openaiChatCodec): AnswerWatcher => new AnswerWatcher(codec, decodeContext());

describe('what is remembered of an answer that is passed through', () => {
  it('is the same of a stream, wherever it is cut into pieces, and of a whole answer', () => {
    for (let at = 0; at <= stream.length; at += 1) {
      const watching = watcher();
      watching.push(Buffer.from(stream.slice(0, at)));
      watching.push(Buffer.from(stream.slice(at)));
      watching.end();
      expect(watching.turn?.turn).toEqual(remembered);
    }
    const whole = watcher();
    whole.take({ id: '1', choices: [{ index: 0, message, finish_reason: 'tool_calls' }] });
    expect(whole.turn?.turn).toEqual(remembered);
  });

  it('is nothing where it cannot be read', () => {
    const failing: ProviderCodec = {
      ...openaiChatCodec,
      createStreamDecoder: (context) => {
        const decoder = openaiChatCodec.createStreamDecoder(context);
        let pieces = 0;
        const push = (piece: Uint8Array) => {
          pieces += 1;
          if (pieces > 2) throw new Error('unreadable');
          return decoder.push(piece);
        };
        return { push, end: () => decoder.end() };
      },
      decodeAnswer: () => {
        throw new Error('unreadable');
      },
    };
    const watching = watcher(failing);
    for (const piece of [chunk(message), chunk({}, 'tool_calls'), 'data: ?\n\n', 'data: ?\n\n'])
      watching.push(Buffer.from(piece));
    watching.end();
    expect(watching.turn).toBeNull();
    const whole = watcher(failing);
    whole.take({});
    expect(whole.turn).toBeNull();
  });
});
