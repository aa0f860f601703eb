import type { ProxyError } from '../../src-shared/errors.ts';
import type { UpstreamError } from '../protocols/codec.ts';
import { isAboutMoney, retryAfterSeconds, trueStatus } from './http-failure.ts';
import { LONGEST_WAIT_MS, resetOfSpent } from './rate-limits.ts';
import type { ReceivedHeaders } from './received-headers.ts';

/** What a provider has against a key. */
export interface KeyFault {
  /**
   * - `refused`: it is not, or no more, valid (401).
   * - `forbidden`: it may not do this (403).
   * - `exhausted`: its money or its quota is spent (402 and its likes).
   * - `limited`: too much in too short a time (429).
   */
  kind: 'refused' | 'forbidden' | 'exhausted' | 'limited';
  /** What it holds for: vendors limit and forbid by model, all else is the whole key's. */
  scope: 'key' | 'model';
  /** Unix time in ms until which the provider asks to be left alone; null where it does not say. */
  until: number | null;
  /** In its own words, redacted. */
  message: string;
}

/** Words for a spent balance or limit, where no code says it: Anthropic (400), OpenRouter (402, 403), DeepSeek, Moonshot. */
const SPENT =
  /credit balance is too low|insufficient (?:credits?|balance|quota|funds)|requires more credits|key limit exceeded|\bspend(?:ing)? (?:limit|cap)|exceeded your current quota|out of credits|payment required|usage limit/i;
/** Gemini tells the wait in its text alone. */
const RETRY_IN = /retry in ([\d.]+)\s*s/i;
/** Gemini's name of a limit by the day, for which it tells a wait of seconds all the same (its page on rate limits). */
const PER_DAY = /"quotaId":\s*"[^"]*PerDay/;

/**
 * What an HTTP error says of the key; null where it is no key's fault.
 * @param error redacted. @param headers names in lower case. @param body as it was received. @param now Unix time in ms.
 */
export function keyFault(
  given: number,
  error: UpstreamError,
  headers: ReceivedHeaders,
  body: string,
  now = Date.now(),
): KeyFault | null {
  const { message } = error;
  const status = trueStatus(given, error);
  const until = waitUntil(error, headers, now);
  const spent = isAboutMoney(error) || SPENT.test(message);
  switch (status) {
    case 401:
      return { kind: 'refused', scope: 'key', until: null, message };
    case 402:
      return { kind: 'exhausted', scope: 'key', until, message };
    case 403:
      return spent
        ? { kind: 'exhausted', scope: 'key', until, message }
        : { kind: 'forbidden', scope: 'model', until: null, message };
    case 429:
      if (PER_DAY.test(body)) return { kind: 'exhausted', scope: 'model', until: null, message };
      // Gemini speaks of "your current quota" at any limit; where it tells the wait, it is one that passes.
      if (spent && (until === null || isAboutMoney(error))) return { kind: 'exhausted', scope: 'key', until, message };
      return { kind: 'limited', scope: isAccountWide(headers) ? 'key' : 'model', until, message };
    case 400:
      return spent && !error.param ? { kind: 'exhausted', scope: 'key', until, message } : null;
    default:
      return null;
  }
}

/** What an error of ours says of the key it was asked with; null where it says nothing of it. */
export function keyFaultOf({ code, kind, message }: ProxyError): KeyFault | null {
  if (code === 'provider_key_refused')
    return kind === 'permission_error'
      ? { kind: 'forbidden', scope: 'model', until: null, message }
      : { kind: 'refused', scope: 'key', until: null, message };
  if (code !== 'provider_stream_error' && code !== 'provider_error') return null;
  if (kind === 'billing_error') return { kind: 'exhausted', scope: 'key', until: null, message };
  return kind === 'rate_limit_error' ? { kind: 'limited', scope: 'model', until: null, message } : null;
}

/** A subscription's window is one for all models. */
const isAccountWide = (headers: ReceivedHeaders): boolean =>
  headers['anthropic-ratelimit-unified-status'] === 'rejected';

function waitUntil({ message }: UpstreamError, headers: ReceivedHeaders, now: number): number | null {
  const seconds = retryAfterSeconds(headers, now) ?? Number(RETRY_IN.exec(message)?.[1] ?? Number.NaN);
  if (seconds * 1000 <= LONGEST_WAIT_MS) return now + seconds * 1000;
  return resetOfSpent(headers, now);
}
