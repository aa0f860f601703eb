import type { Usage } from '../canonical.ts';

/** Usage as this dialect reports it: what was read from and written to the cache is part of the input. JSON. */
export function encodeUsage(usage: Usage): string {
  const { cache_read_input_tokens: read, cache_creation_input_tokens: written, output_tokens: output } = usage;
  const input = usage.input_tokens + read + written;
  const thinking = usage.output_tokens_details?.thinking_tokens ?? 0;
  return `{"input_tokens":${input},"input_tokens_details":{"cached_tokens":${read},"cache_write_tokens":${written}},"output_tokens":${output},"output_tokens_details":{"reasoning_tokens":${thinking}},"total_tokens":${input + output}}`;
}
