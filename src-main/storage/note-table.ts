import { hash } from 'node:crypto';
import type { ConversationNote, ConversationNotes } from '../pipeline/reasoning-memory.ts';
import type { SavedNote } from './disk-calls.ts';

const DAY_MS = 86_400_000;
/** Characters of all different texts together. */
const MOST_CHARACTERS = 4_000_000;

export interface NoteTableOptions {
  /** How many conversations are known at most; the longest unused make way. */
  maxCount: number;
  /** Days after its last use that one is forgotten. */
  keepDays: number;
  now: () => number;
  /** Told of every note that is new or changed, and once a day of those that are used. */
  onChange: (changed: SavedNote) => void;
}

interface Kept {
  /** Undefined: not known yet, since the disk has not been read. */
  system: string | null | undefined;
  home: string | null | undefined;
  /** Of its last use, in days since 1970. */
  day: number;
}

/** Notes on conversations in memory, by the conversations' digests. */
export class NoteTable implements Omit<ConversationNotes, 'ready'> {
  readonly #options: NoteTableOptions;
  /** The longest unused first. */
  #notes = new Map<number, Kept>();
  /** Each text, and how many conversations have it. */
  readonly #texts = new Map<string, number>();
  #characters = 0;
  /** What the disk has is among them: only then is anything said to it, which would drop what it knows. */
  #isWhole: boolean;

  constructor(options: NoteTableOptions, isWhole: boolean) {
    this.#options = options;
    this.#isWhole = isWhole;
  }

  get holdTexts(): boolean {
    return this.#texts.size > 0;
  }

  get(conversation: string): ConversationNote | null {
    const digest = digestOf(conversation);
    const kept = this.#use(digest);
    if (kept === null) return null;
    const today = this.#today();
    if (kept.day !== today) {
      kept.day = today;
      this.#tell(digest, kept);
    }
    return { system: kept.system ?? null, home: kept.home ?? null };
  }

  put(conversation: string, change: Partial<ConversationNote>): void {
    const digest = digestOf(conversation);
    const before = this.#use(digest);
    const { system = before?.system, home = before?.home } = change;
    if (before !== null && before.system === system && before.home === home) return;
    const kept = { system, home, day: this.#today() };
    this.#set(digest, kept);
    this.#makeRoom();
    this.#tell(digest, kept);
  }

  /** Takes in what the disk has, the longest unused first. What is known already is newer. */
  addSaved(saved: readonly SavedNote[]): void {
    const newer = this.#notes;
    this.#notes = new Map();
    this.#texts.clear();
    this.#characters = 0;
    for (const { digest, system, home, day } of saved) this.#set(digest, { system, home, day });
    this.#isWhole = true;
    for (const [digest, { system, home, day }] of newer) {
      const older = this.#notes.get(digest);
      const merged = {
        system: system === undefined ? older?.system : system,
        home: home === undefined ? older?.home : home,
        day,
      };
      this.#set(digest, merged);
      this.#tell(digest, merged);
    }
    this.#makeRoom();
  }

  #today(): number {
    return Math.trunc(this.#options.now() / DAY_MS);
  }

  #use(digest: number): Kept | null {
    const kept = this.#notes.get(digest);
    if (kept === undefined) return null;
    if (this.#today() - kept.day > this.#options.keepDays) {
      this.#delete(digest);
      return null;
    }
    this.#notes.delete(digest);
    this.#notes.set(digest, kept);
    return kept;
  }

  #set(digest: number, kept: Kept): void {
    this.#delete(digest);
    this.#notes.set(digest, kept);
    if (typeof kept.system !== 'string') return;
    const count = this.#texts.get(kept.system) ?? 0;
    if (count === 0) this.#characters += kept.system.length;
    this.#texts.set(kept.system, count + 1);
  }

  #delete(digest: number): void {
    const text = this.#notes.get(digest)?.system;
    this.#notes.delete(digest);
    if (typeof text !== 'string') return;
    const left = (this.#texts.get(text) ?? 1) - 1;
    if (left > 0) this.#texts.set(text, left);
    else {
      this.#texts.delete(text);
      this.#characters -= text.length;
    }
  }

  /** Some more at once, since a map takes the longer to find its first entry the more were deleted before it. */
  #makeRoom(): void {
    const { maxCount } = this.#options;
    const isTooMany = this.#notes.size > maxCount;
    if (!isTooMany && this.#characters <= MOST_CHARACTERS) return;
    const most = isTooMany ? Math.floor(0.95 * maxCount) : maxCount;
    for (const digest of this.#notes.keys()) {
      if ((this.#notes.size <= most && this.#characters <= MOST_CHARACTERS) || this.#notes.size === 1) return;
      this.#delete(digest);
    }
  }

  #tell(digest: number, { system, home, day }: Kept): void {
    if (this.#isWhole) this.#options.onChange({ digest, system: system ?? null, home: home ?? null, day });
  }
}

/** Hexadecimal digits of a digest. */
const DIGITS = 12;

/** A number of 48 bits: what clients name their sessions does not get to the disk. */
const digestOf = (text: string): number => Number.parseInt(hash('sha256', text).slice(0, DIGITS), 16);
