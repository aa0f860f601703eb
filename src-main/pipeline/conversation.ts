import { hash } from 'node:crypto';
import { isObject } from '../protocols/is-object.ts';
import type { ClientRequest } from './client-request.ts';

type Body = Readonly<Record<string, unknown>>;

/**
 * Headers in which clients name a conversation, the more exact first.
 *
 * - `thread-id`: Codex; its subagents share the `session-id` and the `prompt_cache_key` of the conversation that began them and
 *   have threads of their own (pydantic/pydantic-ai pull 7769, rynfar/meridian pull 965).
 * - `x-opencode-session`: opencode, where the provider's name begins with its own; `x-session-affinity` (and `x-session-id`)
 *   elsewhere (coder/coder pull 26140, diegosouzapw/OmniRoute pull 4028).
 * - `session-id`: Codex's session, sent by Zed too (zed-industries/zed pull 57867); `conversation_id` and `session_id`: the same of
 *   earlier versions.
 */
const SESSION_HEADERS = [
  'thread-id',
  'x-opencode-session',
  'x-session-affinity',
  'x-session-id',
  'session-id',
  'conversation_id',
  'session_id',
];

/**
 * A digest that names the conversation a request belongs to, to keep apart what is remembered of each. It says the same with
 * each request of a conversation, in whatever protocol, and gives away nothing of it.
 *
 * - Claude Code says which session it is and, where a subagent asks, which: they have conversations of their own.
 * - Other clients have a header for it (`SESSION_HEADERS`).
 * - What clients name in the body they may share: OpenAI wants one `prompt_cache_key` for all conversations that begin alike, and
 *   a `user_id` is one for a session and its subagents. So the conversation's opening belongs to it.
 * - Else its opening alone, which stays while it grows.
 *
 * Each token has conversations of its own: those of two people may begin alike.
 *
 * @param body decoded.
 */
export function conversationOf(request: Pick<ClientRequest, 'header' | 'clientCredentials'>, body: Body): string {
  const token = tokenOf(request);
  const session = request.header('x-claude-code-session-id');
  if (session) return digest(token, 'claude-code', session, request.header('x-claude-code-agent-id') ?? '');
  for (const name of SESSION_HEADERS) {
    const value = request.header(name);
    if (value) return digest(token, name, value);
  }
  return digest(token, 'opening', sessionIn(body), openingOf(body));
}

/** Whether a request's headers say which conversation it belongs to, so that its body need not be decoded for that. */
export function isNamedByHeader({ header }: Pick<ClientRequest, 'header'>): boolean {
  return ['x-claude-code-session-id', ...SESSION_HEADERS].some((name) => Boolean(header(name)));
}

/** The credential that let the client in; '' where none was needed. Its own login may change in mid conversation. */
function tokenOf({ header, clientCredentials }: Pick<ClientRequest, 'header' | 'clientCredentials'>): string {
  for (const name of ['x-cproxy-token', 'x-api-key', 'authorization']) {
    const value = header(name);
    if (value && !clientCredentials.includes(value)) return value.replace(/^Bearer\s+/i, '');
  }
  return '';
}

function digest(...parts: string[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, DIGEST_LENGTH);
}

/** Characters, of six bits each. */
const DIGEST_LENGTH = 22;

/** `session_id` is OpenRouter's; `user_id` in `metadata` Anthropic's, in which Claude Code has the session. */
function sessionIn({ prompt_cache_key: key, session_id: session, metadata }: Body): string {
  const user = isObject(metadata) ? metadata.user_id : undefined;
  return [key, session, user].find((value): value is string => typeof value === 'string' && value !== '') ?? '';
}

/** What the user said before the first answer. */
function openingOf({ messages, input }: Body): string {
  const said = messages ?? input;
  if (typeof said === 'string') return `${said}\n`;
  if (!Array.isArray(said)) return '';
  let opening = '';
  for (const message of said) {
    if (!isObject(message)) continue;
    if (message.role === 'assistant' || isAnswerItem(message)) break;
    if (message.role === 'user') opening += `${textOf(message.content)}\n`;
  }
  return opening;
}

/** Whether nobody has answered in a conversation yet. @param body decoded. */
export function isFirstTurn({ messages, input, thread }: Body): boolean {
  // A thread of Anthropic's that goes on carries only what is new.
  if (isObject(thread) && thread.type === 'continue') return false;
  const said = messages ?? input;
  return !Array.isArray(said) || !said.some((one) => isObject(one) && (one.role === 'assistant' || isAnswerItem(one)));
}

/** Items that an answer consists of, besides messages (Responses). */
const isAnswerItem = ({ type }: Record<string, unknown>): boolean =>
  typeof type === 'string' && (type === 'reasoning' || type.endsWith('_call'));

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
}
