import { type ErrorCode, type ErrorKind, ProxyError } from '../../src-shared/errors.ts';
import type { UpstreamError } from '../protocols/codec.ts';
import { contextOverflow } from '../protocols/context-overflow.ts';
import { outputOverflow } from '../protocols/output-overflow.ts';
import type { ProviderAnswer } from '../providers/base-provider.ts';

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

/** What one target cannot take and another may: it has a larger context window, or runs the tool that is asked for. */
const FAULTS_OF_ONE_TARGET: ReadonlySet<ErrorCode> = new Set([
  'context_overflow',
  'output_overflow',
  'server_tool_unsupported',
]);

/** Whether another target could do better with the same request. */
export function canTryNext(error: ProxyError): boolean {
  return FAULTS_OF_ONE_TARGET.has(error.code) || !isClientFault(error.status);
}

const RETRYABLE_CLIENT_STATUSES = new Set([408, 409, 429]);

/**
 * How long a provider asks to be left alone, in whole seconds: `retry-after`, as a number or an HTTP date, or OpenAI's
 * `retry-after-ms`. Undefined where it does not say.
 */
export function retryAfterSeconds(headers: ProviderAnswer['headers'], now = Date.now()): number | undefined {
  const { 'retry-after': after, 'retry-after-ms': afterMs } = headers;
  if (typeof after !== 'string' || after === '')
    return typeof afterMs === 'string' && afterMs !== '' ? wholeSeconds(Number(afterMs) / 1000) : undefined;
  const seconds = Number(after);
  return wholeSeconds(Number.isNaN(seconds) ? (Date.parse(after) - now) / 1000 : seconds);
}

const wholeSeconds = (seconds: number): number | undefined =>
  Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;

/** A model the provider, or the account there, does not have: OpenAI, OpenRouter, DeepSeek, Mistral, Ollama. */
const NO_SUCH_MODEL =
  /does not have access to (?:the )?model|is not a valid model|^model not exist|^invalid model\b|\bmodel ['"`]?[\w./:@-]+['"`]? (?:does not exist|not found)/i;
/** What was asked is against a vendor's rules: OpenRouter, Azure, OpenAI. */
const AGAINST_RULES =
  /\b(?:input|prompt|content)\b.{0,80}\bflagged\b|\bmoderation\b|\bcontent (?:policy|filter|management)/i;
const AGAINST_RULES_CODES = new Set(['content_filter', 'content_policy_violation', 'moderation']);
/** Of OpenAI's 429s those that no waiting helps (its guide "Error codes"). */
const MONEY_CODES = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active']);

/** The status that says what the error is, where vendors give another: some refuse a model or a text as others do a key. */
function trueStatus(status: number, { message, code }: UpstreamError): number {
  if (status !== 400 && status !== 403) return status;
  if (code === 'model_not_found' || NO_SUCH_MODEL.test(message)) return 404;
  return AGAINST_RULES_CODES.has(code ?? '') || AGAINST_RULES.test(message) ? 400 : status;
}

/**
 * A provider's HTTP error as ours. A key that the provider refuses is not the client's fault: a 401 would make clients log
 * their user out, so it becomes a 502 that names the provider.
 */
export function httpFailure(
  provider: string,
  given: number,
  upstream: UpstreamError,
  retryAfter: number | undefined,
  sent: Uint8Array | string,
): ProxyError {
  const status = trueStatus(given, upstream);
  if (status === 401 || status === 403)
    return ProxyError.of('provider_key_refused', { provider, status, upstream: upstream.message });
  const overflow = isClientFault(status) ? contextOverflow(upstream) : null;
  if (overflow !== null) return ProxyError.of('context_overflow', { provider, wording: overflow });
  const tooLong = isClientFault(status) ? outputOverflow(upstream, sent) : null;
  if (tooLong !== null) return ProxyError.of('output_overflow', { provider, wording: tooLong });
  const unpaid = status === 429 && MONEY_CODES.has(upstream.code ?? '');
  const retryable = !unpaid && (status >= 500 || RETRYABLE_CLIENT_STATUSES.has(status));
  // Claude Code backs off from a 529 as from "overloaded", and takes a 503 for a fault of the gateway.
  const shown = status === 503 ? 529 : status;
  const kind = unpaid ? 'billing_error' : kindOfStatus(status);
  return ProxyError.of(
    'provider_error',
    { provider, status: given, upstream: upstream.message },
    { status: shown, kind, retryable, ...(retryAfter === undefined ? {} : { retryAfter }) },
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
  if (last !== undefined && FAULTS_OF_ONE_TARGET.has(last.code) && errors.every(({ code }) => code === last.code))
    return last;
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
