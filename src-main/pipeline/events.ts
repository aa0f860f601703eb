import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import type { RouteView } from '../../src-shared/routing.ts';
import type { Plan, Target } from '../routing/plan.ts';

/** What happens to requests, for accounting, logs, metrics and extensions. Rows are live: read, never change them. */
export interface PipelineEvents {
  'request.started': RequestRow;
  'request.routed': { request: RequestRow; plan: Plan };
  /** It leads nowhere, and is refused. */
  'request.unroutable': { request: RequestRow; route: RouteView };
  'attempt.started': { request: RequestRow; attempt: AttemptRow };
  'attempt.finished': { request: RequestRow; attempt: AttemptRow; target: Target };
  'request.answering': RequestRow;
  'request.finished': RequestRow;
}

export type PipelineEventName = keyof PipelineEvents;
type Listener<Name extends PipelineEventName> = (payload: PipelineEvents[Name]) => void;

/** A typed event bus. A listener that throws is reported and never fails a request. */
export class EventBus {
  readonly #listeners = new Map<PipelineEventName, Set<Listener<never>>>();
  readonly #onListenerError: (error: unknown, event: PipelineEventName) => void;

  constructor(onListenerError: (error: unknown, event: PipelineEventName) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Returns the function that ends the subscription. */
  on<Name extends PipelineEventName>(name: Name, listener: Listener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener as Listener<never>);
    return () => listeners.delete(listener as Listener<never>);
  }

  emit<Name extends PipelineEventName>(name: Name, payload: PipelineEvents[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        (listener as Listener<Name>)(payload);
      } catch (error) {
        this.#onListenerError(error, name);
      }
    }
  }
}
