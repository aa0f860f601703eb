import type { ProviderConfig } from '../../src-shared/config.ts';
import type { ProviderView } from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { ProviderProtocol } from '../../src-shared/requests.ts';
import type { ModelFacts, ProviderCodec, Quirks } from '../protocols/codec.ts';
import { BaseProvider, type DialectRequest, type ProviderAnswer, type ProviderCall } from './base-provider.ts';
import { joinBaseUrl } from './base-url.ts';
import { chooseDialect, codecOf } from './dialects.ts';
import { factsOf, isListed } from './model-catalogue.ts';
import { OwnCounter } from './own-counter.ts';
import { layQuirks } from './quirks.ts';
import type { Protocols, ServerProfile } from './server-profile.ts';
import type { Transport } from './transport.ts';

/** Where a provider's key stands; the value never leaves this room. */
type KeyState = { state: 'present'; value: string } | { state: 'missing'; reason: string } | { state: 'from-client' };

export interface ProviderResources {
  transport: Transport;
  resolveKey: (reference: string) => KeyState;
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
}

/** Header that carries the marks of the CProxy instances a request has passed. */
export const HOPS_HEADER = 'x-cproxy-hops';

const NO_KEY = 'none is configured. Add `key: env:NAME` or `key: file:PATH` to the provider.';

/** A provider that is reached over HTTP. */
export abstract class HttpProvider extends BaseProvider {
  readonly protocols: Protocols;
  readonly quirks: Quirks;
  readonly baseUrl: URL;
  readonly models: readonly string[];
  readonly #needsKey: boolean;
  readonly #catalogue: string | null;
  readonly #contextWindow: number | null;
  readonly #counter: OwnCounter | null;
  readonly #takesTooMuch: boolean;
  readonly #modelQuirks: readonly { matches: (model: string) => boolean; quirks: Quirks }[];
  readonly #key: KeyState | null;
  readonly #keyReference: string | null;
  readonly #headers: readonly string[];
  /** Names, in lower case, that stand in `#headers` alone. */
  readonly #ownHeaders: ReadonlySet<string>;
  readonly #transport: Transport;
  readonly #official: boolean;
  readonly #urls = new Map<string, URL>();

  constructor(config: ProviderConfig, resources: ProviderResources, profile: TypeProfile) {
    super(config);
    const { officialBaseUrl } = profile;
    const baseUrl = config.baseUrl ?? profile.defaultBaseUrl ?? officialBaseUrl;
    if (baseUrl === null) throw new Error(`provider ${config.id} has no baseUrl`);
    this.baseUrl = new URL(baseUrl);
    const [preferred, ...others] = config.protocols ?? [];
    this.protocols = preferred === undefined ? profile.protocols : [preferred, ...others];
    const own = config.quirks ?? {};
    this.quirks = layQuirks(profile.quirks ?? {}, own);
    this.#modelQuirks = (profile.models ?? []).map(({ matches, quirks }) => ({
      matches,
      quirks: layQuirks(profile.quirks ?? {}, quirks, own),
    }));
    this.#needsKey = profile.needsKey;
    this.#catalogue = profile.catalogue ?? null;
    this.#contextWindow = config.contextWindow ?? null;
    this.#counter = profile.countsIn === undefined ? null : new OwnCounter(codecOf(profile.countsIn));
    this.#takesTooMuch = profile.takesTooMuch === true;
    this.models = config.models ?? [];
    this.#keyReference = config.key ?? null;
    this.#key = config.key === undefined ? null : resources.resolveKey(config.key);
    this.#headers = Object.entries(config.headers).flat();
    const names = Object.keys(config.headers).map((name) => name.toLowerCase());
    // A list, which goes together with what the client's body holds: the client's entries stay.
    this.#ownHeaders = new Set(names.filter((name) => name !== 'anthropic-beta'));
    this.#transport = resources.transport;
    this.#official = officialBaseUrl !== null && this.baseUrl.origin === new URL(officialBaseUrl).origin;
  }

  codecFor({ protocol }: DialectRequest): ProviderCodec {
    return chooseDialect(this.protocols, protocol);
  }

  protected override configuredQuirks(model: string): Quirks {
    return this.#modelQuirks.find(({ matches }) => matches(model))?.quirks ?? this.quirks;
  }

  override factsOf(model: string): ModelFacts {
    const facts = factsOf(this.#catalogue, model);
    return this.#contextWindow === null ? facts : { ...facts, contextWindow: this.#contextWindow };
  }

  override assumesWindow(model: string): boolean {
    return this.#contextWindow === null && !isListed(this.#catalogue, model);
  }

  override get window(): number | null {
    return this.#contextWindow;
  }

  override get takesTooMuch(): boolean {
    return this.#takesTooMuch;
  }

  override get counter(): OwnCounter | null {
    return this.#counter;
  }

  /** Whether this is the vendor's own address and not a server of the same kind elsewhere. */
  get isOfficial(): boolean {
    return this.#official;
  }

  override get usesClientKey(): boolean {
    return this.#key?.state === 'from-client';
  }

  override keyView(): ProviderView['key'] {
    const reference = this.#keyReference;
    if (this.#key === null)
      return { reference, state: this.#needsKey ? 'missing' : 'not-needed', reason: this.#needsKey ? NO_KEY : null };
    return { reference, state: this.#key.state, reason: this.#key.state === 'missing' ? this.#key.reason : null };
  }

  /** Alternating names and values that carry the key in a dialect. */
  protected keyHeaders(key: string, _protocol: ProviderProtocol): string[] {
    return ['authorization', `Bearer ${key}`];
  }

  #credentials(call: ProviderCall): readonly string[] {
    const key = this.#key;
    if (key === null) {
      if (!this.#needsKey) return [];
      throw ProxyError.of('provider_key_missing', { provider: this.id, reason: NO_KEY });
    }
    switch (key.state) {
      case 'present':
        return this.keyHeaders(key.value, call.protocol);
      case 'missing':
        throw ProxyError.of('provider_key_missing', { provider: this.id, reason: key.reason });
      case 'from-client':
        // A client's own login goes to its vendor alone, whatever baseUrl says.
        if (!this.#official)
          throw ProxyError.of('provider_key_missing', {
            provider: this.id,
            reason: `the client's own login is sent to the vendor's own address only, not to ${this.baseUrl.origin}`,
          });
        if (call.clientCredentials.length === 0)
          throw ProxyError.of('provider_key_missing', {
            provider: this.id,
            reason:
              'the client sent no login of its own. Send the CProxy token in x-cproxy-token, so that Authorization or x-api-key can carry the login.',
          });
        return call.clientCredentials;
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
      headers,
      body: call.body,
      signal: call.signal,
      connectMs: this.timeouts.connectMs,
    });
  }
}
