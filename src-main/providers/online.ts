import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isLoopbackHost } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';

/** Addresses of private networks (RFC 1918, RFC 6598, RFC 3927; for IPv6 RFC 4193 and RFC 4291). */
const PRIVATE_V4 =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;
const PRIVATE_V6 = /^(?:f[cd][\da-f]{2}|fe[89ab][\da-f]):/;
/** Names that no resolver of the internet knows (RFC 6762, RFC 8375, and those that routers give). */
const LOCAL_NAME = /^[^.]+$|\.(?:local|lan|internal|home\.arpa|home|localdomain)$/;

/** Whether a server is neither on this machine nor in its own network, so that it takes the internet to reach it. */
export function isElsewhere(url: URL | null): boolean {
  if (url === null) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isLoopbackHost(host)) return false;
  const family = isIP(host);
  if (family === 0) return !LOCAL_NAME.test(host);
  return !(family === 4 ? PRIVATE_V4 : PRIVATE_V6).test(host);
}

/** Codes of a way that is missing, not of a server. */
const NETWORK_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN']);

/** Whether a server was not reached for want of a network. */
export function isNetworkFailure(error: unknown): boolean {
  if (!(error instanceof ProxyError) || error.code !== 'provider_unreachable') return false;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (hasNetworkCode(cause)) return true;
    if (cause instanceof AggregateError) return cause.errors.some(hasNetworkCode);
  }
  return false;
}

const hasNetworkCode = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && NETWORK_CODES.has(String(error.code));

/** This machine's addresses in networks, in one line that changes when they do; empty where it is in none. */
export function networkAddresses(): string {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:169\.254\.|fe[89ab])/i.test(address))
    .map(({ address }) => address)
    .sort()
    .join(' ');
}
