import type { ProviderConfig } from '../../src-shared/config.ts';
import { HttpProvider, type ProviderResources } from './http-provider.ts';

/**
 * What a coding agent needs at least. Ollama's own default follows the graphics memory and may be 4096 (its docs, "Context
 * length"). Tokens.
 */
const DEFAULT_WINDOW = 65_536;

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

  override get window(): number {
    return super.window ?? DEFAULT_WINDOW;
  }
}
