import { isObject } from '../../protocols/is-object.ts';
import { errorOf, goodJson, listIn, tokens } from '../good-json.ts';
import type { ModelListing, VendorModel } from '../model-listing.ts';
import type { Probe } from '../probe.ts';
import { listOpenaiModels } from './openai.ts';

/**
 * `GET /api/v1/models` of LM Studio from 0.4 on, `/api/v0/models` from 0.3.6 on (lmstudio.ai/docs, "List your models"), else
 * what it tells as OpenAI does. A model's window is the one it is loaded with; of one that is not loaded, the most it can have.
 */
export const listLmstudioModels: ModelListing = async (server, signal) => {
  const { provider, ask } = server;
  const newest = await ask({ path: '//api/v1/models', signal });
  // Versions without it answer 200 with an error in words ("Unexpected endpoint or method").
  if (newest.status < 400 && isObject(newest.json) && Array.isArray(newest.json.models))
    return listIn(provider, newest.json, 'models').flatMap(fromV1);
  if (newest.status === 401 || newest.status === 403) throw errorOf(provider, newest);
  const older = await ask({ path: '//api/v0/models', signal });
  if (older.status < 400 && isObject(older.json) && Array.isArray(older.json.data))
    return listIn(provider, older.json, 'data').flatMap(fromV0);
  return listOpenaiModels(server, signal);
};

function fromV1(model: Record<string, unknown>): VendorModel[] {
  const { type, key, display_name, max_context_length, capabilities } = model;
  if (typeof key !== 'string' || type === 'embedding') return [];
  const can = isObject(capabilities) ? capabilities : {};
  const loaded = instancesOf(model).map(({ config }) => (isObject(config) ? tokens(config.context_length) : null));
  const contextWindow = smallest(loaded) ?? tokens(max_context_length);
  return [
    {
      id: key,
      ...(typeof display_name === 'string' ? { displayName: display_name } : {}),
      ...(contextWindow === null ? {} : { contextWindow }),
      // It lets models call tools that were not trained to, if worse (its docs, "Tool use").
      ...(can.trained_for_tool_use === true ? { tools: true } : {}),
      ...(typeof can.vision === 'boolean' ? { images: can.vision } : {}),
      ...(can.reasoning === undefined ? {} : { reasoning: isObject(can.reasoning) }),
    },
  ];
}

/** What runs of a model now. */
export const instancesOf = ({ loaded_instances }: Record<string, unknown>): Record<string, unknown>[] =>
  Array.isArray(loaded_instances) ? loaded_instances.filter(isObject) : [];

/** Of several that are loaded, nobody says which will answer. */
function smallest(windows: readonly (number | null)[]): number | null {
  const said = windows.filter((window) => window !== null);
  return said.length === 0 ? null : Math.min(...said);
}

function fromV0(model: Record<string, unknown>): VendorModel[] {
  const { id, type, loaded_context_length, max_context_length, capabilities } = model;
  if (typeof id !== 'string' || type === 'embeddings') return [];
  const contextWindow = tokens(loaded_context_length) ?? tokens(max_context_length);
  return [
    {
      id,
      ...(contextWindow === null ? {} : { contextWindow }),
      ...(Array.isArray(capabilities) && capabilities.includes('tool_use') ? { tools: true } : {}),
      ...(type === 'vlm' || type === 'llm' ? { images: type === 'vlm' } : {}),
    },
  ];
}

/** `GET /v1/models`: it has nothing smaller that every version knows, and that asks for the key where one is needed. */
export const checkLmstudio: Probe = async (server, key, signal) => {
  await goodJson(server, { path: '/models', key, signal });
  return { state: 'ready' };
};
