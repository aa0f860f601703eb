import type { RememberedTurn } from '../protocols/remembered-turn.ts';

/** What a token counter has learned of one model's own counts. What `data` is, is the counter's matter. */
export interface SavedCorrection {
  provider: string;
  model: string;
  data: unknown;
}

/** A turn of a conversation, by its key. */
export type KeyedTurn = readonly [key: string, turn: RememberedTurn];

/** Whose a signature is, as the disk has it. */
export interface SavedOwner {
  /** Digest of the signature (`signatureDigest`). */
  digest: number;
  /** Id of the provider; null: nobody takes it any more. */
  owner: string | null;
  /** Of its last use, in days since 1970. */
  day: number;
}

/** What holds for a whole conversation, as the disk has it. */
export interface SavedNote {
  /** Digest that names the conversation. */
  digest: number;
  /** Text that was added to its system prompt. */
  system: string | null;
  /** `provider-id/model-id` */
  home: string | null;
  /** Of its last use, in days since 1970. */
  day: number;
}

/** What is written at once, in order. */
export interface Batch {
  turns: readonly { conversation: string; key: string; turn: RememberedTurn }[];
  /** Conversations that were used without a new turn. */
  used: readonly string[];
  owners: readonly SavedOwner[];
  corrections: readonly SavedCorrection[];
  notes: readonly SavedNote[];
}

/** All owners of signatures, the longest unused first, as columns: they are many. */
export interface OwnerColumns {
  names: readonly (string | null)[];
  digests: Float64Array<ArrayBuffer>;
  /** Places in `names`. */
  owners: Uint32Array<ArrayBuffer>;
  days: Uint32Array<ArrayBuffer>;
}

export interface DiskStats {
  conversations: number;
  turns: number;
  /** Of all its files. */
  bytes: number;
}

/** What the worker is asked, and what it answers. */
export interface DiskCalls {
  /** The newest turns of a conversation, the oldest of them first. */
  read: { asked: { conversation: string }; answer: readonly KeyedTurn[] };
  write: { asked: Batch; answer: null };
  owners: { asked: null; answer: OwnerColumns };
  /** The longest unused first. */
  notes: { asked: null; answer: readonly SavedNote[] };
  corrections: { asked: null; answer: readonly SavedCorrection[] };
  /** Forgets what has not been used for too long. */
  expire: { asked: null; answer: null };
  stats: { asked: null; answer: DiskStats };
  close: { asked: null; answer: null };
}

/** What a worker is started with. */
export interface DatabaseOptions {
  file: string;
  /** Of all its files. */
  maxBytes: number;
  keepDays: number;
  limits: ConversationLimits;
  maxSignatures: number;
  maxNotes: number;
}

/** Of one conversation. The oldest turns are dropped. */
export interface ConversationLimits {
  /** As `turnBytes` counts. */
  maxBytes: number;
  maxTurns: number;
}
