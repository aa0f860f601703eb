import { describe, expect, it } from 'vitest';
import { ollamaCodec } from '../../../src-main/protocols/ollama/codec.ts';
import { openaiResponsesCodec } from '../../../src-main/protocols/openai-responses/codec.ts';
import { OwnCounter } from '../../../src-main/providers/own-counter.ts';
import { makeProvider } from '../../helpers/providers.ts';

describe('OwnCounter', () => {
  it('rests as long as it is told to, the longest time counting', () => {
    const counter = new OwnCounter(openaiResponsesCodec);
    expect(counter.isUsable(0)).toBe(true);
    counter.rest(1000, 0);
    counter.rest(10, 5);
    expect([counter.isUsable(999), counter.isUsable(1000)]).toEqual([false, true]);
  });

  it('needs a dialect that has a word for counting', () => {
    expect(() => new OwnCounter(ollamaCodec)).toThrow('ollama');
  });
});

describe('who has a counter, and in which dialect it is asked', () => {
  const key = 'env:KEY';
  const compatible = (baseUrl: string) => ({ type: 'openai-compatible', baseUrl }) as const;

  it.each([
    [{ type: 'anthropic', key }, 'anthropic'],
    [{ type: 'anthropic-compatible', baseUrl: 'https://api.moonshot.ai/anthropic' }, 'anthropic'],
    [{ type: 'openai', key }, 'openai-responses'],
    [{ type: 'openai', key, baseUrl: 'https://gateway.example.com' }, undefined],
    [compatible('https://api.openai.com'), 'openai-responses'],
    [compatible('http://10.0.0.7:8000'), 'anthropic'],
    [compatible('http://127.0.0.1:8080'), 'anthropic'],
    [compatible('http://127.0.0.1:1234'), undefined],
    [compatible('http://127.0.0.1:11434/v1'), undefined],
    [compatible('https://api.deepseek.com'), undefined],
    [{ type: 'openrouter', key }, undefined],
    [{ type: 'ollama' }, undefined],
    [{ type: 'demo' }, undefined],
  ] as const)('%j: %s', (config, dialect) => {
    expect(makeProvider(config).counter?.codec.protocol).toBe(dialect);
  });

  it('who takes too much without a word', () => {
    const addresses = ['http://127.0.0.1:1234', 'http://127.0.0.1:11434', 'https://api.z.ai/api/paas/v4'];
    for (const address of addresses) expect(makeProvider(compatible(address)).takesTooMuch).toBe(true);
    expect(makeProvider(compatible('http://10.0.0.7:8000')).takesTooMuch).toBe(false);
    // In its own dialect Ollama is told to refuse.
    expect(makeProvider({ type: 'ollama' }).takesTooMuch).toBe(false);
    const zai = { type: 'anthropic-compatible', baseUrl: 'https://api.z.ai/api/anthropic' } as const;
    expect(makeProvider(zai).takesTooMuch).toBe(true);
  });
});
