import type { ForeignState, Quirks } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { STATE_MARK } from '../reasoning-state.ts';
import { holdsForeignToolIds, withTakenToolIds } from './tool-ids.ts';

/**
 * What answers of other providers have left in a conversation that now goes to one which speaks this dialect and refuses it:
 * reasoning of answers that CProxy translated (client-reasoning.ts), and ids of tool calls.
 */
export const foreignDetails: ForeignState = {
  mayBeIn: (raw, { quirks }) =>
    (raw.includes('"reasoning_details"') && (raw.includes(STATE_MARK) || raw.includes('"start_index"'))) ||
    holdsForeignToolIds(raw, quirks),
  remove(body, { quirks }) {
    const { messages } = body;
    if (!Array.isArray(messages)) return body;
    let changed = false;
    const kept = messages.map((message: unknown) => {
      const own = withTakenToolIds(holdsOurs(message) ? withoutOurs(message, quirks) : message, quirks);
      changed ||= own !== message;
      return own;
    });
    return changed ? { ...body, messages: kept } : body;
  },
};

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
