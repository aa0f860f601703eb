import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import path from 'node:path';

const folder = path.join(import.meta.dirname, '../fixtures/tls');
const pem = (name: string): Buffer => readFileSync(path.join(folder, `${name}.pem`));

/** File of the CA that signed the certificates of tests. */
export const caFile = path.join(folder, 'ca.pem');

export interface WireServer extends AsyncDisposable {
  readonly port: number;
  /** Connections that were opened to it. */
  connections: number;
}

async function start(server: Server & { closeAllConnections?: () => void }, event: string): Promise<WireServer> {
  const sockets = new Set<{ destroy(): void }>();
  const started: WireServer = {
    port: 0,
    connections: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on('connection', (socket) => sockets.add(socket));
  server.on(event, () => {
    started.connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(started, { port: (server.address() as AddressInfo).port });
}

export const startPlain = (listener: RequestListener): Promise<WireServer> =>
  start(createServer(listener), 'connection');

type Certificate = 'localhost' | 'elsewhere' | 'expired';

/** A server with TLS, whose certificate our own CA has signed. */
export const startTls = (listener: RequestListener, certificate: Certificate = 'localhost'): Promise<WireServer> =>
  start(createHttpsServer({ cert: pem(certificate), key: pem(`${certificate}-key`) }, listener), 'secureConnection');

/** A server with TLS that offers HTTP/2 too. */
export const startHttp2 = (listener: Parameters<typeof createSecureServer>[1]): Promise<WireServer> =>
  start(
    createSecureServer({ cert: pem('localhost'), key: pem('localhost-key'), allowHTTP1: true }, listener),
    'secureConnection',
  );
