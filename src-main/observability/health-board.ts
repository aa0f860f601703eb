import type { HealthView, KeyView } from '../../src-shared/control.ts';
import type { AttemptRow } from '../../src-shared/requests.ts';
import { type ProbeReport, ProviderHealth } from './provider-health.ts';

/** What the board knows of a provider beforehand. Another object is another provider, also under the same id. */
export interface BoardProvider {
  id: string;
  keys: () => readonly KeyView[];
  /** Neither on this machine nor in its own network. */
  elsewhere: boolean;
}

/** How each provider does, by its answers and its probes. */
export class HealthBoard {
  #providers = new Map<string, { provider: BoardProvider; health: ProviderHealth }>();
  readonly #now: () => number;
  #slowBelow: number;
  #online = true;
  #wokeAt = Number.NEGATIVE_INFINITY;

  /** @param slowBelow tokens a second. @param now Unix time in ms. */
  constructor(providers: readonly BoardProvider[], slowBelow: number, now: () => number = Date.now) {
    this.#now = now;
    this.#slowBelow = slowBelow;
    this.follow(providers, slowBelow);
  }

  /** From now on these are the providers. Of those that were among them before, everything is known on. @param slowBelow tokens a second. */
  follow(providers: readonly BoardProvider[], slowBelow: number): void {
    this.#slowBelow = slowBelow;
    const before = this.#providers;
    this.#providers = new Map(
      providers.map((provider) => {
        const known = before.get(provider.id);
        return [provider.id, known?.provider === provider ? known : { provider, health: this.#begin(provider) }];
      }),
    );
  }

  #begin({ id, keys, elsewhere }: BoardProvider): ProviderHealth {
    const now = this.#now();
    const health = new ProviderHealth(id, keys, () => this.#slowBelow, now);
    if (elsewhere && !this.#online) health.setAway(true, now);
    return health;
  }

  /** An attempt has ended. */
  attemptFinished(attempt: AttemptRow): void {
    const known = this.#providers.get(attempt.provider);
    if (known === undefined) return;
    const { health, provider } = known;
    const now = this.#now();
    const slept = attempt.endedMs !== null && now - (attempt.endedMs - attempt.startedMs) < this.#wokeAt;
    if (attempt.outcome === 'answered') {
      health.answered(attempt, !slept, now);
    } else if (attempt.outcome === 'failed' && attempt.error !== null) {
      // What broke while this machine slept or had no network says nothing of the provider.
      const unreached = attempt.error.code === 'provider_unreachable' && provider.elsewhere && !this.#online;
      if (!slept && !unreached) health.failed(attempt.error, now);
    }
  }

  /** A probe has ended. */
  probed(provider: string, report: ProbeReport): void {
    this.#providers.get(provider)?.health.probed(report, this.#now());
  }

  /** Whether this machine has a network: without one, nothing is known of providers elsewhere. */
  setOnline(online: boolean): void {
    this.#online = online;
    for (const { provider, health } of this.#providers.values())
      if (provider.elsewhere) health.setAway(!online, this.#now());
  }

  /** The machine has slept until now: what attempts under way measure, or fail with, comes from that. */
  woke(): void {
    this.#wokeAt = this.#now();
  }

  /** Unix time in ms of the last good answer or probe of a provider; null where there was none. */
  lastGood(provider: string): number | null {
    return this.#providers.get(provider)?.health.lastGood ?? null;
  }

  /** Why a provider had better be asked after others, in words; null where nothing speaks against it, or it is not known. */
  trouble(provider: string): string | null {
    return this.#providers.get(provider)?.health.trouble() ?? null;
  }

  /** @throws Error for a provider it was not told of. */
  view(provider: string): HealthView {
    const known = this.#providers.get(provider);
    if (known === undefined) throw new Error(`no provider '${provider}' on the health board`);
    return known.health.view(this.#now());
  }
}
