import type { ForeignState, ForeignStateTarget, Quirks } from '../codec.ts';
import { someFieldText } from '../field-texts.ts';
import { isObject } from '../is-object.ts';
import { STATE_MARK } from '../reasoning-state.ts';
import { isForeignDetail, isForeignExtra, UNSIGNED_CALL, unsignedDetail } from './own-state.ts';
import { holdsForeignToolIds, withTakenToolIds } from './tool-ids.ts';

/**
 * What answers of other providers have left in a conversation that now goes to one which speaks this dialect and refuses it:
 * reasoning of answers that CProxy translated (client-reasoning.ts), and ids of tool calls.
 */
export const foreignDetails: ForeignState = {
  mayBeIn: (raw, { quirks, isForeign }) =>
    (raw.includes('"reasoning_details"') && (raw.includes(STATE_MARK) || raw.includes('"start_index"'))) ||
    holdsForeignToolIds(raw, quirks) ||
    (isForeign !== null && SIGNATURES.some((field) => someFieldText(raw, field, isForeign))),
  remove(body, target) {
    const { messages } = body;
    if (!Array.isArray(messages)) return body;
    let changed = false;
    const kept = messages.map((message: unknown) => {
      const answered = holdsOurs(message) ? withoutOurs(message, target.quirks) : message;
      const own = withTakenToolIds(withoutAnothers(answered, target), target.quirks);
      changed ||= own !== message;
      return own;
    });
    return changed ? { ...body, messages: kept } : body;
  },
};

/** Where vendors' own signatures stand, which do not say whose they are. */
const SIGNATURES = ['signature', 'thought_signature', 'data'];

/**
 * A message without the signatures that are known to be refused, or with Gemini's word for none; the same object where it has
 * no such.
 */
function withoutAnothers(message: unknown, target: ForeignStateTarget): unknown {
  if (target.isForeign === null || !isObject(message) || message.role !== 'assistant') return message;
  const { reasoning_details: details, tool_calls: calls } = message;
  const signsCalls = target.quirks.toolSchema === 'gemini' && Array.isArray(calls) && calls.length > 0;
  let own: Record<string, unknown> = message;
  if (Array.isArray(details) && details.some((detail) => isForeignDetail(detail, target))) {
    // An answer has one maker: what of it is not signed is not this one's either.
    const { reasoning_details: _, ...rest } = own;
    own = rest;
    if (signsCalls && target.quirks.returnsReasoningDetails)
      own = { ...rest, reasoning_details: [unsignedDetail(String(isObject(calls[0]) ? calls[0].id : ''))] };
  }
  const isAnothers = (call: unknown): boolean => isObject(call) && isForeignExtra(call.extra_content, target);
  if (Array.isArray(calls) && calls.some(isAnothers)) {
    const tool_calls = calls.map((call: unknown, place) => {
      if (!isObject(call) || !isAnothers(call)) return call;
      const { extra_content: _, ...rest } = call;
      return signsCalls && place === 0 ? { ...rest, extra_content: UNSIGNED_CALL } : rest;
    });
    own = { ...own, tool_calls };
  }
  return own;
}

interface Answered extends Record<string, unknown> {
  reasoning_details: unknown[];
}

function holdsOurs(message: unknown): message is Answered {
  return isObject(message) && Array.isArray(message.reasoning_details) && message.reasoning_details.some(isOurs);
}

/** Only ours say which part of the text they belong to. */
const isOurs = (detail: unknown): boolean => isObject(detail) && typeof detail.start_index === 'number';

function withoutOurs({ reasoning_details, reasoning_content, ...rest }: Answered, quirks: Quirks): object {
  const details = reasoning_details.filter((detail) => !isOurs(detail));
  return {
    ...rest,
    ...(quirks.returnsReasoningContent ? { reasoning_content } : {}),
    ...(details.length > 0 ? { reasoning_details: details } : {}),
  };
}
