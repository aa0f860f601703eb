import type { UpstreamError } from './codec.ts';

/** The vendors' own words for it: OpenAI and Azure, OpenRouter, Gemini, Alibaba. */
const CODES: ReadonlySet<string> = new Set([
  'content_filter',
  'content_policy_violation',
  'responsibleaipolicyviolation',
  'moderation',
  'prohibited_content',
  'data_inspection_failed',
]);

/**
 * What was asked, or what was answered, is against a vendor's rules:
 *
 * - Anthropic: "Output blocked by content filtering policy" (anthropics/claude-code issue 58367)
 * - Azure: "… triggering Azure OpenAI's content management policy" (learn.microsoft.com, "Content filtering")
 * - OpenAI: "… flagged as potentially violating our usage policy", "… as a result of our safety system"
 * - OpenRouter: "Your chosen model requires moderation and your input was flagged" (its page "Errors and Debugging")
 * - Gemini: a block reason of PROHIBITED_CONTENT or SAFETY (machinewrapped/llm-subtrans issue 292)
 * - xAI: "Content violates usage guidelines" (UKGovernmentBEIS/inspect_ai pull request 2267)
 * - DeepSeek: "Content Exists Risk" (deepseek-ai/awesome-deepseek-integration issue 13)
 * - Alibaba: "Input data may contain inappropriate content" (camel-ai/owl issue 432)
 */
const WORDS =
  /\b(?:input|prompt|content)\b.{0,80}\bflagged\b|\bmoderation\b|\bcontent[ _](?:policy|filter|management)|\bPROHIBITED_CONTENT\b|\bblocked\b.{0,60}\bSAFETY\b|\bsafety system\b|\bviolates usage guidelines\b|^content exists risk\b|\bmay contain inappropriate content\b|\bResponsibleAIPolicyViolation\b|\bdata_inspection_failed\b/i;

/** Whether a vendor's word names a refusal of the content. */
export const isRefusalCode = (code: string): boolean => CODES.has(code.toLowerCase());

/** Whether an error refuses the content of a request, or of its answer. */
export function isContentRefusal({ message, code }: Pick<UpstreamError, 'message' | 'code'>): boolean {
  return (code !== null && isRefusalCode(code)) || WORDS.test(message);
}

/** A refusal as a text that tells it, also where only its code did. */
export function refusalInWords({ message, code }: Pick<UpstreamError, 'message' | 'code'>): string {
  return WORDS.test(message) ? message : `${message} (${code})`;
}
