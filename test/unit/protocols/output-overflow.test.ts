import { expect, it } from 'vitest';
import { outputOverflow } from '../../../src-main/protocols/output-overflow.ts';

const words = 'max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for this model';

it.each([
  [
    'OpenAI',
    'max_tokens is too large: 32000. This model supports at most 8,192 completion tokens, whereas you provided 32000.',
  ],
  ['DeepSeek', 'Invalid max_tokens value, the valid range of max_tokens is [1, 8192]'],
  [
    'Groq',
    '`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model',
  ],
  ['DashScope', '<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]'],
])("%s's words become Anthropic's, which Claude Code acts on", (_vendor, message) => {
  for (const field of ['max_tokens', 'max_completion_tokens', 'max_output_tokens'])
    expect(outputOverflow({ message, code: null }, Buffer.from(`{"messages":[],"${field}":32000}`))).toBe(words);
});

it('says nothing of other errors, and nothing without knowing what was asked', () => {
  expect(outputOverflow({ message: 'temperature is too large: 3', code: null }, '{"max_tokens":3}')).toBeNull();
  expect(outputOverflow({ message: 'the valid range of max_tokens is [1, 8192]', code: null }, '{}')).toBeNull();
});
