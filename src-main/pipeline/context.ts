import type { AttemptRow, RequestRow } from '../../src-shared/requests.ts';
import { RequestBody } from '../protocols/request-body.ts';
import type { KeyLease } from '../providers/key-pool.ts';
import type { Plan, Target } from '../routing/plan.ts';
import type { ClientRequest } from './client-request.ts';
import { conversationOf } from './conversation.ts';

/** What one request carries through the pipeline. */
export class RequestContext {
  readonly row: RequestRow;
  /** Set once the request has been routed. */
  plan: Plan | null = null;
  #request: ClientRequest;
  #conversation: string | null = null;

  constructor(request: ClientRequest) {
    this.#request = request;
    this.row = {
      id: request.id,
      startedAt: Date.now(),
      protocol: request.codec.protocol,
      path: request.path,
      userAgent: request.header('user-agent'),
      sessionId: request.header('x-claude-code-session-id'),
      agentId: request.header('x-claude-code-agent-id'),
      askedModel: request.body.model,
      stream: request.body.stream,
      requestBytes: request.body.raw.length,
      route: null,
      trace: [],
      attempts: [],
      state: 'running',
      status: null,
      error: null,
      firstContentMs: null,
      endedMs: null,
    };
  }

  get request(): ClientRequest {
    return this.#request;
  }

  /** For middleware that changes a request: every target gets this body instead of the client's bytes. */
  replaceBody(body: Readonly<Record<string, unknown>>): void {
    this.#request = { ...this.#request, body: new RequestBody(Buffer.from(JSON.stringify(body))) };
  }

  /** Names the conversation (conversation.ts). @param body decoded. */
  conversation(body: Readonly<Record<string, unknown>>): string {
    this.#conversation ??= conversationOf(this.#request, body);
    return this.#conversation;
  }

  /** ms since the request arrived, to a tenth. */
  elapsedMs(): number {
    return Math.round((performance.now() - this.#request.arrivedAt) * 10) / 10;
  }
}

/** What one attempt carries. */
export interface AttemptContext {
  readonly request: RequestContext;
  readonly target: Target;
  readonly row: AttemptRow;
  /** No other target is left to try. */
  readonly last: boolean;
  /** Ids of the keys of this provider that the request has been tried with before. */
  readonly triedKeys: ReadonlySet<string>;
  /** The key that it is made with; null until that is chosen. */
  key: KeyLease | null;
}
