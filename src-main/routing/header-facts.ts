import { clientName } from '../../src-shared/client-name.ts';
import { credentialHeaders } from '../../src-shared/rules.ts';

/** What a request's headers say. */
export interface HeaderFacts {
  readonly session: string | null;
  readonly agent: string | null;
  readonly agentType: string | null;
  readonly parentAgent: string | null;
  readonly userAgent: string | null;
  readonly client: string | null;
  /** `x-cproxy-project`. */
  readonly project: string | null;
  /** Claude Code's own word for the kind of request; null where it does not say. */
  readonly requestClass: string | null;
  /** Why Claude Code asks for a summary: `auto`, `manual`, `reactive`. */
  readonly compaction: string | null;
  /** Codex's word for what asks beside the conversation. */
  readonly codexSubagent: string | null;
  /** The session that began this one, of opencode. */
  readonly parentSession: string | null;
  /** Those that rules ask for; of others with x- only that they are there (''). */
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers in which clients other than Claude Code name a session, the more exact first (pipeline/conversation.ts says whose). */
const SESSIONS = [
  'x-claude-code-session-id',
  'x-opencode-session',
  'x-session-affinity',
  'x-session-id',
  'session-id',
  'session_id',
  'conversation_id',
];

/**
 * Reads them once.
 *
 * - Claude Code names session and agent in `x-claude-code-session-id`, `-agent-id` and `-parent-agent-id`, and, where
 *   `CLAUDE_CODE_GATEWAY_HINT_HEADERS=1` is set, the kind of request (code.claude.com/docs, page on LLM gateways).
 * - Codex: `x-openai-subagent`, `thread-id` and `x-codex-parent-thread-id` (caozhiyuan/copilot-api pull 259).
 * - opencode: `x-parent-session-id` (anomalyco/opencode, `session/llm.ts`).
 *
 * @param rawHeaders alternating names and values. @param wanted names that rules ask for, in lower case.
 */
export function readHeaders(rawHeaders: readonly string[], wanted: ReadonlySet<string>): HeaderFacts {
  const said = new Map<string, string>();
  const kept: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    if (credentialHeaders.has(name)) continue;
    const value = rawHeaders[index + 1] ?? '';
    if (!said.has(name)) said.set(name, value);
    if (wanted.has(name)) kept.push([name, said.get(name) ?? '']);
    else if (name.startsWith('x-')) kept.push([name, '']);
  }
  const found = (name: string): string | null => said.get(name) || null;
  const codexSubagent = found('x-openai-subagent');
  const userAgent = found('user-agent');
  return {
    session: SESSIONS.map(found).find((value) => value !== null) ?? null,
    agent: found('x-claude-code-agent-id') ?? (codexSubagent === null ? null : found('thread-id')),
    agentType: found('x-claude-code-agent-type') ?? codexSubagent,
    parentAgent: found('x-claude-code-parent-agent-id') ?? found('x-codex-parent-thread-id'),
    userAgent,
    client: clientName({ userAgent, originator: found('originator'), title: found('x-title') }),
    project: found('x-cproxy-project'),
    requestClass: found('x-claude-code-request-class'),
    compaction: found('x-claude-code-compaction'),
    codexSubagent,
    parentSession: found('x-parent-session-id'),
    headers: Object.fromEntries(kept),
  };
}
