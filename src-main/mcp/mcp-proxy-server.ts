import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import type { McpEngine } from './mcp-engine.ts';
import { createSession } from './mcp-session.ts';
import { Watch } from './watch.ts';

export interface McpProxyServerOptions {
  engine: McpEngine;
  /** Told of what is a bug, and of what it came with. */
  onInternalError: (error: unknown, what: string) => void;
  /** Told of what a client does wrong in a way that it cannot be told, such as an answer that nobody asked for. */
  onClientError?: (error: Error) => void;
  /** Given each session's server before it is connected, to add to it. */
  prepare?: (server: Server) => void;
}

/** CProxy as an MCP server, for any number of sessions over any transport. */
export class McpProxyServer {
  readonly #options: McpProxyServerOptions;
  readonly #watch: Watch;
  readonly #validator = new AjvJsonSchemaValidator();
  readonly #sessions = new Set<Server>();

  constructor(options: McpProxyServerOptions) {
    this.#options = options;
    this.#watch = new Watch(options.engine, (error) => options.onInternalError(error, 'watch'));
  }

  /** Sessions that are open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** What is watched for them. */
  get watched(): number {
    return this.#watch.size;
  }

  /** Begins a session; it ends with its transport. @param client name of the client token; null without one. */
  async connect(transport: Transport, { client }: { client: string | null }): Promise<Server> {
    const { engine, onInternalError, onClientError, prepare } = this.#options;
    const { server, news } = createSession({
      engine,
      client,
      onInternalError,
      watch: this.#watch,
      validator: this.#validator,
    });
    prepare?.(server);
    server.oninitialized = () => {
      news.begin().catch((error: unknown) => onInternalError(error, 'initialized'));
    };
    if (onClientError !== undefined) server.onerror = onClientError;
    server.onclose = () => {
      news.close();
      this.#sessions.delete(server);
    };
    this.#sessions.add(server);
    await server.connect(transport);
    return server;
  }

  /** Ends all sessions. */
  async close(): Promise<void> {
    await Promise.all([...this.#sessions].map((server) => server.close()));
  }
}
