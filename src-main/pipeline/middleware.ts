import type { StreamEvent } from '../protocols/canonical.ts';
import type { Plan } from '../routing/plan.ts';
import type { Answer } from './answer.ts';
import type { AttemptOutcome } from './attempt-outcome.ts';
import type { AttemptContext, RequestContext } from './context.ts';

/** A request whose way is known, and the client's side of it. */
export interface RoutedRun {
  readonly context: RequestContext;
  readonly plan: Plan;
  readonly answer: Answer;
}

/**
 * A piece that hangs on the pipeline: around every request, around all attempts of one that has been routed, around every attempt, and on every event of an answer. To
 * refuse, throw a ProxyError. One with `event` makes answers be decoded, so pass-through ends while it is there.
 */
export interface Middleware {
  readonly name: string;
  request?(context: RequestContext, next: () => Promise<void>, answer: Answer): Promise<void>;
  /** It may answer by itself, and not go on. */
  routed?(run: RoutedRun, next: () => Promise<void>): Promise<void>;
  attempt?(context: AttemptContext, next: () => Promise<AttemptOutcome>): Promise<AttemptOutcome>;
  /** Returns what takes the event's place: itself, others, or none. The result must be a valid stream again. */
  event?(event: StreamEvent, context: AttemptContext): readonly StreamEvent[];
}

/** What runs around the rest of the way, which `next` goes on with. */
export type Step<Context, Result> = (context: Context, next: () => Promise<Result>) => Promise<Result>;

/** Nests steps around a core, the first outermost. */
export function compose<Context, Result>(
  steps: readonly Step<Context, Result>[],
  core: (context: Context) => Promise<Result>,
): (context: Context) => Promise<Result> {
  return steps.reduceRight<(context: Context) => Promise<Result>>(
    (inner, step) => (context) => step(context, () => inner(context)),
    core,
  );
}
