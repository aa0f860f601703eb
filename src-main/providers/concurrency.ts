/** Gives a turn back; more than once does nothing. */
export type EndTurn = () => void;

interface Waiting {
  begin: () => void;
}

/**
 * How many requests a server is given at a time. Who comes first is served first; who leaves while waiting leaves the queue.
 */
export class Turns {
  #limit: number;
  #running = 0;
  readonly #queue: Waiting[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** A higher one lets those who wait begin; with a lower one, those who run go on. */
  set limit(limit: number) {
    this.#limit = limit;
    while (this.#running < limit) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#running += 1;
      next.begin();
    }
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** A turn that is free now; null where there is none, or others wait for it already. */
  tryTake(): EndTurn | null {
    if (this.#running >= this.#limit) return null;
    this.#running += 1;
    return this.#end();
  }

  /**
   * Waits for a turn.
   * @param signal of who waits; aborted, it rejects with its reason.
   * @param limitMs how long; null: for as long as it takes.
   * @returns null where none has come in that time.
   */
  take(signal: AbortSignal, limitMs: number | null): Promise<EndTurn | null> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const free = this.tryTake();
    if (free !== null) return Promise.resolve(free);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = {
        begin: () => {
          settle();
          resolve(this.#end());
        },
      };
      const leave = (): void => {
        settle();
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason);
      };
      const timer =
        limitMs === null
          ? undefined
          : setTimeout(() => {
              leave();
              resolve(null);
            }, limitMs);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(waiting);
    });
  }

  /** A turn passes from one to the next without becoming free in between, so that nobody who comes then is before them. */
  #end(): EndTurn {
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const next = this.#running > this.#limit ? undefined : this.#queue.shift();
      if (next === undefined) this.#running -= 1;
      else next.begin();
    };
  }
}
