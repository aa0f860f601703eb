import { ProxyError } from '../../src-shared/errors.ts';
import type { AttemptRow } from '../../src-shared/requests.ts';
import type { StreamEvent } from '../protocols/canonical.ts';
import { HOPS_HEADER } from '../providers/http-provider.ts';
import type { Plan, Target } from '../routing/plan.ts';
import { accounting } from './accounting.ts';
import { Answer, type AnswerTimes } from './answer.ts';
import { attemptTarget } from './attempt.ts';
import type { AttemptOutcome, Failure } from './attempt-outcome.ts';
import type { ClientReply, ClientRequest } from './client-request.ts';
import { type AttemptContext, RequestContext } from './context.ts';
import type { EventBus } from './events.ts';
import { compose, type Middleware } from './middleware.ts';
import { combinedFailure } from './upstream-failure.ts';

export interface PipelineOptions {
  /** Plans a request by the configuration in force. @throws ProxyError `unknown_model` */
  plan: (model: string) => Plan;
  times: () => AnswerTimes;
  bus: EventBus;
  /** In the order in which they nest, the first outermost; accounting is always around them. */
  middleware?: readonly Middleware[];
  /** Marks this engine in a chain of CProxies. */
  instanceId: string;
  /** Whether an address is this engine's own listener. */
  isSelf: (url: URL) => boolean;
  redact: (text: string) => string;
  /** Told of what is a bug: anything thrown that is no ProxyError. */
  onInternalError: (error: unknown, requestId: string) => void;
}

/** Longest chain of CProxies; more is taken for a loop of others. */
const MOST_HOPS = 8;

/** One request's way: receive → plan → attempts → answer. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #request: (context: RequestContext, answer: Answer) => Promise<void>;
  readonly #attempt: (context: AttemptContext, answer: Answer, hops: string) => Promise<AttemptOutcome>;
  #running = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const middleware = [accounting(options.bus), ...(options.middleware ?? [])];
    const requestSteps = middleware.flatMap((piece) => (piece.request === undefined ? [] : [piece.request.bind(piece)]));
    const attemptSteps = middleware.flatMap((piece) => (piece.attempt === undefined ? [] : [piece.attempt.bind(piece)]));
    const onEvent = composeEvents(middleware);
    this.#request = (context, answer) => compose(requestSteps, () => this.#answerRequest(context, answer))(context);
    this.#attempt = (context, answer, hops) =>
      compose(attemptSteps, () => attemptTarget(context, answer, { hops, onEvent, isSelf: options.isSelf, redact: options.redact }))(context);
  }

  /** Requests that are being answered now. */
  get running(): number {
    return this.#running;
  }

  /** Answers a request, whatever happens; never throws. */
  async handle(request: ClientRequest, reply: ClientReply): Promise<void> {
    const context = new RequestContext(request);
    const answer = new Answer(context, reply, this.#options.times(), () => this.#options.bus.emit('request.answering', context.row));
    this.#running += 1;
    try {
      await this.#request(context, answer);
    } catch (error) {
      // Accounting has closed the row already, so only middleware that breaks its own rules comes here.
      answer.fail(this.#asProxyError(error, context));
    } finally {
      answer.release();
      this.#running -= 1;
    }
  }

  #asProxyError(error: unknown, context: RequestContext): ProxyError {
    if (error instanceof ProxyError) return error;
    this.#options.onInternalError(error, context.request.id);
    return ProxyError.of('internal', { requestId: context.request.id });
  }

  /** The core inside all request middleware. */
  async #answerRequest(context: RequestContext, answer: Answer): Promise<void> {
    const { row } = context;
    try {
      const hops = this.#hops(context.request);
      const plan = this.#options.plan(context.request.model);
      context.plan = plan;
      row.route = plan.route;
      row.trace.push(...plan.trace);
      this.#options.bus.emit('request.routed', row);
      const failures: Failure[] = [];
      for (const [index, target] of plan.targets.entries()) {
        const attempt = this.#attemptContext(context, target, index === plan.targets.length - 1);
        const outcome = await this.#attempt(attempt, answer, hops);
        if (outcome.kind === 'answered') {
          row.state = 'answered';
          return;
        }
        if (outcome.kind === 'aborted') {
          row.state = 'aborted';
          return;
        }
        const { failure } = outcome;
        failures.push(failure);
        row.trace.push({ step: 'attempt failed', detail: failure.error.message });
        if (outcome.answering || !failure.tryNext) {
          this.#fail(context, answer, failure.error, failure.original);
          return;
        }
      }
      const only = failures.length === 1 ? failures[0] : undefined;
      if (only !== undefined) this.#fail(context, answer, only.error, only.original);
      else this.#fail(context, answer, combinedFailure(failures.map(({ error }) => error)), null);
    } catch (error) {
      this.#fail(context, answer, this.#asProxyError(error, context), null);
    }
  }

  #attemptContext(request: RequestContext, target: Target, last: boolean): AttemptContext {
    const { provider, model } = target;
    const row: AttemptRow = {
      provider: provider.id,
      model,
      mode: 'pass-through',
      startedMs: request.elapsedMs(),
      firstContentMs: null,
      endedMs: null,
      status: null,
      outcome: 'running',
      error: null,
      usage: null,
      stopReason: null,
    };
    return { request, target, row, last };
  }

  /** @throws ProxyError `loop_detected` */
  #hops(request: ClientRequest): string {
    const { instanceId } = this.#options;
    const before = (request.header(HOPS_HEADER) ?? '').split(',').filter((hop) => hop !== '');
    if (before.includes(instanceId) || before.length >= MOST_HOPS) throw ProxyError.of('loop_detected', undefined);
    return [...before, instanceId].join(',');
  }

  #fail(context: RequestContext, answer: Answer, error: ProxyError, original: Failure['original']): void {
    context.row.state = 'failed';
    context.row.error = error.view();
    answer.fail(error, original);
  }
}

function composeEvents(middleware: readonly Middleware[]): ((event: StreamEvent, context: AttemptContext) => readonly StreamEvent[]) | null {
  const steps = middleware.flatMap((piece) => (piece.event === undefined ? [] : [piece.event.bind(piece)]));
  if (steps.length === 0) return null;
  return (event, context) => {
    let events: readonly StreamEvent[] = [event];
    for (const step of steps) events = events.flatMap((one) => step(one, context));
    return events;
  };
}
