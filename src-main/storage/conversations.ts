import type { Recall, RememberedTurn } from '../protocols/remembered-turn.ts';
import type { ConversationLimits, KeyedTurn } from './disk-calls.ts';
import { turnBytes } from './turn-bytes.ts';

/** What a conversation takes in memory besides its turns, in bytes. */
const CONVERSATION_BYTES = 400;

/** One conversation in memory. */
export interface Conversation {
  readonly key: string;
  /** The oldest first. */
  turns: Map<string, RememberedTurn>;
  bytes: number;
  /** Whether the turns that the disk has are among them. */
  isWhole: boolean;
  /** Unix times in ms: of the last use, and of the last that the disk was told of. */
  usedAt: number;
  savedUseAt: number;
  /** Sees turns that come later too. */
  readonly recall: Recall;
}

/** Conversations in memory; the longest unused make way. */
export class Conversations {
  readonly #limits: ConversationLimits;
  readonly #maxBytes: number;
  /** The longest unused first. */
  readonly #all = new Map<string, Conversation>();
  #bytes = 0;

  constructor({ maxBytes, limits }: { maxBytes: number; limits: ConversationLimits }) {
    this.#maxBytes = maxBytes;
    this.#limits = limits;
  }

  get count(): number {
    return this.#all.size;
  }

  /** As `turnBytes` counts, and some more for each. */
  get bytes(): number {
    return this.#bytes;
  }

  get turnCount(): number {
    let count = 0;
    for (const { turns } of this.#all.values()) count += turns.size;
    return count;
  }

  /** The conversation, which is now the last used; null where it is not in memory, or was not used for `keepMs`. */
  use(key: string, now: number, keepMs: number): Conversation | null {
    const conversation = this.#all.get(key);
    if (conversation === undefined) return null;
    this.#all.delete(key);
    if (now - conversation.usedAt > keepMs) {
      this.#bytes -= conversation.bytes;
      return null;
    }
    conversation.usedAt = now;
    this.#all.set(key, conversation);
    return conversation;
  }

  begin(key: string, now: number, isWhole: boolean): Conversation {
    const conversation: Conversation = {
      key,
      turns: new Map(),
      bytes: CONVERSATION_BYTES + 2 * key.length,
      isWhole,
      usedAt: now,
      savedUseAt: now,
      recall: (turnKey) => conversation.turns.get(turnKey),
    };
    this.#all.set(key, conversation);
    this.#bytes += conversation.bytes;
    this.#makeRoom();
    return conversation;
  }

  /** Adds a turn, as the newest. */
  add(conversation: Conversation, turnKey: string, turn: RememberedTurn): void {
    const before = conversation.bytes;
    const replaced = conversation.turns.get(turnKey);
    if (replaced !== undefined) this.#drop(conversation, turnKey, replaced);
    conversation.turns.set(turnKey, turn);
    conversation.bytes += turnBytes(turn);
    this.#trim(conversation, before);
  }

  /** Adds what the disk has of it: turns that are older than those in memory. */
  addOlder(conversation: Conversation, older: readonly KeyedTurn[]): void {
    const before = conversation.bytes;
    const newer = conversation.turns;
    const turns = new Map<string, RememberedTurn>();
    for (const [key, turn] of older) {
      if (newer.has(key)) continue;
      turns.set(key, turn);
      conversation.bytes += turnBytes(turn);
    }
    for (const [key, turn] of newer) turns.set(key, turn);
    conversation.turns = turns;
    conversation.isWhole = true;
    this.#trim(conversation, before);
  }

  #drop(conversation: Conversation, turnKey: string, turn: RememberedTurn): void {
    conversation.turns.delete(turnKey);
    conversation.bytes -= turnBytes(turn);
  }

  #trim(conversation: Conversation, before: number): void {
    const { maxBytes, maxTurns } = this.#limits;
    for (const [key, turn] of conversation.turns) {
      if (conversation.bytes <= maxBytes && conversation.turns.size <= maxTurns) break;
      this.#drop(conversation, key, turn);
    }
    // One that has made way meanwhile counts no more.
    if (this.#all.get(conversation.key) !== conversation) return;
    this.#bytes += conversation.bytes - before;
    this.#makeRoom();
  }

  /**
   * Some more at once, since a map takes the longer to find its first entry the more were deleted before it. The last used
   * stays, whatever it takes: its own limit is far below that of all.
   */
  #makeRoom(): void {
    if (this.#bytes <= this.#maxBytes) return;
    for (const [key, conversation] of this.#all) {
      if (this.#bytes <= 0.95 * this.#maxBytes || this.#all.size === 1) return;
      this.#all.delete(key);
      this.#bytes -= conversation.bytes;
    }
  }
}
