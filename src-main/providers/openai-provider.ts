import type { ProviderConfig, ProviderType } from '../../src-shared/config.ts';
import type { ProviderProtocol } from '../../src-shared/requests.ts';
import type { ProviderCodec } from '../protocols/codec.ts';
import { refusesToolsOnChat } from '../protocols/openai-models.ts';
import type { DialectRequest } from './base-provider.ts';
import { chooseDialect } from './dialects.ts';
import { HttpProvider, type ProviderResources, type TypeProfile } from './http-provider.ts';
import { knownServer, mistralModels, openaiProfile, openrouterProfile } from './known-servers.ts';
import type { Protocols } from './server-profile.ts';

const OPENAI_BASE_URL = 'https://api.openai.com';

type OpenaiType = Extract<ProviderType, 'openai' | 'openrouter' | 'openai-compatible'>;

function profileOf({ type, baseUrl }: ProviderConfig & { type: OpenaiType }): TypeProfile {
  switch (type) {
    case 'openai': {
      const official = baseUrl === undefined || new URL(baseUrl).origin === OPENAI_BASE_URL;
      const quirks = { ...openaiProfile.quirks, searchesWeb: official };
      const counting = official ? { countsIn: 'openai-responses' as const } : {};
      return { ...openaiProfile, ...counting, quirks, officialBaseUrl: OPENAI_BASE_URL, needsKey: true };
    }
    case 'openrouter':
      return { ...openrouterProfile, officialBaseUrl: 'https://openrouter.ai/api', needsKey: true };
    case 'openai-compatible': {
      const known = baseUrl === undefined ? null : knownServer(new URL(baseUrl));
      // What runs behind an unknown address often leaves thinking and tool calls in the text.
      const quirks = { readsMarkup: true, ...known?.quirks };
      const models = [...(known?.models ?? []), mistralModels];
      // vLLM, SGLang and llama.cpp count in this dialect, whatever else they speak; who does not, says so.
      const counting = known === null ? { countsIn: 'anthropic' as const } : {};
      const protocols = ['openai-chat'] as const;
      return { protocols, ...counting, ...known, quirks, models, officialBaseUrl: null, needsKey: false };
    }
  }
}

/** Servers that speak OpenAI's dialects: OpenAI, OpenRouter and the many that are compatible. */
export class OpenaiProvider extends HttpProvider {
  /** What OpenRouter speaks of models that are not Anthropic's; null where the model makes no difference. */
  readonly #forOthers: Protocols | null;

  constructor(config: ProviderConfig & { type: OpenaiType }, resources: ProviderResources) {
    const profile = profileOf(config);
    super(config, resources, profile);
    const [preferred, ...others] = profile.protocols.filter((protocol) => protocol !== 'anthropic');
    const byModel = profile.catalogue === 'openrouter' && config.protocols === undefined && preferred !== undefined;
    this.#forOthers = byModel ? [preferred, ...others] : null;
  }

  override codecFor(request: DialectRequest): ProviderCodec {
    const { protocol, model } = request;
    if (this.#forOthers !== null && !/^~?anthropic\//.test(model)) return chooseDialect(this.#forOthers, protocol);
    if (protocol === 'openai-chat' && this.#needsResponses(request))
      return chooseDialect(this.protocols, 'openai-responses');
    return super.codecFor(request);
  }

  #needsResponses({ model, has, text }: DialectRequest): boolean {
    return (
      this.quirks.isOpenai &&
      this.protocols.includes('openai-responses') &&
      has('tools') &&
      refusesToolsOnChat(model, text('reasoning_effort'))
    );
  }

  /** A compatible server's Anthropic side takes one of the two forms; sending both opens all of them. */
  protected override keyHeaders(key: string, protocol: ProviderProtocol): string[] {
    const bearer = super.keyHeaders(key, protocol);
    return protocol === 'anthropic' && this.type === 'openai-compatible' ? ['x-api-key', key, ...bearer] : bearer;
  }
}
