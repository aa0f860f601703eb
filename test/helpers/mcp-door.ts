import type { AddressInfo } from 'node:net';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { HttpSessions } from '../../src-main/mcp/http/http-sessions.ts';
import type { McpEngine } from '../../src-main/mcp/mcp-engine.ts';
import { McpProxyServer } from '../../src-main/mcp/mcp-proxy-server.ts';
import { registerMcpDoor } from '../../src-main/server/mcp-door.ts';
import { createServer } from '../../src-main/server/server.ts';

/** The door for MCP alone on a listener of its own, with its insides to be looked at. */
export interface McpDoor extends AsyncDisposable {
  readonly url: string;
  /** Opens it. */
  readonly token: string;
  readonly sessions: HttpSessions;
  readonly server: McpProxyServer;
  /** Bugs that were reported. */
  readonly problems: unknown[];
  connections(): Promise<number>;
  /** Closes those that wait for a next request. For when none will come: a client may be about to use one. */
  closeIdleConnections(): void;
}

export async function startMcpDoor(
  engine: McpEngine,
  options: {
    prepare?: (server: Server) => void;
    most?: number;
    idleMs?: number;
    now?: () => number;
    /** Further tokens, by the names of their clients. */
    clients?: Readonly<Record<string, string>>;
  } = {},
): Promise<McpDoor> {
  const { prepare, clients = {}, ...limits } = options;
  const token = 'cpx_the_token_of_this_door';
  const problems: unknown[] = [];
  const server = new McpProxyServer({
    engine,
    onInternalError: (error) => problems.push(error),
    ...(prepare === undefined ? {} : { prepare }),
  });
  const sessions = new HttpSessions({ server, ...limits });
  const names = new Map([[token, 'door'], ...Object.entries(clients).map(([name, one]) => [one, name] as const)]);
  const door = createServer({
    settings: () => ({
      ...{ auth: 'token', bodyLimitBytes: 1_000_000, allowedHosts: [], allowedOrigins: [], host: '127.0.0.1' },
    }),
    findToken: (presented) => {
      const name = names.get(presented);
      return name === undefined ? null : { name };
    },
    isOwnSecret: () => false,
    isDraining: () => false,
    onInternalError: (error) => problems.push(error),
  });
  registerMcpDoor(door, { isEnabled: () => true, sessions: async () => sessions });
  await door.listen({ host: '127.0.0.1', port: 0 });
  const { port } = door.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    sessions,
    server,
    problems,
    connections: () =>
      new Promise((resolve, reject) => {
        door.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    closeIdleConnections: () => door.server.closeIdleConnections(),
    async [Symbol.asyncDispose]() {
      await sessions.close();
      door.server.closeAllConnections();
      await door.close();
    },
  };
}
