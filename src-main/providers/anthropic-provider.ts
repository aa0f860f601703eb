import type { ProviderConfig } from '../../src-shared/config.ts';
import type { ProviderProtocol } from '../../src-shared/requests.ts';
import { HttpProvider, type ProviderResources, type TypeProfile } from './http-provider.ts';
import { knownServer } from './known-servers.ts';

const ANTHROPIC_BASE_URL = 'https://api.anthropic.com';

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

function profileOf({ type, baseUrl }: ProviderConfig): TypeProfile {
  if (type === 'anthropic')
    return {
      protocols: ['anthropic'],
      officialBaseUrl: ANTHROPIC_BASE_URL,
      needsKey: true,
      catalogue: 'anthropic',
      countsIn: 'anthropic',
      // Which of its models take what is the dialect's to know (protocols/anthropic/model-rules.ts).
      quirks: { takesSystemAnywhere: true, takesPrefill: true, cacheMarks: 'cache_control', searchesWeb: true },
    };
  const known = baseUrl === undefined ? null : knownServer(new URL(baseUrl));
  return {
    protocols: ['anthropic'],
    officialBaseUrl: null,
    needsKey: false,
    // Not all do, which is found out.
    countsIn: 'anthropic',
    takesTooMuch: known?.takesTooMuch === true,
    // DeepSeek, Kimi, GLM and local servers give thinking without a signature, and some want it back.
    quirks: { takesEmptySignature: true },
    ...(known?.catalogue === undefined ? {} : { catalogue: known.catalogue }),
  };
}

/** Anthropic itself, and servers that speak its Messages API (type `anthropic-compatible`). */
export class AnthropicProvider extends HttpProvider {
  override readonly models: readonly string[];
  readonly #servesAnyClaude: boolean;

  constructor(config: ProviderConfig, resources: ProviderResources) {
    super(config, resources, profileOf(config));
    const compatible = config.type === 'anthropic-compatible';
    this.#servesAnyClaude = !compatible && config.models === undefined;
    this.models = config.models ?? (compatible ? [] : ANTHROPIC_MODELS);
  }

  override get holdsThreads(): boolean {
    return this.isOfficial;
  }

  override serves(model: string): boolean {
    return super.serves(model) || (this.#servesAnyClaude && model.startsWith('claude-'));
  }

  protected override keyHeaders(key: string, protocol: ProviderProtocol): string[] {
    const bearer = super.keyHeaders(key, protocol);
    if (protocol !== 'anthropic') return bearer;
    // Compatible servers are divided over the two forms; sending both opens all of them.
    return this.type === 'anthropic' ? ['x-api-key', key] : ['x-api-key', key, ...bearer];
  }
}
