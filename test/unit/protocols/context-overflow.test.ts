import { describe, expect, it } from 'vitest';
import { contextOverflow, limitOfPrompt, promptTooLong } from '../../../src-main/protocols/context-overflow.ts';

const said = (message: string, code: string | null = null) => contextOverflow({ message, code });
const tooLong = (input: number, limit: number) => `prompt is too long: ${input} tokens > ${limit} maximum`;
const tooMuchAsked = (input: number, output: number, limit: number) =>
  `input length and \`max_tokens\` exceed context limit: ${input} + ${output} > ${limit}, decrease input length or \`max_tokens\` and try again`;

describe('contextOverflow', () => {
  it.each([
    [
      "This model's maximum context length is 128000 tokens. However, your messages resulted in 130,500 tokens (1 in the functions). Please reduce the length.",
      tooLong(130_500, 128_000),
    ],
    [
      'Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.',
      tooLong(300_000, 272_000),
    ],
    [
      "This model's maximum context length is 32768 tokens. However, you requested 45000 tokens (40000 in the messages, 5000 in the completion).",
      tooLong(40_000, 32_768),
    ],
    [
      "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens (8000 in the messages, 32000 in the completion).",
      tooMuchAsked(8000, 32_000, 32_768),
    ],
    [
      "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens (7000 of text input, 1000 of tool input, 32000 in the output).",
      tooMuchAsked(8000, 32_000, 32_768),
    ],
    [
      "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens and your request has 2000 input tokens (32000 > 32768 - 2000).",
      tooMuchAsked(2000, 32_000, 32_768),
    ],
    [
      "You passed 33000 input tokens and requested 100 output tokens. However, the model's context length is only 32768 tokens.",
      tooLong(33_000, 32_768),
    ],
    [
      'The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).',
      tooLong(1_196_265, 1_048_575),
    ],
    ["This model's maximum prompt length is 131072 but the request contains 537812 tokens.", tooLong(537_812, 131_072)],
    ['request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it', tooLong(5000, 4096)],
    ['prompt token count of 70000 exceeds the limit of 64000', tooLong(70_000, 64_000)],
    [
      'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
      tooLong(40_000, 32_768),
    ],
    [
      'Trying to keep the first 111490 tokens when context the overflows. However, the model is loaded with context length of only 32768 tokens, which is not enough.',
      tooLong(111_490, 32_768),
    ],
    [
      "Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 40000 tokens: 8000 tokens from the input messages and 32000 tokens for the completion.",
      tooMuchAsked(8000, 32_000, 32_768),
    ],
    ["The input (40000 tokens) is longer than the model's context length (32768 tokens).", tooLong(40_000, 32_768)],
    ['Input length 140000 exceeds the maximum allowed input length of 131072 tokens.', tooLong(140_000, 131_072)],
    ['Your request exceeded model token limit: 131072 (requested: 140000)', tooLong(140_000, 131_072)],
    ['prompt is too long: 210000 tokens > 200000 maximum', tooLong(210_000, 200_000)],
  ])('reads the numbers of %s', (message, wanted) => {
    expect(said(message)).toBe(wanted);
    expect(said(wanted)).toBe(wanted);
  });

  it.each([
    'Your input exceeds the context window of this model. Please adjust your input and try again.',
    'Please reduce the length of the messages or completion.',
    'the request exceeds the available context size, try increasing it',
    'Your request exceeded model token limit: 131072',
    'context window exceeds limit (2013)',
    'Context size has been exceeded.',
    'prompt too long; exceeded max context length by 1024 tokens',
    'Range of input length should be [1, 129024]',
  ])('knows the meaning of %s', (message) => {
    expect(said(message)).toBe(`prompt is too long: ${message}`);
  });

  it("goes by the vendor's code too", () => {
    expect(said('Too big.', 'context_length_exceeded')).toBe('prompt is too long: Too big.');
    expect(said('n', 'exceed_context_size_error')).toBe('prompt is too long: n');
  });

  it('is told apart by what is too long', () => {
    expect(limitOfPrompt(promptTooLong(210_000, 200_000))).toBe(200_000);
    expect(limitOfPrompt('Prompt is too long')).toBeNull();
    expect(limitOfPrompt(tooMuchAsked(1, 2, 3))).toBeUndefined();
    expect(limitOfPrompt('Overloaded')).toBeUndefined();
  });

  it('says it once', () => {
    expect(said('Prompt is too long')).toBe('Prompt is too long');
  });

  it.each([
    'Rate limit reached: 30000 tokens per minute, requested 32000 tokens',
    'max_tokens must be at most 8192',
    'Invalid image',
    '',
  ])('is silent about %j', (message) => {
    expect(said(message)).toBeNull();
  });
});
