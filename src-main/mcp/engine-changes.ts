import type { EventBus } from '../pipeline/events.ts';
import type { EngineChange } from './mcp-engine.ts';

type Listener = (changes: readonly EngineChange[]) => void;

/** Tells whoever listens what may have changed. While nobody does, it costs a look at an empty set. */
export class EngineChanges {
  readonly #listeners = new Set<Listener>();

  constructor(bus: EventBus) {
    bus.on('request.started', () => this.tell('requests'));
    // An attempt may have opened a circuit, or closed one.
    bus.on('attempt.finished', () => this.tell('health', 'routing', 'requests'));
    bus.on('request.finished', () => this.tell('usage', 'requests'));
  }

  /** @returns what ends it. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(...changes: readonly EngineChange[]): void {
    for (const listener of this.#listeners) listener(changes);
  }
}
