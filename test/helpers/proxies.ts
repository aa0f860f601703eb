import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';

export interface TestProxy extends AsyncDisposable {
  readonly port: number;
  /** What it was asked for: `CONNECT host:port`, `POST http://host:port/path`, or `host:port` for SOCKS5. */
  readonly asked: string[];
  /** `proxy-authorization`, or `user:password` for SOCKS5, of each that was asked. */
  readonly logins: (string | undefined)[];
}

export interface TestProxyOptions {
  /** Answers everything with this HTTP status, or SOCKS5 reply, and opens nothing. */
  refuse?: number;
  /** Where all connections go, whatever host was asked for. */
  to: number;
  /** `user:password` without which it lets nothing through. */
  login?: string;
}

/** An HTTP proxy on 127.0.0.1: tunnels, and whole requests. */
export async function startHttpProxy({ refuse, to, login }: TestProxyOptions): Promise<TestProxy> {
  const asked: string[] = [];
  const logins: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  const statusFor = (authorization: string | undefined): number | null =>
    refuse ?? (wanted !== undefined && authorization !== wanted ? 407 : null);
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    logins.push(request.headers['proxy-authorization']);
    const status = statusFor(request.headers['proxy-authorization']);
    if (status !== null) {
      response.writeHead(status).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ through: 'the proxy' }));
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.on('connect', (request, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    logins.push(request.headers['proxy-authorization']);
    const status = statusFor(request.headers['proxy-authorization']);
    if (status !== null) {
      socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const onward = connect(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    logins,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A SOCKS5 proxy on 127.0.0.1 (RFC 1928, RFC 1929). */
export async function startSocksProxy({ refuse, to, login }: TestProxyOptions): Promise<TestProxy> {
  const asked: string[] = [];
  const logins: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    void converse(socket);
  });

  async function converse(socket: Socket): Promise<void> {
    const chunks = socket.iterator({ destroyOnReturn: false });
    const next = async (): Promise<Buffer> => ((await chunks.next()).value as Buffer | undefined) ?? Buffer.alloc(0);
    const greeting = await next();
    const method = login === undefined ? 0 : 2;
    if (!greeting.subarray(2).includes(method)) {
      socket.end(Buffer.of(5, 0xff));
      return;
    }
    socket.write(Buffer.of(5, method));
    if (login !== undefined) {
      const said = await next();
      const userLength = said[1] ?? 0;
      const user = said.subarray(2, 2 + userLength).toString();
      const given = `${user}:${said.subarray(3 + userLength).toString()}`;
      logins.push(given);
      socket.write(Buffer.of(1, given === login ? 0 : 1));
      if (given !== login) {
        socket.end();
        return;
      }
    }
    const request = await next();
    const kind = request[3];
    const host =
      kind === 1 ? [...request.subarray(4, 8)].join('.') : request.subarray(5, 5 + (request[4] ?? 0)).toString();
    asked.push(`${host}:${request.readUInt16BE(request.length - 2)}`);
    if (refuse !== undefined) {
      socket.end(Buffer.of(5, refuse, 0, 1, 0, 0, 0, 0, 0, 0));
      return;
    }
    await chunks.return?.();
    const onward = connect(to, '127.0.0.1', () => {
      // In two pieces, as networks may cut it.
      socket.write(Buffer.of(5, 0, 0));
      setImmediate(() => {
        socket.write(Buffer.of(1, 127, 0, 0, 1, 0, 80));
        socket.pipe(onward).pipe(socket);
      });
    });
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    logins,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
