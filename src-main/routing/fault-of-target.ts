import type { ErrorCode, ErrorView } from '../../src-shared/errors.ts';

/** What another target would not have failed with, whatever its status. */
const OWN_FAULTS: ReadonlySet<ErrorCode> = new Set([
  'provider_unreachable',
  'provider_redirected',
  'provider_silent',
  'provider_too_slow',
  'provider_slow',
  'provider_busy',
  'provider_cut_stream',
  'provider_garbage',
  'provider_empty',
  'provider_key_missing',
  'provider_key_refused',
  'provider_keys_resting',
]);
/** What providers say of the account, of its limits and of themselves. */
const OWN_STATUSES: ReadonlySet<number> = new Set([401, 402, 403, 408, 429]);

/** Whether a failure speaks against the target, and not against the request, which any other would have refused as well. */
export function isFaultOfTarget({ code, status }: ErrorView): boolean {
  if (OWN_FAULTS.has(code)) return true;
  return (code === 'provider_error' || code === 'provider_stream_error') && (status >= 500 || OWN_STATUSES.has(status));
}
