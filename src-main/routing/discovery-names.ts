/**
 * Claude Code lists in `/model` what a gateway offers, but only ids that begin with or contain `claude` or `anthropic`
 * (https://code.claude.com/docs/en/llm-gateway-protocol; 2.1.330 takes them anywhere in an id, earlier ones at its beginning only).
 * Other models get a name of this form in its list: `claude:openrouter/qwen/qwen3-coder`. Ids of providers hold no colon, so no
 * provider is ever meant by it. Claude Code reads nothing else out of it: it asks as it does of any model that it does not know.
 */
const PREFIX = 'claude:';

/** A model's name as Claude Code's list takes it. */
export function discoveryName(id: string): string {
  return /^(?:claude|anthropic)/i.test(id) ? id : PREFIX + id;
}

/** The name that a name of Claude Code's list stands for; the same for any other. */
export function plainName(name: string): string {
  return name.startsWith(PREFIX) && name.length > PREFIX.length ? name.slice(PREFIX.length) : name;
}
