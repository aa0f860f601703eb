/** What can be known of the program that asks. */
export interface ClientSigns {
  readonly userAgent: string | null;
  /** `originator`, of Codex. */
  readonly originator: string | null;
  /** `x-title`, in which clients name themselves to OpenRouter. */
  readonly title: string | null;
}

/**
 * User agents by how they begin, or what they hold. Measured for Claude Code; the others as their sources and users tell:
 * openai/codex `default_client.rs` (`codex_cli_rs/0.38.0 (…)`, `originator`), anomalyco/opencode (`opencode/1.2.3`),
 * zed-industries/zed pull 57867, RooCodeInc/Roo-Code `DEFAULT_HEADERS` (`RooCode/3.1.0`), cline/cline pull 1485,
 * Aider-AI/aider pull 4898. The SDKs come last: programs that are made with them may add themselves before or after.
 */
const USER_AGENTS: readonly (readonly [RegExp, string])[] = [
  [/^claude-(?:cli|code)\//i, 'claude-code'],
  // CProxy's own tools (src-main/mcp).
  [/^cproxy-mcp\//i, 'mcp'],
  [/^codex[\w ]*\//i, 'codex'],
  [/\bopencode\//i, 'opencode'],
  [/\bcursor\//i, 'cursor'],
  [/\bzed\//i, 'zed'],
  [/\baider\//i, 'aider'],
  [/\broocode\//i, 'roo-code'],
  [/\bkilo-?code\//i, 'kilo-code'],
  [/\bcline\//i, 'cline'],
  [/\bcontinue\//i, 'continue'],
  [/\bgoose\//i, 'goose'],
  [/\bcrush\//i, 'crush'],
  [/\bqwen-?code\//i, 'qwen-code'],
  [/\bgithubcopilotchat\//i, 'copilot'],
  [/\bopenhands\//i, 'openhands'],
  [/\blitellm\//i, 'litellm'],
  [/\bai-sdk\//i, 'ai-sdk'],
  [/^(?:async)?anthropic\//i, 'anthropic-sdk'],
  [/^(?:async)?(?:azure)?openai\//i, 'openai-sdk'],
];

/** Titles by which they go at OpenRouter. */
const TITLES: ReadonlyMap<string, string> = new Map([
  ['cline', 'cline'],
  ['roo code', 'roo-code'],
  ['kilo code', 'kilo-code'],
  ['aider', 'aider'],
  ['opencode', 'opencode'],
  ['zed', 'zed'],
  ['continue', 'continue'],
]);

/** The program that asks, such as `claude-code`; null where nothing says which. */
export function clientName({ userAgent, originator, title }: ClientSigns): string | null {
  if (originator !== null && /^codex/i.test(originator)) return 'codex';
  const titled = title === null ? undefined : TITLES.get(title.toLowerCase());
  if (titled !== undefined) return titled;
  if (userAgent === null) return null;
  return USER_AGENTS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? null;
}
