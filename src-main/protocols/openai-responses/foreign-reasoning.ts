import { isObject } from '../is-object.ts';
import { STATE_MARK, stateFor } from '../reasoning-state.ts';

/**
 * Reasoning that other providers' answers left in a conversation which is now passed through to a provider of this dialect:
 * OpenAI refuses content that it did not encrypt itself (`invalid_encrypted_content`).
 */

/** Whether a request's bytes may hold some. */
export const mayHoldForeignReasoning = (raw: Buffer): boolean => raw.includes(STATE_MARK);

/**
 * `input` without it; the same list where there is none. An item of this target's own that was packed is itself again.
 * @param target id of the provider, and name of the model there.
 */
export function withoutForeignReasoning(
  input: readonly unknown[],
  target: { provider: string; model: string },
): readonly unknown[] {
  if (!input.some(isPacked)) return input;
  return input.flatMap((item) => (isPacked(item) ? ownItem(item.encrypted_content, target) : [item]));
}

const isPacked = (item: unknown): item is { encrypted_content: string } =>
  isObject(item) &&
  item.type === 'reasoning' &&
  typeof item.encrypted_content === 'string' &&
  item.encrypted_content.startsWith(STATE_MARK);

function ownItem(packed: string, target: { provider: string; model: string }): unknown[] {
  const block = { type: 'redacted_thinking', data: packed };
  const state = stateFor(block, { dialect: 'openai-responses', ...target });
  return isObject(state?.data) && state.data.type === 'reasoning' ? [state.data] : [];
}
