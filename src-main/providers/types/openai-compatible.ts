import type { CreateProvider } from '../create-provider.ts';
import { apiKeyHeader, bothKeyHeaders } from '../key-headers.ts';
import { knownServer, mistralModels } from '../known-servers.ts';
import { listModelsAsCheck, listOpenaiModels } from '../listings/openai.ts';
import { OpenaiProvider } from '../openai-provider.ts';

/** Servers that speak one of OpenAI's dialects. */
export const createOpenaiCompatible: CreateProvider = (config, resources) => {
  const known = config.baseUrl === undefined ? null : knownServer(new URL(config.baseUrl));
  return new OpenaiProvider(config, resources, {
    protocols: ['openai-chat'],
    // vLLM, SGLang and llama.cpp count in this dialect, whatever else they speak; who does not, says so.
    ...(known === null ? { countsIn: 'anthropic' } : known),
    // What runs behind an unknown address often leaves thinking and tool calls in the text.
    quirks: { readsMarkup: true, ...known?.quirks },
    models: [...(known?.models ?? []), mistralModels],
    officialBaseUrl: null,
    needsKey: config.preset !== null,
    keyHeaders: config.preset?.keyHeader === 'api-key' ? apiKeyHeader : bothKeyHeaders,
    listing: listOpenaiModels,
    check: listModelsAsCheck,
  });
};
