import type { ErrorView } from '../../src-shared/errors.ts';
import type { TokenUsage } from '../../src-shared/requests.ts';

/** What came of an attempt, for whoever chooses targets. Times in ms since the attempt began. */
export interface AttemptResult {
  readonly outcome: 'answered' | 'failed' | 'aborted';
  readonly error: ErrorView | null;
  /** The provider's HTTP status; null when it gave none. */
  readonly status: number | null;
  /** So long the provider asks to be left alone; null where it does not say. */
  readonly retryAfterMs: number | null;
  readonly firstContentMs: number | null;
  readonly totalMs: number;
  readonly usage: TokenUsage | null;
}
