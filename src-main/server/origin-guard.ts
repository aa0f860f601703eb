import { isLoopbackHost } from '../../src-shared/config.ts';
import { ProxyError } from '../../src-shared/errors.ts';

export interface OriginRules {
  /** Host names besides loopback that may be asked for. */
  allowedHosts: readonly string[];
  /** Web origins that may call. */
  allowedOrigins: readonly string[];
  /** Host that the listener is bound to. */
  host: string;
}

/** `localhost:4777` → `localhost`; `[::1]:4777` → `::1`. Null where there is nothing to read. */
function hostName(header: string | undefined): string | null {
  const parts = /^(?:\[(?<address>[^[\]]+)\]|(?<name>[^:[\]]+))(?::\d*)?$/.exec(header ?? '')?.groups;
  return (parts?.address ?? parts?.name)?.toLowerCase() ?? null;
}

const isAddress = (name: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || name.includes(':');

/**
 * Refuses what a web page could make a browser send: a foreign `Host` (DNS rebinding makes a page's own name lead here)
 * and a foreign `Origin`.
 *
 * @returns the origin to allow by CORS; null where the request names none or names our own.
 * @throws ProxyError `foreign_host`, `foreign_origin`
 */
export function checkOrigin(
  headers: { host?: string | undefined; origin?: string | undefined },
  rules: OriginRules,
): string | null {
  const name = hostName(headers.host);
  const known =
    name !== null &&
    (isLoopbackHost(name) ||
      rules.allowedHosts.some((allowed) => allowed.toLowerCase() === name) ||
      // Bound beyond loopback by its user's choice: an address cannot be rebound, a name can.
      (!isLoopbackHost(rules.host) && isAddress(name)));
  if (!known) throw ProxyError.of('foreign_host', { host: headers.host ?? '' });
  const { origin } = headers;
  if (origin === undefined) return null;
  if (rules.allowedOrigins.includes(origin)) return origin;
  // Our own page. What it may do is for the door that serves it to say.
  if (origin === `http://${headers.host}`) return null;
  throw ProxyError.of('foreign_origin', { origin: origin.slice(0, 200) });
}
