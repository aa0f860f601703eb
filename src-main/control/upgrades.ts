import { type IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

type Socket = Parameters<ServerResponse['detachSocket']>[0];

export interface Upgrade {
  socket: Socket;
  /** First bytes of the upgraded stream. */
  head: Buffer;
}

/**
 * Sends upgrades of one path through the router like any request, so that the checks that guard the whole listener guard
 * them too; the route finds the upgrade by its request. Requests for other paths that offer an upgrade (some clients offer
 * h2c) are answered as if they had not.
 */
export function routeUpgrades(server: FastifyInstance, path: string): WeakMap<IncomingMessage, Upgrade> {
  const upgrades = new WeakMap<IncomingMessage, Upgrade>();
  // An option of http.createServer since Node 24.9. Before it, an upgrade listener meant every path.
  const shouldUpgradeCallback = (request: IncomingMessage) => request.url?.split('?', 1)[0] === path;
  Object.assign(server.server, { shouldUpgradeCallback });
  server.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    // Only a refusal is ever written: a route that accepts takes the socket away first.
    response.once('finish', () => socket.end());
    upgrades.set(request, { socket, head });
    server.routing(request, response);
  });
  return upgrades;
}
