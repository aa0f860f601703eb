import type { ForeignStateTarget } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { stateFor } from '../reasoning-state.ts';
import type { ReasoningBlock } from '../remembered-turn.ts';

type Target = Pick<ForeignStateTarget, 'provider' | 'model' | 'isForeign'>;

/** What this target gave with its reasoning in one turn, and wants back (reasoning-details.ts). */
export interface OwnState {
  /** `reasoning_details` */
  details: unknown[];
  /** `extra_content` of tool calls, by the id of the tool use. */
  extra: Record<string, unknown>;
}

export function ownState(blocks: Iterable<{ type: string } | ReasoningBlock>, target: Target): OwnState {
  const { provider, model } = target;
  const details: unknown[] = [];
  const extra: Record<string, unknown> = Object.create(null);
  for (const block of blocks) {
    if (block.type !== 'thinking' && block.type !== 'redacted_thinking') continue;
    const data = stateFor(block, { dialect: 'openai-chat', provider, model })?.data;
    if (!isObject(data)) continue;
    if (Array.isArray(data.details)) details.push(...data.details.filter((detail) => !isForeignDetail(detail, target)));
    if (!isObject(data.extra)) continue;
    for (const [id, content] of Object.entries(data.extra)) if (!isForeignExtra(content, target)) extra[id] = content;
  }
  return { details, extra };
}

/** The vendor's own signature, or encrypted reasoning, in an entry of `reasoning_details`; null where it has none. */
export function signatureOfDetail(detail: unknown): string | null {
  if (!isObject(detail)) return null;
  const text = detail.signature || detail.data;
  return typeof text === 'string' && text !== '' && text !== UNCHECKED ? text : null;
}

/** Gemini's signature in the `extra_content` of a call; null where it has none. */
export function signatureOfExtra(extra: unknown): string | null {
  const google = isObject(extra) ? extra.google : undefined;
  const text = isObject(google) ? google.thought_signature : undefined;
  return typeof text === 'string' && text !== '' && text !== UNCHECKED ? text : null;
}

const isForeign = (signature: string | null, target: Pick<Target, 'isForeign'>): boolean =>
  signature !== null && target.isForeign?.(signature) === true;

export const isForeignDetail = (detail: unknown, target: Pick<Target, 'isForeign'>): boolean =>
  isForeign(signatureOfDetail(detail), target);

export const isForeignExtra = (extra: unknown, target: Pick<Target, 'isForeign'>): boolean =>
  isForeign(signatureOfExtra(extra), target);

/** Gemini refuses a call without the signature it came with; this says that another model made it (its documentation). */
const UNCHECKED = 'skip_thought_signature_validator';
export const UNSIGNED_CALL = { google: { thought_signature: UNCHECKED } };

/** The same as OpenRouter takes it: one for each answer, named after its first call (RooCodeInc/Roo-Code pull request 10640). */
export const unsignedDetail = (callId: string): Record<string, unknown> => ({
  type: 'reasoning.encrypted',
  data: UNCHECKED,
  id: callId,
  format: 'google-gemini-v1',
  index: 0,
});

/** A message's `tool_calls`. */
export const callsOf = ({
  tool_calls: calls,
}: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] =>
  Array.isArray(calls) ? calls.filter(isObject) : [];
