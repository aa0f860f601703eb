import { localAddresses } from '../../../src-shared/vendors.ts';
import type { ModelFacts } from '../../protocols/codec.ts';
import { keepAlive } from '../../protocols/ollama/request.ts';
import type { CreateProvider } from '../create-provider.ts';
import { goodJson } from '../good-json.ts';
import { HttpProvider, type ProviderResources } from '../http-provider.ts';
import { checkOllama, createOllamaListing } from '../listings/ollama.ts';
import type { LoadModel } from '../load-model.ts';
import type { VendorModel } from '../model-listing.ts';
import type { ResolvedConfig } from '../resolved-config.ts';

/**
 * What a coding agent needs at least. Ollama's own default follows the graphics memory and may be 4096 (its docs, "Context
 * length"). Tokens.
 */
const DEFAULT_WINDOW = 65_536;

/**
 * A generation without a prompt (docs/api.md, "Load a model"). What a model is loaded with must be what requests ask for, or
 * the first of them loads it anew: `num_ctx`, and `shift`, which the loaded model is started with as well (server/sched.go).
 */
const loadInOllama: LoadModel = async (server, { model, window, keepAliveMs, signal }) => {
  const body = {
    model,
    stream: false,
    shift: false,
    options: window === null ? undefined : { num_ctx: window },
    keep_alive: keepAlive(keepAliveMs),
  };
  await goodJson(server, { path: '//api/generate', body, signal });
};

/** Ollama, by its own API: the only one that can be told how many tokens to make room for. */
class OllamaProvider extends HttpProvider {
  /** Tokens that its models have room for themselves, by name. */
  #ownWindows: ReadonlyMap<string, number> = new Map();

  constructor(config: ResolvedConfig, resources: ProviderResources) {
    super(config, resources, {
      protocols: ['ollama'],
      officialBaseUrl: null,
      defaultBaseUrl: localAddresses.ollama,
      needsKey: false,
      selfHosted: true,
      listing: createOllamaListing(),
      check: checkOllama,
      load: loadInOllama,
      takesKeepAlive: true,
      quirks: { readsMarkup: true },
    });
  }

  override async fetchModels(signal: AbortSignal): Promise<readonly VendorModel[]> {
    const models = await super.fetchModels(signal);
    this.#noteWindows(models);
    return models;
  }

  override knowModels(models: readonly VendorModel[], at: number): void {
    super.knowModels(models, at);
    this.#noteWindows(models);
  }

  #noteWindows(models: readonly VendorModel[]): void {
    this.#ownWindows = new Map(models.flatMap(({ id, contextWindow }) => (contextWindow ? [[id, contextWindow]] : [])));
  }

  /** A model whose own window is smaller gets no larger one, whatever is asked for. */
  override factsOf(model: string): ModelFacts {
    const facts = super.factsOf(model);
    const own = this.#ownWindows.get(model) ?? facts.contextWindow ?? this.window;
    return { ...facts, contextWindow: Math.min(this.window, own) };
  }

  /** It is told, and counts what does not fit. */
  override assumesWindow(): boolean {
    return false;
  }

  /**
   * The same for every model and at any time, also before its list has told that a model's own window is smaller: Ollama sees
   * to that itself, while another number would have the model loaded anew.
   */
  override get window(): number {
    return super.window ?? DEFAULT_WINDOW;
  }
}

export const createOllama: CreateProvider = (config, resources) => new OllamaProvider(config, resources);
