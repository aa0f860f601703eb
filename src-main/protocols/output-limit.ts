import type { MessagesRequest } from './canonical.ts';
import type { EncodeTarget } from './codec.ts';

/** The estimate may be this much too small: code and JSON give more tokens to a byte than prose. */
const MARGIN = 1.25;
/** Fewer would only cut the answer off: where there is no room for these, the provider had better say so. */
const SHORTEST_ANSWER = 4096;

/**
 * How many tokens an answer may have: what the request asks for (Claude Code asks for 32000 to 128000, which models with less
 * refuse), as far as the model can write that many and has room for them beside the prompt. A pure function.
 * @param least the smallest number the provider takes (Anthropic's `max_tokens: 0` fills a cache only).
 * @returns undefined where the request says nothing.
 */
export function outputLimit(request: MessagesRequest, target: EncodeTarget, least: number): number | undefined {
  const asked = request.max_tokens;
  if (typeof asked !== 'number') return undefined;
  const { maxOutput, contextWindow } = target.facts;
  const writable = Math.min(asked, maxOutput ?? asked);
  if (contextWindow === null) return Math.max(least, writable);
  const shortest = Math.min(SHORTEST_ANSWER, Math.floor(contextWindow / 4));
  const room = Math.max(shortest, contextWindow - Math.ceil(target.estimatedInputTokens * MARGIN));
  return Math.max(least, Math.min(writable, room));
}
