import { localAddresses } from '../../../src-shared/vendors.ts';
import { isObject } from '../../protocols/is-object.ts';
import type { CreateProvider } from '../create-provider.ts';
import { goodJson, listIn, tokens } from '../good-json.ts';
import { bothKeyHeaders } from '../key-headers.ts';
import { lmstudioProfile, mistralModels } from '../known-servers.ts';
import { checkLmstudio, instancesOf, listLmstudioModels } from '../listings/lmstudio.ts';
import type { LoadModel } from '../load-model.ts';
import { OpenaiProvider } from '../openai-provider.ts';

/**
 * `POST /api/v1/models/load` (lmstudio.ai/docs, "Load a model"), which takes a window and no end: what it loads stays. So
 * where no window but an end is asked for, and in versions before 0.4, a question of one token makes it load the model. One that
 * is loaded is left alone: it would be loaded a second time.
 */
const loadInLmstudio: LoadModel = async (server, { model, window, keepAliveMs, signal }) => {
  const { json } = await server.ask({ path: '//api/v1/models', signal });
  const list = isObject(json) && Array.isArray(json.models) ? listIn(server.provider, json, 'models') : null;
  const listed = list?.find(({ key }) => key === model);
  if (listed !== undefined && instancesOf(listed).length > 0) return;
  if (list === null || (window === null && keepAliveMs !== null && keepAliveMs >= 0)) {
    const ttl = keepAliveMs === null || keepAliveMs < 0 ? undefined : Math.max(1, Math.ceil(keepAliveMs / 1000));
    const body = { model, messages: [{ role: 'user', content: 'hi' }], max_tokens: 1, ttl };
    await goodJson(server, { path: '/chat/completions', body, signal });
    return;
  }
  const most = tokens(listed?.max_context_length) ?? Number.POSITIVE_INFINITY;
  const body = { model, ...(window === null ? {} : { context_length: Math.min(window, most) }) };
  await goodJson(server, { path: '//api/v1/models/load', body, signal });
};

/** LM Studio. */
export const createLmstudio: CreateProvider = (config, resources) =>
  new OpenaiProvider(config, resources, {
    ...lmstudioProfile,
    officialBaseUrl: null,
    defaultBaseUrl: localAddresses.lmstudio,
    needsKey: false,
    keyHeaders: bothKeyHeaders,
    quirks: { ...lmstudioProfile.quirks, readsMarkup: true },
    models: [mistralModels],
    listing: listLmstudioModels,
    check: checkLmstudio,
    load: loadInLmstudio,
    takesKeepAlive: true,
  });
