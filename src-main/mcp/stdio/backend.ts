import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

/** Where the session of a client on standard input can be: at an engine that runs, or in this process. */
export interface Backend {
  /** Of two with the same, one is enough. Holds nothing secret. */
  readonly id: string;
  /** In words, for the client and the log: `CProxy at http://127.0.0.1:4777`. */
  readonly name: string;
  /** A transport for one session, not started. @throws what says in words why there is none */
  open(): Promise<BackendTransport>;
}

export interface BackendTransport {
  readonly transport: Transport;
  /** Ends the session there, and what was there for it alone. */
  end(): Promise<void>;
}

/** Finds where a session can be. */
export interface Backends {
  /**
   * The best there is now.
   * @param without ids of those that take nothing more.
   */
  find(without: ReadonlySet<string>): Promise<Backend>;
  /** Whether it is still there, and may answer what it was asked. */
  isThere(backend: Backend): Promise<boolean>;
}

/** A message was not taken: nothing has been done about it. */
export class NotTakenError extends Error {
  readonly rpcCode: number;
  /** Whether another session may take it, or another backend. */
  readonly remedy: 'session' | 'backend' | null;

  constructor(message: string, rpcCode: number, remedy: NotTakenError['remedy']) {
    super(message);
    this.name = 'NotTakenError';
    this.rpcCode = rpcCode;
    this.remedy = remedy;
  }
}
