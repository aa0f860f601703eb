import type { Usage } from '../canonical.ts';
import { isObject } from '../is-object.ts';

type CountName = 'input_tokens' | 'output_tokens' | 'cache_creation_input_tokens' | 'cache_read_input_tokens';

/** Merges a usage record of a stream: later numbers overwrite earlier ones where they are given. */
export function mergeUsage(before: Usage | null, given: unknown): Usage | null {
  if (!isObject(given)) return before;
  const number = (name: CountName): number => {
    const value = given[name];
    return typeof value === 'number' ? value : (before?.[name] ?? 0);
  };
  const written = isObject(given.cache_creation) ? given.cache_creation : before?.cache_creation;
  const details = isObject(given.output_tokens_details) ? given.output_tokens_details : before?.output_tokens_details;
  const cost = typeof given.cost === 'number' && given.cost >= 0 ? given.cost : before?.cost_usd;
  return {
    input_tokens: number('input_tokens'),
    output_tokens: number('output_tokens'),
    cache_creation_input_tokens: number('cache_creation_input_tokens'),
    cache_read_input_tokens: number('cache_read_input_tokens'),
    ...(written ? { cache_creation: written as NonNullable<Usage['cache_creation']> } : {}),
    // OpenRouter's Messages API
    ...(cost === undefined ? {} : { cost_usd: cost }),
    ...(details ? { output_tokens_details: details as NonNullable<Usage['output_tokens_details']> } : {}),
  };
}
