import { HttpSessions } from './http/http-sessions.ts';
import type { McpEngine } from './mcp-engine.ts';
import { McpProxyServer } from './mcp-proxy-server.ts';

/**
 * Makes the MCP server for `/mcp`. Import this file when somebody first asks, and not before: it brings MCP's SDK, which an engine
 * that nobody asks need not load.
 */
export function openHttp(engine: McpEngine, log: Logger): HttpSessions {
  const onInternalError = (error: unknown, what: string): void =>
    log.error('An MCP call failed inside CProxy', {
      what,
      stack: engine.redact(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
  const onClientError = ({ message }: Error): void =>
    log.debug('An MCP client has sent what cannot be answered', { reason: engine.redact(message) });
  return new HttpSessions({ server: new McpProxyServer({ engine, onInternalError, onClientError }) });
}

interface Logger {
  error(message: string, fields: Record<string, unknown>): void;
  debug(message: string, fields: Record<string, unknown>): void;
}
