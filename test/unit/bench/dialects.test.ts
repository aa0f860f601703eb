import { describe, expect, it } from 'vitest';
import { ollamaAnswer, responsesAnswer } from '../../bench/dialect-answers.ts';
import { dialectRequest } from '../../bench/dialect-requests.ts';
import {
  chunkText,
  deliveryMark,
  messagesRequest,
  plainText,
  requestBytes,
  streamChunks,
} from '../../bench/workload.ts';

describe('the measured request of another dialect', () => {
  it('is the same one for Anthropic', () => {
    expect(dialectRequest('anthropic', 'm', true, 'burst')).toBe(messagesRequest('m', true, 'burst'));
  });

  it.each(['openai-chat', 'openai-responses'] as const)(
    'has the size, the tools and the turns of it in %s',
    (protocol) => {
      const text = dialectRequest(protocol, 'm', true, 'paced');
      expect(Buffer.byteLength(text)).toBeGreaterThan(requestBytes * 0.9);
      expect(text).toContain(deliveryMark('paced'));
      const body = JSON.parse(text) as { tools: unknown[]; messages?: unknown[]; input?: unknown[] };
      expect(body.tools).toHaveLength(18);
      const turns = JSON.stringify(body.messages ?? body.input);
      for (const index of [1, 2, 3, 4])
        expect(turns.split(`toolu_bench${String(index).padStart(18, '0')}`)).toHaveLength(3);
    },
  );
});

describe('the answers of other dialects', () => {
  it.each([
    ['Responses', responsesAnswer],
    ['Ollama', ollamaAnswer],
  ])('say the same in %s', (_name, answer) => {
    expect(answer.plain).toContain(plainText);
    expect(answer.stream.chunks).toHaveLength(streamChunks);
    answer.stream.chunks.forEach((chunk, index) => {
      expect(chunk).toContain(JSON.stringify(chunkText(index)));
    });
  });
});
