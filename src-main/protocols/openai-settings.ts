import type { CacheControl, Effort, MessagesRequest, Tool } from './canonical.ts';
import { isObject } from './is-object.ts';

/** What OpenAI's dialects set in other words than Anthropic's, in the canonical form. */

/**
 * The cache mark on a part: OpenAI's `prompt_cache_breakpoint`, or Anthropic's own `cache_control`, which OpenRouter and
 * LiteLLM take in this dialect. OpenAI keeps what is marked for 30 minutes or 12 hours, Anthropic for 5 minutes or one hour.
 */
export function cacheMark(part: Record<string, unknown>): CacheControl | undefined {
  const { cache_control: own, prompt_cache_breakpoint: breakpoint } = part;
  const long = isObject(own) ? own.ttl === '1h' : isObject(breakpoint) && breakpoint.ttl === '12h';
  if (!isObject(own) && !isObject(breakpoint)) return undefined;
  return long ? { type: 'ephemeral', ttl: '1h' } : { type: 'ephemeral' };
}

const EFFORTS: Partial<Record<string, Effort>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
};

/** An effort in Anthropic's words. Nothing for one that no vendor has named yet. */
export function effortFields(effort: string): Pick<MessagesRequest, 'thinking' | 'output_config'> {
  if (effort === 'none') return { thinking: { type: 'disabled' } };
  const known = EFFORTS[effort];
  return known === undefined
    ? {}
    : { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: known } };
}

/**
 * A free-text tool. Elsewhere it is a function whose only argument is the text; a grammar can only be told to the model.
 * @param grammar as Responses has it: `{type: 'grammar', syntax, definition}`.
 */
export function customTool(name: string, description: string | undefined, grammar: unknown): Tool {
  const rule =
    isObject(grammar) && typeof grammar.definition === 'string'
      ? { description: `Must match this ${String(grammar.syntax)} grammar:\n${grammar.definition}` }
      : {};
  return {
    name,
    ...(description === undefined ? {} : { description }),
    input_schema: { type: 'object', properties: { input: { type: 'string', ...rule } }, required: ['input'] },
    openai: { custom: grammar === undefined ? {} : { format: grammar } },
  };
}

/** The text of a call of a free-text tool; what is no such text is given as the JSON it is. */
export function customInput(input: unknown): string {
  if (isObject(input)) {
    if (typeof input.input === 'string') return input.input;
    if (typeof input._raw === 'string') return input._raw;
  }
  return JSON.stringify(input ?? {});
}
