import type { Config } from '../../src-shared/config.ts';
import type { RoutingFacts } from '../../src-shared/routing.ts';
import type { BaseProvider } from '../providers/base-provider.ts';
import { Affinity, type KeptHomes } from './affinity.ts';
import type { AttemptResult } from './attempt-result.ts';
import { Circuits } from './circuits.ts';
import { Outcomes } from './outcomes.ts';
import type { Target } from './plan.ts';

export interface RoutingStateOptions {
  /** Why a provider is taken to be down, by its answers and probes; null where it is not. */
  downReason: (provider: string) => string | null;
  /** Of the configuration in force. */
  settings: () => Pick<Config['routing'], 'circuit' | 'affinity'>;
  /** Whether a provider is one of the configuration in force; all are where absent. */
  isInForce?: (provider: BaseProvider) => boolean;
  /** What was learned before; nothing where absent. */
  outcomes?: Outcomes;
  /** Where the homes of conversations are kept; nowhere where absent. */
  homes?: KeptHomes;
  /** Unix time in ms. */
  now?: () => number;
}

/** What is known of targets from earlier requests: it outlives a configuration. */
export class RoutingState {
  readonly circuits: Circuits;
  readonly outcomes: Outcomes;
  readonly affinity: Affinity;
  readonly #downReason: (provider: string) => string | null;
  readonly #isInForce: (provider: BaseProvider) => boolean;

  constructor(options: RoutingStateOptions) {
    const { downReason, settings, isInForce = () => true, outcomes = new Outcomes(), homes, now = Date.now } = options;
    this.circuits = new Circuits(() => settings().circuit, now);
    this.affinity = new Affinity(() => settings().affinity, now, homes ?? null);
    this.outcomes = outcomes;
    this.#downReason = downReason;
    this.#isInForce = isInForce;
  }

  /**
   * A provider is gone, or another has its id.
   * @param alsoLearned what its targets have shown as well: they are others.
   */
  forget(provider: string, alsoLearned: boolean): void {
    this.circuits.reset(provider);
    this.affinity.forget(provider);
    if (alsoLearned) this.outcomes.forget(provider);
  }

  /** Why a target had better be tried after others; null where it is ready. */
  troubleOf({ provider, model }: Target): string | null {
    return this.#downReason(provider.id) ?? provider.keys.whyNoneReady(model);
  }

  /** Null: its circuit has opened since it was planned. @param isReserve nothing else is left: it begins all the same. */
  begin(facts: RoutingFacts, target: Target, isReserve = false): ((result: AttemptResult) => void) | null {
    const { provider, model } = target;
    // A request goes on by the plan that it has. What it meets at a provider of before says nothing of one that has its id now.
    const isInForce = this.#isInForce(provider);
    const circuit = isInForce ? this.circuits.begin(provider.id, model, isReserve) : null;
    if (isInForce && circuit === null) return null;
    this.outcomes.begin(target);
    return (result) => {
      if (circuit === null || !this.#isInForce(provider)) {
        this.outcomes.endUnlearned(target);
        return;
      }
      circuit.end(result);
      this.outcomes.end(facts, target, result);
      this.affinity.learn(facts, target, result);
    };
  }
}
