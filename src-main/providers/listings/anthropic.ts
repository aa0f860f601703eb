import { isObject } from '../../protocols/is-object.ts';
import { goodAnswer, goodJson, listIn, tokens } from '../good-json.ts';
import type { ModelListing, VendorModel } from '../model-listing.ts';
import type { Probe } from '../probe.ts';

/** Far more pages than there are: a server that never ends its list must not be asked for ever. */
const MOST_PAGES = 20;

/** `GET /v1/models` of Anthropic (API reference, "List models"), page by page. Retired models answer no more, and are left out. */
export const listAnthropicModels: ModelListing = async (server, signal) => {
  const models: VendorModel[] = [];
  let after = '';
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const path = `/models?limit=1000${after === '' ? '' : `&after_id=${encodeURIComponent(after)}`}`;
    const json = await goodJson(server, { path, signal });
    models.push(...listIn(server.provider, json, 'data').flatMap(asModel));
    const last = json.last_id;
    if (json.has_more !== true || typeof last !== 'string' || last === after) break;
    after = last;
  }
  return models;
};

/** One model of the list, for which a key is needed. Compatible servers often have no list: then nothing can be asked for free. */
export const checkAnthropic: Probe = async (server, key, signal) => {
  await goodJson(server, { path: '/models?limit=1', key, signal });
  return { state: 'ready' };
};

/** As `checkAnthropic`, but a server without a list is there all the same. */
export const checkAnthropicCompatible: Probe = async (server, key, signal) => {
  const answer = await server.ask({ path: '/models?limit=1', key, signal });
  if (answer.status === 404 || answer.status === 405) return { state: 'ready' };
  goodAnswer(server.provider, '/models', answer);
  return { state: 'ready' };
};

function asModel({ id, display_name, max_input_tokens, max_tokens, capabilities, lifecycle }: Record<string, unknown>) {
  if (typeof id !== 'string' || lifecycle === 'retired') return [];
  const contextWindow = tokens(max_input_tokens);
  const maxOutput = tokens(max_tokens);
  const model: VendorModel = {
    id,
    ...(typeof display_name === 'string' && display_name !== id ? { displayName: display_name } : {}),
    ...(contextWindow === null ? {} : { contextWindow }),
    ...(maxOutput === null ? {} : { maxOutput }),
    ...(isObject(capabilities) ? abilities(capabilities) : {}),
  };
  return [model];
}

function abilities(capabilities: Record<string, unknown>): Partial<VendorModel> {
  const names = {
    image_input: 'images',
    pdf_input: 'documents',
    structured_outputs: 'structuredOutput',
    thinking: 'reasoning',
  };
  return Object.fromEntries(
    Object.entries(names).flatMap(([field, name]) => {
      const said = capabilities[field];
      const value = isObject(said) ? said.supported : said;
      return typeof value === 'boolean' ? [[name, value]] : [];
    }),
  );
}
