import type { RedactedThinkingBlock, ThinkingBlock } from '../canonical.ts';
import { SEPARATOR } from '../content-text.ts';
import { isObject } from '../is-object.ts';
import { packState, STATE_MARK, unpackState } from '../reasoning-state.ts';

/**
 * Reasoning items of a Responses client. What a model needs of its own thinking travels in `encrypted_content`, which
 * clients send back as they got it: OpenAI's own, or, of any other provider, packed (reasoning-state.ts).
 */

type Thinking = ThinkingBlock | RedactedThinkingBlock;

/** Null for an item that says nothing. */
export function decodeReasoning(item: Record<string, unknown>): Thinking | null {
  const thinking = partTexts(item.summary) || partTexts(item.content);
  const encrypted = typeof item.encrypted_content === 'string' ? item.encrypted_content : '';
  const state = unpackState(encrypted);
  // Ours that was cut on the way is nobody's.
  if (encrypted === '' || (state === null && encrypted.startsWith(STATE_MARK)))
    return thinking === '' ? null : { type: 'thinking', thinking, signature: '' };
  if (state?.dialect === 'anthropic' && isThinking(state.data)) return state.data;
  const signature =
    state === null ? packState({ dialect: 'openai-responses', provider: null, model: null, data: item }) : encrypted;
  return thinking === '' ? { type: 'redacted_thinking', data: signature } : { type: 'thinking', thinking, signature };
}

const partTexts = (parts: unknown): string =>
  Array.isArray(parts)
    ? parts.flatMap((part) => (isObject(part) && typeof part.text === 'string' ? part.text : [])).join(SEPARATOR)
    : '';

const isThinking = (block: unknown): block is Thinking =>
  isObject(block) &&
  (block.type === 'thinking'
    ? typeof block.thinking === 'string' && typeof block.signature === 'string'
    : block.type === 'redacted_thinking' && typeof block.data === 'string');

/** Id of OpenAI's own reasoning item that a signature, or redacted data, holds; null where it holds none. */
export function nativeItemId(state: string): string | null {
  return nativeItem(state)?.id ?? null;
}

function nativeItem(packed: string): { id: string; encrypted: string } | null {
  const state = unpackState(packed);
  if (state?.dialect !== 'openai-responses' || !isObject(state.data)) return null;
  const { id, encrypted_content: encrypted } = state.data;
  return typeof id === 'string' && typeof encrypted === 'string' ? { id, encrypted } : null;
}

/**
 * The `encrypted_content` of the item that a thinking block becomes; undefined for an empty one. Thinking without a signature
 * is packed, too: clients drop items without content (AI SDK), some models want their thinking back (DeepSeek), and it tells
 * whose it is not (`withoutForeignReasoning`). OpenAI's own is given back as such only under its own id, to which it is bound
 * ("Encrypted content item_id did not match the target item id", maximhq/bifrost issue 5186).
 */
export function encryptedContent(block: Thinking, itemId: string): string | undefined {
  const state = block.type === 'thinking' ? block.signature : block.data;
  if (state.startsWith(STATE_MARK)) {
    const native = nativeItem(state);
    return native?.id === itemId ? native.encrypted : state;
  }
  if (state === '' && (block.type !== 'thinking' || block.thinking === '')) return undefined;
  const { type } = block;
  const data = type === 'thinking' ? { type, thinking: block.thinking, signature: state } : { type, data: state };
  return packState({ dialect: 'anthropic', provider: null, model: null, data });
}
