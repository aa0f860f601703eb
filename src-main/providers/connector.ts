import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { openTunnel, proxyUnreachable, type Trust } from './http-tunnel.ts';
import type { ProxyServer } from './proxy.ts';
import { openSocks } from './socks-tunnel.ts';

/** How the connections of one pool are opened. */
export interface ConnectorOptions {
  proxy: ProxyServer | null;
  /** For all of it: name, TCP, proxy and TLS. */
  connectMs: number;
  /** All certificates that are trusted; absent, the usual ones. */
  ca: string[] | undefined;
  http2: boolean;
}

/** Whether requests to `url` are given to the proxy whole: HTTP proxies often tunnel to port 443 alone. */
export const asksProxy = (proxy: ProxyServer | null, url: URL): boolean =>
  proxy?.protocol.startsWith('http') === true && url.protocol === 'http:';

/** Makes what opens a connection: directly, or through a proxy. @param onOpened Called for each that is open. */
export function createConnector(
  { proxy, connectMs, ca, http2 }: ConnectorOptions,
  onOpened: () => void,
): buildConnector.connector {
  // Made once: to read some 150 certificates for each connection takes longer than its handshake.
  const trust: Trust = ca === undefined ? {} : { secureContext: createSecureContext({ ca }) };
  const build = buildConnector({ timeout: connectMs, allowH2: http2, preferH2: http2, ...trust });
  return (options, callback) => {
    const done: buildConnector.Callback = (...result) => {
      if (result[0] === null) onOpened();
      callback(...result);
    };
    if (proxy === null) {
      build(options, done);
      return;
    }
    connectThrough(proxy, options, connectMs, trust).then(
      // TLS, where there is any, begins here: the proxy sees none of what is said.
      (socket) => {
        if (options.protocol === 'https:') build({ ...options, httpSocket: socket }, done);
        else done(null, socket);
      },
      (error: Error) => done(error, null),
    );
  };
}

async function connectThrough(
  proxy: ProxyServer,
  { hostname, port, protocol }: buildConnector.Options,
  connectMs: number,
  trust: Trust,
): Promise<Socket> {
  const controller = new AbortController();
  const late = Object.assign(new Error('no connection in time'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
  const timer = setTimeout(() => controller.abort(late), connectMs);
  const isSecure = protocol === 'https:';
  const targetPort = Number(port) || (isSecure ? 443 : 80);
  try {
    if (proxy.protocol.startsWith('socks'))
      return await openSocks(proxy, hostname.replace(/^\[|\]$/g, ''), targetPort, controller.signal);
    if (isSecure) return await openTunnel(proxy, `${hostname}:${targetPort}`, trust, controller.signal);
    return await openPlain(proxy, connectMs, trust);
  } finally {
    clearTimeout(timer);
  }
}

/** A connection to the proxy itself, which is given whole requests. */
function openPlain(proxy: ProxyServer, connectMs: number, trust: Trust): Promise<Socket> {
  const open = buildConnector({ timeout: connectMs, allowH2: false, ...trust });
  const { host, port, protocol } = proxy;
  return new Promise((resolve, reject) => {
    open({ hostname: host, host: `${host}:${port}`, protocol, port: String(port) }, (error, socket) => {
      if (error === null && socket !== null) resolve(socket);
      else reject(proxyUnreachable(proxy, error));
    });
  });
}
