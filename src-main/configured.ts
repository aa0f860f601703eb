import { isDeepStrictEqual } from 'node:util';
import type { Config, ProviderConfig } from '../src-shared/config.ts';
import type { Folders } from './config/folders.ts';
import type { LoadedConfig } from './config/load-config.ts';
import type { BoardProvider } from './observability/health-board.ts';
import type { RequestLog } from './observability/request-log.ts';
import type { AnswerTimes } from './pipeline/answer.ts';
import type { FailoverSettings } from './pipeline/pipeline.ts';
import { addsSystemText, NO_SYSTEM_TEXT } from './pipeline/system-text.ts';
import type { BaseProvider } from './providers/base-provider.ts';
import type { ProviderResources } from './providers/http-provider.ts';
import { isElsewhere } from './providers/online.ts';
import { createProvider } from './providers/provider-types.ts';
import { SubscriptionUse } from './providers/subscription-use.ts';
import { ProviderRouter } from './routing/provider-router.ts';
import type { BudgetStanding, BudgetWho, FactWorld } from './routing/request-facts.ts';
import type { RoutingState } from './routing/routing-state.ts';
import { keyUsersOf } from './secrets/key-users.ts';
import type { SecretStore } from './secrets/secret-store.ts';
import { StoredKeys } from './secrets/stored-keys.ts';
import { Simulation } from './simulation.ts';

/** What outlives configurations, as far as they are made with it. */
export interface ConfiguredWorld {
  env: NodeJS.ProcessEnv;
  folders: Folders;
  resources: ProviderResources;
  /** The built-in provider. */
  demo: BaseProvider;
  state: RoutingState;
  requests: RequestLog;
  store: SecretStore;
  /** Called with each key that is set, before anything is done with it. */
  onKey: (key: string) => void;
  /** Whether conversations are remembered at all. */
  remembers: boolean;
  /** How budgets bear upon a request. */
  budgets: (who: BudgetWho) => BudgetStanding;
}

/** A provider as it is configured, and what is made of that. */
interface Entry {
  readonly config: ProviderConfig;
  readonly provider: BaseProvider;
  readonly onBoard: BoardProvider;
  readonly warnings: readonly string[];
}

/** A provider that is not there any more; another may have its id. */
export interface Replaced {
  id: string;
  /** Whether what its models have shown says nothing of those that are called the same now. */
  isElsewhere: boolean;
}

/**
 * What one configuration makes of the engine. It is made as a whole, and the next one takes its place as a whole; providers that are
 * configured alike go on in the next, with their keys, connections, lists and all that is known of them.
 */
export class Configured {
  readonly loaded: LoadedConfig;
  readonly config: Config;
  readonly providers: readonly BaseProvider[];
  readonly enabled: readonly BaseProvider[];
  readonly onBoard: readonly BoardProvider[];
  readonly router: ProviderRouter;
  readonly simulation: Simulation;
  readonly storedKeys: StoredKeys;
  readonly facts: FactWorld;
  readonly subscription: SubscriptionUse;
  readonly times: AnswerTimes;
  readonly failover: FailoverSettings;
  readonly #entries: readonly Entry[];
  readonly #all: ReadonlySet<BaseProvider>;
  readonly #warnings: readonly string[];

  /** @throws what a provider that cannot be made throws. */
  constructor(loaded: LoadedConfig, before: Configured | null, world: ConfiguredWorld) {
    const { env, folders, resources, demo, state, requests, store, onKey, remembers, budgets } = world;
    const { config } = loaded;
    this.loaded = loaded;
    this.config = config;
    this.#entries = Configured.#entriesOf(config, before, resources);
    this.providers = this.#entries.map(({ provider }) => provider);
    this.enabled = this.providers.filter(({ enabled }) => enabled);
    this.onBoard = this.#entries.map(({ onBoard }) => onBoard);
    this.#all = new Set([demo, ...this.providers]);
    this.router = new ProviderRouter({ config, providers: this.providers, demo, state });
    this.simulation = new Simulation({ loaded, env, folders, providers: this.providers, demo, state, requests });
    this.storedKeys = new StoredKeys({
      store,
      providers: keyUsersOf(config),
      onKey,
      onChange: async (id) => {
        const keys = this.find(id)?.keys;
        keys?.refresh();
        await keys?.read();
      },
    });
    const subscription = new SubscriptionUse({ providers: this.enabled, now: Date.now });
    this.subscription = subscription;
    this.facts = {
      headers: this.router.headers,
      budgets,
      subscription: () => subscription.used(),
      now: Date.now,
    };
    const { holdMs, retries, slowStreams } = config.routing;
    this.times = { holdMs, pingMs: config.server.pingMs };
    this.failover = {
      retries,
      slowStart:
        slowStreams.holdMs === undefined
          ? null
          : { tokensPerSecond: slowStreams.tokensPerSecond, holdMs: slowStreams.holdMs },
    };
    this.#warnings = [
      ...loaded.warnings,
      ...this.#entries.flatMap(({ warnings }) => warnings),
      ...(!remembers && addsSystemText(config.routing) ? [NO_SYSTEM_TEXT] : []),
    ];
  }

  /** Where names lead follows the providers' lists. */
  get warnings(): string[] {
    return [...this.#warnings, ...this.router.warnings, ...this.#limitWarnings()];
  }

  /** What of limits leads nowhere, or counts nothing. */
  #limitWarnings(): string[] {
    const { budgets, rates } = this.config.limits;
    const nowhere = this.router.names.mayGrow
      ? []
      : budgets.flatMap(({ id, use = [] }) =>
          use
            .filter((name) => this.router.names.targetsOf(name, '').length === 0)
            .map((name) => `Budget '${id}' leads to '${name}', which no enabled provider has.`),
        );
    const named = [
      ...budgets.map(({ id, of }) => ({ what: `Budget '${id}'`, provider: of.provider })),
      ...rates.map(({ id, of }) => ({ what: `Rate '${id}'`, provider: of.provider })),
    ];
    const counting = named.flatMap(({ what, provider }) =>
      provider === undefined || this.find(provider) !== null
        ? []
        : [`${what} counts what '${provider}' is asked, which is no provider.`],
    );
    return [...nowhere, ...counting];
  }

  find(id: string): BaseProvider | null {
    return this.providers.find((provider) => provider.id === id) ?? null;
  }

  /** Whether it is one of these providers, and not one of before that has the same id. */
  has(provider: BaseProvider): boolean {
    return this.#all.has(provider);
  }

  /** Providers that another configuration had, and this one has not. */
  replacedOf(before: Configured): Replaced[] {
    return before.providers
      .filter((provider) => !this.has(provider))
      .map(({ id, type, baseUrl }) => {
        const next = this.find(id);
        return { id, isElsewhere: next?.type !== type || next.baseUrl?.href !== baseUrl?.href };
      });
  }

  #entryOf(config: ProviderConfig): Entry | undefined {
    return this.#entries.find((entry) => entry.config.id === config.id && isDeepStrictEqual(entry.config, config));
  }

  /** By itself: what the constructor makes keeps what it sees, and would keep each configuration that there ever was. */
  static #entriesOf({ providers }: Config, before: Configured | null, resources: ProviderResources): Entry[] {
    return providers.map(
      (config) =>
        (before === null ? null : before.#entryOf(config)) ?? newEntry(config, createProvider(config, resources)),
    );
  }
}

const newEntry = (config: ProviderConfig, provider: BaseProvider): Entry => ({
  config,
  provider,
  onBoard: {
    id: provider.id,
    keys: () => provider.keys.views(),
    elsewhere: isElsewhere(provider.baseUrl),
  },
  warnings: provider.enabled ? provider.warnings : [],
});
