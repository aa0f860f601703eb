import { setTimeout as delay } from 'node:timers/promises';
import { ProxyError } from '../../../src-shared/errors.ts';
import { localAddresses } from '../../../src-shared/vendors.ts';
import { isObject } from '../../protocols/is-object.ts';
import type { AskedServer } from '../ask-json.ts';
import type { CreateProvider } from '../create-provider.ts';
import { goodJson, listIn } from '../good-json.ts';
import { bothKeyHeaders } from '../key-headers.ts';
import { llamacppProfile, mistralModels } from '../known-servers.ts';
import { checkLlamacpp, listLlamacppModels } from '../listings/llamacpp.ts';
import type { LoadModel } from '../load-model.ts';
import { OpenaiProvider } from '../openai-provider.ts';

/** How often it is asked whether it is done. */
const POLL_MS = 500;

/**
 * `POST /models/load` of a server that routes between models, which answers when it has begun (tools/server/README.md, "Using
 * multiple models"). Any other has its only model loaded.
 */
const loadInLlamacpp: LoadModel = async (server, { model, signal }) => {
  let status = await statusOf(server, model, signal);
  if (status === 'is no router' || isThere(status)) return;
  if (status?.value !== 'loading') await goodJson(server, { path: '//models/load', body: { model }, signal });
  for (;;) {
    await delay(POLL_MS, undefined, { signal });
    status = await statusOf(server, model, signal);
    if (status === 'is no router' || isThere(status)) return;
    if (status?.failed === true)
      throw ProxyError.of('provider_stream_error', {
        provider: server.provider,
        upstream: `'${model}' failed to load`,
      });
  }
};

async function statusOf(
  server: AskedServer,
  model: string,
  signal: AbortSignal,
): Promise<Record<string, unknown> | null | 'is no router'> {
  const list = listIn(server.provider, await goodJson(server, { path: '/models', signal }), 'data');
  if (!list.some(({ status }) => isObject(status))) return 'is no router';
  const status = list.find(({ id }) => id === model)?.status;
  return isObject(status) ? status : null;
}

/** One that sleeps wakes with the first request. */
const isThere = (status: Record<string, unknown> | null): boolean =>
  status?.value === 'loaded' || status?.value === 'sleeping';

/** llama.cpp's server. */
export const createLlamacpp: CreateProvider = (config, resources) =>
  new OpenaiProvider(config, resources, {
    ...llamacppProfile,
    protocols: ['openai-chat'],
    officialBaseUrl: null,
    // 8080 before autumn 2026, and in its container (ggml-org/llama.cpp pull request 26508): a port of many others.
    defaultBaseUrl: localAddresses.llamacpp,
    needsKey: false,
    keyHeaders: bothKeyHeaders,
    quirks: { ...llamacppProfile.quirks, readsMarkup: true },
    models: [mistralModels],
    listing: listLlamacppModels,
    check: checkLlamacpp,
    load: loadInLlamacpp,
  });
