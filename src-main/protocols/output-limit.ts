import type { ContentBlock, MessagesRequest } from './canonical.ts';
import type { EncodeTarget } from './codec.ts';

/** The estimate may be this much too small: code and JSON give more tokens to a byte than prose. */
const MARGIN = 1.25;
/** `estimatedInputTokens` is made of the body's size, in which media stand as base64. Bytes to a token. */
const BYTES_PER_TOKEN = 4;
const IMAGE_TOKENS = 1600;
const DOCUMENT_TOKENS = 3000;
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
  const roomBeside = (prompt: number) => Math.max(shortest, contextWindow - Math.ceil(prompt * MARGIN));
  const estimate = target.estimatedInputTokens;
  // The conversation is looked at only where the window is near.
  if (roomBeside(estimate) >= writable) return Math.max(least, writable);
  return Math.max(least, Math.min(writable, roomBeside(estimate - mediaExcess(request))));
}

/** By how many tokens a body's size says too much, since images and documents in it are base64. */
function mediaExcess({ messages }: MessagesRequest): number {
  let excess = 0;
  const count = (content: string | readonly ContentBlock[] | undefined): void => {
    if (typeof content !== 'object' || content === null) return;
    for (const block of content) {
      if (block.type === 'tool_result') count(block.content);
      else if ((block.type === 'image' || block.type === 'document') && block.source.type === 'base64') {
        const tokens = block.type === 'image' ? IMAGE_TOKENS : DOCUMENT_TOKENS;
        excess += Math.max(0, block.source.data.length / BYTES_PER_TOKEN - tokens);
      }
    }
  };
  for (const { content } of messages) count(content);
  return Math.floor(excess);
}
