import type { ProviderCodec } from '../protocols/codec.ts';
import { refusesToolsOnChat } from '../protocols/openai-models.ts';
import type { DialectRequest } from './base-provider.ts';
import { chooseDialect } from './dialects.ts';
import { HttpProvider, type ProviderResources, type TypeProfile } from './http-provider.ts';
import type { ResolvedConfig } from './resolved-config.ts';
import type { Protocols } from './server-profile.ts';

/** Servers that speak OpenAI's dialects: OpenAI, OpenRouter and the many that are compatible. */
export class OpenaiProvider extends HttpProvider {
  /** What OpenRouter speaks of models that are not Anthropic's; null where the model makes no difference. */
  readonly #forOthers: Protocols | null;

  constructor(config: ResolvedConfig, resources: ProviderResources, profile: TypeProfile) {
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
}
