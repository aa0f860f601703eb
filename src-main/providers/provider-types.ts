import type { ProviderConfig, ProviderType } from '../../src-shared/config.ts';
import type { BaseProvider } from './base-provider.ts';
import type { CreateProvider } from './create-provider.ts';
import type { ProviderResources } from './http-provider.ts';
import { resolveConfig } from './resolved-config.ts';
import { createAnthropic } from './types/anthropic.ts';
import { createAnthropicCompatible } from './types/anthropic-compatible.ts';
import { createDemo } from './types/demo.ts';
import { createGemini } from './types/gemini.ts';
import { createLlamacpp } from './types/llamacpp.ts';
import { createLmstudio } from './types/lmstudio.ts';
import { createOllama } from './types/ollama.ts';
import { createOpenai } from './types/openai.ts';
import { createOpenaiCompatible } from './types/openai-compatible.ts';
import { createOpenrouter } from './types/openrouter.ts';
import { createVllm } from './types/vllm.ts';

/** The provider types: adding one is a file in types/, a line here, and its name in src-shared/config.ts. */
const types: Readonly<Record<ProviderType, CreateProvider>> = {
  anthropic: createAnthropic,
  'anthropic-compatible': createAnthropicCompatible,
  openai: createOpenai,
  'openai-compatible': createOpenaiCompatible,
  openrouter: createOpenrouter,
  gemini: createGemini,
  ollama: createOllama,
  lmstudio: createLmstudio,
  llamacpp: createLlamacpp,
  vllm: createVllm,
  demo: createDemo,
};

export function createProvider(config: ProviderConfig, resources: ProviderResources): BaseProvider {
  const resolved = resolveConfig(config);
  return types[resolved.type](resolved, resources);
}
