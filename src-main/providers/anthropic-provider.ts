import type { ProviderConfig } from '../../src-shared/config.ts';
import { anthropicProviderCodec } from '../protocols/anthropic/provider-codec.ts';
import type { ProviderCodec } from '../protocols/codec.ts';
import { HttpProvider, type ProviderResources } from './http-provider.ts';
import { layQuirks, type Quirks } from './quirks.ts';

export const ANTHROPIC_BASE_URL = 'https://api.anthropic.com';

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

/** Anthropic itself, and servers that speak its Messages API (type `anthropic-compatible`). */
export class AnthropicProvider extends HttpProvider {
  readonly protocols = ['anthropic'] as const;
  readonly quirks: Quirks;
  override readonly models: readonly string[];
  protected readonly needsKey: boolean;
  readonly #servesAnyClaude: boolean;

  constructor(config: ProviderConfig, resources: ProviderResources) {
    const compatible = config.type === 'anthropic-compatible';
    super(config, resources, compatible ? null : ANTHROPIC_BASE_URL);
    this.quirks = layQuirks(config.quirks ?? {});
    this.#servesAnyClaude = !compatible && config.models === undefined;
    this.models = config.models ?? (compatible ? [] : ANTHROPIC_MODELS);
    this.needsKey = !compatible;
  }

  codecFor(): ProviderCodec {
    return anthropicProviderCodec;
  }

  override get holdsThreads(): boolean {
    return this.isOfficial;
  }

  override serves(model: string): boolean {
    return super.serves(model) || (this.#servesAnyClaude && model.startsWith('claude-'));
  }

  protected keyHeaders(key: string): string[] {
    // Compatible servers are divided over the two forms; sending both opens all of them.
    return this.type === 'anthropic' ? ['x-api-key', key] : ['x-api-key', key, 'authorization', `Bearer ${key}`];
  }
}
