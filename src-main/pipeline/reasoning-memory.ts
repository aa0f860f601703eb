import { nothingRemembered, type Recall, type RememberedTurn } from '../protocols/remembered-turn.ts';

/**
 * Whose signature a reasoning block carries, where it does not say itself: what is passed through keeps the vendor's own, and
 * one vendor's looks like another's.
 */
export interface SignatureOwners {
  /** @param provider id of the provider that made it; null: nobody takes it any more. */
  note(signature: string, provider: string | null): void;
  /** Whether it is known to be another's. Never true of one that nobody knows, nor of one that is not read yet (`ready`). */
  isForeign(signature: string, provider: string): boolean;
  /** Whether any signature is known that is not this provider's: where not, none need be looked up. */
  knowsOthers(provider: string): boolean;
  /** Null where all that is known is there; else resolves when it is, or after a moment: it must be read from disk. */
  ready(): Promise<void> | null;
}

/** What is remembered of conversations beyond what their clients send. */
export interface ReasoningMemory {
  readonly signatures: SignatureOwners;
  /**
   * What is remembered of a conversation; `nothingRemembered` where that is nothing. A promise only where it must be read from
   * disk, which is waited for a moment at most; it never rejects.
   */
  recall(conversation: string): Recall | Promise<Recall>;
  /** Keeps a turn, in memory at once and on disk soon. Never throws. */
  remember(conversation: string, turnKey: string, turn: RememberedTurn): void;
}

/** Remembers nothing. */
export const noMemory: ReasoningMemory = {
  signatures: { note: () => undefined, isForeign: () => false, knowsOthers: () => false, ready: () => null },
  recall: () => nothingRemembered,
  remember: () => undefined,
};
