import { ProxyError } from '../../src-shared/errors.ts';
import type { RouteView, RoutingFacts } from '../../src-shared/routing.ts';
import type { StreamEvent } from '../protocols/canonical.ts';
import { HOPS_HEADER } from '../providers/http-provider.ts';
import type { AttemptResult } from '../routing/attempt-result.ts';
import type { Plan, Target } from '../routing/plan.ts';
import type { FactWorld } from '../routing/request-facts.ts';
import { accounting } from './accounting.ts';
import { Answer, type AnswerTimes } from './answer.ts';
import { attemptTarget } from './attempt.ts';
import type { AttemptOutcome, Failure } from './attempt-outcome.ts';
import type { ClientReply, ClientRequest } from './client-request.ts';
import { type AttemptChances, type AttemptContext, attemptContext, RequestContext } from './context.ts';
import { type CountAnswer, countTokens } from './count-tokens.ts';
import type { EventBus } from './events.ts';
import { failOver } from './failover.ts';
import { hopsOf } from './hops.ts';
import { inTurn } from './in-turn.ts';
import type { LocalCounter } from './local-counter.ts';
import { compose, type Middleware, type RoutedRun, type Step } from './middleware.ts';
import { askOwnCounter } from './own-count.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';
import type { SlowStartSettings } from './slow-start.ts';
import { settleSystemText } from './system-text.ts';
import type { RetrySettings } from './target-queue.ts';
import { WindowCheck } from './window-check.ts';

/** Where requests go. */
export interface Router {
  /** @throws ProxyError `unknown_model` */
  plan(facts: RoutingFacts): Plan;
  /** The same in words, also of what leads nowhere. */
  explain(facts: RoutingFacts): RouteView;
  /**
   * An attempt is to begin. Null: its circuit has opened meanwhile. Else what to call when it has ended.
   * @param isReserve nothing else is left: it begins whatever its circuit says.
   */
  begin(facts: RoutingFacts, target: Target, isReserve: boolean): ((result: AttemptResult) => void) | null;
}

export interface FailoverSettings {
  retries: RetrySettings;
  /** How the beginning of streams is held to see whether they are slow; null: not at all. */
  slowStart: SlowStartSettings | null;
}

export interface PipelineOptions {
  /** By the configuration in force. */
  router: () => Router;
  /** By the configuration in force, as are the two that follow. */
  facts: () => FactWorld;
  times: () => AnswerTimes;
  failover: () => FailoverSettings;
  bus: EventBus;
  /** In the order in which they nest, the first outermost; accounting is always around them. */
  middleware?: readonly Middleware[];
  /** Marks this engine in a chain of CProxies. */
  instanceId: string;
  /** Whether an address is this engine's own listener. */
  isSelf: (url: URL) => boolean;
  redact: (text: string) => string;
  memory: ReasoningMemory;
  counter: LocalCounter;
  /** Told of what is a bug: anything thrown that is no ProxyError. */
  onInternalError: (error: unknown, requestId: string) => void;
}

/** Whoever counts has no other to ask instead. */
const ONLY_ONE: AttemptChances = { noOther: true, isFinal: true, othersForRefused: false };

/** One request with the client's side of it, and the attempt that is being made. */
interface RequestRun {
  readonly context: RequestContext;
  readonly answer: Answer;
}

interface AttemptRun extends RequestRun {
  readonly attempt: AttemptContext;
  readonly hops: string;
}

/** A request that has been routed, with what its attempts are made with. */
interface TargetsRun extends RoutedRun {
  readonly router: Router;
  readonly hops: string;
}

/** One request's way: receive → plan → attempts → answer. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #request: (run: RequestRun) => Promise<void>;
  readonly #targets: (run: TargetsRun) => Promise<void>;
  readonly #attempt: (attempt: AttemptRun) => Promise<AttemptOutcome>;
  readonly #windows: WindowCheck;
  #running = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const middleware = options.middleware ?? [];
    const requestSteps = middleware.flatMap((piece) => piece.request?.bind(piece) ?? []);
    const routedSteps = middleware.flatMap((piece) => piece.routed?.bind(piece) ?? []);
    const attemptSteps = middleware.flatMap((piece) => piece.attempt?.bind(piece) ?? []);
    const account = accounting(options.bus);
    const onEvent = composeEvents(middleware);
    // Accounting is outermost and sees how a request ended, also when middleware refused it.
    this.#request = compose<RequestRun, void>(
      [
        ({ context, answer }, next) => account.request(context, next, answer),
        (run, next) =>
          next().then(
            () => this.#assertAnswered(run),
            (error: unknown) => this.#answerError(run, error),
          ),
        ...requestSteps.map(
          (step): Step<RequestRun, void> =>
            ({ context, answer }, next) =>
              step(context, next, answer),
        ),
      ],
      (run) => this.#answerRequest(run),
    );
    this.#targets = compose<TargetsRun, void>(routedSteps, (run) => this.#askTargets(run));
    this.#attempt = compose<AttemptRun, AttemptOutcome>(
      [
        ({ attempt }, next) => account.attempt(attempt, next),
        ...attemptSteps.map(
          (step): Step<AttemptRun, AttemptOutcome> =>
            ({ attempt }, next) =>
              step(attempt, next),
        ),
      ],
      ({ attempt, answer, hops }) =>
        inTurn(attempt, () => attemptTarget(attempt, answer, { ...options, ...options.failover(), hops, onEvent })),
    );
    this.#windows = new WindowCheck({
      counter: options.counter,
      ownCount: (attempt) => askOwnCounter(attempt, { ...options, hops: this.#hops(attempt.request.request) }, true),
    });
  }

  /** Requests whose answers have not reached the network to their end. */
  get running(): number {
    return this.#running;
  }

  /** Answers a request, whatever happens; never throws. */
  async handle(request: ClientRequest, reply: ClientReply): Promise<void> {
    const context = new RequestContext(request, this.#options.facts());
    const answer = new Answer(context, reply, this.#options.times(), () =>
      this.#options.bus.emit('request.answering', context.row),
    );
    this.#running += 1;
    try {
      await this.#request({ context, answer });
    } finally {
      answer.release();
      // A slow reader may still lack most of a long answer.
      reply.onClosed(() => {
        this.#running -= 1;
      });
    }
  }

  /**
   * Counts a request as its targets would. It is no request of a model: nothing is accounted, and no middleware runs.
   * @throws ProxyError `unknown_model`, `loop_detected`; `invalid_field`, `invalid_json` where it is counted here.
   */
  async countTokens(request: ClientRequest): Promise<CountAnswer> {
    const context = new RequestContext(request, this.#options.facts(), true);
    const hops = this.#hops(request);
    const plan = this.#options.router().plan(context.facts);
    context.plan = plan;
    await settleSystemText(context, plan, this.#options.memory.notes);
    const attempts = plan.targets.map((target) => attemptContext(context, target, ONLY_ONE));
    this.#running += 1;
    try {
      return await countTokens(request, attempts, { ...this.#options, hops });
    } finally {
      this.#running -= 1;
    }
  }

  /** The core inside all request middleware. */
  async #answerRequest(run: RequestRun): Promise<void> {
    const { context, answer } = run;
    const { row } = context;
    const hops = this.#hops(context.request);
    const router = this.#options.router();
    const plan = this.#plan(context, router);
    context.plan = plan;
    row.route = plan.route;
    row.trace.push(...plan.trace);
    this.#options.bus.emit('request.routed', { request: row, plan });
    await settleSystemText(context, plan, this.#options.memory.notes);
    await this.#targets({ context, answer, plan, router, hops });
  }

  /** The core inside of what hangs on routed requests. */
  async #askTargets({ context, answer, plan, router, hops }: TargetsRun): Promise<void> {
    const { retries } = this.#options.failover();
    const end = await failOver(context, plan, {
      begin: (facts, target, isReserve) => router.begin(facts, target, isReserve),
      windows: this.#windows,
      attempt: (attempt) => this.#attempt({ context, answer, attempt, hops }),
      retries,
    });
    if (end.kind === 'failed') this.#fail({ context, answer }, end.failure.error, end.failure.original);
    else context.row.state = end.kind;
  }

  /** @throws ProxyError `unknown_model`, after it has told the way that led nowhere. */
  #plan({ facts, row }: RequestContext, router: Router): Plan {
    try {
      return router.plan(facts);
    } catch (error) {
      if (error instanceof ProxyError)
        this.#options.bus.emit('request.unroutable', { request: row, route: router.explain(facts) });
      throw error;
    }
  }

  /** Middleware that neither goes on nor throws would leave the client waiting for ever. */
  #assertAnswered(run: RequestRun): void {
    const { answer, context } = run;
    if (answer.ended || context.request.signal.aborted) return;
    this.#answerError(run, new Error('a middleware ended the request without an answer'));
  }

  #answerError(run: RequestRun, error: unknown): void {
    if (error instanceof ProxyError) {
      this.#fail(run, error);
      return;
    }
    const { id } = run.context.request;
    this.#options.onInternalError(error, id);
    this.#fail(run, ProxyError.of('internal', { requestId: id }));
  }

  #fail({ context, answer }: RequestRun, error: ProxyError, original: Failure['original'] = null): void {
    context.row.state = 'failed';
    context.row.error = error.view();
    answer.fail(error, original);
  }

  /** @throws ProxyError `loop_detected` */
  #hops(request: ClientRequest): string {
    return hopsOf(request.header(HOPS_HEADER), this.#options.instanceId);
  }
}

function composeEvents(
  middleware: readonly Middleware[],
): ((event: StreamEvent, context: AttemptContext) => readonly StreamEvent[]) | null {
  const steps = middleware.flatMap((piece) => piece.event?.bind(piece) ?? []);
  if (steps.length === 0) return null;
  return (event, context) => {
    let events: readonly StreamEvent[] = [event];
    for (const step of steps) events = events.flatMap((one) => step(one, context));
    return events;
  };
}
