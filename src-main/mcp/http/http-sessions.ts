import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import {
  isInitializeRequest,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js';
import { ProxyError } from '../../../src-shared/errors.ts';
import type { McpProxyServer } from '../mcp-proxy-server.ts';
import { HttpSession } from './http-session.ts';
import { KeptEvents } from './kept-events.ts';

/** A request at `/mcp`, from somebody who has been let in. */
export interface HttpCall {
  method: 'GET' | 'POST' | 'DELETE';
  /** First value of a header, by its lower-case name; null where there is none. */
  header: (name: string) => string | null;
  body: Buffer | null;
  /** Name of the client token; null without one. */
  client: string | null;
  /** Nothing has been written to it. */
  response: ServerResponse;
  /** What goes with any answer. */
  headers: OutgoingHttpHeaders;
}

export interface HttpSessionsOptions {
  server: Pick<McpProxyServer, 'connect'>;
  /** In ms. */
  now?: () => number;
  /** At a time. */
  most?: number;
  /** How long a session may be without any use, in ms. */
  idleMs?: number;
}

const MOST_SESSIONS = 256;
const IDLE_MS = 60 * 60_000;
/** One that has not been used for so long makes way where there are too many. */
const MAKES_WAY_MS = 60_000;
const LOOK_MS = 60_000;
/** JSON-RPC batches, which the revision of March 2025 has. */
const MOST_IN_BATCH = 50;

/** The sessions over Streamable HTTP. */
export class HttpSessions {
  readonly #server: Pick<McpProxyServer, 'connect'>;
  readonly #now: () => number;
  readonly #most: number;
  readonly #idleMs: number;
  readonly #sessions = new Map<string, HttpSession>();
  readonly #kept: KeptEvents;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor({ server, now = () => performance.now(), most = MOST_SESSIONS, idleMs = IDLE_MS }: HttpSessionsOptions) {
    this.#server = server;
    this.#now = now;
    this.#most = most;
    this.#idleMs = idleMs;
    this.#kept = new KeptEvents({ now });
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Requests under way, of all. */
  get running(): number {
    return [...this.#sessions.values()].reduce((sum, { running }) => sum + running, 0);
  }

  /**
   * Answers a request, now or later.
   * @throws ProxyError for what is no message of a session, before anything has been written.
   */
  async handle(call: HttpCall): Promise<void> {
    if (this.#isClosed) throw ProxyError.of('draining', undefined);
    switch (call.method) {
      case 'POST':
        return await this.#post(call);
      case 'GET': {
        mustAccept(call, 'text/event-stream');
        this.#sessionOf(call).get(call.response, call.headers, call.header('last-event-id'));
        return;
      }
      case 'DELETE': {
        const session = this.#sessionOf(call);
        call.response.writeHead(200, call.headers).end();
        await session.close();
      }
    }
  }

  /** Ends those that nobody has used for long. */
  endIdle(): void {
    for (const session of this.#sessions.values()) if (session.idleMs >= this.#idleMs) void session.close();
  }

  /** Ends all sessions, whatever is under way. Others may begin. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
  }

  /** No more begin; ends all sessions once their requests are answered. @param deadline Unix time in ms, until which that is waited for. */
  async close(deadline = 0): Promise<void> {
    this.#isClosed = true;
    while (this.running > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.endAll();
  }

  async #post(call: HttpCall): Promise<void> {
    mustAccept(call, 'application/json');
    mustAccept(call, 'text/event-stream');
    if (!/^application\/json\s*(;|$)/i.test(call.header('content-type') ?? ''))
      throw ProxyError.of(
        'invalid_field',
        { field: 'content-type', expected: 'must be application/json' },
        { status: 415 },
      );
    const messages = messagesIn(call.body ?? Buffer.alloc(0));
    const isFirst = call.header('mcp-session-id') === null && messages.some(isInitializeRequest);
    if (isFirst && messages.length > 1)
      throw ProxyError.of('invalid_field', { field: 'initialize', expected: 'must be the only message' });
    const session = isFirst ? await this.#begin(call) : this.#sessionOf(call);
    session.post(messages, call.response, call.headers);
  }

  async #begin({ client }: HttpCall): Promise<HttpSession> {
    if (this.#sessions.size >= this.#most) this.#makeWay();
    const session = new HttpSession({ id: randomUUID(), client, kept: this.#kept, now: this.#now });
    this.#sessions.set(session.sessionId, session);
    this.#timer ??= setInterval(() => this.endIdle(), LOOK_MS).unref();
    // It takes over `onclose` and calls what was there before.
    session.onclose = () => this.#ended(session);
    await this.#server.connect(session, { client });
    return session;
  }

  /** @throws ProxyError `mcp_sessions_full` */
  #makeWay(): void {
    const idle = [...this.#sessions.values()].sort((a, b) => b.idleMs - a.idleMs)[0];
    if (idle === undefined || idle.idleMs < MAKES_WAY_MS)
      throw ProxyError.of('mcp_sessions_full', { most: this.#most });
    void idle.close();
  }

  #ended(session: HttpSession): void {
    this.#sessions.delete(session.sessionId);
    if (this.#sessions.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** @throws ProxyError `invalid_field`, `mcp_session_unknown` */
  #sessionOf({ header, client }: HttpCall): HttpSession {
    const id = header('mcp-session-id');
    if (id === null)
      throw ProxyError.of('invalid_field', {
        field: 'mcp-session-id',
        expected: 'is required; a session begins with initialize',
      });
    const session = this.#sessions.get(id);
    if (session === undefined || session.isClosed || session.client !== client)
      throw ProxyError.of('mcp_session_unknown', undefined);
    const version = header('mcp-protocol-version');
    if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version))
      throw ProxyError.of('invalid_field', {
        field: 'mcp-protocol-version',
        expected: `must be one of ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}`,
      });
    return session;
  }
}

/** @throws ProxyError `invalid_field` with status 406 */
function mustAccept({ header }: HttpCall, type: string): void {
  const accepted = header('accept') ?? '';
  if (accepted.includes(type) || accepted.includes('*/*')) return;
  throw ProxyError.of('invalid_field', { field: 'accept', expected: `must list ${type}` }, { status: 406 });
}

/** @throws ProxyError `invalid_json`, `invalid_field` */
function messagesIn(body: Buffer): JSONRPCMessage[] {
  const given = parsed(body);
  const list: unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0 || list.length > MOST_IN_BATCH)
    throw ProxyError.of('invalid_field', { field: 'body', expected: `must hold 1 to ${MOST_IN_BATCH} messages` });
  return list.map((message) => {
    const read = JSONRPCMessageSchema.safeParse(message);
    if (read.success) return read.data;
    throw ProxyError.of('invalid_field', { field: 'body', expected: 'must be a message of JSON-RPC 2.0' });
  });
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw ProxyError.of('invalid_json', { reason: error instanceof Error ? error.message : String(error) });
  }
}
