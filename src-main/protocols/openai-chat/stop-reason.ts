import type { StopReason } from '../canonical.ts';

const CUT = new Set(['length', 'max_tokens', 'model_length']);
/** Gemini's own reasons, which it does not translate, in lower case (HKUDS/Vibe-Trading pull request 308). */
const REFUSED = new Set([
  'content_filter',
  'safety',
  'sensitive',
  'prohibited_content',
  'blocklist',
  'spii',
  'recitation',
]);
const FAILED = new Set(['error', 'network_error', 'insufficient_system_resource', 'abort']);

/** What the answer turned out to hold. */
interface AnswerFacts {
  toolUsed: boolean;
  refused: boolean;
}

/** Whether a `finish_reason` says that the provider failed (OpenRouter, Zhipu, DeepSeek, SGLang have one). */
export function isFailure(finishReason: string): boolean {
  return FAILED.has(finishReason);
}

/**
 * `finish_reason` as Anthropic's stop reason. Many servers say `stop` after a tool call, so what was emitted decides; but a
 * call that was cut by the token limit must not be taken for a whole one.
 */
export function decodeStopReason(finishReason: string, { toolUsed, refused }: AnswerFacts): StopReason {
  if (CUT.has(finishReason)) return 'max_tokens';
  if (isRefusal(finishReason) || refused) return 'refusal';
  return toolUsed ? 'tool_use' : 'end_turn';
}

/** Whether a `finish_reason` says that the content was refused. */
export function isRefusal(finishReason: string): boolean {
  return REFUSED.has(finishReason.toLowerCase());
}

/** Whether the token limit cut the answer. */
export function isCut(finishReason: string): boolean {
  return CUT.has(finishReason);
}
