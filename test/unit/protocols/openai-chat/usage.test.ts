import { describe, expect, it } from 'vitest';
import { decodeStopReason, isFailure } from '../../../../src-main/protocols/openai-chat/stop-reason.ts';
import { usageIn } from '../../../../src-main/protocols/openai-chat/usage.ts';

const decodeUsage = (usage: unknown, timings?: unknown) => usageIn({ usage, timings }, null);
const usage = (input: number, output: number, read = 0, write = 0) => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: read,
  cache_creation_input_tokens: write,
});

describe('usageIn', () => {
  it('splits the prompt into its three parts', () => {
    expect(
      decodeUsage({
        prompt_tokens: 100,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
      }),
    ).toEqual(usage(10, 5, 60, 30));
  });

  it('knows other names for cache hits', () => {
    expect(decodeUsage({ prompt_tokens: 100, completion_tokens: 5, prompt_cache_hit_tokens: 40 })).toEqual(
      usage(60, 5, 40),
    );
    expect(decodeUsage({ prompt_tokens: 100, completion_tokens: 5, cached_tokens: 30 })).toEqual(usage(70, 5, 30));
    expect(decodeUsage({ prompt_tokens: 100, completion_tokens: 5 }, { cache_n: 90 })).toEqual(usage(10, 5, 90));
  });

  it.each(['cache_write_tokens', 'cache_creation_tokens', 'cache_creation_input_tokens'])('knows %s', (name) => {
    expect(decodeUsage({ prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: { [name]: 30 } })).toEqual(
      usage(70, 5, 0, 30),
    );
  });

  it('adds reasoning that only the total counts', () => {
    const details = { completion_tokens_details: { reasoning_tokens: 50 } };
    const wanted = { ...usage(10, 55), output_tokens_details: { thinking_tokens: 50 } };
    expect(decodeUsage({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 65, ...details })).toEqual(wanted);
    expect(decodeUsage({ prompt_tokens: 10, completion_tokens: 55, total_tokens: 65, ...details })).toEqual(wanted);
  });

  it('never goes below nothing', () => {
    expect(
      decodeUsage({ prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 60 } }),
    ).toEqual(usage(0, 1, 60));
  });

  it.each([
    null,
    undefined,
    7,
    {},
    { prompt_tokens: 0, completion_tokens: 0 },
    { prompt_tokens: '9' },
    { prompt_tokens: -1 },
  ])('finds nothing counted in %j', (record) => {
    expect(decodeUsage(record)).toBeNull();
  });
});

describe('decodeStopReason', () => {
  it.each<[string, { toolUsed?: boolean; refused?: boolean }, string]>([
    ['stop', {}, 'end_turn'],
    ['stop', { toolUsed: true }, 'tool_use'],
    ['stop', { refused: true }, 'refusal'],
    ['tool_calls', { toolUsed: true }, 'tool_use'],
    ['tool_calls', {}, 'end_turn'],
    ['function_call', { toolUsed: true }, 'tool_use'],
    ['length', { toolUsed: true }, 'max_tokens'],
    ['model_length', {}, 'max_tokens'],
    ['content_filter', { toolUsed: true }, 'refusal'],
    ['eos', {}, 'end_turn'],
  ])('%s with %j is %s', (reason, { toolUsed = false, refused = false }, wanted) => {
    expect(decodeStopReason(reason, { toolUsed, refused })).toBe(wanted);
  });

  it('tells failures', () => {
    expect(['error', 'abort', 'network_error'].every(isFailure)).toBe(true);
    expect(isFailure('stop')).toBe(false);
  });
});
