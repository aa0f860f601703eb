import type { UpstreamError } from './codec.ts';

/**
 * How vendors say that a request does not fit the model's context window. Groups: `limit` (the window), `input` (tokens
 * sent), `output` (tokens asked for), `total` (both). Sources: the servers' own texts, as quoted in their issue trackers.
 */
const WITH_NUMBERS: readonly RegExp[] = [
  // OpenAI, DeepSeek, older vLLM, OpenRouter ("… requested about 40000 tokens (8000 of text input, 32000 in the output)")
  /maximum context length is (?<limit>[\d,]+) tokens.*?requested (?:about )?(?<total>[\d,]+) tokens \([^)]*?(?<output>[\d,]+) in the (?:completion|output)/is,
  // vLLM: "'max_tokens' or 'max_completion_tokens' is too large: 32000. … and your request has 2000 input tokens"
  /is too large: (?<output>[\d,]+)\..*?maximum context length is (?<limit>[\d,]+) tokens and your request has (?<input>[\d,]+) input tokens/is,
  // vLLM: "You passed 900 input tokens and requested 32000 output tokens. However, the model's context length is only …"
  /passed (?<input>[\d,]+) input tokens and requested (?<output>[\d,]+) output tokens.*?context length is only (?<limit>[\d,]+)/is,
  // OpenAI: "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens"
  /(?:maximum context length is|limit of) (?<limit>[\d,]+) tokens.*?resulted in (?<input>[\d,]+) tokens/is,
  // Gemini
  /input token count \(?(?<input>[\d,]+)\)? exceeds the maximum number of tokens allowed \(?(?<limit>[\d,]+)/i,
  // xAI
  /maximum prompt length is (?<limit>[\d,]+) but the request contains (?<input>[\d,]+) tokens/i,
  // llama.cpp
  /request \((?<input>[\d,]+) tokens\) exceeds the available context size \((?<limit>[\d,]+) tokens\)/i,
  // Ollama, on Apple's MLX
  /input length \((?<input>[\d,]+) tokens\) exceeds the model's maximum context length \((?<limit>[\d,]+) tokens\)/i,
  // LM Studio (lmstudio-ai/lmstudio-bug-tracker issue 546)
  /keep the first (?<input>[\d,]+) tokens when context the overflows.*?context length of only (?<limit>[\d,]+) tokens/is,
  // SGLang: "… maximum context length of 32768 tokens. You requested a total of 40000 tokens: 8000 tokens from the input messages and 32000 …"
  /maximum context length of (?<limit>[\d,]+) tokens.*?: (?<input>[\d,]+) tokens from the input messages and (?<output>[\d,]+) tokens/is,
  // Together, SGLang
  /input \((?<input>[\d,]+) tokens\) is longer than the model's context length \((?<limit>[\d,]+) tokens\)/i,
  // OpenRouter, of Poolside
  /input length (?<input>[\d,]+) exceeds the maximum allowed input length of (?<limit>[\d,]+) tokens/i,
  // Kimi
  /exceeded model token limit: (?<limit>[\d,]+) \(requested: (?<input>[\d,]+)\)/i,
  // GitHub Copilot
  /prompt token count of (?<input>[\d,]+) exceeds the limit of (?<limit>[\d,]+)/i,
  // Mistral
  /prompt contains (?<input>[\d,]+) tokens.*?(?<limit>[\d,]+) maximum context length/is,
  // Anthropic
  /`max_tokens` exceed context limit: (?<input>[\d,]+) \+ (?<output>[\d,]+) > (?<limit>[\d,]+)/i,
  /prompt is too long: (?<input>[\d,]+) tokens > (?<limit>[\d,]+) maximum/i,
];

const WITHOUT_NUMBERS =
  /prompt is too long|input is too long for|exceeds the (?:model's )?context window|maximum (?:context|prompt) length|reduce the length of the (?:messages|input)|exceeds the available context size|(?:greater|longer) than the context length|input length exceeds the context length|context window exceeds limit|exceeded model token limit|context[_ ](?:length|window|size)[_ ](?:was |has been )?exceeded|exceeded max context length|range of input length should be/i;

const CODES = new Set([
  'context_length_exceeded',
  'exceed_context_size_error',
  'context_window_exceeded',
  'prompt_too_long',
]);

const tokens = (text: string | undefined): number | null =>
  text === undefined ? null : Number(text.replaceAll(',', ''));

/** Those words, of which Claude Code reads the numbers. */
export const promptTooLong = (tokens: number, limit: number): string =>
  `prompt is too long: ${tokens} tokens > ${limit} maximum`;

/**
 * What those words say of the prompt's limit: null where they name none; undefined where they do not say that the prompt
 * itself is too long.
 */
export function limitOfPrompt(wording: string): number | null | undefined {
  if (!/^prompt is too long/i.test(wording)) return undefined;
  return tokens(/^prompt is too long: \d+ tokens > (\d+) maximum/.exec(wording)?.[1]);
}

/**
 * Says in Anthropic's words that a request does not fit; null where the error says something else. Claude Code reads these
 * words: on "prompt is too long: N tokens > M maximum" it compacts the conversation, and on "input length and `max_tokens`
 * exceed context limit: N + K > M" it asks for a shorter answer.
 */
export function contextOverflow({ message, code }: UpstreamError): string | null {
  for (const pattern of WITH_NUMBERS) {
    const groups = pattern.exec(message)?.groups;
    if (groups === undefined) continue;
    const limit = tokens(groups.limit);
    const output = tokens(groups.output);
    const total = tokens(groups.total);
    const input = tokens(groups.input) ?? (total !== null && output !== null ? total - output : null);
    if (limit === null || input === null) continue;
    if (output !== null && input < limit)
      return `input length and \`max_tokens\` exceed context limit: ${input} + ${output} > ${limit}, decrease input length or \`max_tokens\` and try again`;
    return promptTooLong(input, limit);
  }
  if (CODES.has(code ?? '') || WITHOUT_NUMBERS.test(message))
    return message.toLowerCase().startsWith('prompt is too long') ? message : `prompt is too long: ${message}`;
  return null;
}
