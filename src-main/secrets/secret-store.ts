import { ProxyError } from '../../src-shared/errors.ts';

/** A key that CProxy keeps, and the origin that it may be sent to. */
export interface StoredKey {
  key: string;
  origin: string;
}

/**
 * Where keys are kept that `cproxy keys set` is given. Every call may fail with ProxyError `key_store_failed`, whose message
 * says what to do and never holds a key.
 */
export interface SecretStore {
  /** In words: `the system's keychain`. */
  readonly place: string;
  readonly encrypted: boolean;
  /** null: it has none of that name. */
  get(name: string): Promise<StoredKey | null>;
  /** Keeps a key in the place of the one before. @returns what had to be moved out of the way, in words; else null. */
  set(name: string, key: StoredKey): Promise<string | null>;
  /** @returns false where there was none. */
  remove(name: string): Promise<boolean>;
  list(): Promise<{ name: string; origin: string }[]>;
}

export function storeFailed(reason: string, cause?: unknown): ProxyError {
  const error = ProxyError.of('key_store_failed', { reason });
  if (cause !== undefined) error.cause = cause;
  return error;
}
