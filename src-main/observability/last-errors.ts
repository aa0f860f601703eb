import type { ErrorEvent } from '../../src-shared/health.ts';
import type { EventBus } from '../pipeline/events.ts';

/** The newest failures of requests and of their attempts. */
export class LastErrors {
  readonly #capacity: number;
  readonly #subscription: () => void;
  #newest: ErrorEvent[] = [];

  constructor(bus: EventBus, capacity = 50, now: () => number = Date.now) {
    this.#capacity = capacity;
    // By the end of a request it is known whether another attempt made up for one that failed.
    this.#subscription = bus.on('request.finished', ({ id, askedModel, attempts, state, error }) => {
      if (error === null && attempts.length < 2) return;
      const at = now();
      const failed = attempts.flatMap(({ provider, model, error }): ErrorEvent[] =>
        error === null ? [] : [{ at, requestId: id, model, provider, error, recovered: state === 'answered' }],
      );
      // What the client was told is most often what the last attempt failed with.
      const isTold = failed.some((attempt) => attempt.error.code === error?.code);
      const own: ErrorEvent[] =
        error === null || isTold
          ? []
          : [{ at, requestId: id, model: askedModel, provider: null, error, recovered: false }];
      this.#add([...failed, ...own]);
    });
  }

  /** Newest first. */
  list(): ErrorEvent[] {
    return [...this.#newest];
  }

  close(): void {
    this.#subscription();
  }

  #add(events: ErrorEvent[]): void {
    if (events.length > 0) this.#newest = [...events.reverse(), ...this.#newest].slice(0, this.#capacity);
  }
}
