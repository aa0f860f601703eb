import { errorOf, goodJson, listIn, tokens } from '../good-json.ts';
import type { ModelListing } from '../model-listing.ts';
import type { Probe } from '../probe.ts';

/** `GET /v1/models` of vLLM: `max_model_len` is what a request has room for, prompt and answer together. */
export const listVllmModels: ModelListing = async (server, signal) => {
  const list = listIn(server.provider, await goodJson(server, { path: '/models', signal }), 'data');
  return list.flatMap(({ id, max_model_len }) => {
    if (typeof id !== 'string') return [];
    const contextWindow = tokens(max_model_len);
    return [contextWindow === null ? { id } : { id, contextWindow }];
  });
};

/** `GET /health`, which asks for no key and answers 200 without a body; then, with a key, the list, which does. */
export const checkVllm: Probe = async (server, key, signal) => {
  const health = await server.ask({ path: '//health', key, signal });
  // Some put only /v1 behind a proxy.
  if (health.status >= 400 && health.status !== 404) throw errorOf(server.provider, health);
  if (key.kind === 'own' || health.status === 404) await goodJson(server, { path: '/models', key, signal });
  return { state: 'ready' };
};
