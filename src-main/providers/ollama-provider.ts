import type { ProviderConfig } from '../../src-shared/config.ts';
import type { ModelFacts } from '../protocols/codec.ts';
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

  /** A model whose own window is smaller gets no larger one, whatever is asked for. */
  override factsOf(model: string): ModelFacts {
    const facts = super.factsOf(model);
    return { ...facts, contextWindow: Math.min(this.window, facts.contextWindow ?? this.window) };
  }

  /** It is told, and counts what does not fit. */
  override assumesWindow(): boolean {
    return false;
  }

  override get window(): number {
    return super.window ?? DEFAULT_WINDOW;
  }
}
