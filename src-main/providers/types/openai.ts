import { vendorTypes } from '../../../src-shared/vendors.ts';
import type { CreateProvider } from '../create-provider.ts';
import { apiKeyHeader } from '../key-headers.ts';
import { openaiProfile } from '../known-servers.ts';
import { listModelsAsCheck, listOpenaiModels } from '../listings/openai.ts';
import { OpenaiProvider } from '../openai-provider.ts';

const { baseUrl: ADDRESS, keyVariable, keyPrefix } = vendorTypes.openai;

/** OpenAI. */
export const createOpenai: CreateProvider = (config, resources) => {
  const official = config.baseUrl === undefined || new URL(config.baseUrl).origin === ADDRESS;
  return new OpenaiProvider(config, resources, {
    ...openaiProfile,
    ...(official ? { countsIn: 'openai-responses' } : {}),
    quirks: { ...openaiProfile.quirks, searchesWeb: official },
    officialBaseUrl: ADDRESS,
    needsKey: true,
    keyVariable,
    keyPrefix,
    ...(config.preset?.keyHeader === 'api-key' ? { keyHeaders: apiKeyHeader } : {}),
    listing: listOpenaiModels,
    check: listModelsAsCheck,
  });
};
