import { vendorTypes } from '../../../src-shared/vendors.ts';
import type { CreateProvider } from '../create-provider.ts';
import { HttpProvider, type ProviderResources } from '../http-provider.ts';
import { bearer } from '../key-headers.ts';
import { checkAnthropic, listAnthropicModels } from '../listings/anthropic.ts';
import type { ResolvedConfig } from '../resolved-config.ts';

/** Models of Anthropic's API in November 2026 (its model list); newer ones are served by their `claude-` prefix. */
const ANTHROPIC_MODELS = [
  'claude-fable-5-2',
  'claude-fable-5-1',
  'claude-fable-5',
  'claude-opus-5-5',
  'claude-opus-5',
  'claude-opus-4-8',
  'claude-opus-4-7',
  'claude-opus-4-6',
  'claude-opus-4-5',
  'claude-sonnet-5-5',
  'claude-sonnet-5',
  'claude-sonnet-4-6',
  'claude-sonnet-4-5',
  'claude-haiku-5-5',
  'claude-haiku-4-5',
];

class AnthropicProvider extends HttpProvider {
  readonly #servesAnyClaude: boolean;

  constructor(config: ResolvedConfig, resources: ProviderResources) {
    super(config, resources, {
      protocols: ['anthropic'],
      officialBaseUrl: vendorTypes.anthropic.baseUrl,
      needsKey: true,
      keyVariable: vendorTypes.anthropic.keyVariable,
      keyPrefix: vendorTypes.anthropic.keyPrefix,
      keyHeaders: (key, protocol) => (protocol === 'anthropic' ? ['x-api-key', key] : bearer(key, protocol)),
      builtInModels: ANTHROPIC_MODELS,
      listing: listAnthropicModels,
      check: checkAnthropic,
      catalogue: 'anthropic',
      countsIn: 'anthropic',
      // Which of its models take what is the dialect's to know (protocols/anthropic/model-rules.ts).
      quirks: { takesSystemAnywhere: true, takesPrefill: true, cacheMarks: 'cache_control', searchesWeb: true },
    });
    this.#servesAnyClaude = config.models === undefined;
  }

  override get holdsThreads(): boolean {
    return this.isOfficial;
  }

  override nameOf(model: string): string | null {
    return this.#servesAnyClaude && model.startsWith('claude-') ? model : super.nameOf(model);
  }
}

/** Anthropic itself. */
export const createAnthropic: CreateProvider = (config, resources) => new AnthropicProvider(config, resources);
