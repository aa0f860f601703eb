import type { IncomingMessage } from 'node:http';
import { ProxyError } from '../../src-shared/errors.ts';
import type { AdminSession, AdminSessions } from './admin-sessions.ts';

/**
 * The admin session a request comes with.
 * @throws ProxyError `admin_session_required`, `admin_origin_refused`
 */
export function admit(sessions: AdminSessions, request: IncomingMessage): AdminSession {
  const session = sessions.authenticate(request.headers);
  if (session === null) throw ProxyError.of('admin_session_required', {});
  if (session.via === 'cookie') requireOwnOrigin(request, { orNone: !changesSomething(request) });
  return session;
}

/**
 * A browser sends its cookie with whatever another page makes it send, and other ports of this machine count as the same
 * site; the Origin tells them apart. `orNone`: a request without one passes (browsers leave it out of plain reads).
 * @throws ProxyError `admin_origin_refused`
 */
export function requireOwnOrigin(request: IncomingMessage, options: { orNone: boolean }): void {
  const { origin, host } = request.headers;
  if (origin === undefined && options.orNone) return;
  const own = host === undefined ? null : hostOf(`http://${host}`);
  if (own !== null && origin !== undefined && hostOf(origin) === own) return;
  throw ProxyError.of('admin_origin_refused', { origin: origin ?? null });
}

/** A WebSocket may carry anything, so opening one counts. */
function changesSomething(request: IncomingMessage): boolean {
  return (request.method !== 'GET' && request.method !== 'HEAD') || request.headers.upgrade !== undefined;
}

/** Host and port of an http(s) URL; null for anything else, such as the origin `null`. */
function hostOf(url: string): string | null {
  return /^https?:\/\//.test(url) && URL.canParse(url) ? new URL(url).host : null;
}
