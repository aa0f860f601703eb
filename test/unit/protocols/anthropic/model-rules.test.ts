import { describe, expect, it } from 'vitest';
import { rulesFor } from '../../../../src-main/protocols/anthropic/model-rules.ts';

describe('the rules of a model', () => {
  it.each([
    ['claude-opus-4-5-20251101', 'anthropic/claude-opus-4.5'],
    ['claude-sonnet-4-20250514', 'claude-sonnet-4-0'],
    ['claude-3-7-sonnet-latest', 'us.anthropic.claude-3-7-sonnet-20250219-v1:0'],
    ['claude-haiku-5-5', 'us.anthropic.claude-haiku-5-5-v1:0'],
    ['claude-opus-4-6', 'claude-opus-4-6@20260205'],
    // Not known yet: like the newest.
    ['claude-fable-9', 'claude-next'],
    ['claude-opus-9', 'claude-opus-latest'],
  ])('%s are those of %s', (model, same) => {
    expect(rulesFor(same)).toEqual(rulesFor(model));
  });

  it.each([
    ['claude-3-5-haiku-20241022', []],
    ['claude-instant-1.2', []],
    ['claude-3-7-sonnet-latest', ['enabled', 'disabled']],
    ['claude-sonnet-4-6', ['adaptive', 'enabled', 'disabled']],
    ['claude-opus-5', ['adaptive', 'disabled']],
    ['claude-opus-5-5', ['adaptive']],
    ['claude-mythos-preview', ['adaptive']],
    ['claude-sonnet-5-5', ['adaptive', 'between_tools']],
    ['claude-haiku-5-5', ['adaptive', 'disabled']],
    ['glm-5', ['enabled', 'disabled']],
  ])('%s thinks in these ways: %j', (model, thinking) => {
    expect(rulesFor(model).thinking).toEqual(thinking);
  });

  it('tell who can be made to call a tool', () => {
    const forced = (model: string) => rulesFor(model).forcedTools;
    expect(['claude-fable-5', 'claude-opus-5', 'claude-haiku-5-5', 'qwen3'].filter((model) => !forced(model))).toEqual(
      [],
    );
    expect(
      ['claude-fable-5-1', 'claude-opus-5-5', 'claude-sonnet-5-5', 'claude-mythos-preview'].filter(forced),
    ).toEqual([]);
  });
});
