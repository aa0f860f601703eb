import { isLoopbackHost } from '../../src-shared/config.ts';
import { ProxySettingError } from './proxy.ts';

/** A proxy that did not let a request through. The message says which one, why, and what to do. */
export class ProxyRefusal extends Error {
  override readonly name = 'ProxyRefusal';
}

/** The certificates of `ca` cannot be used. */
export class CaError extends Error {
  override readonly name = 'CaError';
}

const ISSUER_UNKNOWN = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** The error that says most: undici and Node wrap what happened to a socket. */
function innermost(error: unknown): unknown {
  let inner = error;
  for (let depth = 0; depth < 5; depth += 1) {
    if (inner instanceof ProxyRefusal || inner instanceof ProxySettingError || inner instanceof CaError) return inner;
    const next: unknown =
      inner instanceof AggregateError && codeOf(inner) === ''
        ? inner.errors[0]
        : inner instanceof Error
          ? inner.cause
          : null;
    if (!(next instanceof Error)) return inner;
    inner = next;
  }
  return inner;
}

/** Whether what came in place of HTTP is a TLS alert (RFC 8446, section 5.1): the server speaks TLS. */
function isTlsAlert(error: unknown): boolean {
  if (!(error instanceof Error) || !('data' in error)) return false;
  const { data } = error;
  return (
    (Buffer.isBuffer(data) || typeof data === 'string') && Buffer.from(data).subarray(0, 2).equals(Buffer.of(0x15, 3))
  );
}

/** Plain words for what went wrong on the way to `url`, and what to do about it. */
export function explainConnection(error: unknown, url: URL): string {
  const inner = innermost(error);
  if (inner instanceof ProxyRefusal || inner instanceof ProxySettingError || inner instanceof CaError)
    return inner.message;
  const code = codeOf(inner);
  const { host, hostname } = url;
  const message = inner instanceof Error ? inner.message : String(inner);
  if (isTlsAlert(inner)) return `${host} speaks https, not http. Write https://${host} in baseUrl.`;
  if (ISSUER_UNKNOWN.has(code))
    return `the certificate of ${host} comes from an issuer that is not known here (${code}). If it is your company's own, or that of a proxy that looks into the traffic, name the file of its certificates (PEM) as ca, or write ca: system for those that the system trusts.`;
  switch (code) {
    case 'ECONNREFUSED':
      return isLoopbackHost(hostname)
        ? `nothing listens at ${host} (connection refused). Is the server running, and is its port right?`
        : `nothing listens at ${host} (connection refused). Is the server running, does it listen for other machines than its own, and is baseUrl right?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${hostname} could not be found. Is this machine online, and is baseUrl right?`;
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'ENETDOWN':
    case 'EHOSTDOWN':
    case 'EADDRNOTAVAIL':
      return `there is no way to ${host} (${code}). Is this machine online, or is a VPN missing?`;
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return `no connection to ${host} in time. A firewall may be in the way; where the way is just long, raise timeouts.connectMs.`;
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return `the connection to ${host} was closed before an answer came`;
    case 'CERT_HAS_EXPIRED':
      return `the certificate of ${host} has expired. Is the clock of this machine right?`;
    case 'CERT_NOT_YET_VALID':
      return `the certificate of ${host} is not valid yet. Is the clock of this machine right?`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate of ${host} is for other names. Is baseUrl right? (A network with a login page gives such certificates too.)`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return `${host} speaks http, not https. Write http://${host} in baseUrl.`;
  }
  // Not all errors of undici's parser have a code.
  if (code.startsWith('HPE_') || (inner instanceof Error && inner.name === 'HTTPParserError'))
    return `${host} does not speak HTTP (${message})`;
  if (code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || code.includes('CERT') || code === 'EPROTO')
    return `TLS with ${host} failed: ${message}`;
  return `${host}: ${message || code}`;
}
