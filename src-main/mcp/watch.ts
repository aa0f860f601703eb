import { createHash } from 'node:crypto';
import type { EngineChange, McpEngine } from './mcp-engine.ts';

/** Something whose changes are told. */
export interface Watched {
  /** What is called the same is looked at once for all. */
  readonly uri: string;
  readonly changesWith: readonly EngineChange[];
  read(engine: McpEngine): Promise<unknown>;
  /** What of it says that it has changed; all of it where absent. */
  watched?(value: unknown): unknown;
}

interface Entry {
  readonly what: Watched;
  readonly listeners: Set<() => void>;
  /** Of what was seen last. */
  digest: Promise<string>;
  isDue: boolean;
}

/** Changes that come soon after one another are told together. */
const GATHER_MS = 250;
/** Some change in silence, such as what is only a matter of time. */
const LOOK_AGAIN_MS = 30_000;

/** Tells of real changes: the engine says that something may have changed, and what is seen then is compared. */
export class Watch {
  readonly #engine: McpEngine;
  readonly #onError: (error: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  #unsubscribe: (() => void) | null = null;
  #gathering: NodeJS.Timeout | null = null;
  #lookingAgain: NodeJS.Timeout | null = null;

  constructor(engine: McpEngine, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#onError = onError;
  }

  /** How many things are watched. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * @returns what ends it, once it is known how things stand: whatever changes from then on is told.
   * @throws what reading it throws
   */
  async add(what: Watched, listener: () => void): Promise<() => void> {
    const known = this.#entries.get(what.uri);
    const entry: Entry = known ?? { what, listeners: new Set(), digest: this.#digestOf(what), isDue: false };
    entry.listeners.add(listener);
    this.#entries.set(what.uri, entry);
    this.#begin();
    const end = (): void => this.#remove(entry, listener);
    try {
      await entry.digest;
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }

  #remove(entry: Entry, listener: () => void): void {
    entry.listeners.delete(listener);
    if (entry.listeners.size === 0 && this.#entries.get(entry.what.uri) === entry) this.#entries.delete(entry.what.uri);
    if (this.#entries.size === 0) this.#stop();
  }

  #begin(): void {
    this.#unsubscribe ??= this.#engine.onChange((changes) => this.#mayHaveChanged(changes));
    this.#lookingAgain ??= setInterval(() => this.#mayHaveChanged(null), LOOK_AGAIN_MS).unref();
  }

  #stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#gathering = null;
    if (this.#lookingAgain !== null) clearInterval(this.#lookingAgain);
    this.#lookingAgain = null;
  }

  /** @param changes null: anything. */
  #mayHaveChanged(changes: readonly EngineChange[] | null): void {
    let isAnyDue = false;
    for (const entry of this.#entries.values()) {
      if (changes !== null && !entry.what.changesWith.some((change) => changes.includes(change))) continue;
      entry.isDue = true;
      isAnyDue = true;
    }
    if (isAnyDue) this.#gathering ??= setTimeout(() => this.#look(), GATHER_MS).unref();
  }

  #look(): void {
    this.#gathering = null;
    for (const entry of this.#entries.values()) {
      if (!entry.isDue) continue;
      entry.isDue = false;
      void this.#compare(entry);
    }
  }

  async #compare(entry: Entry): Promise<void> {
    const before = entry.digest;
    const now = this.#digestOf(entry.what);
    try {
      const [seen, sees] = [await before, await now];
      entry.digest = now;
      if (seen !== sees) for (const listener of entry.listeners) listener();
    } catch (error) {
      // It is compared again with the next change.
      this.#onError(error);
    }
  }

  async #digestOf({ read, watched = (value) => value }: Watched): Promise<string> {
    const value = watched(await read(this.#engine));
    return createHash('sha256')
      .update(JSON.stringify(value) ?? '')
      .digest('base64');
  }
}
