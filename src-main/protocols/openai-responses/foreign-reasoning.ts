import type { ForeignState, ForeignStateTarget, WithoutReasoning } from '../codec.ts';
import { someFieldText } from '../field-texts.ts';
import { isObject } from '../is-object.ts';
import { STATE_MARK, stateFor } from '../reasoning-state.ts';

/**
 * Reasoning that other providers' answers left in a conversation which is now passed through to a provider of this dialect:
 * OpenAI refuses content that it did not encrypt itself (`invalid_encrypted_content`).
 */
export const foreignReasoning: ForeignState = {
  mayBeIn: (raw, { isForeign }) =>
    raw.includes(STATE_MARK) ||
    (isForeign !== null && someFieldText(raw, 'encrypted_content', (text) => text !== '' && isForeign(text))),
  /** An item of this target's own that was packed is itself again. */
  remove(body, target) {
    const { input } = body;
    if (!Array.isArray(input)) return body;
    const kept = withReasoning(input, (item) => {
      const { encrypted_content: content } = item;
      if (typeof content === 'string' && content.startsWith(STATE_MARK)) return ownItem(content, target);
      return isOwn(item, target) ? item : null;
    });
    return kept === input ? body : { ...body, input: kept };
  },
};

type Item = Readonly<Record<string, unknown>>;

/** OpenAI's encrypted reasoning in an item; null where it has none. */
export function nativeContent(item: unknown): string | null {
  if (!isObject(item) || item.type !== 'reasoning') return null;
  const { encrypted_content: content } = item;
  return typeof content === 'string' && content !== '' && !content.startsWith(STATE_MARK) ? content : null;
}

/** Whether an item is not known to be of another provider. */
export function isOwn(item: Item, { isForeign }: Pick<ForeignStateTarget, 'isForeign'>): boolean {
  const content = isForeign === null ? null : nativeContent(item);
  return content === null || isForeign?.(content) !== true;
}

function ownItem(packed: string, target: ForeignStateTarget): Item | null {
  const block = { type: 'redacted_thinking', data: packed };
  const state = stateFor(block, { dialect: 'openai-responses', provider: target.provider, model: target.model });
  return isObject(state?.data) && state.data.type === 'reasoning' && isOwn(state.data, target) ? state.data : null;
}

/** What is looked up by its id, with the reasoning it came with. */
const BOUND: ReadonlySet<unknown> = new Set(['message', 'function_call', 'custom_tool_call']);

/**
 * The items with the reasoning among them as `take` leaves it, without what it takes out; the same array where nothing changes.
 * What followed reasoning that is gone loses its id, by which OpenAI knows that there was some ("'function_call' was provided
 * without its required 'reasoning' item", cline/cline issue 12242).
 */
function withReasoning(input: readonly unknown[], take: (item: Item) => Item | null): readonly unknown[] {
  let changed = false;
  let lost = false;
  const kept = input.flatMap((item) => {
    if (!isObject(item)) return [item];
    if (item.type === 'reasoning') {
      const taken = take(item);
      changed ||= taken !== item;
      lost = taken === null;
      return taken === null ? [] : [taken];
    }
    if (!BOUND.has(item.type) || (item.type === 'message' && item.role !== 'assistant')) {
      lost = false;
      return [item];
    }
    if (!lost || item.id === undefined) return [item];
    const { id: _, ...rest } = item;
    return [rest];
  });
  return changed ? kept : input;
}

/** A request without any past reasoning, for a provider that has refused some of it. */
export function withoutReasoning(body: Readonly<Record<string, unknown>>): WithoutReasoning | null {
  const { input } = body;
  if (!Array.isArray(input)) return null;
  const signatures = new Set<string>();
  let unsigned = false;
  const kept = withReasoning(input, (item) => {
    const content = nativeContent(item);
    if (content === null) unsigned = true;
    else signatures.add(content);
    return null;
  });
  return kept === input ? null : { body: { ...body, input: kept }, signatures: [...signatures], unsigned };
}
