import type { FastifyInstance } from 'fastify';
import { ProxyError } from '../../src-shared/errors.ts';
import type { HttpSessions } from '../mcp/http/http-sessions.ts';

export interface McpDoorOptions {
  isEnabled: () => boolean;
  /** Asked at each request, so that nothing of it is loaded before the first. */
  sessions: () => Promise<Pick<HttpSessions, 'handle'>>;
}

/** MCP over Streamable HTTP: `POST`, `GET` and `DELETE /mcp`. */
export function registerMcpDoor(server: FastifyInstance, { isEnabled, sessions }: McpDoorOptions): void {
  for (const method of ['GET', 'POST', 'DELETE'] as const)
    server.route({
      method,
      url: '/mcp',
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        if (!isEnabled()) throw ProxyError.of('mcp_off', undefined);
        const { headers, body, clientName: client, id } = request;
        await (await sessions()).handle({
          method,
          header: (name) => {
            const value = headers[name];
            return (typeof value === 'string' ? value : value?.[0]) ?? null;
          },
          body: Buffer.isBuffer(body) ? body : null,
          client,
          response: reply.raw,
          headers: { ...(reply.getHeaders() as Record<string, string>), 'x-cproxy-request-id': id },
        });
        // From here the session writes to the socket itself.
        reply.hijack();
      },
    });
}
