import { localAddresses } from '../../../src-shared/vendors.ts';
import type { CreateProvider } from '../create-provider.ts';
import { bothKeyHeaders } from '../key-headers.ts';
import { mistralModels, vllmProfile } from '../known-servers.ts';
import { checkVllm, listVllmModels } from '../listings/vllm.ts';
import { OpenaiProvider } from '../openai-provider.ts';

/** vLLM. */
export const createVllm: CreateProvider = (config, resources) =>
  new OpenaiProvider(config, resources, {
    ...vllmProfile,
    protocols: ['openai-chat'],
    officialBaseUrl: null,
    defaultBaseUrl: localAddresses.vllm,
    needsKey: false,
    keyHeaders: bothKeyHeaders,
    quirks: { ...vllmProfile.quirks, readsMarkup: true },
    models: [mistralModels],
    listing: listVllmModels,
    check: checkVllm,
  });
