import type { Usage } from '../canonical.ts';
import { isObject } from '../is-object.ts';

const count = (value: unknown): number | null => (typeof value === 'number' && value > 0 ? value : null);

/**
 * A `usage` record in Anthropic's terms, whose three parts of the input are disjoint: OpenAI's cached tokens are part of
 * `prompt_tokens`. Null where nothing was counted: some servers send zeros until the end, or for ever.
 */
function decodeUsage(record: unknown, timings?: unknown): Usage | null {
  if (!isObject(record)) return null;
  const prompt = count(record.prompt_tokens) ?? 0;
  const completion = count(record.completion_tokens) ?? 0;
  if (prompt === 0 && completion === 0) return null;
  const details = isObject(record.prompt_tokens_details) ? record.prompt_tokens_details : {};
  const read =
    count(details.cached_tokens) ??
    // DeepSeek
    count(record.prompt_cache_hit_tokens) ??
    // Moonshot
    count(record.cached_tokens) ??
    // llama.cpp
    (isObject(timings) ? count(timings.cache_n) : null) ??
    0;
  // OpenAI and OpenRouter, LiteLLM, Qwen
  const written =
    count(details.cache_write_tokens) ??
    count(details.cache_creation_tokens) ??
    count(details.cache_creation_input_tokens) ??
    0;
  const reasoning = isObject(record.completion_tokens_details)
    ? count(record.completion_tokens_details.reasoning_tokens)
    : null;
  const usage: Usage = {
    input_tokens: Math.max(0, prompt - read - written),
    output_tokens: completion + uncounted(reasoning, record.total_tokens, prompt + completion),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
  };
  const usd = chargedUsd(record);
  if (usd !== null) usage.cost_usd = usd;
  return reasoning === null ? usage : { ...usage, output_tokens_details: { thinking_tokens: reasoning } };
}

/**
 * What is charged for it, as OpenRouter says (its docs, "Usage accounting"; credits are US dollars): with the user's own key at the
 * vendor, `cost` is OpenRouter's share alone, and what the vendor asks stands beside it.
 */
function chargedUsd({
  cost,
  cost_details: details,
  is_byok: isOwnKey,
}: Readonly<Record<string, unknown>>): number | null {
  if (typeof cost !== 'number' || !(cost >= 0)) return null;
  const vendors = isOwnKey === true && isObject(details) ? details.upstream_inference_cost : 0;
  return cost + (typeof vendors === 'number' && vendors > 0 ? vendors : 0);
}

/** What a chunk or an answer counts: it stands beside the choices, in a choice (Moonshot) or in a corner of its own (Groq). */
export function usageIn(
  { usage, x_groq: corner, timings }: Readonly<Record<string, unknown>>,
  choice: Readonly<Record<string, unknown>> | null | undefined,
): Usage | null {
  return decodeUsage(usage ?? choice?.usage ?? (isObject(corner) ? corner.usage : null), timings);
}

/** Some servers (xAI) count reasoning besides the completion; the total gives them away. */
function uncounted(reasoning: number | null, total: unknown, sum: number): number {
  return reasoning !== null && total === sum + reasoning ? reasoning : 0;
}
