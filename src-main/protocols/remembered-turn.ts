import type { RedactedThinkingBlock, ThinkingBlock } from './canonical.ts';

export type ReasoningBlock = ThinkingBlock | RedactedThinkingBlock;

/**
 * What one answer that calls tools held and clients lose: they drop what their dialect has no place for, or what they do not
 * know. It is given back to the target that made it, when the answer comes back as a part of the conversation.
 */
export interface RememberedTurn {
  /** Id of the provider that made it, and name of the model there. */
  provider: string;
  model: string;
  /**
   * Its reasoning by the id of the tool use that it stands right before; that of the answer's beginning, whatever follows it,
   * by ''. Reasoning behind the last call is of no use any more and not kept.
   */
  reasoning: Readonly<Record<string, readonly ReasoningBlock[]>>;
  /** `phase` of its texts (Responses), in order; absent where none has one. */
  phases?: readonly (string | null)[];
}

/** What is remembered of one conversation, by the key of the turn (turn-key.ts). */
export type Recall = (turnKey: string) => RememberedTurn | undefined;
