import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { ProxyError } from '../../src-shared/errors.ts';
import { reasoningEfforts } from '../protocols/effort.ts';
import type { BaseProvider } from './base-provider.ts';
import type { VendorModel } from './model-listing.ts';

export interface ModelListsOptions {
  /** Those that list no models of their own accord are left alone. */
  providers: readonly BaseProvider[];
  /** Folder of the caches, in which lists have one of their own; null: nothing is kept. */
  folder: string | null;
  /** Age at which a list is fetched again, in ms. */
  refreshMs: number;
  /** Replaces a file as a whole; only its owner may read it. */
  write: (file: string, text: string) => Promise<void>;
  /** Told once of what keeps lists from being kept. */
  onWarning: (warning: string) => void;
  /** Told of every list that was fetched. */
  onFetched?: (fetched: { provider: string; models: number }) => void;
  /** Told when a list that could be fetched cannot be any more. */
  onFailed?: (failed: { provider: string; reason: string }) => void;
}

/** How many providers are asked at a time. */
const AT_A_TIME = 4;
/** A list of thousands takes some servers long to put together; local ones may be busy loading a model. */
const TIMEOUT_MS = 60_000;
/** After a failure it is asked again so much later, twice as long after each that follows. */
const FIRST_RETRY_MS = 30_000;
const LAST_RETRY_MS = 15 * 60_000;
/** A key may be set at any moment, and nothing is sent while there is none. */
const KEY_RETRY_MS = 30_000;

const abilities = z.boolean().nullable().optional();
const keptModel = z.object({
  id: z.string().min(1),
  displayName: z.string().optional(),
  contextWindow: z.number().positive().nullable().optional(),
  maxOutput: z.number().positive().nullable().optional(),
  efforts: z.array(z.enum(reasoningEfforts)).nullable().optional(),
  reasoning: abilities,
  images: abilities,
  documents: abilities,
  tools: abilities,
  parallelTools: abilities,
  structuredOutput: abilities,
  promptCaching: abilities,
  streaming: abilities,
});
/** A list as it is kept: another address, or another kind of server there, has other models. */
const keptList = z.object({ type: z.string(), baseUrl: z.string(), fetchedAt: z.number(), models: z.array(keptModel) });

/** What is under way, or due, for one provider. */
interface Listing {
  provider: BaseProvider;
  /** Aborted when it is no provider any more. */
  gone: AbortController;
  running: Promise<void> | null;
  timer: NodeJS.Timeout | null;
  failures: number;
}

/** With `key: client` there is no key to ask with. */
const isAsked = ({ listsModels, usesClientKey }: BaseProvider): boolean => listsModels && !usesClientKey;

const newListing = (provider: BaseProvider): Listing => ({
  provider,
  gone: new AbortController(),
  running: null,
  timer: null,
  failures: 0,
});

/**
 * Fetches the providers' lists of models in the background and keeps them on disk, so that they are known at the next start,
 * with a network or without. What a failed fetch leaves behind is the list before and the reason, in the provider's view.
 */
export class ModelLists {
  readonly #options: ModelListsOptions;
  readonly #folder: string | null;
  #listings: readonly Listing[];
  #refreshMs: number;
  readonly #stopped = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #asking = 0;
  #hasWarned = false;
  #isStarted = false;

  constructor(options: ModelListsOptions) {
    this.#options = options;
    this.#folder = options.folder === null ? null : path.join(options.folder, 'models');
    this.#refreshMs = options.refreshMs;
    this.#listings = options.providers.filter(isAsked).map(newListing);
  }

  /** Gives the providers the lists that were kept. Small files, read once at start. */
  readKept(): void {
    for (const { provider } of this.#listings) this.#readKeptOf(provider);
  }

  /** Fetches, from now on, every list that is missing or old. Returns at once. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#scheduleAll();
  }

  /** Fetches nothing any more of its own accord. */
  pause(): void {
    this.#isStarted = false;
    for (const { timer } of this.#listings) if (timer !== null) clearTimeout(timer);
  }

  /**
   * From now on these are the providers. The lists of those that were among them before stay as they are; the others' are fetched
   * at once, and those that were kept stand until then: another key may see other models.
   */
  follow(providers: readonly BaseProvider[], refreshMs: number): void {
    const before = this.#listings;
    this.#listings = providers
      .filter(isAsked)
      .map((provider) => before.find((listing) => listing.provider === provider) ?? newListing(provider));
    for (const listing of before) {
      if (this.#listings.includes(listing)) continue;
      listing.gone.abort();
      if (listing.timer !== null) clearTimeout(listing.timer);
    }
    if (refreshMs !== this.#refreshMs) {
      this.#refreshMs = refreshMs;
      this.#scheduleAll();
    }
    for (const listing of this.#listings) {
      if (before.includes(listing)) continue;
      this.#readKeptOf(listing.provider);
      this.#schedule(listing, 0);
    }
  }

  #scheduleAll(): void {
    const now = Date.now();
    for (const listing of this.#listings) {
      const at = listing.provider.modelsView().fetchedAt;
      // A clock that was wrong when the list was fetched must not keep it for ever.
      const age = at === null || at > now ? Number.POSITIVE_INFINITY : now - at;
      this.#schedule(listing, Math.max(0, this.#refreshMs - age));
    }
  }

  #readKeptOf(provider: BaseProvider): void {
    const kept = this.#kept(provider);
    if (kept !== null) provider.knowModels(kept.models, kept.fetchedAt);
  }

  /**
   * Fetches the list of a provider, or all, now; resolves when that is done, whether it could be fetched or not: the
   * provider's view says which.
   * @throws ProxyError `invalid_field` where the provider is not there, or cannot be asked.
   */
  async refresh(provider?: string): Promise<void> {
    const asked = this.#listings.filter(({ provider: { id } }) => provider === undefined || id === provider);
    if (provider !== undefined && asked.length === 0)
      throw ProxyError.of('invalid_field', {
        field: 'provider',
        expected: 'must be the id of an enabled provider whose models are not in the configuration',
      });
    await Promise.all(asked.map((listing) => this.#fetch(listing)));
  }

  /** Gives up what is under way. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.pause();
    for (const proceed of this.#waiting.splice(0)) proceed();
    await Promise.all(this.#listings.map(({ running }) => running));
  }

  #schedule(listing: Listing, ms: number): void {
    if (listing.timer !== null) clearTimeout(listing.timer);
    if (!this.#isStarted || this.#isOver(listing)) return;
    // Many instances that were started together need not ask together.
    const jittered = ms * (0.9 + Math.random() * 0.2);
    listing.timer = setTimeout(() => void this.#fetch(listing), Math.min(jittered, 2 ** 31 - 1));
    listing.timer.unref();
  }

  /** Never rejects. One that is under way is joined. */
  #fetch(listing: Listing): Promise<void> {
    listing.running ??= this.#inTurn(() => this.#fetchNow(listing)).finally(() => {
      listing.running = null;
    });
    return listing.running;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    while (this.#asking >= AT_A_TIME && !this.#stopped.signal.aborted)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#stopped.signal.aborted) return;
    this.#asking += 1;
    try {
      await work();
    } finally {
      this.#asking -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #fetchNow(listing: Listing): Promise<void> {
    const { provider, gone } = listing;
    const timeout = new AbortController();
    const timer = setTimeout(
      () => timeout.abort(ProxyError.of('provider_silent', { provider: provider.id, ms: TIMEOUT_MS })),
      TIMEOUT_MS,
    );
    try {
      const models = await provider.fetchModels(AbortSignal.any([this.#stopped.signal, gone.signal, timeout.signal]));
      if (this.#isOver(listing)) return;
      listing.failures = 0;
      this.#options.onFetched?.({ provider: provider.id, models: models.length });
      this.#schedule(listing, this.#refreshMs);
      await this.#keep(provider, models);
    } catch (error) {
      if (this.#isOver(listing)) return;
      listing.failures += 1;
      if (listing.failures === 1)
        this.#options.onFailed?.({
          provider: provider.id,
          reason: error instanceof Error ? error.message : String(error),
        });
      this.#schedule(listing, this.#retryMs(listing, error));
    } finally {
      clearTimeout(timer);
    }
  }

  #retryMs({ failures }: Listing, error: unknown): number {
    if (error instanceof ProxyError && error.code === 'provider_key_missing') return KEY_RETRY_MS;
    return Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS, this.#refreshMs);
  }

  #isOver({ gone }: Listing): boolean {
    return this.#stopped.signal.aborted || gone.signal.aborted;
  }

  #file(folder: string, { id }: BaseProvider): string {
    return path.join(folder, `${id}.json`);
  }

  #kept(provider: BaseProvider): { models: VendorModel[]; fetchedAt: number } | null {
    if (this.#folder === null || provider.baseUrl === null) return null;
    let text: string;
    try {
      text = readFileSync(this.#file(this.#folder, provider), 'utf8');
    } catch (error) {
      if (!isMissing(error))
        this.#warn(`The kept list of models of '${provider.id}' cannot be read: ${reasonOf(error)}`);
      return null;
    }
    const read = keptList.safeParse(parsed(text));
    // One that is damaged, or of another server, is written anew after the next fetch.
    if (!read.success || read.data.type !== provider.type || read.data.baseUrl !== provider.baseUrl.href) return null;
    return { models: read.data.models.map(known), fetchedAt: read.data.fetchedAt };
  }

  async #keep(provider: BaseProvider, models: readonly VendorModel[]): Promise<void> {
    if (this.#folder === null || provider.baseUrl === null) return;
    const { type, baseUrl } = provider;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const list = { type, baseUrl: baseUrl.href, fetchedAt: provider.modelsView().fetchedAt ?? Date.now(), models };
      await this.#options.write(this.#file(this.#folder, provider), `${JSON.stringify(list)}\n`);
    } catch (error) {
      this.#warn(`Lists of models cannot be kept on disk, and are fetched again at the next start: ${reasonOf(error)}`);
    }
  }

  #warn(warning: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.onWarning(warning);
  }
}

/** Without what is absent: a fact that is there and undefined would hide what others know. */
const known = (model: z.output<typeof keptModel>): VendorModel => ({
  id: model.id,
  ...Object.fromEntries(Object.entries(model).filter(([, value]) => value !== undefined && value !== null)),
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
