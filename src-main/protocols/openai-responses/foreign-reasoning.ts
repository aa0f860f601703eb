import type { ForeignState, ForeignStateTarget } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { STATE_MARK, stateFor } from '../reasoning-state.ts';

/**
 * Reasoning that other providers' answers left in a conversation which is now passed through to a provider of this dialect:
 * OpenAI refuses content that it did not encrypt itself (`invalid_encrypted_content`).
 */

export const foreignReasoning: ForeignState = {
  mayBeIn: (raw) => raw.includes(STATE_MARK),
  /** An item of this target's own that was packed is itself again. */
  remove(body, target) {
    const { input } = body;
    if (!Array.isArray(input) || !input.some(isPacked)) return body;
    const kept = input.flatMap((item) => (isPacked(item) ? ownItem(item.encrypted_content, target) : [item]));
    return { ...body, input: kept };
  },
};

const isPacked = (item: unknown): item is { encrypted_content: string } =>
  isObject(item) &&
  item.type === 'reasoning' &&
  typeof item.encrypted_content === 'string' &&
  item.encrypted_content.startsWith(STATE_MARK);

function ownItem(packed: string, { provider, model }: ForeignStateTarget): unknown[] {
  const block = { type: 'redacted_thinking', data: packed };
  const state = stateFor(block, { dialect: 'openai-responses', provider, model });
  return isObject(state?.data) && state.data.type === 'reasoning' ? [state.data] : [];
}
