import type { RedactedThinkingBlock, ThinkingBlock } from '../canonical.ts';
import { isObject } from '../is-object.ts';
import { packState, STATE_MARK } from '../reasoning-state.ts';

/**
 * How thinking travels through a client of Chat Completions: its text as `reasoning_content`, all blocks in one string, and
 * beside it `reasoning_details` (OpenRouter's field, which clients send back as they got it), one entry for each block that
 * has a signature or a state. `start_index` and `end_index` say which part of the text is the block's.
 */

/** An entry of `reasoning_details` as we write it. */
export interface ReasoningDetail {
  type: 'reasoning.text' | 'reasoning.encrypted';
  /** Of `reasoning.text`: Anthropic's own. */
  signature?: string;
  /** Of `reasoning.encrypted`: another provider's state, packed, or Anthropic's redacted thinking. */
  data?: string;
  format: 'anthropic-claude-v1' | 'unknown';
  index: number;
  start_index: number;
  end_index: number;
}

/** Where a block's text stands in `reasoning_content`, and how many entries stand before its own. */
interface ReasoningPlace {
  index: number;
  start: number;
  end: number;
}

/** @param block not a thinking block without a signature, which has no entry. */
export function reasoningDetail(
  block: ThinkingBlock | RedactedThinkingBlock,
  { index, start, end }: ReasoningPlace,
): ReasoningDetail {
  const place = { index, start_index: start, end_index: end };
  const state = block.type === 'thinking' ? block.signature : block.data;
  if (state.startsWith(STATE_MARK)) return { type: 'reasoning.encrypted', data: state, format: 'unknown', ...place };
  const format = 'anthropic-claude-v1';
  return block.type === 'thinking'
    ? { type: 'reasoning.text', signature: state, format, ...place }
    : { type: 'reasoning.encrypted', data: state, format, ...place };
}

/**
 * The thinking of an assistant message that comes back. Entries that are not Anthropic's are kept for the provider that made
 * them, whoever that was.
 */
export function reasoningBlocks(message: Record<string, unknown>): (ThinkingBlock | RedactedThinkingBlock)[] {
  const text = textOf(message.reasoning_content) || textOf(message.reasoning);
  const details = Array.isArray(message.reasoning_details) ? message.reasoning_details.filter(isObject) : [];
  if (details.length === 0) return unsignedBlocks(text);
  const entries = joined(details);
  if (!entries.every(isReadable)) return [foreignBlock(text, details)];
  if (entries.some(isSigned) && !isWhole(entries, text)) return unsignedBlocks(text);
  const blocks: (ThinkingBlock | RedactedThinkingBlock)[] = [];
  let at = 0;
  const addUnsigned = (end: number): void => {
    const thinking = text.slice(at, end).trim();
    if (thinking !== '') blocks.push({ type: 'thinking', thinking, signature: '' });
  };
  for (const entry of entries) {
    const { start_index: start, end_index: end } = entry;
    let thinking = '';
    if (typeof start === 'number' && typeof end === 'number' && at <= start && start <= end && end <= text.length) {
      addUnsigned(start);
      thinking = text.slice(start, end);
      at = end;
    } else if (entry.type === 'reasoning.text' || isState(entry.data)) {
      // A client that does not know our positions, or an entry of OpenRouter's with a text of its own.
      thinking = textOf(entry.text) || text.slice(at);
      at = text.length;
    }
    if (entry.type === 'reasoning.text')
      blocks.push({ type: 'thinking', thinking, signature: textOf(entry.signature) });
    else if (isState(entry.data) && thinking !== '') blocks.push({ type: 'thinking', thinking, signature: entry.data });
    else blocks.push({ type: 'redacted_thinking', data: textOf(entry.data) });
  }
  addUnsigned(text.length);
  return blocks;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const isState = (data: unknown): data is string => typeof data === 'string' && data.startsWith(STATE_MARK);

/** Whether an entry is one that we wrote, or Anthropic's by way of OpenRouter. */
function isReadable(entry: Record<string, unknown>): boolean {
  if (entry.type === 'reasoning.encrypted' && isState(entry.data)) return true;
  return (
    entry.format === 'anthropic-claude-v1' && (entry.type === 'reasoning.text' || entry.type === 'reasoning.encrypted')
  );
}

const unsignedBlocks = (text: string): ThinkingBlock[] =>
  text === '' ? [] : [{ type: 'thinking', thinking: text, signature: '' }];

/** Anthropic's own, at the place that we said. */
const isSigned = (entry: Record<string, unknown>): boolean =>
  entry.format === 'anthropic-claude-v1' && entry.start_index !== undefined;

/**
 * Whether all entries came back, and the text that they are places of. Clients that do not know these fields keep what comes
 * last in a stream (OpenAI's SDK for JavaScript); Anthropic refuses thinking that is not what it has signed.
 */
function isWhole(entries: readonly Record<string, unknown>[], text: string): boolean {
  let at = 0;
  for (const [place, { index, start_index: start, end_index: end }] of entries.entries()) {
    if (index !== place || typeof start !== 'number' || typeof end !== 'number' || start < at || end < start)
      return false;
    at = end;
  }
  return at <= text.length;
}

/** OpenRouter streams a text in pieces and its signature last; clients that do not join them send them back like that. */
function joined(details: readonly Record<string, unknown>[]): readonly Record<string, unknown>[] {
  const entries: Record<string, unknown>[] = [];
  for (const detail of details) {
    const last = entries.at(-1);
    if (last !== undefined && continues(detail, last))
      entries[entries.length - 1] = { ...last, ...detail, text: textOf(last.text) + textOf(detail.text) };
    else entries.push(detail);
  }
  return entries;
}

const continues = (detail: Record<string, unknown>, last: Record<string, unknown>): boolean =>
  [detail, last].every(({ type }) => type === 'reasoning.text') && detail.index === last.index && !last.signature;

function foreignBlock(
  text: string,
  details: readonly Record<string, unknown>[],
): ThinkingBlock | RedactedThinkingBlock {
  const said = text || details.map((detail) => textOf(detail.text) || textOf(detail.summary)).join('');
  const state = packState({ dialect: 'openai-chat', provider: null, model: null, data: { details } });
  return said === ''
    ? { type: 'redacted_thinking', data: state }
    : { type: 'thinking', thinking: said, signature: state };
}
