import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ConversationNotes, ReasoningMemory, SignatureOwners } from '../pipeline/reasoning-memory.ts';
import { nothingRemembered, type Recall, type RememberedTurn } from '../protocols/remembered-turn.ts';
import { type Conversation, Conversations } from './conversations.ts';
import { within } from './database-link.ts';
import type { ConversationLimits, SavedCorrection } from './disk-calls.ts';
import { NoteTable } from './note-table.ts';
import { openReasoningDisk, type ReasoningDisk, type ReasoningDiskOptions } from './reasoning-disk.ts';
import { SignatureTable } from './signature-table.ts';
import { turnBytes } from './turn-bytes.ts';
import { WriteBehind } from './write-behind.ts';

export type { SavedCorrection } from './disk-calls.ts';

const MB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FILE = 'reasoning.db';
const CLOSE_MS = 2_000;
/** Times that notes are waited for longer, once at the start: without them a conversation gets another prompt than it had. */
const NOTES_PATIENCE = 5;
/** On disk. */
const BYTES_PER_SIGNATURE = 25;

export interface ReasoningStoreOptions {
  /** The data folder; null: nothing gets to the disk. */
  folder: string | null;
  /** Of all files on disk. */
  maxBytes: number;
  /** Days after its last use that a conversation is forgotten. */
  keepDays: number;
  /** Told what the user should know, in words, also long after the start. Nothing twice. */
  onWarning: (text: string) => void;
  /** Unix time in ms. */
  now?: () => number;
  /** Of all conversations in memory, in bytes. */
  memoryBytes?: number;
  limits?: ConversationLimits;
  /** How many signatures are known at most. */
  maxSignatures?: number;
  /** Of how many conversations notes are kept at most. */
  maxNotes?: number;
  /** How long the disk is waited for, in ms. */
  waitMs?: number;
  startWorker?: ReasoningDiskOptions['startWorker'];
}

export interface ReasoningStats {
  /** Where what is remembered goes to, and why not to the disk: null where it does. */
  state: 'disk' | 'memory';
  reason: string | null;
  conversations: number;
  turns: number;
  /** Of all files on disk. */
  bytes: number;
}

/** What a token counter has learned, kept over restarts: 2,000 models, the longest not saved makes way. */
export interface SavedCorrections {
  /** What is on disk; nothing where there is none or it does not work. Never rejects. */
  load(): Promise<readonly SavedCorrection[]>;
  /** Replaces what was saved of the same model. `data` is JSON, at most 2,000 characters of it. Never throws. */
  save(correction: SavedCorrection): void;
}

/**
 * What is remembered of conversations: in memory, bounded, and behind it on disk, in a worker that the first thing to read or
 * write starts. Where there is no disk, or it does not work, memory goes on alone.
 */
export class ReasoningStore implements ReasoningMemory {
  readonly signatures: SignatureOwners;
  readonly notes: ConversationNotes;
  readonly corrections: SavedCorrections;
  readonly #now: () => number;
  readonly #waitMs: number;
  readonly #keepMs: number;
  readonly #limits: ConversationLimits;
  readonly #conversations: Conversations;
  readonly #disk: { link: ReasoningDisk; queue: WriteBehind } | null;
  /** Whether the disk has nothing to read: the first engine of a home reads nothing. */
  #isNew: boolean;
  readonly #owners: SignatureTable;
  #ownersRead: 'no' | 'yes' | Promise<void>;
  readonly #notes: NoteTable;
  #notesRead: 'no' | 'yes' | Promise<void>;
  #notesWaited: { reading: Promise<void>; done: Promise<void> } | null = null;
  /** Someone has waited for the disk in vain: nobody else does, nor asks it for more, before it has answered. */
  #isSlow = false;
  /** Reads under way. */
  readonly #reads = new Map<Conversation, Promise<void>>();
  #hourly: NodeJS.Timeout | null = null;
  #isClosed = false;

  private constructor(options: ReasoningStoreOptions) {
    const { folder, maxBytes, keepDays, onWarning, now = Date.now, maxSignatures = 200_000, startWorker } = options;
    const { maxNotes = 20_000 } = options;
    this.#now = now;
    this.#waitMs = options.waitMs ?? 1_000;
    this.#keepMs = keepDays * DAY_MS;
    // No conversation may drive out most of the others.
    this.#limits = options.limits ?? { maxBytes: Math.min(4 * MB, maxBytes / 16), maxTurns: 4_000 };
    this.#conversations = new Conversations({ maxBytes: options.memoryBytes ?? 24 * MB, limits: this.#limits });
    if (folder === null) {
      this.#disk = null;
      this.#isNew = true;
    } else {
      const file = path.join(folder, FILE);
      // They must leave most of it to conversations.
      const signatures = Math.min(maxSignatures, Math.floor(maxBytes / BYTES_PER_SIGNATURE / 12));
      const most = { maxSignatures: signatures, maxNotes };
      const settings = { file, maxBytes, keepDays, limits: this.#limits, ...most, onWarning, now };
      const link = openReasoningDisk(startWorker === undefined ? settings : { ...settings, startWorker });
      this.#disk = { link, queue: new WriteBehind(link) };
      this.#isNew = !existsSync(file);
    }
    this.#ownersRead = this.#isNew ? 'yes' : 'no';
    this.#notesRead = this.#ownersRead;

    this.#owners = new SignatureTable({
      maxCount: maxSignatures,
      now,
      onChange: (owner) => this.#toWrite()?.addOwner(owner),
    });
    this.signatures = {
      note: (signature, provider) => this.#owners.note(signature, provider),
      isForeign: (signature, provider) => this.#owners.isForeign(signature, provider),
      knowsOthers: (provider) => this.#owners.knowsOthers(provider),
      ready: () => {
        const owners = this.#readOwners();
        return owners === null ? null : this.#wait(owners);
      },
    };
    this.#notes = new NoteTable(
      { maxCount: maxNotes, keepDays, now, onChange: (note) => this.#toWrite()?.addNote(note) },
      this.#isNew,
    );
    const notes = this.#notes;
    this.notes = {
      get holdTexts() {
        return notes.holdTexts;
      },
      get: (conversation) => notes.get(conversation),
      put: (conversation, change) => notes.put(conversation, change),
      ready: () => {
        const reading = this.#readNotes();
        return reading === null ? null : this.#waitForNotes(reading);
      },
    };
    this.corrections = {
      load: () => this.#loadCorrections(),
      save: (correction) => this.#toWrite()?.addCorrection(correction),
    };
  }

  /** Reads nothing yet and starts nothing; what is wrong with the disk is a warning once it is used. */
  static open(options: ReasoningStoreOptions): ReasoningStore {
    return new ReasoningStore(options);
  }

  /** Begins to read what the first requests will ask for, where there is anything to read. */
  readAhead(): void {
    void this.#readOwners();
    void this.#readNotes();
  }

  recall(conversation: string): Recall | Promise<Recall> {
    const kept = this.#use(conversation);
    const turns = kept.isWhole ? null : this.#read(kept);
    const waiting = turns === null ? null : this.#wait(turns);
    return waiting === null ? recallOf(kept) : waiting.then(() => recallOf(kept));
  }

  /** A turn that would take more than half of its conversation's memory is not kept. */
  remember(conversation: string, turnKey: string, turn: RememberedTurn): void {
    if (turnBytes(turn) > this.#limits.maxBytes / 2) return;
    const kept = this.#use(conversation);
    this.#conversations.add(kept, turnKey, turn);
    this.#toWrite()?.addTurn({ conversation, key: turnKey, turn });
  }

  async stats(): Promise<ReasoningStats> {
    const inMemory = { conversations: this.#conversations.count, turns: this.#conversations.turnCount, bytes: 0 };
    if (this.#disk === null) return { ...inMemory, state: 'memory', reason: 'it is kept off the disk' };
    if (this.#isNew) return { ...inMemory, state: 'disk', reason: null };
    const { link, queue } = this.#disk;
    try {
      await queue.write();
      return { ...(await link.ask('stats', null)), state: 'disk', reason: null };
    } catch {
      return { ...inMemory, state: 'memory', reason: link.problem };
    }
  }

  /** Writes what waits and ends the worker; both have two seconds. Later turns are kept in memory alone. */
  async close(): Promise<void> {
    if (this.#isClosed || this.#disk === null) return;
    this.#isClosed = true;
    if (this.#hourly !== null) clearInterval(this.#hourly);
    const { link, queue } = this.#disk;
    const deadline = performance.now() + CLOSE_MS;
    await within(CLOSE_MS, queue.close());
    await link.close(Math.max(0, deadline - performance.now()));
  }

  /** The conversation, in memory; it begins there where it is not. */
  #use(conversation: string): Conversation {
    const now = this.#now();
    const known = this.#conversations.use(conversation, now, this.#keepMs);
    if (known === null) return this.#conversations.begin(conversation, now, this.#isNew);
    // The disk is told once an hour: it only decides by it what is forgotten first.
    if (!this.#isNew && now - known.savedUseAt >= HOUR_MS) {
      known.savedUseAt = now;
      this.#toWrite()?.addUse(conversation);
    }
    return known;
  }

  /** Where what is to be written goes; undefined where nothing is. */
  #toWrite(): WriteBehind | undefined {
    if (this.#disk === null || this.#isClosed) return undefined;
    this.#isNew = false;
    this.#expireHourly();
    return this.#disk.queue;
  }

  /** For a reading that does not reject; null where that is not waited for. */
  #wait(reading: Promise<void>): Promise<void> | null {
    return this.#isSlow ? null : this.#waitOnce(reading);
  }

  async #waitOnce(reading: Promise<void>): Promise<void> {
    if (await within(this.#waitMs, reading)) return;
    this.#isSlow = true;
    void reading.then(() => {
      this.#isSlow = false;
    });
  }

  /** All wait together: what waited in vain does so no more. */
  #waitForNotes(reading: Promise<void>): Promise<void> {
    if (this.#notesWaited?.reading !== reading) {
      const done = within(NOTES_PATIENCE * this.#waitMs, reading).then(() => undefined);
      this.#notesWaited = { reading, done };
    }
    return this.#notesWaited.done;
  }

  /** What to read from; null where there is nothing, or reading would fail. */
  #toRead(): { link: ReasoningDisk; queue: WriteBehind } | null {
    if (this.#disk === null || this.#isNew || this.#isClosed || this.#isSlow || this.#disk.link.restMs > 0) return null;
    this.#expireHourly();
    return this.#disk;
  }

  /** Null where nothing is to be waited for. */
  #read(kept: Conversation): Promise<void> | null {
    const running = this.#reads.get(kept);
    if (running !== undefined) return running;
    const disk = this.#toRead();
    if (disk === null) return null;
    const read = this.#readFrom(disk, kept).finally(() => this.#reads.delete(kept));
    this.#reads.set(kept, read);
    return read;
  }

  async #readFrom({ link, queue }: { link: ReasoningDisk; queue: WriteBehind }, kept: Conversation): Promise<void> {
    // Turns of one that made way in memory may still wait.
    if (!queue.isIdle) await queue.write();
    try {
      this.#conversations.addOlder(kept, await link.ask('read', { conversation: kept.key }));
    } catch {
      // The link has told of it; a later request asks again.
    }
  }

  /** Null where nothing is to be waited for. */
  #readOwners(): Promise<void> | null {
    if (this.#ownersRead === 'yes') return null;
    if (this.#ownersRead !== 'no') return this.#ownersRead;
    const disk = this.#toRead();
    if (disk === null) return null;
    this.#ownersRead = this.#readOwnersFrom(disk.link);
    return this.#ownersRead;
  }

  async #readOwnersFrom(link: ReasoningDisk): Promise<void> {
    try {
      await this.#owners.addSaved(await link.ask('owners', null));
      this.#ownersRead = 'yes';
    } catch {
      this.#ownersRead = 'no';
    }
  }

  /** Null where nothing is to be waited for. */
  #readNotes(): Promise<void> | null {
    if (this.#notesRead === 'yes') return null;
    if (this.#notesRead !== 'no') return this.#notesRead;
    const disk = this.#toRead();
    if (disk === null) return null;
    this.#notesRead = this.#readNotesFrom(disk.link);
    return this.#notesRead;
  }

  async #readNotesFrom(link: ReasoningDisk): Promise<void> {
    try {
      this.#notes.addSaved(await link.ask('notes', null));
      this.#notesRead = 'yes';
    } catch {
      this.#notesRead = 'no';
    }
  }

  async #loadCorrections(): Promise<readonly SavedCorrection[]> {
    try {
      return (await this.#toRead()?.link.ask('corrections', null)) ?? [];
    } catch {
      return [];
    }
  }

  #expireHourly(): void {
    this.#hourly ??= setInterval(() => {
      this.#disk?.link.ask('expire', null).catch(() => undefined);
    }, HOUR_MS).unref();
  }
}

const recallOf = ({ turns, recall }: Conversation): Recall => (turns.size === 0 ? nothingRemembered : recall);
