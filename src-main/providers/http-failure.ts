import { type ErrorKind, ProxyError } from '../../src-shared/errors.ts';
import type { UpstreamError } from '../protocols/codec.ts';
import { isContentRefusal } from '../protocols/content-refusal.ts';
import { contextOverflow } from '../protocols/context-overflow.ts';
import { outputOverflow } from '../protocols/output-overflow.ts';
import { LONGEST_WAIT_MS } from './rate-limits.ts';
import type { ReceivedHeaders } from './received-headers.ts';

/** Anthropic's error type for an HTTP status (its API reference, "Errors"). */
export function kindOfStatus(status: number): ErrorKind {
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
export function isClientFault(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}

const RETRYABLE_CLIENT_STATUSES = new Set([408, 409, 429]);

/**
 * How long a provider asks to be left alone, in whole seconds: `retry-after`, as a number or an HTTP date, or OpenAI's
 * `retry-after-ms`. Undefined where it does not say, or names a time that no limit lasts.
 */
export function retryAfterSeconds(headers: ReceivedHeaders, now = Date.now()): number | undefined {
  const { 'retry-after': after, 'retry-after-ms': afterMs } = headers;
  if (typeof after !== 'string' || after === '')
    return typeof afterMs === 'string' && afterMs !== '' ? wholeSeconds(Number(afterMs) / 1000) : undefined;
  const seconds = Number(after);
  return wholeSeconds(Number.isNaN(seconds) ? (Date.parse(after) - now) / 1000 : seconds);
}

const wholeSeconds = (seconds: number): number | undefined =>
  seconds * 1000 <= LONGEST_WAIT_MS ? Math.max(0, Math.ceil(seconds)) : undefined;

/** A model the provider, or the account there, does not have: OpenAI, OpenRouter, DeepSeek, Mistral, Ollama. */
const NO_SUCH_MODEL =
  /does not have access to (?:the )?model|is not a valid model|^model not exist|^invalid model\b|\bmodel ['"`]?[\w./:@-]+['"`]? (?:does not exist|not found)/i;
/** A key that is not, or no more, valid: Gemini, with a 400 (continuedev/continue issue 10748). */
const NOT_A_KEY = /\bAPI key (?:not valid|expired)\b/i;
/** Of OpenAI's 429s those that no waiting helps (its guide "Error codes"). */
const MONEY_CODES = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'enforced_spend_limit_reached',
]);

/** Whether the vendor's own word for it is that the money is spent. */
export const isAboutMoney = ({ code }: UpstreamError): boolean => MONEY_CODES.has(code ?? '');

/** The status that says what the error is, where vendors give another: some refuse a model or a text as others do a key. */
export function trueStatus(status: number, error: UpstreamError): number {
  const { message, code } = error;
  if (status !== 400 && status !== 403) return status;
  if (code === 'model_not_found' || NO_SUCH_MODEL.test(message)) return 404;
  if (NOT_A_KEY.test(message)) return 401;
  return isContentRefusal(error) ? 400 : status;
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
    return ProxyError.of('provider_key_refused', { provider, status: given, upstream: upstream.message });
  const overflow = isClientFault(status) ? contextOverflow(upstream) : null;
  if (overflow !== null) return ProxyError.of('context_overflow', { provider, wording: overflow });
  if (isClientFault(status) && isContentRefusal(upstream))
    return ProxyError.of('content_refused', { provider, upstream: upstream.message });
  const tooLong = isClientFault(status) ? outputOverflow(upstream, sent) : null;
  if (tooLong !== null) return ProxyError.of('output_overflow', { provider, wording: tooLong });
  const unpaid = status === 429 && isAboutMoney(upstream);
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
