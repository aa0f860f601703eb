import type { BaseProvider } from './base-provider.ts';

export interface WarmUpOptions {
  /** Told in words of each model that could not be loaded. */
  onWarning: (warning: string, provider: BaseProvider) => void;
  onLoaded: (loaded: { provider: string; model: string; ms: number }) => void;
}

/**
 * Has servers load the models that their configuration names, in the background. One after the other at each server: two at
 * a time take each other's memory and disk.
 */
export class WarmUp {
  readonly #options: WarmUpOptions;
  /** What is under way or done, by provider; aborted when it is none any more. */
  readonly #warmed = new Map<BaseProvider, { gone: AbortController; running: Promise<void> }>();
  #isStopped = false;

  constructor(options: WarmUpOptions) {
    this.#options = options;
  }

  /** From now on these are the providers. Those that were among them before have loaded theirs, or are at it. */
  follow(providers: readonly BaseProvider[]): void {
    if (this.#isStopped) return;
    for (const [provider, { gone }] of this.#warmed) {
      if (providers.includes(provider)) continue;
      gone.abort();
      this.#warmed.delete(provider);
    }
    for (const provider of providers) {
      if (!provider.loadsModels || this.#warmed.has(provider)) continue;
      const gone = new AbortController();
      this.#warmed.set(provider, { gone, running: this.#warmUp(provider, gone.signal) });
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const all = [...this.#warmed.values()];
    for (const { gone } of all) gone.abort();
    await Promise.all(all.map(({ running }) => running));
  }

  async #warmUp(provider: BaseProvider, gone: AbortSignal): Promise<void> {
    const { onWarning, onLoaded } = this.#options;
    for (const model of provider.warmUp) {
      if (gone.aborted) return;
      const startedAt = performance.now();
      try {
        const { idleMs } = provider.timeouts;
        await provider.loadModel(model, AbortSignal.any([gone, AbortSignal.timeout(idleMs)]));
        onLoaded({ provider: provider.id, model, ms: Math.round(performance.now() - startedAt) });
      } catch (error) {
        if (gone.aborted) return;
        onWarning(
          `Provider '${provider.id}' did not load '${model}' ahead, so the first request that asks for it waits for that: ${reasonOf(error, provider)}`,
          provider,
        );
      }
    }
  }
}

function reasonOf(error: unknown, { timeouts }: BaseProvider): string {
  const stopped = error instanceof Error && error.name === 'AbortError' ? error.cause : error;
  if (stopped instanceof Error && stopped.name === 'TimeoutError')
    return `it was not done within ${Math.round(timeouts.idleMs / 1000)} s (timeouts.idleMs).`;
  return error instanceof Error ? error.message : String(error);
}
