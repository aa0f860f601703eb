/** Of the fields of OpenAI's dialects those whose loss changes nothing in an answer, or that are translated. */
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
const DEFAULTS: Readonly<Record<string, unknown>> = {
  n: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  truncation: 'disabled',
  verbosity: 'medium',
};

/** Notes what fields ask for that the provider's dialect cannot say. @param warnings filled, in words for the trace. */
export function warnOfLost(fields: Readonly<Record<string, unknown>>, warnings: Set<string>): void {
  for (const [name, value] of Object.entries(fields))
    if (!HARMLESS.has(name) && value !== DEFAULTS[name] && saysSomething(value))
      warnings.add(`${name} has no counterpart and was left out.`);
}

const saysSomething = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== false &&
  !(typeof value === 'object' && Object.keys(value).length === 0);
