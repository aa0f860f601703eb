import { ProxyError } from '../../src-shared/errors.ts';
import type { AttemptRow, TokenUsage } from '../../src-shared/requests.ts';
import type { StreamEvent } from '../protocols/canonical.ts';
import { limitOfPrompt, promptTooLong } from '../protocols/context-overflow.ts';
import { HOPS_HEADER } from '../providers/http-provider.ts';
import type { KeyFault } from '../providers/key-fault.ts';
import type { Plan, Target } from '../routing/plan.ts';
import { accounting } from './accounting.ts';
import { Answer, type AnswerTimes } from './answer.ts';
import { attemptTarget } from './attempt.ts';
import { hasAnotherKey, isReplaced, triedKeys } from './attempt-key.ts';
import type { AttemptOutcome, Failure } from './attempt-outcome.ts';
import type { ClientReply, ClientRequest } from './client-request.ts';
import { type AttemptContext, RequestContext } from './context.ts';
import { type CountAnswer, countTokens } from './count-tokens.ts';
import type { EventBus } from './events.ts';
import { failuresOfKeys } from './failures-of-keys.ts';
import { inTurn } from './in-turn.ts';
import type { LocalCounter } from './local-counter.ts';
import { compose, type Middleware, type Step } from './middleware.ts';
import { askOwnCounter } from './own-count.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';
import { combinedFailure } from './upstream-failure.ts';
import { type TooLarge, WindowCheck } from './window-check.ts';

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
  memory: ReasoningMemory;
  counter: LocalCounter;
  /** Told of what is a bug: anything thrown that is no ProxyError. */
  onInternalError: (error: unknown, requestId: string) => void;
}

const NO_KEYS: ReadonlySet<string> = new Set();

/** Longest chain of CProxies; more is taken for a loop of others. */
const MOST_HOPS = 8;

/** One request with the client's side of it, and the attempt that is being made. */
interface RequestRun {
  readonly context: RequestContext;
  readonly answer: Answer;
}

interface AttemptRun extends RequestRun {
  readonly attempt: AttemptContext;
  readonly hops: string;
}

/** One request's way: receive → plan → attempts → answer. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #request: (run: RequestRun) => Promise<void>;
  readonly #attempt: (attempt: AttemptRun) => Promise<AttemptOutcome>;
  readonly #windows: WindowCheck;
  #running = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const middleware = options.middleware ?? [];
    const requestSteps = middleware.flatMap((piece) => piece.request?.bind(piece) ?? []);
    const attemptSteps = middleware.flatMap((piece) => piece.attempt?.bind(piece) ?? []);
    const account = accounting(options.bus);
    const onEvent = composeEvents(middleware);
    // Accounting is outermost and sees how a request ended, also when middleware refused it.
    this.#request = compose<RequestRun, void>(
      [
        ({ context }, next) => account.request(context, next),
        (run, next) =>
          next().then(
            () => this.#assertAnswered(run),
            (error: unknown) => this.#answerError(run, error),
          ),
        ...requestSteps.map(
          (step): Step<RequestRun, void> =>
            ({ context }, next) =>
              step(context, next),
        ),
      ],
      (run) => this.#answerRequest(run),
    );
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
        inTurn(attempt, () => attemptTarget(attempt, answer, { ...options, hops, onEvent })),
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
    const context = new RequestContext(request);
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
    const context = new RequestContext(request);
    const hops = this.#hops(request);
    const plan = this.#options.plan(request.body.model);
    context.plan = plan;
    const attempts = plan.targets.map((target) => this.#attemptContext(context, target, true));
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
    const plan = this.#options.plan(context.request.body.model);
    context.plan = plan;
    row.route = plan.route;
    row.trace.push(...plan.trace);
    this.#options.bus.emit('request.routed', row);
    const failures: Failure[] = [];
    // The largest window that has been too small.
    let tooSmall = 0;
    for (const [index, target] of plan.targets.entries()) {
      const attempt = this.#attemptContext(context, target, index === plan.targets.length - 1);
      const isSmall = (this.#windows.windowOf(context.request, target) ?? Infinity) <= tooSmall;
      if (isSmall && !(await this.#windows.surelyFits(attempt))) {
        this.#skip(context, target, 'its window is not larger');
        continue;
      }
      const tooLarge = await this.#windows.check(attempt);
      // Who has left meanwhile is refused nothing; the attempt notices it.
      if (tooLarge !== null && !context.request.signal.aborted) {
        const { tokens, window } = tooLarge;
        this.#skip(context, target, `about ${inWords(tokens)} tokens are more than its window of ${inWords(window)}`);
        failures.push({ error: overflow(target, tooLarge), original: null, tryNext: true });
        tooSmall = Math.max(tooSmall, window);
        continue;
      }
      const ofKeys: Failure[] = [];
      for (let made: AttemptContext | null = attempt; made !== null; ) {
        made.row.startedMs = context.elapsedMs();
        const outcome = await this.#attempt({ context, answer, attempt: made, hops });
        if (made.row.usage !== null) this.#learn(made, made.row.usage);
        if (outcome.kind !== 'failed') {
          row.state = outcome.kind;
          return;
        }
        const failure: Failure = outcome.answering ? outcome.failure : await this.#withNumbers(outcome.failure, made);
        ofKeys.push(failure);
        row.trace.push({ step: 'attempt failed', detail: failure.error.message });
        tooSmall = Math.max(tooSmall, limitRefused(failure.error));
        if (outcome.answering || !failure.tryNext) {
          this.#fail(run, failure.error, failure.original);
          return;
        }
        made = failure.keyFault === undefined ? null : await this.#withAnotherKey(made, failure.keyFault);
      }
      failures.push(...failuresOfKeys(target.provider.id, ofKeys));
    }
    const { error, original } = failureOfAll(failures);
    this.#fail(run, error, original);
  }

  /**
   * A prompt that its target calls too long, with numbers where that gave none: by them Claude Code cuts what it asks a summary
   * of to fit at once, while without it tries size after size.
   */
  async #withNumbers(failure: Failure, attempt: AttemptContext): Promise<Failure> {
    const { code, message } = failure.error;
    if (code !== 'context_overflow' || limitOfPrompt(message) !== null) return failure;
    const size = await this.#windows.measure(attempt);
    return size === null ? failure : { ...failure, error: overflow(attempt.target, size), original: null };
  }

  #learn({ request, target, key }: AttemptContext, usage: TokenUsage): void {
    this.#windows.learn(request.request, target, usage);
    if (key !== null) target.provider.keys.used(key, usage.input + usage.cacheRead + usage.cacheWrite + usage.output);
  }

  /** The next attempt at a target that has refused one of its keys; null where it has no other that is ready. */
  async #withAnotherKey(attempt: AttemptContext, { kind }: KeyFault): Promise<AttemptContext | null> {
    const { request, target, last, key } = attempt;
    const { provider, model } = target;
    const changed = (detail: string): void => void request.row.trace.push({ step: 'key changed', detail });
    if (kind === 'refused' && (await isReplaced(attempt))) {
      changed(
        key?.kind === 'none'
          ? `${provider.id} wants a key, and there is one by now: asked with that`
          : `key '${key?.id}' of ${provider.id} was refused, and has been replaced where it is kept: asked with that`,
      );
      return this.#attemptContext(request, target, last, attempt.triedKeys);
    }
    if (key === null || request.request.signal.aborted || !hasAnotherKey(attempt)) return null;
    const why = provider.keys.whyResting(key.id, model) ?? 'cannot be used';
    changed(`key '${key.id}' of ${provider.id} ${why}: asked with another of its keys`);
    return this.#attemptContext(request, target, last, triedKeys(attempt));
  }

  #skip({ row }: RequestContext, { provider, model }: Target, why: string): void {
    row.trace.push({ step: 'target skipped', detail: `${provider.id}/${model}: ${why}` });
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

  #attemptContext(
    request: RequestContext,
    target: Target,
    last: boolean,
    triedKeys: ReadonlySet<string> = NO_KEYS,
  ): AttemptContext {
    const { provider, model } = target;
    const row: AttemptRow = {
      provider: provider.id,
      model,
      key: null,
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
    return { request, target, row, last, triedKeys, key: null };
  }

  /** @throws ProxyError `loop_detected` */
  #hops(request: ClientRequest): string {
    const { instanceId } = this.#options;
    const before = (request.header(HOPS_HEADER) ?? '').split(',').filter((hop) => hop !== '');
    if (before.includes(instanceId) || before.length >= MOST_HOPS) throw ProxyError.of('loop_detected', undefined);
    return [...before, instanceId].join(',');
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

const inWords = (tokens: number): string => tokens.toLocaleString('en-US');

const overflow = ({ provider }: Target, { tokens, limit }: TooLarge): ProxyError =>
  ProxyError.of('context_overflow', { provider: provider.id, wording: promptTooLong(tokens, limit) });

/** The window that a target has called too small; 0 where it has not, or has named none. */
function limitRefused({ code, message }: ProxyError): number {
  return (code === 'context_overflow' ? limitOfPrompt(message) : null) ?? 0;
}

/** What the client is told: of one failure its own, of windows that are all too small the largest. */
function failureOfAll(failures: readonly Failure[]): Failure {
  const [first, ...others] = failures;
  if (first !== undefined && others.length === 0) return first;
  if (first !== undefined && failures.every(({ error }) => error.code === 'context_overflow'))
    return others.reduce(
      (largest, next) => (limitRefused(next.error) > limitRefused(largest.error) ? next : largest),
      first,
    );
  return { error: combinedFailure(failures.map(({ error }) => error)), original: null, tryNext: false };
}
