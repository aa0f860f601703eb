import type { HealthView, KeyView } from '../../src-shared/control.ts';
import type { AttemptRow } from '../../src-shared/requests.ts';
import { type ProbeReport, ProviderHealth } from './provider-health.ts';

/** What the board knows of a provider beforehand. */
export interface BoardProvider {
  id: string;
  keys: () => readonly KeyView[];
  /** Neither on this machine nor in its own network. */
  elsewhere: boolean;
}

/** How each provider does, by its answers and its probes. */
export class HealthBoard {
  readonly #providers = new Map<string, { elsewhere: boolean; health: ProviderHealth }>();
  readonly #now: () => number;
  #online = true;
  #wokeAt = Number.NEGATIVE_INFINITY;

  /** @param slowBelow tokens a second. @param now Unix time in ms. */
  constructor(providers: readonly BoardProvider[], slowBelow: number, now: () => number = Date.now) {
    this.#now = now;
    for (const { id, keys, elsewhere } of providers)
      this.#providers.set(id, { elsewhere, health: new ProviderHealth(id, keys, slowBelow, now()) });
  }

  /** An attempt has ended. */
  attemptFinished(attempt: AttemptRow): void {
    const provider = this.#providers.get(attempt.provider);
    if (provider === undefined) return;
    const { health, elsewhere } = provider;
    const now = this.#now();
    const slept = attempt.endedMs !== null && now - (attempt.endedMs - attempt.startedMs) < this.#wokeAt;
    if (attempt.outcome === 'answered') {
      health.answered(attempt, !slept, now);
    } else if (attempt.outcome === 'failed' && attempt.error !== null) {
      // What broke while this machine slept or had no network says nothing of the provider.
      const unreached = attempt.error.code === 'provider_unreachable' && elsewhere && !this.#online;
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
    for (const { elsewhere, health } of this.#providers.values()) if (elsewhere) health.setAway(!online, this.#now());
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
