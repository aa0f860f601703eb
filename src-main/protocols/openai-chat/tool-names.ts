import { hash } from 'node:crypto';

const ACCEPTED_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const ACCEPTED_ID = /^[a-zA-Z0-9_-]{1,40}$/;
const FOREIGN = /[^a-zA-Z0-9_-]/g;

const digest = (text: string): string => hash('sha256', text, 'hex').slice(0, 8);

/**
 * A tool name as Chat Completions takes it (`^[a-zA-Z0-9_-]{1,64}$`). Other names become up to 55 of their characters and
 * 8 hex digits of their SHA-256: the same name always gives the same result, so history, tools and tool_choice agree and
 * prompt caches hold.
 */
export function encodeToolName(name: string): string {
  if (ACCEPTED_NAME.test(name)) return name;
  return `${name.replace(FOREIGN, '_').slice(0, 55)}_${digest(name)}`;
}

/** A tool call id as Chat Completions takes it: OpenAI refuses more than 40 characters, others anything foreign. */
export function encodeToolId(id: string): string {
  if (ACCEPTED_ID.test(id)) return id;
  return `${id.replace(FOREIGN, '_').slice(0, 31)}_${digest(id)}`;
}

/** A provider's id as Anthropic's `^[a-zA-Z0-9_-]+$` (some carry `:` and `.`, such as `functions.Bash:0`). */
export function decodeId(id: string): string {
  return id.replace(FOREIGN, '_');
}
