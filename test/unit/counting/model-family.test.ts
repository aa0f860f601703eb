import { describe, expect, it } from 'vitest';
import { leastTokens, modelFamily } from '../../../src-main/counting/model-family.ts';
import { featureNames } from '../../../src-main/counting/prompt-features.ts';

const image = (model: string, width: number, height: number, detail?: string): number =>
  modelFamily(model).image({ width, height }, detail);

describe('what an image costs', () => {
  it.each<[string, number, number, string | undefined, number]>([
    // OpenAI, "Images and vision": its own examples.
    ['gpt-4o', 1024, 1024, 'high', 765],
    ['gpt-4o', 2048, 4096, 'high', 1105],
    ['gpt-4o', 4096, 8192, 'low', 85],
    ['gpt-4.1-mini', 1024, 1024, undefined, 1659],
    ['gpt-4.1-mini', 1800, 2400, undefined, Math.ceil(1452 * 1.62)],
    ['openai/gpt-5', 1024, 1024, undefined, 70 + 4 * 140],
    ['o3', 1024, 1024, undefined, 75 + 4 * 150],
    ['o4-mini', 1024, 1024, undefined, Math.ceil(1024 * 1.72)],
    // As measured (JOHNISKING/image-token-cost on Hugging Face).
    ['gpt-6-astra', 256, 256, undefined, 77],
    ['gpt-6-astra', 1920, 1080, undefined, 2448],
    ['gpt-6-astra', 2560, 1440, 'high', 2931],
    ['gpt-6-astra', 4032, 3024, 'high', 2942],
    ['gpt-6-astra', 4032, 3024, undefined, 14_364],
    ['gpt-5.5', 4032, 3024, undefined, 11_868],
    ['claude-haiku-4-5', 256, 256, undefined, 100],
    ['claude-haiku-4-5', 1024, 1024, undefined, 1369],
    ['claude-haiku-4-5', 1920, 1080, undefined, 1560],
    ['claude-opus-5-5', 1920, 1080, undefined, 2691],
    // Anthropic, "Vision": 4784 at most, 1568 before Opus 4.7.
    ['anthropic/claude-opus-4.7', 2576, 1440, undefined, 4784],
    ['claude-opus-4-6', 5000, 50, undefined, 56],
    ['gemini-3-pro', 5000, 5000, undefined, 1100],
    ['gemma3:27b', 64, 64, undefined, 258],
    ['qwen3-vl-plus', 640, 320, undefined, 200],
    ['nobody-knows-it', 750, 100, undefined, 100],
    ['nobody-knows-it', 5000, 5000, undefined, 1600],
  ])('%s, %d × %d, detail %s: %d', (model, width, height, detail, tokens) => {
    expect(image(model, width, height, detail)).toBe(tokens);
  });

  it('stays within bounds for the longest and the smallest', () => {
    for (const model of ['claude-opus-5-5', 'claude-haiku-4-5', 'gpt-4o', 'gpt-5.5', 'gpt-4.1-nano', 'qwen2.5-vl'])
      for (const [width, height] of [
        [1, 1],
        [100_000, 1],
        [1, 100_000],
        [30_000, 30_000],
      ] as const) {
        expect(image(model, width, height)).toBeGreaterThan(0);
        expect(image(model, width, height)).toBeLessThanOrEqual(16_384);
      }
  });
});

describe("a family's factor", () => {
  it.each<[string, string]>([
    ['claude-3-7-sonnet-latest', 'claude-haiku-4-5'],
    ['anthropic/claude-sonnet-4.6', 'claude-haiku-4-5'],
    ['us.anthropic.claude-opus-4-6-v1:0', 'claude-haiku-4-5'],
    ['claude-opus-4-20250514', 'claude-haiku-4-5'],
    ['claude-opus-4-7', 'claude-opus-5-5'],
    ['claude-mythos-preview', 'claude-opus-5-5'],
    ['claude-haiku-5-5', 'claude-opus-5-5'],
    ['sonnet-of-somebody', 'nobody-knows-it'],
    ['gpt-oss:20b', 'gpt-4o'],
  ])('of %s is that of %s', (model, other) => {
    expect(modelFamily(model).factors).toEqual(modelFamily(other).factors);
  });

  it('is larger for newer Claudes than for older ones, and one for GPTs', () => {
    const text = (model: string): number => modelFamily(model).factors.text;
    expect(text('claude-opus-5-5')).toBeGreaterThan(text('claude-opus-4-6') * 1.2);
    expect(text('claude-opus-4-6')).toBeGreaterThan(text('openai/gpt-6-astra'));
    expect(text('openai/gpt-6-astra')).toBe(1);
  });
});

it.each(['claude-opus-5-5', 'gpt-6.1-sol', 'gemini-3-pro', 'qwen3-coder:30b', 'deepseek-v4', 'llama-4', 'unheard-of'])(
  'the least tokens a prompt may have are below those of %s',
  (model) => {
    const { factors } = modelFamily(model);
    for (const name of featureNames) {
      const alone = { text: 0, numbers: 0, foreign: 0, tools: 0, media: 0, frame: 0, [name]: 1000 };
      expect(leastTokens(alone), name).toBeLessThan(1000 * factors[name]);
    }
  },
);
