import type { Readable } from 'node:stream';
import type { ProviderKind, Timeouts } from '../../src-shared/config.ts';
import type { ModelListView } from '../../src-shared/control.ts';
import { ProxyError } from '../../src-shared/errors.ts';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import { type ModelFacts, type ProviderCodec, type Quirks, unknownModel } from '../protocols/codec.ts';
import type { RequestField } from '../protocols/request-body.ts';
import { Turns } from './concurrency.ts';
import type { KeyLease, KeyPool } from './key-pool.ts';
import { LearnedQuirks } from './learned-quirks.ts';
import type { VendorModel } from './model-listing.ts';
import type { Price } from './model-prices.ts';
import type { OwnCounter } from './own-counter.ts';
import type { ProbeResult } from './probe.ts';
import { RefusedParameters } from './refused-parameters.ts';
import type { ResolvedConfig } from './resolved-config.ts';
import type { Protocols } from './server-profile.ts';

/** One call to a provider, ready to be sent. */
export interface ProviderCall {
  /** Path and query below the provider's base, version segment not included: `/messages?beta=true`. */
  path: string;
  /** Alternating names and values, in the order and letter case to send; credentials are added by the provider. */
  headers: string[];
  body: Uint8Array | string;
  /** The dialect it is written in: keys are sent in the form that it knows. */
  protocol: ProviderProtocol;
  /** Aborted when the client leaves or the attempt is given up. */
  signal: AbortSignal;
  /** The key it is made with. */
  key: KeyLease;
  /** The client's own credentials (alternating names and values), for providers with `key: client`. */
  clientCredentials: readonly string[];
  /** For providers that tell the user about the way of the request. */
  about: { askedModel: string; route: string };
  /** Marks of the CProxy instances this request has passed, for loop detection. */
  hops: string;
}

/** A call that is none of a model: it is passed on as it came. */
export interface PassedCall
  extends Pick<ProviderCall, 'path' | 'headers' | 'protocol' | 'signal' | 'key' | 'clientCredentials' | 'hops'> {
  method: 'GET' | 'POST' | 'DELETE';
  body: Uint8Array | null;
}

export interface ProviderAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  /** Decoded (no content-encoding). Emits 'error' when the connection breaks. */
  body: Readable;
}

/** What decides the dialect of a request. */
export interface DialectRequest {
  /** The client's. */
  protocol: ClientProtocol;
  /** The model's name at the provider. */
  model: string;
  /** Whether the request's body sets a field to something. */
  has: (field: RequestField) => boolean;
  /** A field's value, where it is a text. */
  text: (field: RequestField) => string | null;
}

/**
 * Who answers. A provider type says what it speaks and how it is reached; it knows nothing of clients or routing.
 */
export abstract class BaseProvider {
  readonly id: string;
  readonly name: string;
  /** As its user wrote it. */
  readonly type: ProviderKind;
  readonly priority: number;
  readonly enabled: boolean;
  /** How many of the requests it gets, as against others that have the same model. */
  readonly weight: number;
  readonly timeouts: Timeouts;
  /** How many requests it is given at a time; null: any number. */
  readonly turns: Turns | null;
  /** Models that are to be loaded before they are asked for. */
  readonly warmUp: readonly string[];

  /** Dialects it speaks, the preferred first. */
  abstract readonly protocols: Protocols;
  abstract readonly quirks: Quirks;
  /** What its models have refused. */
  readonly refused = new RefusedParameters();
  /** What its models have turned out to want. */
  readonly learned = new LearnedQuirks();
  /** Where it is; null for one that lives in this process. */
  abstract readonly baseUrl: URL | null;

  constructor(config: ResolvedConfig) {
    this.id = config.id;
    this.name = config.name ?? config.id;
    this.type = config.kind;
    this.priority = config.priority;
    this.enabled = config.enabled;
    this.weight = config.weight;
    this.timeouts = config.timeouts;
    this.turns = config.maxConcurrent === undefined ? null : new Turns(config.maxConcurrent);
    this.warmUp = config.warmUp;
  }

  /** The dialect in which a request goes to it: the client's own wherever possible, so that nothing need be translated. */
  abstract codecFor(request: DialectRequest): ProviderCodec;

  /** How it is to be spoken to about one of its models. */
  quirksFor(model: string): Quirks {
    return this.learned.laidOver(this.configuredQuirks(model), model);
  }

  /** The same, as the configuration has it and what is known of the server. */
  protected configuredQuirks(_model: string): Quirks {
    return this.quirks;
  }

  /** What is known of one of its models. */
  factsOf(_model: string): ModelFacts {
    return unknownModel;
  }

  /** What one of its models costs; null: not known. */
  priceOf(_model: string): Price | null {
    return null;
  }

  /** Whether a model's window is only what others of its name have: a server may give any name to what it runs. */
  assumesWindow(_model: string): boolean {
    return false;
  }

  /** Tokens it is told to make room for; null where it is not told. */
  get window(): number | null {
    return null;
  }

  /** How long it is told to keep a model after its last use, in ms, -1 for ever; null where it is not told. */
  get keepAliveMs(): number | null {
    return null;
  }

  /** What of its configuration has no effect, in words. */
  get warnings(): readonly string[] {
    return [];
  }

  /** Whether it can be made to load a model. */
  get loadsModels(): boolean {
    return false;
  }

  /** Makes it load a model. @throws ProxyError that says why it does not. */
  async loadModel(_model: string, _signal: AbortSignal): Promise<void> {
    // One that cannot be told to has nothing to do.
  }

  /** Whether it takes prompts that are larger than its window, without saying what became of them. */
  get takesTooMuch(): boolean {
    return false;
  }

  /** Its own counter of tokens; null where none is known. */
  get counter(): OwnCounter | null {
    return null;
  }

  /** Its keys, and which of them a call is made with. */
  abstract readonly keys: KeyPool;

  /** Whether the client's own login is sent instead of a key of ours. */
  get usesClientKey(): boolean {
    return false;
  }

  /** Whether it keeps conversations that clients continue by reference (Anthropic's message threads). */
  get holdsThreads(): boolean {
    return false;
  }

  /** Models it is known to serve, for lists. They may change while it lives. */
  abstract readonly models: readonly string[];

  /** How a model is called for people. */
  displayNameOf(model: string): string {
    return model;
  }

  abstract modelsView(): ModelListView;

  /** The name by which it serves a model that is asked for without naming a provider; null where it does not. */
  abstract nameOf(model: string): string | null;

  /** Whether its models are to be asked of itself: the configuration does not name them, and it can say. */
  get listsModels(): boolean {
    return false;
  }

  /**
   * Asks it which models it has, and knows them from then on.
   * @throws ProxyError where it does not say.
   */
  async fetchModels(_signal: AbortSignal): Promise<readonly VendorModel[]> {
    return [];
  }

  /** Takes a list that was fetched before. @param at Unix time in ms at which it was. */
  knowModels(_models: readonly VendorModel[], _at: number): void {
    // One that does not list its models has none to know.
  }

  /**
   * Asks, without cost, whether it is there and takes a key.
   * @throws ProxyError that says what is wrong.
   */
  abstract probe(key: KeyLease, signal: AbortSignal): Promise<ProbeResult>;

  /**
   * Sends a request and resolves with the answer's head; any HTTP status is an answer.
   * @throws ProxyError `provider_unreachable`, `provider_key_missing`, `provider_redirected`; AbortError of `signal`.
   */
  abstract send(call: ProviderCall): Promise<ProviderAnswer>;

  /**
   * Sends whatever else its API has, such as batches.
   * @throws ProxyError as `send` does; `no_batches` where it is no server that could be asked.
   */
  async passOn({ protocol }: PassedCall): Promise<ProviderAnswer> {
    throw ProxyError.of('no_batches', { dialect: protocol, advice: `'${this.id}' is no server.` });
  }
}
