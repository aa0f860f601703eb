import type { ForeignState, ForeignStateTarget } from '../codec.ts';
import { NO_OUTPUT } from '../content-text.ts';
import { isObject } from '../is-object.ts';
import { packState, STATE_MARK, unpackState } from '../reasoning-state.ts';

/**
 * Thinking that a provider with Anthropic's dialect has not made and refuses (`Invalid signature in thinking block`): state of
 * other providers, packed, and thinking that came without a signature. A conversation gets such blocks where it has been
 * answered by another provider before.
 *
 * @param takesEmptySignature the provider takes thinking without a signature, as compatible servers do that give none.
 */
export function isForeignThinking(block: unknown, takesEmptySignature: boolean): boolean {
  if (!isObject(block)) return false;
  const { type, signature, data } = block;
  if (type === 'redacted_thinking') return typeof data !== 'string' || data === '' || data.startsWith(STATE_MARK);
  if (type !== 'thinking') return false;
  if (typeof signature !== 'string' || signature === '') return !takesEmptySignature;
  return signature.startsWith(STATE_MARK);
}

/** A signature as a compatible server makes it, with whose it is: Anthropic refuses it, and it looks like any other. */
export const packSignature = (signature: string, { provider, model }: { provider: string; model: string }): string =>
  packState({ dialect: 'anthropic', provider, model, data: signature });

/** The block with the signature that was packed, for the server that made it; for others without. */
export function withOwnSignature<Block>(block: Block, provider: string): Block {
  if (!isObject(block) || block.type !== 'thinking' || typeof block.signature !== 'string') return block;
  const state = unpackState(block.signature);
  if (state?.dialect !== 'anthropic' || typeof state.data !== 'string') return block;
  return { ...block, signature: state.provider === provider ? state.data : '' };
}

/**
 * The messages without such blocks, and without the messages that consisted of nothing else, unless a system message needs
 * one behind it; the same array where there are none. Everything else stays the same object.
 */
function withoutForeignThinking(
  messages: readonly unknown[],
  { provider, quirks }: ForeignStateTarget,
): readonly unknown[] {
  let changed = false;
  const kept = messages.flatMap((message, index) => {
    if (!isObject(message) || message.role !== 'assistant' || !Array.isArray(message.content)) return [message];
    const given: readonly unknown[] = message.content;
    const content = given
      .map((block) => withOwnSignature(block, provider))
      .filter((block) => !isForeignThinking(block, quirks.takesEmptySignature));
    if (content.length === given.length && content.every((block, place) => block === given[place])) return [message];
    changed = true;
    if (content.length > 0) return [{ ...message, content }];
    // "must be last or followed by an assistant message"
    const before = messages[index - 1];
    if (isObject(before) && before.role === 'system')
      return [{ ...message, content: [{ type: 'text', text: NO_OUTPUT }] }];
    return [];
  });
  return changed ? kept : messages;
}

const EMPTY_SIGNATURES = ['"signature":""', '"signature": ""'];

export const foreignThinking: ForeignState = {
  mayBeIn: (raw, { quirks }) =>
    raw.includes(STATE_MARK) || (!quirks.takesEmptySignature && EMPTY_SIGNATURES.some((field) => raw.includes(field))),
  remove(body, target) {
    const { messages } = body;
    if (!Array.isArray(messages)) return body;
    const kept = withoutForeignThinking(messages, target);
    return kept === messages ? body : { ...body, messages: kept };
  },
};
