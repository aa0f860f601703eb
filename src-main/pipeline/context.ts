import { ProxyError } from '../../src-shared/errors.ts';
import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import { RequestBody } from '../protocols/request-body.ts';
import type { ProviderCall } from '../providers/base-provider.ts';
import type { KeyLease } from '../providers/key-pool.ts';
import type { Plan, Target } from '../routing/plan.ts';
import { type FactWorld, RequestFacts } from '../routing/request-facts.ts';
import type { ClientRequest } from './client-request.ts';
import { conversationOf, isNamedByHeader } from './conversation.ts';
import { WaitingClock } from './waiting-clock.ts';

/** What one request carries through the pipeline. */
export class RequestContext {
  readonly row: RequestRow;
  /** What routing looks at. */
  readonly facts: RequestFacts;
  /** Set once the request has been routed. */
  plan: Plan | null = null;
  /** What is added to the system prompt in this conversation (system-text.ts). */
  systemText: string | null = null;
  /** The request as each target gets it (changed-request.ts). */
  readonly changed = new Map<Target, ClientRequest>();
  /** Runs while it waits for others. */
  readonly waiting = new WaitingClock();
  /** Its tokens are counted only. */
  readonly isCount: boolean;
  #request: ClientRequest;
  #conversation: string | null = null;

  constructor(request: ClientRequest, world: FactWorld, isCount = false) {
    this.#request = request;
    this.isCount = isCount;
    this.row = {
      id: request.id,
      startedAt: Date.now(),
      protocol: request.codec.protocol,
      path: request.path,
      userAgent: request.header('user-agent'),
      sessionId: request.header('x-claude-code-session-id'),
      agentId: request.header('x-claude-code-agent-id'),
      client: request.client,
      project: null,
      class: null,
      askedModel: request.body.model,
      stream: request.body.stream,
      requestBytes: request.body.raw.length,
      route: null,
      trace: [],
      attempts: [],
      state: 'running',
      status: null,
      error: null,
      queuedMs: 0,
      firstContentMs: null,
      endedMs: null,
      overheadMs: null,
      answerBytes: 0,
      stopReason: null,
      cache: null,
      replayOf: request.replayOf ?? null,
    };
    this.facts = new RequestFacts(
      {
        protocol: request.codec.protocol,
        body: request.body,
        rawHeaders: request.rawHeaders,
        conversation: () => this.conversationIfAny(),
        conversationIfNamed: () => this.conversationIfNamed(),
        token: isCount ? undefined : request.client,
      },
      world,
    );
  }

  get request(): ClientRequest {
    return this.#request;
  }

  /** For middleware that changes a request: every target gets this body instead of the client's bytes. */
  replaceBody(body: Readonly<Record<string, unknown>>): void {
    this.#request = { ...this.#request, body: new RequestBody(Buffer.from(JSON.stringify(body))) };
    this.changed.clear();
  }

  /** From now on the attempts go on until this is aborted, whether the client has left or not. */
  outlive(signal: AbortSignal): void {
    this.#request = { ...this.#request, signal };
    this.changed.clear();
  }

  /** Names the conversation (conversation.ts). @param body decoded. */
  conversation(body: Readonly<Record<string, unknown>>): string {
    this.#conversation ??= conversationOf(this.#request, body);
    return this.#conversation;
  }

  /** The same; null for a body that cannot be decoded, which is a provider's to refuse. Decodes it only where no header names it. */
  conversationIfAny(): string | null {
    const named = this.conversationIfNamed();
    if (named !== null) return named;
    try {
      return this.conversation(this.#request.body.decode());
    } catch (error) {
      if (error instanceof ProxyError) return null;
      throw error;
    }
  }

  /** The same where a header names it, or it has been named; else null. */
  conversationIfNamed(): string | null {
    return this.#conversation ?? (isNamedByHeader(this.#request) ? this.conversation({}) : null);
  }

  /** ms since the request arrived, to a tenth. */
  elapsedMs(): number {
    return Math.round((performance.now() - this.#request.arrivedAt) * 10) / 10;
  }

  /** What of that was CProxy's own: reading the request, planning, translating, switching; in ms, to a hundredth. */
  overheadMs(): number {
    const ms = performance.now() - this.#request.arrivedAt - this.waiting.waitedMs;
    return Math.round(Math.max(0, ms) * 100) / 100;
  }
}

/** What a request has left beside the target that is asked. Targets that would be skipped do not count. */
export interface AttemptChances {
  /** No other target: this one may take its time, its keys need not be rested, and it may be slow. */
  readonly noOther: boolean;
  /** Nothing at all, not even to ask this target once more: what it gives is given. */
  readonly isFinal: boolean;
  /** Other targets for content that this one refuses. */
  readonly othersForRefused: boolean;
}

/** What one attempt carries. */
export interface AttemptContext extends AttemptChances {
  readonly request: RequestContext;
  readonly target: Target;
  readonly row: AttemptRow;
  /** Ids of the keys of this provider that the request has been tried with before. */
  readonly triedKeys: ReadonlySet<string>;
  /** The key that it is made with; null until that is chosen. */
  key: KeyLease | null;
  /** Alternating names and values by which its trace goes on at the provider; null: the client's own go on, where they can. */
  traceHeaders: readonly string[] | null;
  /** What its provider was sent, where that is a translation; for whoever records it. */
  sent: ProviderCall['body'] | null;
  /** What its provider said instead of an answer. */
  refusal: Buffer | null;
}

const NO_KEYS: ReadonlySet<string> = new Set();

/** An attempt that is to be made. @param triedKeys ids of the provider's keys that the request was tried with before. */
export function attemptContext(
  request: RequestContext,
  target: Target,
  { noOther, isFinal, othersForRefused }: AttemptChances,
  triedKeys: ReadonlySet<string> = NO_KEYS,
): AttemptContext {
  const row: AttemptRow = {
    provider: target.provider.id,
    model: target.model,
    key: null,
    mode: 'pass-through',
    startedMs: request.elapsedMs(),
    queuedMs: 0,
    firstByteMs: null,
    firstContentMs: null,
    endedMs: null,
    status: null,
    outcome: 'running',
    error: null,
    usage: null,
    usageIsPartial: false,
    cost: null,
    stopReason: null,
  };
  return {
    ...{ request, target, row, noOther, isFinal, othersForRefused, triedKeys },
    ...{ key: null, traceHeaders: null, sent: null, refusal: null },
  };
}
