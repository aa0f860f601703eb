import type { Config } from '../../src-shared/config.ts';
import type { CircuitState, CircuitView } from '../../src-shared/routing.ts';
import type { AttemptResult } from './attempt-result.ts';
import { Circuit } from './circuit.ts';

export type CircuitSettings = Config['routing']['circuit'];

/** How a target's circuit stands. */
export interface Standing {
  readonly state: CircuitState;
  /** Why it is left alone, in words; null for one that is closed. */
  readonly why: string | null;
}

/** An attempt under way. */
export interface CircuitAttempt {
  end(result: AttemptResult): void;
}

const CLOSED: Standing = { state: 'closed', why: null };
/** Of targets that never fail nothing is kept; of others the ones that failed last. */
const MOST_CIRCUITS = 2_000;

/**
 * Leaves targets alone that fail too often, and tries them again with one request at a time. A model has a circuit, and so has its
 * provider, for what concerns all of its models: that it cannot be reached.
 */
export class Circuits {
  /** By provider and model; '' for the provider itself. */
  readonly #circuits = new Map<string, Circuit>();
  readonly #settings: () => CircuitSettings;
  readonly #now: () => number;

  /** @param now Unix time in ms. */
  constructor(settings: () => CircuitSettings, now: () => number = Date.now) {
    this.#settings = settings;
    this.#now = now;
  }

  standing(provider: string, model: string): Standing {
    if (this.#circuits.size === 0 || !this.#settings().enabled) return CLOSED;
    const now = this.#now();
    let worst = CLOSED;
    for (const circuit of this.#of(provider, model)) {
      const state = circuit.state(now);
      if (state === 'open') return { state, why: circuit.whyInWords(now) };
      if (state === 'half-open') worst = { state, why: circuit.whyInWords(now) };
    }
    return worst;
  }

  /**
   * An attempt begins. Null: a circuit is open, or half-open with another attempt under way.
   * @param isReserve nothing else is left: it begins whatever its circuit says.
   */
  begin(provider: string, model: string, isReserve = false): CircuitAttempt | null {
    const trials: Circuit[] = [];
    if (this.#circuits.size > 0 && this.#settings().enabled) {
      const now = this.#now();
      for (const circuit of this.#of(provider, model)) {
        const state = circuit.state(now);
        if (state === 'open' && !isReserve) return null;
        // What is asked because nothing else is left finds out nothing that its rest depends on: many may be at once.
        if (state === 'half-open') trials.push(circuit);
      }
      for (const circuit of trials) circuit.beginTrial(now);
    }
    return { end: (result) => this.#end(provider, model, result, trials) };
  }

  /** A provider has answered a question that costs nothing: it can be reached, and may be tried at once. */
  reached(provider: string): void {
    this.#circuits.get(keyOf(provider, ''))?.mayBeTried(this.#now());
  }

  /** Those that are not closed. */
  views(): CircuitView[] {
    if (!this.#settings().enabled) return [];
    const now = this.#now();
    return [...this.#circuits.values()].flatMap((circuit) => circuit.view(now) ?? []);
  }

  /** Closes the circuits of a provider, or of one of its models, or all. @returns how many were not closed. */
  reset(provider?: string, model?: string): number {
    const now = this.#now();
    let count = 0;
    for (const [key, circuit] of this.#circuits) {
      if (provider !== undefined && circuit.provider !== provider) continue;
      if (model !== undefined && circuit.model !== model && circuit.model !== null) continue;
      if (circuit.state(now) !== 'closed') count += 1;
      this.#circuits.delete(key);
    }
    return count;
  }

  *#of(provider: string, model: string): Generator<Circuit> {
    const whole = this.#circuits.get(keyOf(provider, ''));
    if (whole !== undefined) yield whole;
    const one = this.#circuits.get(keyOf(provider, model));
    if (one !== undefined) yield one;
  }

  #end(provider: string, model: string, result: AttemptResult, trials: readonly Circuit[]): void {
    const settings = this.#settings();
    if (settings.enabled) this.#learn(provider, model, result, trials, settings);
    // Also where circuits were turned off meanwhile: they may be turned on again.
    for (const trial of trials) trial.endTrial();
  }

  #learn(
    provider: string,
    model: string,
    result: AttemptResult,
    trials: readonly Circuit[],
    settings: CircuitSettings,
  ): void {
    const now = this.#now();
    const isUnreachable = result.error?.code === 'provider_unreachable';
    const fault = result.outcome === 'failed' && isOwnFault(result);
    if (fault) this.#failing(provider, isUnreachable ? null : model, now).failed(result, settings, trials, now);
    // Whatever it has answered, it can be reached.
    if (result.outcome === 'answered' || result.status !== null) this.#forget(provider, '', now);
    if (result.outcome === 'answered') this.#forget(provider, model, now);
  }

  /** The circuit that a failure belongs to. */
  #failing(provider: string, model: string | null, now: number): Circuit {
    const key = keyOf(provider, model ?? '');
    const circuit = this.#circuits.get(key) ?? new Circuit(provider, model, now);
    this.#circuits.delete(key);
    this.#circuits.set(key, circuit);
    const [oldest] = this.#circuits.keys();
    if (this.#circuits.size > MOST_CIRCUITS && oldest !== undefined) this.#circuits.delete(oldest);
    return circuit;
  }

  /** It is well: an open one closes, and of a closed one the failures of late still count for the share. */
  #forget(provider: string, model: string, now: number): void {
    const key = keyOf(provider, model);
    const circuit = this.#circuits.get(key);
    if (circuit?.succeeded(this.#settings(), now)) this.#circuits.delete(key);
  }
}

/** Ids of providers hold no slash. */
const keyOf = (provider: string, model: string): string => `${provider}/${model}`;

/** Codes that say that the provider itself has failed, not the request, a key or a limit. */
const OWN_FAULTS: ReadonlySet<string> = new Set([
  'provider_unreachable',
  'provider_redirected',
  'provider_silent',
  'provider_too_slow',
  'provider_slow',
  'provider_cut_stream',
  'provider_garbage',
  'provider_empty',
]);

/** Keys and their limits rest by themselves (providers/key-pool.ts). */
function isOwnFault({ error }: AttemptResult): boolean {
  if (error === null) return false;
  if (OWN_FAULTS.has(error.code)) return true;
  const isSaid = error.code === 'provider_error' || error.code === 'provider_stream_error';
  return isSaid && (error.status >= 500 || error.status === 408);
}
