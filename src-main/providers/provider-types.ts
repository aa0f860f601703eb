import type { ProviderConfig } from '../../src-shared/config.ts';
import { AnthropicProvider } from './anthropic-provider.ts';
import type { BaseProvider } from './base-provider.ts';
import { DemoProvider } from './demo-provider.ts';
import type { ProviderResources } from './http-provider.ts';
import { OllamaProvider } from './ollama-provider.ts';
import { OpenaiProvider } from './openai-provider.ts';

/** The provider types: adding one is a file in this folder and a line here. */
export function createProvider(config: ProviderConfig, resources: ProviderResources): BaseProvider {
  const { type } = config;
  switch (type) {
    case 'anthropic':
    case 'anthropic-compatible':
      return new AnthropicProvider(config, resources);
    case 'openai':
    case 'openrouter':
    case 'openai-compatible':
      return new OpenaiProvider({ ...config, type }, resources);
    case 'ollama':
      return new OllamaProvider(config, resources);
    case 'demo':
      return new DemoProvider(config);
  }
}
