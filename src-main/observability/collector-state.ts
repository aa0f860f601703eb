import type { Logger } from './logger.ts';

export interface CollectorWorld {
  /** Removes secrets from a text. */
  redact: (text: string) => string;
  log: Logger;
}

/** Whether a collector takes what it is sent. It is said once when it does not, and once when it does again. */
export class CollectorState {
  readonly #endpoint: string;
  readonly #world: CollectorWorld;
  /** Why the last sending failed, by what was sent. */
  readonly #troubles = new Map<string, string>();

  constructor(endpoint: string, world: CollectorWorld) {
    this.#endpoint = endpoint;
    this.#world = world;
  }

  /** Something has been sent, such as traces. @param trouble null: it has arrived. */
  told(what: string, trouble: Error | null): void {
    const wasWell = this.#troubles.size === 0;
    if (trouble === null) this.#troubles.delete(what);
    else this.#troubles.set(what, this.#world.redact(inWords(trouble)));
    const isWell = this.#troubles.size === 0;
    if (wasWell && !isWell) for (const warning of this.warnings) this.#world.log.warn(warning);
    if (!wasWell && isWell) this.#world.log.info(`The collector at ${this.#endpoint} takes what it is sent again`);
  }

  /** Why what was sent last has not arrived; null where it has. */
  get trouble(): string | null {
    const [trouble] = this.#troubles.values();
    return trouble ?? null;
  }

  get warnings(): string[] {
    const [failing] = this.#troubles;
    if (failing === undefined) return [];
    const [what, trouble] = failing;
    return [
      `The collector at ${this.#endpoint} does not take ${what}: ${trouble}. Requests are answered all the same. What it does not take is not kept.`,
    ];
  }
}

/** An HTTP status, where there was one; else what the network said. Never what the collector wrote. */
function inWords(error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return `it answered HTTP ${code}`;
  return error.message === '' && typeof code === 'string' ? code : error.message;
}
