import type { ProviderConfig } from '../../src-shared/config.ts';
import type { ProviderCodec } from '../protocols/codec.ts';
import { openaiChatCodec } from '../protocols/openai-chat/codec.ts';
import { HttpProvider, type ProviderResources } from './http-provider.ts';
import { layQuirks, type Quirks } from './quirks.ts';

interface TypeDefaults {
  baseUrl: string | null;
  needsKey: boolean;
  quirks: Partial<Quirks>;
}

const typeDefaults: Record<'openai' | 'openrouter' | 'openai-compatible', TypeDefaults> = {
  // GPT-5.4 and later refuse tools together with a reasoning effort on this API, so none is sent.
  openai: {
    baseUrl: 'https://api.openai.com',
    needsKey: true,
    quirks: { maxTokensField: 'max_completion_tokens', takesSystemAnywhere: true },
  },
  openrouter: {
    baseUrl: 'https://openrouter.ai/api',
    needsKey: true,
    quirks: { reasoningFormat: 'reasoning_effort', takesSystemAnywhere: true },
  },
  'openai-compatible': { baseUrl: null, needsKey: false, quirks: {} },
};

/** Servers that speak OpenAI's Chat Completions: OpenAI, OpenRouter and the many that are compatible. */
export class OpenaiProvider extends HttpProvider {
  readonly protocols = ['openai-chat'] as const;
  readonly quirks: Quirks;
  protected readonly needsKey: boolean;

  constructor(config: ProviderConfig & { type: keyof typeof typeDefaults }, resources: ProviderResources) {
    const defaults = typeDefaults[config.type];
    super(config, resources, defaults.baseUrl);
    this.quirks = layQuirks(defaults.quirks, config.quirks ?? {});
    this.needsKey = defaults.needsKey;
  }

  codecFor(): ProviderCodec {
    return openaiChatCodec;
  }

  protected keyHeaders(key: string): string[] {
    return ['authorization', `Bearer ${key}`];
  }
}
