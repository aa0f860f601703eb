import { ProxyError } from '../../src-shared/errors.ts';
import type { Failure } from './attempt-outcome.ts';

/**
 * What a target's keys have failed with, as one failure where the provider has the same against all of them: that of the key
 * which can be used again first, naming what was said of each.
 */
export function failuresOfKeys(provider: string, failures: readonly Failure[]): readonly Failure[] {
  const [first, ...others] = failures;
  if (first?.keyFault === undefined || others.length === 0) return failures;
  const { kind } = first.keyFault;
  const { code } = first.error;
  if (!others.every(({ keyFault, error }) => keyFault?.kind === kind && error.code === code)) return failures;
  const soonest = others.reduce((best, next) => (waitOf(next) < waitOf(best) ? next : best), first);
  return [{ ...soonest, error: combined(provider, soonest.error, failures) ?? soonest.error }];
}

const waitOf = ({ error }: Failure): number => (error.retryable ? (error.retryAfter ?? 0) : Number.POSITIVE_INFINITY);

/** null for errors that are not about the key as such. */
function combined(provider: string, error: ProxyError, failures: readonly Failure[]): ProxyError | null {
  const words = new Set(failures.flatMap(({ keyFault }) => keyFault?.message ?? []));
  const upstream = `${failures.length} keys were tried: ${[...words].join('; ')}`;
  const { kind, status, retryable, retryAfter } = error;
  const as = { kind, status, retryable, ...(retryAfter === undefined ? {} : { retryAfter }) };
  switch (error.code) {
    case 'provider_key_refused':
      return ProxyError.of('provider_key_refused', { provider, status: ofKey(failures), upstream }, as);
    case 'provider_error':
      return ProxyError.of('provider_error', { provider, status, upstream }, as);
    case 'provider_stream_error':
      return ProxyError.of('provider_stream_error', { provider, upstream }, as);
    default:
      return null;
  }
}

const ofKey = ([first]: readonly Failure[]): number => (first?.keyFault?.kind === 'forbidden' ? 403 : 401);
