import type { ForeignState, Quirks } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { STATE_MARK } from '../reasoning-state.ts';

/**
 * Reasoning of answers that CProxy translated into this dialect (client-reasoning.ts), in a conversation that now goes to a
 * provider which speaks it: that one knows nothing of it, and strict servers refuse the fields.
 */
export const foreignDetails: ForeignState = {
  mayBeIn: (raw) => raw.includes('"reasoning_details"') && (raw.includes(STATE_MARK) || raw.includes('"start_index"')),
  remove(body, { quirks }) {
    const { messages } = body;
    if (!Array.isArray(messages) || !messages.some(holdsOurs)) return body;
    return {
      ...body,
      messages: messages.map((message) => (holdsOurs(message) ? withoutOurs(message, quirks) : message)),
    };
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
