import type { BaseProvider } from './base-provider.ts';

export interface WarmUpOptions {
  providers: readonly BaseProvider[];
  /** Told in words of each model that could not be loaded. */
  onWarning: (warning: string) => void;
  onLoaded: (loaded: { provider: string; model: string; ms: number }) => void;
}

/**
 * Has servers load the models that their configuration names, in the background. One after the other at each server: two at
 * a time take each other's memory and disk.
 */
export class WarmUp {
  readonly #options: WarmUpOptions;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: WarmUpOptions) {
    this.#options = options;
  }

  start(): void {
    const { providers } = this.#options;
    this.#running = Promise.all(
      providers.filter(({ loadsModels }) => loadsModels).map((provider) => this.#warmUp(provider)),
    );
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #warmUp(provider: BaseProvider): Promise<void> {
    const { onWarning, onLoaded } = this.#options;
    for (const model of provider.warmUp) {
      if (this.#stop.signal.aborted) return;
      const startedAt = performance.now();
      try {
        const { idleMs } = provider.timeouts;
        await provider.loadModel(model, AbortSignal.any([this.#stop.signal, AbortSignal.timeout(idleMs)]));
        onLoaded({ provider: provider.id, model, ms: Math.round(performance.now() - startedAt) });
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        onWarning(
          `Provider '${provider.id}' did not load '${model}' ahead, so the first request that asks for it waits for that: ${reasonOf(error, provider)}`,
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
