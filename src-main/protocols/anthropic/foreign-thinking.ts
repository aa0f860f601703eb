import type { ForeignState, ForeignStateTarget, WithoutReasoning } from '../codec.ts';
import { isBlank, NO_OUTPUT } from '../content-text.ts';
import { someFieldText } from '../field-texts.ts';
import { isObject } from '../is-object.ts';
import { packState, STATE_MARK, unpackState } from '../reasoning-state.ts';
import {
  CALLED_WITHOUT_THINKING,
  isThinkingBlock,
  loopLacksThinking,
  NO_THINKING,
  withThinkingOff,
} from './tool-loop.ts';

/** The vendor's own signature of a thinking or redacted_thinking block; null where it has none. */
export function nativeSignature(block: unknown): string | null {
  if (!isObject(block)) return null;
  const text = block.type === 'thinking' ? block.signature : block.type === 'redacted_thinking' ? block.data : null;
  return typeof text === 'string' && text !== '' && !text.startsWith(STATE_MARK) ? text : null;
}

/** A signature as a compatible server makes it, with whose it is: Anthropic refuses it, and it looks like any other. */
export const packSignature = (signature: string, { provider, model }: { provider: string; model: string }): string =>
  packState({ dialect: 'anthropic', provider, model, data: signature });

/**
 * A block as a provider of this dialect takes it; null for thinking that it has not made and refuses (`Invalid signature in
 * thinking block`): state of other providers, and thinking that came without a signature. A conversation gets such blocks
 * where it has been answered by another provider before. Servers that take thinking without a signature, as they give none,
 * get others' text without theirs: some refuse an answer that has not thought. Any other block is the same object.
 */
export function takenThinking(block: unknown, target: ForeignStateTarget): unknown {
  if (!isObject(block) || !isThinkingBlock(block)) return block;
  const wantsAll = target.quirks.returnsReasoningContent;
  if (block.type === 'redacted_thinking') {
    const data = nativeSignature(block);
    const isOwn = data !== null && target.isForeign?.(data) !== true;
    return isOwn ? block : wantsAll ? NO_THINKING : null;
  }
  const given = typeof block.signature === 'string' ? block.signature : '';
  const signature = takenSignature(given, target) ?? (wantsAll ? '' : null);
  if (signature === null || (signature === '' && !target.quirks.takesEmptySignature)) return null;
  if (signature === given) return block;
  // Behind a compatible server there may be Anthropic, which checks.
  const keeps =
    signature !== '' || wantsAll || !(/claude/i.test(target.model) || isBlank(String(block.thinking ?? '')));
  return keeps ? { ...block, signature } : null;
}

/** '' for what is another's of this dialect; null for what is another dialect's. */
function takenSignature(given: string, { provider, isForeign }: ForeignStateTarget): string | null {
  const own = (signature: string): string => (signature !== '' && isForeign?.(signature) === true ? '' : signature);
  if (!given.startsWith(STATE_MARK)) return own(given);
  const state = unpackState(given);
  if (state?.dialect !== 'anthropic' || typeof state.data !== 'string') return null;
  return state.provider === provider ? own(state.data) : '';
}

interface Kept {
  messages: readonly unknown[];
  /** Places in the given messages from which blocks are gone. */
  losers: ReadonlySet<number>;
}

/**
 * The messages with their assistant's blocks as `take` leaves them, without those it takes out, and without the messages that
 * consisted of nothing else, unless a system message needs one behind it; the same array where nothing changes. Everything
 * else stays the same object.
 */
function withBlocks(messages: readonly unknown[], take: (block: unknown) => unknown): Kept {
  const losers = new Set<number>();
  let changed = false;
  const kept = messages.flatMap((message, index) => {
    if (!isObject(message) || message.role !== 'assistant' || !Array.isArray(message.content)) return [message];
    const given: readonly unknown[] = message.content;
    const content = given.map(take).filter((block) => block !== null);
    if (content.length === given.length && content.every((block, place) => block === given[place])) return [message];
    changed = true;
    if (content.length < given.length) {
      losers.add(index);
      // "The final block in an assistant message cannot be `thinking`", of which what followed is gone now.
      while (isThinkingBlock(content.at(-1))) content.pop();
    }
    if (content.length > 0) return [{ ...message, content }];
    // "must be last or followed by an assistant message"
    const before = messages[index - 1];
    if (isObject(before) && before.role === 'system')
      return [{ ...message, content: [{ type: 'text', text: NO_OUTPUT }] }];
    return [];
  });
  return { messages: changed ? kept : messages, losers };
}

const EMPTY_SIGNATURES = ['"signature":""', '"signature": ""'];

export const foreignThinking: ForeignState = {
  mayBeIn(raw, { quirks, isForeign }) {
    if (raw.includes(STATE_MARK)) return true;
    if (!quirks.takesEmptySignature && EMPTY_SIGNATURES.some((field) => raw.includes(field))) return true;
    if (isForeign === null) return false;
    const isAnothers = (text: string): boolean => text !== '' && isForeign(text);
    // `data` is a field of images too, which are long.
    const isAnothersData = (text: string): boolean => text.length <= LONGEST_REDACTED && isAnothers(text);
    return (
      someFieldText(raw, 'signature', isAnothers) ||
      (raw.includes('"redacted_thinking"') && someFieldText(raw, 'data', isAnothersData))
    );
  },
  remove(body, target, warnings) {
    const { messages } = body;
    if (!Array.isArray(messages)) return body;
    const kept = withBlocks(messages, (block) => takenThinking(block, target));
    if (kept.messages === messages) return body;
    const left = { ...body, messages: kept.messages };
    const isManual = isObject(body.thinking) && body.thinking.type === 'enabled';
    if (!isManual || !loopLacksThinking(messages, kept)) return left;
    warnings?.add(CALLED_WITHOUT_THINKING);
    return withThinkingOff(left);
  },
};

/** Characters. */
const LONGEST_REDACTED = 64 * 1024;

/**
 * A request without any past thinking, for a provider that has refused some of it.
 * @param missing it has refused an answer that came without: there must be none now, nor in what is asked.
 */
export function withoutThinking(body: Readonly<Record<string, unknown>>, missing: boolean): WithoutReasoning | null {
  const { messages, thinking } = body;
  if (!Array.isArray(messages)) return null;
  const signatures = new Set<string>();
  let unsigned = false;
  const kept = withBlocks(messages, (block) => {
    if (!isThinkingBlock(block)) return block;
    const signature = nativeSignature(block);
    if (signature === null) unsigned = true;
    else signatures.add(signature);
    return null;
  });
  const type = isObject(thinking) ? thinking.type : undefined;
  const switchOff = type !== 'disabled' && (missing || (type === 'enabled' && loopLacksThinking(messages, kept)));
  if (kept.messages === messages && !switchOff) return null;
  const left = { ...body, messages: kept.messages };
  return { body: switchOff ? withThinkingOff(left) : left, signatures: [...signatures], unsigned };
}
