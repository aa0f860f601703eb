import { type ErrorCode, ProxyError } from '../../src-shared/errors.ts';
import type { UpstreamError } from '../protocols/codec.ts';
import { isContentRefusal } from '../protocols/content-refusal.ts';
import { contextOverflow } from '../protocols/context-overflow.ts';
import { isClientFault, kindOfStatus } from '../providers/http-failure.ts';

/** What one target cannot take and another may: it has a larger context window, or runs the tool that is asked for. */
const FAULTS_OF_ONE_TARGET: ReadonlySet<ErrorCode> = new Set([
  'context_overflow',
  'output_overflow',
  'server_tool_unsupported',
]);

/** Whether an error is about what only some targets can take. */
export const isFaultOfOneTarget = ({ code }: ProxyError): boolean => FAULTS_OF_ONE_TARGET.has(code);

/** Whether another target could do better with the same request. */
export function canTryNext(error: ProxyError): boolean {
  return isFaultOfOneTarget(error) || !isClientFault(error.status);
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
  if (isContentRefusal(upstream)) return ProxyError.of('content_refused', { provider, upstream: upstream.message });
  const status = STREAM_ERROR_STATUSES[upstream.code ?? ''] ?? 502;
  if (status === 401 || status === 403)
    return ProxyError.of('provider_key_refused', { provider, status, upstream: upstream.message });
  return ProxyError.of(
    'provider_stream_error',
    { provider, upstream: upstream.message },
    { status, kind: kindOfStatus(status), retryable: !isClientFault(status) && status !== 402 && status !== 404 },
  );
}
