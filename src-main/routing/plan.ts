import type { UseCache } from '../../src-shared/cache-config.ts';
import type { TraceStep } from '../../src-shared/requests.ts';
import type { RouteView } from '../../src-shared/routing.ts';
import type { Changes } from '../../src-shared/rules.ts';
import type { BaseProvider } from '../providers/base-provider.ts';
import type { Turn } from './rounds.ts';

/** Where an attempt goes: a provider and the name the model has there. */
export interface Target {
  readonly provider: BaseProvider;
  readonly model: string;
  /** What a rule changes about the request, before it goes there. */
  readonly changes?: Changes;
  /** The turn that an attempt takes, where targets take turns. */
  readonly turn?: Turn;
}

/** `provider-id/model-id`: names a target in maps and to people. */
export const nameOf = ({ provider, model }: Target): string => `${provider.id}/${model}`;

/** The same question without making the name, for who looks through many. */
export const isNamed = ({ provider: { id }, model }: Target, name: string): boolean =>
  name.length === id.length + 1 + model.length &&
  name[id.length] === '/' &&
  name.startsWith(id) &&
  name.endsWith(model);

/** Why targets are skipped that could be tried after another. */
export const FAILOVER_IS_OFF = 'failover is off';

/** Where a request goes, decided once: a reload of the configuration never changes it. */
export interface Plan {
  /** The rule, or how the model's name was understood, such as `alias sonnet`; shown as `x-cproxy-route`. */
  readonly route: string;
  /** In the order in which they are tried; at least one. */
  readonly targets: readonly Target[];
  /** Left alone for now, since they have failed too often: tried only when all others have failed. */
  readonly reserves: readonly Target[];
  /** Tried, in this order, when a provider refuses the content. */
  readonly contentPolicy: readonly Target[];
  /** How long its answer is given again to the same request; null: it is not. */
  readonly cache: UseCache | null;
  /** The decision in a few words; `explain` has all of it. */
  readonly trace: readonly TraceStep[];
  /** Everything that was looked at. Costs more than the plan itself: for who asks. */
  explain(): RouteView;
}
