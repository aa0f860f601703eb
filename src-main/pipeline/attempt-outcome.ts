import type { ProxyError } from '../../src-shared/errors.ts';
import type { KeyFault } from '../providers/key-fault.ts';
import type { AnswerHeaders } from './client-request.ts';
import { canTryNext } from './upstream-failure.ts';

/** Why an attempt failed, and what to do about it. */
export interface Failure {
  readonly error: ProxyError;
  /** The provider's own error answer, for clients that speak its protocol: their recovery reads its wording. */
  readonly original: { status: number; headers: AnswerHeaders; body: Buffer } | null;
  /** False where every provider would give the same answer, such as a malformed request. */
  readonly tryNext: boolean;
  /** What the provider has against the key; another key of it may be taken. */
  readonly keyFault?: KeyFault;
}

export type AttemptOutcome =
  | { readonly kind: 'answered' }
  /** `answering`: the client has seen content, so no other target can take over. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly answering: boolean }
  /** The client left. */
  | { readonly kind: 'aborted' };

/** An attempt that failed with an error of ours. @param answering the client has seen content. */
export const failed = (error: ProxyError, answering = false): AttemptOutcome => ({
  kind: 'failed',
  failure: { error, original: null, tryNext: canTryNext(error) },
  answering,
});
