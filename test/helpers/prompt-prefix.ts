import { readEnvelope } from '../../src-main/protocols/json-envelope.ts';
import { KnownValues } from '../../src-main/protocols/known-values.ts';
import type { ProviderProtocol } from '../../src-shared/requests.ts';

/** A request's prompt as a provider gets it: the bytes of each part, without marks for the cache, which move by design. */
export interface Prompt {
  tools: string;
  /** `system`, or `instructions`. */
  system: string;
  /** `messages`, or `input`. */
  conversation: string;
}

/** Clients and we put it last. What stands inside of a text is no mark, since its quotes are escaped. */
const MARK = /,"(?:cache_control|prompt_cache_breakpoint)":\{[^{}]*\}/g;

/** @param body of Anthropic's dialect, one of OpenAI's, or Ollama's. */
export function promptOf(body: Uint8Array | string): Prompt {
  const bytes = Buffer.from(body);
  const ranges = readEnvelope(
    bytes,
    ['system', 'instructions', 'tools', 'messages', 'input'] as const,
    new KnownValues(),
  );
  if (ranges === null) throw new Error('not one JSON object');
  const text = (name: keyof typeof ranges): string => {
    const range = ranges[name].at(-1);
    return range === undefined ? '' : bytes.toString('utf8', range.start, range.end).replace(MARK, '');
  };
  return {
    tools: text('tools'),
    system: text('system') + text('instructions'),
    conversation: text('messages') + text('input'),
  };
}

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one.charCodeAt(length) === other.charCodeAt(length)) length += 1;
  return length;
}

/**
 * Where a request does not begin as the one before it in its conversation; null where it does. The end of the list, and of
 * Anthropic's last message, which may grow, are not compared.
 * @param toolsGained the client offers other tools than before.
 */
export function brokenPrefix(
  before: Prompt,
  now: Prompt,
  { provider, toolsGained }: { provider: ProviderProtocol; toolsGained: boolean },
): string | null {
  const conversation = before.conversation.replace(provider === 'anthropic' ? /(?:\]\})?\]$/ : /\]$/, '');
  const parts: [string, string][] = [
    [before.system, now.system],
    [conversation, now.conversation.slice(0, conversation.length)],
  ];
  if (!toolsGained) parts.unshift([before.tools, now.tools]);
  for (const [one, other] of parts) {
    if (one === other) continue;
    const at = commonLength(one, other);
    const around = (text: string): string => text.slice(Math.max(0, at - 200), at + 200);
    return `before: …${around(one)}…\nnow:    …${around(other)}…`;
  }
  return null;
}

/** What a cache that knows each request of a conversation can serve of the next one. */
export interface CacheShare {
  /** Of what was sent before, the part with which the next request begins: 1 but for closing brackets. */
  kept: number;
  /** Of what is sent, the part that was sent before. */
  served: number;
}

/** @param bodies of one conversation, in its order. */
export function cacheShare(bodies: readonly (Uint8Array | string)[]): CacheShare {
  // In the order in which prompts are built of them.
  const prompts = bodies.map(promptOf).map(({ tools, system, conversation }) => tools + system + conversation);
  let before = 0;
  let kept = 0;
  let sent = 0;
  for (const [place, prompt] of prompts.entries()) {
    const last = prompts[place - 1];
    if (last === undefined) continue;
    before += last.length;
    sent += prompt.length;
    kept += commonLength(last, prompt);
  }
  return { kept: kept / before, served: kept / sent };
}
