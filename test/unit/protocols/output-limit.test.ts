import { describe, expect, it } from 'vitest';
import type { MessagesRequest } from '../../../src-main/protocols/canonical.ts';
import { type ModelFacts, unknownModel } from '../../../src-main/protocols/codec.ts';
import { outputLimit } from '../../../src-main/protocols/output-limit.ts';
import { encodeTarget } from '../../helpers/codec-contexts.ts';

interface Given {
  facts?: Partial<ModelFacts>;
  prompt?: number;
  least?: number;
}

function limit(asked: number | undefined, { facts, prompt = 100, least = 1 }: Given = {}) {
  const request: MessagesRequest = {
    model: 'm',
    messages: [{ role: 'user', content: 'Hi' }],
    ...(asked === undefined ? {} : { max_tokens: asked }),
  };
  const target = encodeTarget({ facts: { ...unknownModel, ...facts }, estimatedInputTokens: prompt });
  return outputLimit(request, target, least);
}

describe('outputLimit', () => {
  it('is what is asked for where nothing is known of the model', () => {
    expect(limit(32_000, { prompt: 1e6 })).toBe(32_000);
    expect(limit(undefined)).toBeUndefined();
  });

  it('is never below what the provider takes', () => {
    expect(limit(0)).toBe(1);
    expect(limit(1, { least: 16 })).toBe(16);
    expect(limit(1, { least: 16, facts: { contextWindow: 8192 } })).toBe(16);
  });

  it('is no more than the model can write', () => {
    expect(limit(128_000, { facts: { maxOutput: 8192 } })).toBe(8192);
    expect(limit(100, { facts: { maxOutput: 8192 } })).toBe(100);
  });

  it('leaves the prompt its room, a quarter more than estimated', () => {
    expect(limit(32_000, { facts: { contextWindow: 64_000 }, prompt: 8000 })).toBe(32_000);
    expect(limit(32_000, { facts: { contextWindow: 64_000 }, prompt: 40_000 })).toBe(14_000);
  });

  it('never shrinks to what would only cut the answer off: the provider says that the prompt is too long', () => {
    expect(limit(32_000, { facts: { contextWindow: 64_000 }, prompt: 100_000 })).toBe(4096);
    expect(limit(32_000, { facts: { contextWindow: 8000 }, prompt: 100_000 })).toBe(2000);
    expect(limit(50, { facts: { contextWindow: 64_000 }, prompt: 100_000 })).toBe(50);
  });
});
