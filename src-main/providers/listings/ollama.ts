import { isObject } from '../../protocols/is-object.ts';
import type { AskedServer } from '../ask-json.ts';
import { goodJson, listIn, tokens } from '../good-json.ts';
import type { ModelListing, VendorModel } from '../model-listing.ts';
import type { Probe } from '../probe.ts';

/** What is known of a model by its content, which has the same digest under every name. */
interface ModelDetails {
  contextWindow: number | null;
  /** null: it does not say. */
  capabilities: readonly string[] | null;
}

/** How many models are asked about at a time: each answer is read from disk. */
const AT_A_TIME = 4;

/**
 * `GET /api/tags`, and `POST /api/show` of each model where that does not say it all, as in older versions (docs/api.md of
 * Ollama). What was told of a digest is kept, so that only what is new is asked about. Models that write no text are left out.
 */
export function createOllamaListing(): ModelListing {
  let known: ReadonlyMap<string, ModelDetails> = new Map();
  return async (server, signal) => {
    const list = listIn(server.provider, await goodJson(server, { path: '//api/tags', signal }), 'models');
    const kept = new Map<string, ModelDetails>();
    const models: VendorModel[] = [];
    for (let start = 0; start < list.length; start += AT_A_TIME) {
      const some = list.slice(start, start + AT_A_TIME).map(async (model) => {
        const id = [model.model, model.name].find((name) => typeof name === 'string' && name !== '');
        if (typeof id !== 'string') return [];
        const digest = typeof model.digest === 'string' ? model.digest : id;
        const details = known.get(digest) ?? saidBy(model) ?? (await show(server, id, signal));
        if (details !== null) kept.set(digest, details);
        return asModel(id, details);
      });
      models.push(...(await Promise.all(some)).flat());
    }
    known = kept;
    return models;
  };
}

/** What the list itself says of a model; null where that is not all. */
function saidBy({ capabilities, details }: Record<string, unknown>): ModelDetails | null {
  const contextWindow = isObject(details) ? tokens(details.context_length) : null;
  const texts = textsIn(capabilities);
  return contextWindow === null || texts === null ? null : { contextWindow, capabilities: texts };
}

const textsIn = (value: unknown): readonly string[] | null =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : null;

/** A model that was removed meanwhile, or whose file is broken, is no reason to know nothing of the others. */
async function show(server: AskedServer, model: string, signal: AbortSignal): Promise<ModelDetails | null> {
  const { status, json } = await server.ask({ path: '//api/show', body: { model }, signal });
  if (status >= 400 || !isObject(json)) return null;
  const info = isObject(json.model_info) ? json.model_info : {};
  return {
    contextWindow: tokens(info[`${String(info['general.architecture'])}.context_length`]),
    capabilities: textsIn(json.capabilities),
  };
}

function asModel(id: string, details: ModelDetails | null): VendorModel[] {
  if (details === null) return [{ id }];
  const { contextWindow, capabilities } = details;
  const window = contextWindow === null ? {} : { contextWindow };
  if (capabilities === null) return [{ id, ...window }];
  const has = (capability: string): boolean => capabilities.includes(capability);
  if (!has('completion')) return [];
  return [{ id, ...window, tools: has('tools'), reasoning: has('thinking'), images: has('vision') }];
}

/** `GET /api/version`. It takes any key, or none; a proxy in front of it may not. */
export const checkOllama: Probe = async (server, key, signal) => {
  await goodJson(server, { path: '//api/version', key, signal });
  return { state: 'ready' };
};
