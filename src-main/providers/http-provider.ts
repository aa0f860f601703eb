import type { ModelListView } from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { KeyQuestion, ResolveKey } from '../../src-shared/keys.ts';
import { isAddressOf } from '../../src-shared/vendors.ts';
import type { ModelFacts, ProviderCodec, Quirks } from '../protocols/codec.ts';
import type { AskedServer, JsonAnswer, JsonQuestion } from './ask-json.ts';
import {
  BaseProvider,
  type DialectRequest,
  type PassedCall,
  type ProviderAnswer,
  type ProviderCall,
} from './base-provider.ts';
import { baseUrlAdvice, joinBaseUrl, tidyBaseUrl } from './base-url.ts';
import { chooseDialect, codecOf } from './dialects.ts';
import { bearer, type KeyHeaders } from './key-headers.ts';
import { type KeyLease, KeyPool } from './key-pool.ts';
import { ListedModels, saidOfAbilities } from './listed-models.ts';
import type { LoadModel } from './load-model.ts';
import { factsOf, isListed, priceOf } from './model-catalogue.ts';
import type { ModelListing, VendorModel } from './model-listing.ts';
import { free, type Price } from './model-prices.ts';
import type { Network } from './network.ts';
import { isElsewhere } from './online.ts';
import { OwnCounter } from './own-counter.ts';
import { PerModel } from './per-model.ts';
import type { Probe, ProbeResult } from './probe.ts';
import { layQuirks } from './quirks.ts';
import { readJsonAnswer } from './read-json-answer.ts';
import type { ResolvedConfig } from './resolved-config.ts';
import type { Protocols, ServerProfile } from './server-profile.ts';
import type { Transport } from './transport.ts';

export interface ProviderResources {
  transport: Transport;
  resolveKey: ResolveKey;
}

/** What a provider type knows of its servers, where the configuration says nothing else. */
export interface TypeProfile extends ServerProfile {
  protocols: Protocols;
  /** The vendor's own address; null where every server of the type has its own. */
  officialBaseUrl: string | null;
  /** Where it is unless the configuration says; the official address where absent. */
  defaultBaseUrl?: string;
  /** Whether it cannot work without a key. */
  needsKey: boolean;
  /** The variable in which people usually keep its key. */
  keyVariable?: string;
  /** How its keys begin, where they all do. */
  keyPrefix?: string;
  /** As a bearer token where absent. */
  keyHeaders?: KeyHeaders;
  /** Models it is known to have before it has been asked. */
  builtInModels?: readonly string[];
  /** How it is asked for its models. */
  listing: ModelListing;
  /** The question, free of cost, that shows whether it is there and takes a key. */
  check: Probe;
  /** How it is made to load a model; absent where it cannot be told to. */
  load?: LoadModel;
  /** Whether requests tell it how long to keep a model. */
  takesKeepAlive?: boolean;
}

/** Header that carries the marks of the CProxy instances a request has passed. */
export const HOPS_HEADER = 'x-cproxy-hops';

/** Far more than anybody lists: OpenRouter has some hundreds, aggregators a few thousand. */
const MOST_LISTED = 20_000;

/** Names go into headers, lists and logs. */
const isNamedSanely = ({ id }: VendorModel): boolean => id.length <= 300 && !/\p{Cc}/u.test(id);

/** A provider that is reached over HTTP. */
export class HttpProvider extends BaseProvider {
  readonly protocols: Protocols;
  readonly quirks: Quirks;
  readonly baseUrl: URL;
  readonly keys: KeyPool;
  readonly #profile: TypeProfile;
  readonly #addressAdvice: string | null;
  readonly #keyHeaders: KeyHeaders;
  readonly #config: ResolvedConfig;
  readonly #listed: ListedModels;
  /** Made when first asked for; another list makes them anew. */
  #facts = new Map<string, ModelFacts>();
  readonly #catalogue: string | null;
  readonly #prices = new PerModel<Price | null>();
  readonly #counter: OwnCounter | null;
  readonly #modelQuirks: readonly { matches: (model: string) => boolean; quirks: Quirks }[];
  readonly #headers: readonly string[];
  /** Names, in lower case, that stand in `#headers` alone. */
  readonly #ownHeaders: ReadonlySet<string>;
  readonly #transport: Transport;
  readonly #network: Network;
  /** It is the vendor's own address. */
  readonly #official: boolean;
  readonly #urls = new Map<string, URL>();

  constructor(config: ResolvedConfig, resources: ProviderResources, profile: TypeProfile) {
    super(config);
    const { officialBaseUrl } = profile;
    const baseUrl = config.baseUrl ?? profile.defaultBaseUrl ?? officialBaseUrl;
    if (baseUrl === null) throw new Error(`provider ${config.id} has no baseUrl`);
    this.#config = config;
    this.#profile = profile;
    this.#keyHeaders = profile.keyHeaders ?? bearer;
    const written = new URL(baseUrl);
    this.baseUrl = tidyBaseUrl(written);
    this.#addressAdvice = baseUrlAdvice(written);
    const [preferred, ...others] = config.protocols ?? [];
    this.protocols = preferred === undefined ? profile.protocols : [preferred, ...others];
    const own = config.quirks ?? {};
    this.quirks = layQuirks(profile.quirks ?? {}, own);
    this.#modelQuirks = (profile.models ?? []).map(({ matches, quirks }) => ({
      matches,
      quirks: layQuirks(profile.quirks ?? {}, quirks, own),
    }));
    this.#catalogue = profile.catalogue ?? null;
    this.#counter = profile.countsIn === undefined ? null : new OwnCounter(codecOf(profile.countsIn));
    this.#listed = new ListedModels(config.models ?? null, profile.builtInModels ?? []);
    this.#headers = Object.entries(config.headers).flat();
    const names = Object.keys(config.headers).map((name) => name.toLowerCase());
    // A list, which goes together with what the client's body holds: the client's entries stay.
    this.#ownHeaders = new Set(names.filter((name) => name !== 'anthropic-beta'));
    this.#transport = resources.transport;
    this.#network = { proxy: config.proxy, ca: config.ca ?? null, http2: config.http2 ?? null };
    this.#official = officialBaseUrl !== null && this.baseUrl.origin === new URL(officialBaseUrl).origin;
    this.keys = new KeyPool({
      provider: config.id,
      needsKey: profile.needsKey,
      entries: this.#keyEntries(),
      strategy: config.keyStrategy,
      resolve: resources.resolveKey,
    });
  }

  #keyEntries(): ConstructorParameters<typeof KeyPool>[0]['entries'] {
    const { id: provider, key, keys, preset } = this.#config;
    const { keyVariable = null, keyPrefix = null } = preset ?? this.#profile;
    const question = (reference: string | null): KeyQuestion => ({
      reference,
      provider,
      origin: this.baseUrl.origin,
      usualVariable: this.#isVendors ? keyVariable : null,
      prefix: this.#isVendors ? keyPrefix : null,
    });
    if (keys === undefined)
      return [
        { id: 'key', question: question(key ?? null), weight: 1, requestsPerMinute: null, tokensPerMinute: null },
      ];
    return keys.map(({ key: reference, name, weight, requestsPerMinute = null, tokensPerMinute = null }, index) => ({
      id: name ?? String(index + 1),
      question: question(reference),
      weight,
      requestsPerMinute,
      tokensPerMinute,
    }));
  }

  codecFor({ protocol }: DialectRequest): ProviderCodec {
    return chooseDialect(this.protocols, protocol);
  }

  protected override configuredQuirks(model: string): Quirks {
    return this.#modelQuirks.find(({ matches }) => matches(model))?.quirks ?? this.quirks;
  }

  override factsOf(model: string): ModelFacts {
    const known = this.#facts.get(model);
    if (known !== undefined) return known;
    const facts = this.#mergedFacts(model);
    // Clients may ask for names without end; what is listed is bounded.
    if (this.#listed.has(model)) this.#facts.set(model, facts);
    return facts;
  }

  /** What the user has written wins, the model's before the provider's; then what the provider lists, then the catalogue. */
  #mergedFacts(model: string): ModelFacts {
    const { contextWindow, capabilities } = this.#config;
    return {
      ...factsOf(this.#catalogue, model),
      ...this.#listed.factsOf(model),
      ...(contextWindow === undefined ? {} : { contextWindow }),
      ...saidOfAbilities(capabilities),
      ...this.#listed.configuredFacts(model),
    };
  }

  override priceOf(model: string): Price | null {
    let price = this.#prices.get(model);
    if (price === undefined) {
      price = this.#priceOf(model);
      this.#prices.set(model, price);
    }
    return price;
  }

  /** What the user has written wins. A gateway asks what it likes, whatever its models are called. */
  #priceOf(model: string): Price | null {
    const written = this.#listed.configuredPrice(model);
    if (written !== null) return written;
    // Ollama's cloud models, which a server at home passes on.
    const isOwn = this.#profile.selfHosted === true && !isElsewhere(this.baseUrl) && !/[:-]cloud$/.test(model);
    if (isOwn) return free;
    const isVendors = this.#official || this.#profile.officialBaseUrl === null;
    return isVendors && this.#catalogue !== null ? priceOf(this.#catalogue, model) : null;
  }

  override assumesWindow(model: string): boolean {
    const isTold =
      this.#config.contextWindow !== undefined ||
      [this.#listed.factsOf(model), this.#listed.configuredFacts(model)].some(
        (facts) => facts.contextWindow !== undefined,
      );
    return !isTold && !isListed(this.#catalogue, model);
  }

  override get window(): number | null {
    return this.#config.contextWindow ?? null;
  }

  override get keepAliveMs(): number | null {
    return this.#profile.takesKeepAlive === true ? (this.#config.keepAliveMs ?? null) : null;
  }

  override get loadsModels(): boolean {
    return this.#profile.load !== undefined;
  }

  override async loadModel(model: string, signal: AbortSignal): Promise<void> {
    const { window, keepAliveMs } = this;
    await this.#profile.load?.(this.#server(), { model, window, keepAliveMs, signal });
  }

  override get warnings(): readonly string[] {
    const { id, kind, warmUp, keepAliveMs } = this.#config;
    const warnings: string[] = [];
    if (this.#addressAdvice !== null) warnings.push(`Provider '${id}': ${this.#addressAdvice}`);
    const noWay = this.#transport.check(this.#network, this.baseUrl);
    if (noWay !== null) warnings.push(`Provider '${id}' cannot be reached as it is configured: ${noWay}`);
    if (warmUp.length > 0 && !this.loadsModels)
      warnings.push(
        `Provider '${id}': warmUp has no effect, since servers of type ${kind} cannot be told to load a model.`,
      );
    if (keepAliveMs !== undefined && this.#profile.takesKeepAlive !== true)
      warnings.push(
        `Provider '${id}': keepAliveMs has no effect, since servers of type ${kind} are not told how long to keep a model.`,
      );
    return warnings;
  }

  override get takesTooMuch(): boolean {
    return this.#profile.takesTooMuch === true;
  }

  override get counter(): OwnCounter | null {
    return this.#counter;
  }

  /** Whether this is the vendor's own address and not a server of the same kind elsewhere. */
  get isOfficial(): boolean {
    return this.#official;
  }

  /** Whether it is where its type or its name says that its vendor is, so that the vendor's keys belong there. */
  get #isVendors(): boolean {
    const { preset } = this.#config;
    return this.#official || (preset !== null && isAddressOf(preset, this.baseUrl));
  }

  override get usesClientKey(): boolean {
    return this.#config.key === 'client';
  }

  override get models(): readonly string[] {
    return this.#listed.ids;
  }

  override displayNameOf(model: string): string {
    return this.#listed.displayNameOf(model);
  }

  override modelsView(): ModelListView {
    return this.#listed.view();
  }

  override nameOf(model: string): string | null {
    return this.#listed.nameOf(model);
  }

  override get listsModels(): boolean {
    return this.#config.models === undefined;
  }

  override async fetchModels(signal: AbortSignal): Promise<readonly VendorModel[]> {
    try {
      const models = (await this.#profile.listing(this.#server(), signal)).filter(isNamedSanely).slice(0, MOST_LISTED);
      this.knowModels(models, Date.now());
      return models;
    } catch (error) {
      this.#listed.setFailed(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #server(): AskedServer {
    return { provider: this.id, ask: (question) => this.#askJson(question) };
  }

  override knowModels(models: readonly VendorModel[], at: number): void {
    this.#listed.setFetched(models, at);
    this.#facts = new Map<string, ModelFacts>();
  }

  override probe(key: KeyLease, signal: AbortSignal): Promise<ProbeResult> {
    return this.#profile.check(this.#server(), key, signal);
  }

  #credentials({ key, protocol, clientCredentials }: Pick<ProviderCall, 'key' | 'protocol' | 'clientCredentials'>) {
    switch (key.kind) {
      case 'none':
        return [];
      case 'own':
        return this.#keyHeaders(key.value, protocol);
      case 'client':
        // A client's own login goes to its vendor alone, whatever baseUrl says.
        if (!this.#official)
          throw ProxyError.of('provider_key_missing', {
            provider: this.id,
            reason: `the client's own login is sent to the vendor's own address only, not to ${this.baseUrl.origin}`,
          });
        if (clientCredentials.length === 0)
          throw ProxyError.of('provider_key_missing', {
            provider: this.id,
            reason:
              'the client sent no login of its own. Send the CProxy token in x-cproxy-token, so that Authorization or x-api-key can carry the login.',
          });
        return clientCredentials;
    }
  }

  /** What the configuration sets takes the place of what the client sent: twice, most headers are not valid. */
  #withoutOwn(headers: readonly string[]): readonly string[] {
    if (this.#ownHeaders.size === 0) return headers;
    return headers.filter((_, index) => !this.#ownHeaders.has((headers[index - (index % 2)] ?? '').toLowerCase()));
  }

  async send(call: ProviderCall): Promise<ProviderAnswer> {
    let url = this.#urls.get(call.path);
    if (url === undefined) {
      url = joinBaseUrl(this.baseUrl, call.path);
      // Clients may send any query; a handful of paths is what there is in practice.
      if (this.#urls.size < 16) this.#urls.set(call.path, url);
    }
    const headers = [...this.#withoutOwn(call.headers), ...this.#withoutOwn(this.#credentials(call)), ...this.#headers];
    // A vendor's own address cannot lead back here; any other might be a CProxy again.
    if (!this.#official) headers.push(HOPS_HEADER, call.hops);
    return this.#transport.send({
      provider: this.id,
      url,
      method: 'POST',
      headers,
      body: call.body,
      signal: call.signal,
      connectMs: this.timeouts.connectMs,
      network: this.#network,
    });
  }

  override passOn(call: PassedCall): Promise<ProviderAnswer> {
    const { path, method, body, signal, hops } = call;
    const headers = [...this.#withoutOwn(call.headers), ...this.#withoutOwn(this.#credentials(call)), ...this.#headers];
    if (!this.#official) headers.push(HOPS_HEADER, hops);
    return this.#transport.send({
      provider: this.id,
      url: joinBaseUrl(this.baseUrl, path),
      method,
      headers,
      body,
      signal,
      connectMs: this.timeouts.connectMs,
      network: this.#network,
    });
  }

  /** Asks what costs nothing. With `key: client` there is none to ask with, and the question goes without. */
  async #askJson({ path, body, key, signal }: JsonQuestion): Promise<JsonAnswer> {
    const [protocol] = this.protocols;
    const about = { model: null, conversation: null, tried: new Set<string>(), last: true, tokens: 0 };
    const lease = key ?? (await this.keys.choose(about));
    const credentials =
      lease.kind === 'client' ? [] : this.#credentials({ key: lease, protocol, clientCredentials: [] });
    const headers = ['accept', 'application/json', 'accept-encoding', 'identity', 'user-agent', 'cproxy'];
    if (protocol === 'anthropic') headers.push('anthropic-version', '2023-06-01');
    if (body !== undefined) headers.push('content-type', 'application/json');
    const answer = await this.#transport.send({
      provider: this.id,
      url: joinBaseUrl(this.baseUrl, path),
      method: body === undefined ? 'GET' : 'POST',
      headers: [...this.#withoutOwn(headers), ...this.#withoutOwn(credentials), ...this.#headers],
      body: body === undefined ? null : JSON.stringify(body),
      signal,
      connectMs: this.timeouts.connectMs,
      network: this.#network,
    });
    return readJsonAnswer(this.id, answer);
  }
}
