import { vendorTypes } from '../../../src-shared/vendors.ts';
import type { CreateProvider } from '../create-provider.ts';
import { geminiProfile } from '../known-servers.ts';
import { listGeminiModels } from '../listings/gemini.ts';
import { listModelsAsCheck } from '../listings/openai.ts';
import { OpenaiProvider } from '../openai-provider.ts';

/** Google's Gemini, by its OpenAI-compatible surface (ai.google.dev, "OpenAI compatibility"). */
export const createGemini: CreateProvider = (config, resources) =>
  new OpenaiProvider(config, resources, {
    protocols: ['openai-chat'],
    ...geminiProfile,
    officialBaseUrl: vendorTypes.gemini.baseUrl,
    needsKey: true,
    keyVariable: vendorTypes.gemini.keyVariable,
    listing: listGeminiModels,
    check: listModelsAsCheck,
  });
