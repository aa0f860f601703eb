import {
  type InitializeRequest,
  type InitializeResult,
  InitializeResultSchema,
  isJSONRPCErrorResponse,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { rpcCodes } from '../rpc-codes.ts';
import { type Backend, type BackendTransport, NotTakenError } from './backend.ts';

/** How long what the relay itself asks is waited for, in ms. */
const CALL_LIMIT_MS = 30_000;

export interface RelaySessionOptions {
  backend: Backend;
  /** As the client itself has said them. */
  params: InitializeRequest['params'];
  /** What the server says to the client. */
  onMessage: (session: RelaySession, message: JSONRPCMessage) => void;
  /** Something is wrong with the connection, or was for a moment. */
  onTrouble: (session: RelaySession, error: Error) => void;
}

/** The client's session at one backend. */
export class RelaySession {
  readonly backend: Backend;
  readonly #opened: BackendTransport;
  readonly #options: RelaySessionOptions;
  /** What the relay itself has asked. */
  readonly #calls = new Map<string, PromiseWithResolvers<unknown>>();
  #count = 0;
  #isEnded = false;

  private constructor(options: RelaySessionOptions, opened: BackendTransport) {
    this.backend = options.backend;
    this.#options = options;
    this.#opened = opened;
  }

  /** @throws NotTakenError, and what opening a backend throws */
  static async begin(options: RelaySessionOptions): Promise<{ session: RelaySession; result: InitializeResult }> {
    const opened = await options.backend.open();
    const session = new RelaySession(options, opened);
    const { transport } = opened;
    transport.onmessage = (message: JSONRPCMessage) => session.#take(message);
    transport.onerror = (error) => {
      if (!session.#isEnded) options.onTrouble(session, error);
    };
    try {
      await transport.start();
      const result = InitializeResultSchema.parse(await session.call('initialize', options.params));
      transport.setProtocolVersion?.(result.protocolVersion);
      return { session, result };
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** @throws NotTakenError where nothing has come of it; anything else where that is not known */
  async send(message: JSONRPCMessage): Promise<void> {
    await this.#opened.transport.send(message);
  }

  /** Asks something for the relay itself. @throws NotTakenError, and what sending throws */
  async call(method: string, params: JSONRPCRequest['params']): Promise<unknown> {
    this.#count += 1;
    // No client has such ids.
    const id = `cproxy-relay-${this.#count}`;
    const call = Promise.withResolvers<unknown>();
    this.#calls.set(id, call);
    const limit = setTimeout(
      () => call.reject(new NotTakenError('CProxy does not answer.', rpcCodes.timeout, null)),
      CALL_LIMIT_MS,
    );
    try {
      await Promise.race([call.promise, this.send({ jsonrpc: '2.0', id, method, params }).then(() => call.promise)]);
      return await call.promise;
    } finally {
      clearTimeout(limit);
      this.#calls.delete(id);
    }
  }

  /** Ends it there, too. Never rejects: there may be nobody any more to be told. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const call of this.#calls.values())
      call.reject(new NotTakenError('CProxy is gone.', rpcCodes.providerUnavailable, 'backend'));
    await this.#opened.end().catch(() => undefined);
  }

  #take(message: JSONRPCMessage): void {
    if (this.#isEnded) return;
    const isAnswer = isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message);
    const call = isAnswer && typeof message.id === 'string' ? this.#calls.get(message.id) : undefined;
    if (call === undefined) this.#options.onMessage(this, message);
    else if (isJSONRPCResultResponse(message)) call.resolve(message.result);
    else if (isJSONRPCErrorResponse(message))
      call.reject(new NotTakenError(message.error.message, message.error.code, null));
  }
}
