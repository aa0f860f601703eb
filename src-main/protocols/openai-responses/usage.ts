import type { Usage } from '../canonical.ts';
import { isObject } from '../is-object.ts';

const count = (value: unknown): number => (typeof value === 'number' && value > 0 ? value : 0);

/**
 * A response's `usage` in Anthropic's terms, whose three parts of the input are disjoint: here, what was read from or
 * written to the cache is part of `input_tokens`. What stays for 30 minutes counts as Anthropic's 5 minutes, what stays for
 * 12 hours as its hour. Null where nothing was counted.
 */
export function decodeUsage(record: unknown): Usage | null {
  if (!isObject(record)) return null;
  const input = count(record.input_tokens);
  const output = count(record.output_tokens);
  if (input === 0 && output === 0) return null;
  const inputs = isObject(record.input_tokens_details) ? record.input_tokens_details : {};
  const outputs = isObject(record.output_tokens_details) ? record.output_tokens_details : {};
  const read = count(inputs.cached_tokens);
  const written = count(inputs.cache_write_tokens);
  const reasoning = count(outputs.reasoning_tokens);
  // Some servers count reasoning besides the output; the total gives them away.
  const uncounted = record.total_tokens === input + output + reasoning ? reasoning : 0;
  const usage: Usage = {
    input_tokens: Math.max(0, input - read - written),
    output_tokens: output + uncounted,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
  };
  if (written > 0) usage.cache_creation = writtenByTime(written, inputs.cache_write_tokens_details);
  if (reasoning > 0) usage.output_tokens_details = { thinking_tokens: reasoning };
  return usage;
}

function writtenByTime(written: number, details: unknown): NonNullable<Usage['cache_creation']> {
  const long = isObject(details) ? Math.min(written, count(details.ttl_12h_tokens)) : 0;
  return { ephemeral_5m_input_tokens: written - long, ephemeral_1h_input_tokens: long };
}
