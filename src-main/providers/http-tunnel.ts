import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { explainConnection, ProxyRefusal } from './connection-errors.ts';
import type { ProxyServer } from './proxy.ts';

/** Which certificates are trusted; empty: the usual ones. */
export type Trust = { secureContext?: SecureContext };

/** What a proxy is told of who asks; none where it has no login. */
export function proxyAuthorization({ login }: ProxyServer): string | null {
  if (login === null) return null;
  return `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
}

/** Why a proxy's own answer ended a request. @param host Where the request should have gone. */
export function proxyRefusal({ shown, source, login }: ProxyServer, status: number, host: string): ProxyRefusal {
  const proxy = `the proxy ${shown} (${source})`;
  if (status === 407)
    return new ProxyRefusal(
      login === null
        ? `${proxy} wants a user name and password (HTTP 407). Put http://USER:PASSWORD@HOST:PORT into a variable and write proxy: env:NAME.`
        : `${proxy} does not take the user name and password it was given (HTTP 407)`,
    );
  if (status >= 500) return new ProxyRefusal(`${proxy} cannot reach ${host} (HTTP ${status})`);
  return new ProxyRefusal(
    `${proxy} does not let requests to ${host} through (HTTP ${status}). If it can be reached without, write proxy: none, or add it to NO_PROXY.`,
  );
}

/** Why a proxy itself could not be reached. */
export function proxyUnreachable({ shown, source, protocol }: ProxyServer, error: unknown): ProxyRefusal {
  const url = new URL(shown.replace(protocol, protocol === 'https:' ? 'https:' : 'http:'));
  const why = explainConnection(error, url).replaceAll('baseUrl', source);
  return new ProxyRefusal(`the proxy ${shown} (${source}) could not be used: ${why}`, { cause: error });
}

/**
 * Opens a tunnel to `host` (with its port) through an HTTP proxy.
 * @param trust For a proxy that is itself reached over TLS.
 * @throws ProxyRefusal
 */
export function openTunnel(proxy: ProxyServer, host: string, trust: Trust, signal: AbortSignal): Promise<Socket> {
  const authorization = proxyAuthorization(proxy);
  const { request } = proxy.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const connect = request({
      method: 'CONNECT',
      host: proxy.host,
      port: proxy.port,
      path: host,
      headers: { host, ...(authorization === null ? {} : { 'proxy-authorization': authorization }) },
      agent: false,
      signal,
      ...trust,
    });
    connect.once('connect', ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
      if (statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.on('error', () => undefined).destroy();
      reject(proxyRefusal(proxy, statusCode, host));
    });
    // A server that knows no CONNECT answers it like any other request.
    connect.once('response', (answer) => {
      answer.destroy();
      reject(proxyRefusal(proxy, answer.statusCode ?? 0, host));
    });
    connect.once('error', (error) => reject(proxyUnreachable(proxy, signal.aborted ? signal.reason : error)));
    connect.end();
  });
}
