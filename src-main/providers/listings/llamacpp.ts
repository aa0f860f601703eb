import { isObject } from '../../protocols/is-object.ts';
import type { AskedServer, JsonAnswer } from '../ask-json.ts';
import { errorOf, goodAnswer, goodJson, listIn, tokens } from '../good-json.ts';
import type { ModelListing, VendorModel } from '../model-listing.ts';
import type { Probe } from '../probe.ts';

/**
 * `GET /v1/models` of llama.cpp's server, and `GET /props`, which tells how many tokens a request has room for and what the
 * chat template knows (tools/server/README.md). One that routes between models tells of each what it knows, of one that is
 * not loaded the most it can have room for; only what is loaded is asked further, and nothing is loaded by it.
 */
export const listLlamacppModels: ModelListing = async (server, signal) => {
  const list = listIn(server.provider, await goodJson(server, { path: '/models', signal }), 'data');
  const models = list.map(async (entry): Promise<VendorModel[]> => {
    const { id, status, architecture } = entry;
    if (typeof id !== 'string' || !writesText(architecture)) return [];
    const isRouted = isObject(status);
    const isLoaded = !isRouted || status.value === 'loaded';
    const props = isLoaded ? await propsOf(server, isRouted ? id : null, signal) : {};
    return [{ id, ...saidOfWindow(entry), ...saidOfInput(architecture), ...props }];
  });
  return (await Promise.all(models)).flat();
};

const writesText = (architecture: unknown): boolean =>
  !isObject(architecture) ||
  !Array.isArray(architecture.output_modalities) ||
  architecture.output_modalities.includes('text');

/** `meta` is there while it is loaded. */
function saidOfWindow({ meta, context_length }: Record<string, unknown>): Partial<VendorModel> {
  const contextWindow = (isObject(meta) ? tokens(meta.n_ctx) : null) ?? tokens(context_length);
  return contextWindow === null ? {} : { contextWindow };
}

const saidOfInput = (architecture: unknown): Partial<VendorModel> =>
  isObject(architecture) && Array.isArray(architecture.input_modalities)
    ? { images: architecture.input_modalities.includes('image') }
    : {};

/** Empty where it does not say: in older versions `/props` asks for a key, and `/models` does not. */
async function propsOf({ ask }: AskedServer, model: string | null, signal: AbortSignal): Promise<Partial<VendorModel>> {
  const query = model === null ? '' : `?model=${encodeURIComponent(model)}&autoload=false`;
  const { status, json } = await ask({ path: `//props${query}`, signal });
  if (status >= 400 || !isObject(json)) return {};
  const { default_generation_settings: settings, modalities, chat_template_caps: template } = json;
  const contextWindow = isObject(settings) ? tokens(settings.n_ctx) : null;
  const caps = isObject(template) ? template : {};
  const tools = caps.supports_tools ?? caps.supports_tool_calls;
  return {
    ...(contextWindow === null ? {} : { contextWindow }),
    ...(isObject(modalities) && typeof modalities.vision === 'boolean' ? { images: modalities.vision } : {}),
    // Without a template of its own for tools, it writes them in words of its own (docs/function-calling.md, "generic").
    ...(tools === true ? { tools } : {}),
    ...(typeof caps.supports_parallel_tool_calls === 'boolean'
      ? { parallelTools: caps.supports_parallel_tool_calls }
      : {}),
  };
}

/** `GET /health`, which is 503 while a model is loading and asks for no key; then, with a key, `GET /props`, which does. */
export const checkLlamacpp: Probe = async (server, key, signal) => {
  const health = await server.ask({ path: '//health', key, signal });
  if (isLoading(health)) return { state: 'loading', reason: 'the server is still loading its model' };
  goodAnswer(server.provider, '//health', health);
  if (key.kind !== 'own') return { state: 'ready' };
  const props = await server.ask({ path: '//props', key, signal });
  if (props.status === 401 || props.status === 403) throw errorOf(server.provider, props);
  return { state: 'ready' };
};

const isLoading = ({ status, text }: JsonAnswer): boolean => status === 503 && /loading model/i.test(text);
