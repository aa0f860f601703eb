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
   * Its reasoning by what it stands right before: the id of a tool use, or a text (`placeOfText`); that of the answer's
   * beginning, whatever follows it, by ''. Reasoning behind the last call is of no use any more and not kept.
   * Empty where it had none, in the place of an earlier answer with the same calls.
   */
  reasoning: Readonly<Record<string, readonly ReasoningBlock[]>>;
  /** `phase` of its texts (Responses), in order, blank texts left out; absent where none has one. */
  phases?: readonly (string | null)[];
}

/** The place before a text. No tool use has such an id. @param index counted from 0; blank texts do not count. */
export const placeOfText = (index: number): string => `text:${index}`;

/** The other way round; null for another place. */
export const textOfPlace = (place: string): number | null =>
  place.startsWith('text:') ? Number(place.slice('text:'.length)) : null;

/** What is remembered of one conversation, by the key of the turn (turn-key.ts). */
export type Recall = (turnKey: string) => RememberedTurn | undefined;

/** The recall of a conversation of which nothing is remembered: who gets it need not work out any keys. */
export const nothingRemembered: Recall = () => undefined;
