import type { ProviderConfig } from '../../src-shared/config.ts';
import { HttpProvider, type ProviderResources } from './http-provider.ts';

/** Ollama, by its own API: the only one that can be told how many tokens to make room for. */
export class OllamaProvider extends HttpProvider {
  constructor(config: ProviderConfig, resources: ProviderResources) {
    super(config, resources, {
      protocols: ['ollama'],
      officialBaseUrl: null,
      defaultBaseUrl: 'http://127.0.0.1:11434',
      needsKey: false,
      quirks: { readsMarkup: true },
    });
  }
}
