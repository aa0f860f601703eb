import { type ErrorKind, ProxyError } from '../../src-shared/errors.ts';
import { contextOverflow } from '../protocols/anthropic/error-wording.ts';
import type { UpstreamError } from '../protocols/codec.ts';

/** Anthropic's error type for an HTTP status (its API reference, "Errors"). */
function kindOfStatus(status: number): ErrorKind {
  switch (status) {
    case 401:
      return 'authentication_error';
    case 402:
      return 'billing_error';
    case 403:
      return 'permission_error';
    case 404:
      return 'not_found_error';
    case 408:
    case 504:
      return 'timeout_error';
    case 409:
      return 'conflict_error';
    case 413:
      return 'request_too_large';
    case 429:
      return 'rate_limit_error';
    case 503:
    case 529:
      return 'overloaded_error';
    default:
      return status >= 400 && status < 500 ? 'invalid_request_error' : 'api_error';
  }
}

/** Requests that are wrong in themselves: another provider would refuse them too. */
function isClientFault(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}

/** Whether another target could do better with the same request. A larger context window may be there. */
export function canTryNext(error: ProxyError): boolean {
  return error.code === 'context_overflow' || !isClientFault(error.status);
}

const RETRYABLE_CLIENT_STATUSES = new Set([408, 409, 429]);

/** `retry-after` in whole seconds; an HTTP date is understood too. Null where there is none. */
export function retryAfterSeconds(header: string | string[] | undefined, now = Date.now()): number | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds));
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

/**
 * A provider's HTTP error as ours. A key that the provider refuses is not the client's fault: a 401 would make clients log
 * their user out, so it becomes a 502 that names the provider.
 */
export function httpFailure(
  provider: string,
  status: number,
  upstream: UpstreamError,
  retryAfter: number | undefined,
): ProxyError {
  if (status === 401 || status === 403)
    return ProxyError.of('provider_key_refused', { provider, status, upstream: upstream.message });
  const overflow = isClientFault(status) ? contextOverflow(upstream) : null;
  if (overflow !== null) return ProxyError.of('context_overflow', { provider, wording: overflow });
  const retryable = status >= 500 || RETRYABLE_CLIENT_STATUSES.has(status);
  // Claude Code backs off from a 529 as from "overloaded", and takes a 503 for a fault of the gateway.
  const shown = status === 503 ? 529 : status;
  return ProxyError.of(
    'provider_error',
    { provider, status, upstream: upstream.message },
    { status: shown, kind: kindOfStatus(status), retryable, ...(retryAfter === undefined ? {} : { retryAfter }) },
  );
}

const STREAM_ERROR_STATUSES: Partial<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  timeout_error: 504,
  overloaded_error: 529,
};

/** An error event inside an answer that began with HTTP 200. */
export function streamFailure(provider: string, upstream: UpstreamError): ProxyError {
  const overflow = contextOverflow(upstream);
  if (overflow !== null) return ProxyError.of('context_overflow', { provider, wording: overflow });
  const status = STREAM_ERROR_STATUSES[upstream.code ?? ''] ?? 502;
  if (status === 401 || status === 403)
    return ProxyError.of('provider_key_refused', { provider, status, upstream: upstream.message });
  return ProxyError.of(
    'provider_stream_error',
    { provider, upstream: upstream.message },
    { status, kind: kindOfStatus(status), retryable: !isClientFault(status) },
  );
}

/** One error for a request whose targets all failed; it can be retried when one of them can. */
export function combinedFailure(errors: readonly ProxyError[]): ProxyError {
  const last = errors.at(-1);
  if (last !== undefined && errors.every(({ code }) => code === 'context_overflow')) return last;
  const retryable = errors.filter((error) => error.retryable);
  const waits = retryable.flatMap(({ retryAfter }) => retryAfter ?? []);
  const overloaded =
    retryable.length > 0 && retryable.every(({ kind }) => kind === 'overloaded_error' || kind === 'rate_limit_error');
  return ProxyError.of(
    'all_targets_failed',
    { attempts: errors.map(({ message }) => message) },
    {
      retryable: retryable.length > 0,
      ...(overloaded ? { status: 529, kind: 'overloaded_error' as const } : {}),
      ...(waits.length > 0 ? { retryAfter: Math.min(...waits) } : {}),
    },
  );
}
