import type { Quirks } from '../codec.ts';
import { isObject } from '../is-object.ts';
import { encodeMistralToolId, encodeToolId, PACKED_ID } from '../tool-names.ts';

/** OpenAI refuses longer tool call ids. Characters. */
const LONGEST = 40;
const MISTRAL_ID = /^[a-zA-Z0-9]{9}$/;

type IdQuirks = Pick<Quirks, 'toolIds' | 'isOpenai'>;

/** A tool call's id as the server takes it; the same as it is where that may be. */
export const takenToolId = (id: string, { toolIds }: IdQuirks): string =>
  toolIds === 'mistral' ? encodeMistralToolId(id) : encodeToolId(id, LONGEST);

const KEY = '"tool_call_id"';

/**
 * Whether a request's bytes hold an id that the server is known to refuse: other servers make longer ones (vLLM's have 46
 * characters, Anthropic's 30). Each result of a tool is looked at, and nothing else.
 */
export function holdsForeignToolIds(raw: Buffer, { toolIds, isOpenai }: IdQuirks): boolean {
  if (toolIds !== 'mistral' && !isOpenai) return false;
  for (let at = raw.indexOf(KEY); at !== -1; at = raw.indexOf(KEY, at + KEY.length)) {
    const start = raw.indexOf('"', at + KEY.length) + 1;
    const id = raw.toString('latin1', start, raw.indexOf('"', start));
    if (toolIds === 'mistral' ? !MISTRAL_ID.test(id) : id.length > LONGEST) return true;
    // Packed ids are unpacked (`takenToolId`) as soon as one is there, not only when another becomes too long.
    if (id.startsWith(PACKED_ID)) return true;
  }
  return false;
}

/** A message with ids that such a server takes; the same object where it has no other. */
export function withTakenToolIds(message: unknown, quirks: IdQuirks): unknown {
  if (!isObject(message) || (quirks.toolIds !== 'mistral' && !quirks.isOpenai)) return message;
  const { tool_call_id: id, tool_calls: calls } = message;
  if (typeof id === 'string') {
    const taken = takenToolId(id, quirks);
    return taken === id ? message : { ...message, tool_call_id: taken };
  }
  if (!Array.isArray(calls)) return message;
  const taken = calls.map((call: unknown) => {
    if (!isObject(call) || typeof call.id !== 'string') return call;
    const own = takenToolId(call.id, quirks);
    return own === call.id ? call : { ...call, id: own };
  });
  return taken.every((call, place) => call === calls[place]) ? message : { ...message, tool_calls: taken };
}
