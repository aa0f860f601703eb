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

/** What holds for a whole conversation. */
export interface ConversationNote {
  /** Text that was added to its system prompt in its first turn; null: none. */
  readonly system: string | null;
  /** Where it is at home, as `provider-id/model-id`; null: nowhere yet. */
  readonly home: string | null;
}

export interface ConversationNotes {
  /** Null where all that is known is there; else resolves when it is, or after a moment: it must be read from disk. */
  ready(): Promise<void> | null;
  /** Null where nothing is known of it. */
  get(conversation: string): ConversationNote | null;
  /** Changes what is given, in memory at once and on disk soon. Never throws. */
  put(conversation: string, change: Partial<ConversationNote>): void;
  /** Whether any conversation has a text: where not, none need be looked up. */
  readonly holdTexts: boolean;
}

/** What is remembered of conversations beyond what their clients send. */
export interface ReasoningMemory {
  readonly signatures: SignatureOwners;
  /** Null where nothing may be remembered. */
  readonly notes: ConversationNotes | null;
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
  notes: null,
  recall: () => nothingRemembered,
  remember: () => undefined,
};
