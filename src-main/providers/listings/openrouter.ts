import { ProxyError } from '../../../src-shared/errors.ts';
import { isObject } from '../../protocols/is-object.ts';
import { goodJson, listIn, tokens } from '../good-json.ts';
import type { ModelListing } from '../model-listing.ts';
import type { Probe } from '../probe.ts';

/** `GET /api/v1/models` of OpenRouter (its docs, "List available models"). What writes no text, or has expired, is left out. */
export const listOpenrouterModels: ModelListing = async (server, signal) => {
  const now = Date.now();
  const list = listIn(server.provider, await goodJson(server, { path: '/models', signal }), 'data');
  return list.flatMap((entry) => {
    const { id, name, context_length, architecture, top_provider, supported_parameters, expiration_date } = entry;
    if (typeof id !== 'string' || (typeof expiration_date === 'string' && Date.parse(expiration_date) < now)) return [];
    const { input_modalities: reads, output_modalities: writes } = isObject(architecture) ? architecture : {};
    if (Array.isArray(writes) && !writes.includes('text')) return [];
    const contextWindow = tokens(context_length);
    const maxOutput = isObject(top_provider) ? tokens(top_provider.max_completion_tokens) : null;
    const has = (parameter: string): boolean =>
      Array.isArray(supported_parameters) && supported_parameters.includes(parameter);
    return [
      {
        id,
        ...(typeof name === 'string' && name !== id ? { displayName: name } : {}),
        ...(contextWindow === null ? {} : { contextWindow }),
        ...(maxOutput === null ? {} : { maxOutput }),
        ...(Array.isArray(reads) ? { images: reads.includes('image'), documents: reads.includes('file') } : {}),
        ...(Array.isArray(supported_parameters)
          ? {
              tools: has('tools'),
              reasoning: has('reasoning'),
              structuredOutput: has('structured_outputs'),
              ...(has('parallel_tool_calls') ? { parallelTools: true } : {}),
            }
          : {}),
      },
    ];
  });
};

/** `GET /api/v1/key`: the list is open to all, and this tells what the key has left as well (its docs, "Limits"). */
export const checkOpenrouter: Probe = async (server, key, signal) => {
  const json = await goodJson(server, { path: '/key', key, signal });
  const { limit, limit_remaining: left, limit_reset: renews } = isObject(json.data) ? json.data : {};
  if (typeof left === 'number' && left <= 0)
    throw ProxyError.of(
      'provider_error',
      {
        provider: server.provider,
        status: 402,
        upstream: `the key's limit${typeof limit === 'number' ? ` of $${limit}` : ''} is spent${typeof renews === 'string' ? ` (it is renewed ${renews})` : ''}`,
      },
      { status: 402, kind: 'billing_error', retryable: false },
    );
  return { state: 'ready' };
};
