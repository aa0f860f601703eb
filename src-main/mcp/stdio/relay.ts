import {
  type InitializeRequest,
  type InitializeResult,
  isInitializeRequest,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCErrorResponse,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResultResponse,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { rpcCodes } from '../rpc-codes.ts';
import { type Backends, NotTakenError } from './backend.ts';
import { ClientState } from './client-state.ts';
import { RelaySession } from './relay-session.ts';

export interface RelayOptions {
  backends: Backends;
  /** Gives a message to the client. */
  send: (message: JSONRPCMessage) => void;
  /** Told what goes on, in words. */
  onNote: (text: string) => void;
  /** Told of what is a bug. */
  onInternalError: (error: unknown) => void;
}

/** A request of the client that has no answer yet. */
interface UnderWay {
  readonly request: JSONRPCRequest;
  /** Where it is asked; null while there is no session. */
  session: RelaySession | null;
  /** It has got there. */
  isSent: boolean;
  /** By which the client has withdrawn it. */
  cancelled: JSONRPCNotification | null;
}

/**
 * One client's session, whatever backend it is at. When another backend is the better one, or the one there was is gone, a session
 * begins there as the client has begun its own; what is under way ends where it began.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #state = new ClientState();
  /** As the client has begun. */
  #params: InitializeRequest['params'] | null = null;
  /** What it was answered. */
  #agreed: InitializeResult | null = null;
  #isInitialized = false;
  /** Where it is asked now. */
  #session: RelaySession | null = null;
  #renewing: Promise<RelaySession> | null = null;
  readonly #sessions = new Set<RelaySession>();
  readonly #underWay = new Map<RequestId, UnderWay>();
  /** Who waits for the client to answer. */
  readonly #asked = new Map<RequestId, RelaySession>();
  /** Backends that take nothing more. */
  readonly #leaving = new Set<string>();
  #following: Promise<void> | null = null;
  #followsAgain = false;
  #isClosed = false;
  #idle: (() => void) | null = null;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Takes a message of the client. */
  receive(message: JSONRPCMessage): void {
    if (this.#isClosed) return;
    if (isJSONRPCRequest(message)) this.#inBackground(this.#request(message));
    else if (isJSONRPCNotification(message)) this.#inBackground(this.#notification(message));
    else this.#inBackground(this.#answer(message));
  }

  /** Another backend may be the best by now, or the one there is be gone. */
  follow(): void {
    if (this.#isClosed || this.#params === null) return;
    if (this.#following !== null) {
      this.#followsAgain = true;
      return;
    }
    this.#following = this.#follow()
      .catch((error: unknown) => this.#options.onNote(this.#inWords(error)))
      .finally(() => {
        this.#following = null;
        if (!this.#followsAgain) return;
        this.#followsAgain = false;
        this.follow();
      });
  }

  /** Resolves when all requests are answered. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
      this.#tellIdle();
    });
  }

  /** Ends whatever is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#underWay.clear();
    await Promise.all([...this.#sessions].map((session) => session.end()));
    // One that was about to begin ends itself.
    await this.#renewing?.catch(() => undefined);
  }

  async #request(request: JSONRPCRequest): Promise<void> {
    const { id, method } = request;
    if (isInitializeRequest(request)) return await this.#initialize(request);
    if (method === 'ping') return this.#options.send({ jsonrpc: '2.0', id, result: {} });
    if (this.#params === null)
      return this.#refuse(
        request,
        new NotTakenError('A session begins with initialize.', rpcCodes.invalidRequest, null),
      );
    const call: UnderWay = { request, session: null, isSent: false, cancelled: null };
    this.#underWay.set(id, call);
    for (let isLast = false; ; isLast = true) {
      try {
        const session = await this.#current();
        if (this.#underWay.get(id) !== call) return;
        call.session = session;
        await session.send(request);
        call.isSent = true;
        // It may have gone another way, and been there before what it takes back.
        if (call.cancelled !== null) await session.send(call.cancelled);
        return;
      } catch (error) {
        if (this.#underWay.get(id) !== call) return;
        const { session } = call;
        call.session = null;
        if (session !== null && (await this.#leave(session, error)) && !isLast) continue;
        if (this.#underWay.get(id) !== call) return;
        this.#underWay.delete(id);
        this.#refuse(request, error);
        this.follow();
        return;
      }
    }
  }

  async #initialize(request: JSONRPCRequest & InitializeRequest): Promise<void> {
    if (this.#params !== null)
      return this.#refuse(request, new NotTakenError('This session has begun already.', rpcCodes.invalidRequest, null));
    this.#params = request.params;
    try {
      await this.#renew();
    } catch (error) {
      this.#params = null;
      return this.#refuse(request, error);
    }
    if (this.#agreed !== null) this.#options.send({ jsonrpc: '2.0', id: request.id, result: this.#agreed });
  }

  async #notification(notification: JSONRPCNotification): Promise<void> {
    if (notification.method === 'notifications/cancelled') return await this.#cancel(notification);
    if (notification.method === 'notifications/initialized') this.#isInitialized = true;
    if (this.#params === null) return;
    const session = await this.#current().catch(() => null);
    // A session that is gone has no use for it, and the next one is told what it must know.
    await session?.send(notification).catch(() => this.follow());
  }

  async #cancel(notification: JSONRPCNotification): Promise<void> {
    const id = notification.params?.requestId;
    const call = typeof id === 'string' || typeof id === 'number' ? this.#underWay.get(id) : undefined;
    if (call === undefined) return;
    this.#underWay.delete(call.request.id);
    call.cancelled = notification;
    const { session } = call;
    if (session === null) return;
    await session.send(notification).catch(() => this.follow());
    this.#settle(session);
  }

  async #answer(answer: JSONRPCResultResponse | JSONRPCErrorResponse): Promise<void> {
    if (answer.id === undefined) return;
    const session = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    await session?.send(answer).catch(() => this.follow());
  }

  #take(session: RelaySession, message: JSONRPCMessage): void {
    if (this.#isClosed) return;
    if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) {
      const call = message.id === undefined ? undefined : this.#underWay.get(message.id);
      // What was cancelled, or has been answered for it meanwhile.
      if (call === undefined || call.session !== session) return;
      this.#underWay.delete(call.request.id);
      if (isJSONRPCResultResponse(message)) this.#state.granted(call.request);
      this.#options.send(message);
      this.#settle(session);
    } else if (isJSONRPCRequest(message)) {
      this.#asked.set(message.id, session);
      this.#options.send(message);
    } else if (session === this.#session || message.method === 'notifications/progress') this.#options.send(message);
  }

  #current(): Promise<RelaySession> {
    return this.#session === null ? this.#renew() : Promise.resolve(this.#session);
  }

  #renew(): Promise<RelaySession> {
    this.#renewing ??= this.#begin().finally(() => {
      this.#renewing = null;
      this.#tellIdle();
    });
    return this.#renewing;
  }

  /** Begins a session at the best backend there is, and leaves the one there was. */
  async #begin(): Promise<RelaySession> {
    if (this.#params === null) throw new Error('no client has begun');
    const { backends, onNote } = this.#options;
    const isFirst = this.#agreed === null;
    const protocolVersion = this.#agreed?.protocolVersion ?? this.#params.protocolVersion;
    const params = { ...this.#params, protocolVersion };
    for (let isLast = false; ; isLast = true) {
      const backend = await backends.find(this.#leaving);
      try {
        const { session, result } = await RelaySession.begin({
          backend,
          params,
          onMessage: (from, message) => this.#take(from, message),
          onTrouble: (at, error) => this.#inBackground(this.#trouble(at, error)),
        });
        if (this.#isClosed) {
          await session.end();
          throw new NotTakenError('The session is over.', rpcCodes.invalidRequest, null);
        }
        this.#sessions.add(session);
        if (!isFirst && this.#isInitialized) await this.#state.restoreAt(session, onNote);
        const before = this.#session;
        this.#session = session;
        this.#agreed ??= result;
        onNote(`This session is at ${backend.name}.`);
        if (!isFirst) for (const news of this.#state.newsAt(backend)) this.#options.send(news);
        if (before !== null) this.#settle(before);
        return session;
      } catch (error) {
        if (isLast || !(error instanceof NotTakenError) || error.remedy !== 'backend') throw error;
        this.#leaving.add(backend.id);
      }
    }
  }

  async #follow(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => this.#failIfGone(session)));
    const best = await this.#options.backends.find(this.#leaving);
    if (this.#isClosed || this.#session?.backend.id === best.id) return;
    await this.#renew();
  }

  async #trouble(session: RelaySession, error: Error): Promise<void> {
    if (!this.#sessions.has(session)) return;
    if (error instanceof NotTakenError && error.remedy === 'session') {
      this.#fail(session);
      if (this.#session === null && !this.#isClosed) await this.#renew();
    } else this.follow();
  }

  /** Something could not be sent there. @returns whether it may be asked again */
  async #leave(session: RelaySession, error: unknown): Promise<boolean> {
    const remedy = error instanceof NotTakenError ? error.remedy : null;
    if (remedy === 'backend') {
      this.#leaving.add(session.backend.id);
      if (this.#session === session) this.#session = null;
    }
    if (remedy === 'session') this.#fail(session);
    // Whoever is told that it is gone may ask again at once. What else is under way there may still be answered.
    else await this.#failIfGone(session);
    this.#settle(session);
    return remedy !== null;
  }

  async #failIfGone(session: RelaySession): Promise<void> {
    if (!(await this.#options.backends.isThere(session.backend))) this.#fail(session);
  }

  /** It is gone, and so is all that was under way there; of what is being sent, its sending says what becomes of it. */
  #fail(session: RelaySession): void {
    if (this.#session === session) this.#session = null;
    for (const [id, call] of this.#underWay)
      if (call.session === session && call.isSent) {
        this.#underWay.delete(id);
        this.#refuse(call.request, null);
      }
    this.#settle(session);
  }

  /** Ends a session that was left, when nothing is under way there. */
  #settle(session: RelaySession): void {
    this.#tellIdle();
    if (session === this.#session || !this.#sessions.has(session)) return;
    if ([...this.#underWay.values()].some((call) => call.session === session)) return;
    this.#sessions.delete(session);
    this.#inBackground(session.end());
  }

  #tellIdle(): void {
    if (this.#underWay.size === 0 && this.#renewing === null) this.#idle?.();
  }

  /** What the model may react to is a result of its tool. @param error null: nobody knows what became of it. */
  #refuse({ id, method }: JSONRPCRequest, error: unknown): void {
    const text = this.#inWords(error);
    const code = error instanceof NotTakenError ? error.rpcCode : rpcCodes.providerUnavailable;
    if (method === 'tools/call')
      this.#options.send({ jsonrpc: '2.0', id, result: { isError: true, content: [{ type: 'text', text }] } });
    else this.#options.send({ jsonrpc: '2.0', id, error: { code, message: text } });
    this.#tellIdle();
  }

  #inWords(error: unknown): string {
    if (error instanceof NotTakenError) return error.message;
    return 'CProxy ended, or was cut off, before it answered. Ask again.';
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (error instanceof NotTakenError) this.#options.onNote(error.message);
      else if (!this.#isClosed) this.#options.onInternalError(error);
    });
  }
}
