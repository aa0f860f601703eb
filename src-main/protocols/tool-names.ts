import { hash } from 'node:crypto';

const ACCEPTED_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const ANTHROPIC_ID = /^[a-zA-Z0-9_-]+$/;
const FOREIGN = /[^a-zA-Z0-9_-]/g;
/** Stands before an id that had to be packed; what follows is its base64url. */
export const PACKED_ID = 'id64_';

const digest = (text: string): string => hash('sha256', text, 'hex').slice(0, 8);

/**
 * A tool name as every vendor takes it (`^[a-zA-Z0-9_-]{1,64}$`). Other names become up to 55 of their characters and
 * 8 hex digits of their SHA-256: the same name always gives the same result, so history, tools and tool_choice agree and
 * prompt caches hold.
 */
export function encodeToolName(name: string): string {
  if (ACCEPTED_NAME.test(name)) return name;
  return `${name.replace(FOREIGN, '_').slice(0, 55)}_${digest(name)}`;
}

/**
 * A provider's tool call id as Anthropic's `^[a-zA-Z0-9_-]+$`. Some carry other characters, such as Kimi's
 * `functions.Bash:0`, which its model wants to see again: they are packed, and `encodeToolId` unpacks them.
 */
export function decodeToolId(id: string): string {
  return ANTHROPIC_ID.test(id) ? id : `${PACKED_ID}${Buffer.from(id).toString('base64url')}`;
}

/** The provider's own id again. */
export const unpackedToolId = (id: string): string =>
  id.startsWith(PACKED_ID) ? Buffer.from(id.slice(PACKED_ID.length), 'base64url').toString() : id;

/** The same, unlike any of those that are used already, to which it is added: some servers give every call the same id. */
export function uniqueToolId(given: string, used: Set<string>): string {
  let id = decodeToolId(given);
  for (let count = 2; used.has(id); count += 1) id = decodeToolId(`${given}_${count}`);
  used.add(id);
  return id;
}

/** A provider's message id as Anthropic's `^[a-zA-Z0-9_-]+$`. */
export function decodeMessageId(id: string): string {
  return id.replace(FOREIGN, '_');
}

/**
 * A tool call id as a provider takes it: the one the provider itself made, or one it accepts, always the same for the same
 * id.
 * @param limit characters; OpenAI's Chat Completions takes 40, its Responses 64.
 */
export function encodeToolId(id: string, limit: number): string {
  const own = unpackedToolId(id);
  if (own !== '' && own.length <= limit) return own;
  return `${own.replace(FOREIGN, '_').slice(0, limit - 9)}_${digest(own)}`;
}

/** Mistral takes exactly nine letters and digits. */
export function encodeMistralToolId(id: string): string {
  return /^[a-zA-Z0-9]{9}$/.test(id) ? id : hash('sha256', id, 'hex').slice(0, 9);
}
