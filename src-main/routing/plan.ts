import type { TraceStep } from '../../src-shared/requests.ts';
import type { BaseProvider } from '../providers/base-provider.ts';

/** Where an attempt goes: a provider and the name the model has there. */
export interface Target {
  readonly provider: BaseProvider;
  readonly model: string;
}

/** Where a request goes, decided once: a reload of the configuration never changes it. */
export interface Plan {
  /** How the model's name was understood, such as `alias sonnet`; shown as `x-cproxy-route`. */
  readonly route: string;
  /** In the order in which they are tried; at least one. */
  readonly targets: readonly Target[];
  /** Every step of the decision, in words. */
  readonly trace: readonly TraceStep[];
}
