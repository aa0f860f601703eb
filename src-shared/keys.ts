/** Client tokens of CProxy begin so; such a value is never a provider's key. */
export const TOKEN_PREFIX = 'cpx_';

/** What a key reference leads to. `warning` tells of a key that works but lies open, or does not look like one. */
export type KeyState =
  | { state: 'present'; value: string; reference: string; warning: string | null }
  | { state: 'missing'; reason: string }
  | { state: 'from-client' };

/** Which key is asked for, and what it is for: a key of the keychain is bound to an origin. */
export interface KeyQuestion {
  /** null: none is named, so it is looked for where it usually is. */
  reference: string | null;
  /** Id of the provider. */
  provider: string;
  origin: string;
  /** The variable that usually holds it, where `origin` is the vendor's own. */
  usualVariable: string | null;
  /** How such keys begin; null where they begin in many ways. */
  prefix: string | null;
}

export type ResolveKey = (question: KeyQuestion) => Promise<KeyState>;
