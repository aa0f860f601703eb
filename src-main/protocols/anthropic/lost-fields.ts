import type { MessagesRequest } from '../canonical.ts';

/** Of OpenAI's fields those whose loss changes nothing in an answer, or that are translated. */
const HARMLESS = new Set([
  'background',
  'include',
  'max_tokens',
  'metadata',
  'modalities',
  'moderation',
  'prediction',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
  'store',
  'stream_options',
  'user',
  'web_search_options',
]);
/** Values that ask for what is done anyway. */
const DEFAULTS: Readonly<Record<string, unknown>> = { n: 1, truncation: 'disabled', verbosity: 'medium' };

/** What a request of OpenAI's dialects asks for and Anthropic's cannot say, in words for the trace. */
export function lostFields({ openai }: MessagesRequest): string[] {
  if (openai === undefined) return [];
  const fields = { ...openai.shared, ...openai.chat, ...openai.responses, verbosity: openai.verbosity };
  const lost = Object.entries(fields).filter(
    ([name, value]) => !HARMLESS.has(name) && value !== DEFAULTS[name] && saysSomething(value),
  );
  return lost.map(([name]) => `${name} has no counterpart and was left out.`);
}

const saysSomething = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== false &&
  value !== 0 &&
  !(typeof value === 'object' && Object.keys(value).length === 0);
