import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import type { McpEngine } from '../mcp-engine.ts';
import { McpProxyServer } from '../mcp-proxy-server.ts';
import { rpcCodes } from '../rpc-codes.ts';
import { type Backend, NotTakenError } from './backend.ts';

/** An engine in this process, for one client. */
export interface LocalEngine {
  engine: McpEngine;
  stop(): Promise<void>;
}

export interface LocalBackendOptions {
  /** @throws NotTakenError whose message says what to do */
  start: () => Promise<LocalEngine>;
  /** Told of what is a bug, without anything secret. */
  onInternalError: (text: string) => void;
}

/** The server in this process itself, with an engine that begins and ends with its session. */
export function localBackend({ start, onInternalError }: LocalBackendOptions): Backend {
  return {
    id: 'alone',
    name: 'CProxy in this process alone',
    async open() {
      const { engine, stop } = await start();
      if (!engine.settings().enabled) {
        await stop();
        throw new NotTakenError(
          'CProxy is no MCP server now: mcp.enabled is false in its configuration.',
          rpcCodes.invalidRequest,
          null,
        );
      }
      const server = new McpProxyServer({
        engine,
        onInternalError: (error, what) => onInternalError(engine.redact(`${what}: ${stackOf(error)}`)),
      });
      const [transport, other] = InMemoryTransport.createLinkedPair();
      await server.connect(other, { client: null });
      return {
        transport,
        async end() {
          await server.close();
          await stop();
        },
      };
    },
  };
}

const stackOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
