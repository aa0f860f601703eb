import type { UpstreamError } from './codec.ts';

/** How vendors say that fewer tokens may be asked for than were: `limit`. Sources: their own texts in issue trackers. */
const WORDINGS: readonly RegExp[] = [
  // OpenAI: "max_tokens is too large: 32000. This model supports at most 16384 completion tokens"
  /is too large: [\d,]+\. This model supports at most (?<limit>[\d,]+) completion tokens/i,
  // DeepSeek: "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"
  /valid range of max_tokens is \[\d+, ?(?<limit>[\d,]+)\]/i,
  // Groq: "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than …"
  /max(?:_completion)?_tokens`? must be less than or equal to `?(?<limit>[\d,]+)/i,
  // Qwen (DashScope): "Range of max_tokens should be [1, 8192]"
  /Range of max_tokens should be \[\d+, ?(?<limit>[\d,]+)\]/i,
];

const ASKED = /"(?:max_tokens|max_completion_tokens|max_output_tokens|num_predict)":(\d+)/;

/**
 * Says in Anthropic's words that the answer may not be as long as was asked for; null where the error says something else.
 * On "max_tokens: N > M, which is the maximum allowed number of output tokens" Claude Code asks for M.
 * @param sent the body that was refused.
 */
export function outputOverflow({ message }: UpstreamError, sent: Uint8Array | string): string | null {
  for (const wording of WORDINGS) {
    const limit = wording.exec(message)?.groups?.limit?.replaceAll(',', '');
    if (limit === undefined) continue;
    const asked = ASKED.exec(typeof sent === 'string' ? sent : Buffer.from(sent).toString('latin1'))?.[1];
    if (asked === undefined) return null;
    return `max_tokens: ${asked} > ${limit}, which is the maximum allowed number of output tokens for this model`;
  }
  return null;
}
