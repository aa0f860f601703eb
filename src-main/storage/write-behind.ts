import { DiskError } from './database-link.ts';
import type { Batch, SavedCorrection, SavedNote, SavedOwner } from './disk-calls.ts';
import type { ReasoningDisk } from './reasoning-disk.ts';
import { turnBytes } from './turn-bytes.ts';

/** What waits is written after this time, in ms, or when there are so many turns. */
const WRITE_AFTER_MS = 250;
const WRITE_AT_TURNS = 100;
/** Most that waits, while the disk does not work or is slow. The oldest makes way. */
const MOST_TURNS = 1_000;
const MOST_TURN_BYTES = 8 * 1024 * 1024;
const MOST_OTHERS = 10_000;

type WaitingTurn = Batch['turns'][number];

/** What waits for the disk, written in batches, one after the other. Nobody waits for it but who ends the store. */
export class WriteBehind {
  readonly #disk: ReasoningDisk;
  #turns: WaitingTurn[] = [];
  #turnBytes = 0;
  #used = new Set<string>();
  #owners = new Map<number, SavedOwner>();
  #corrections = new Map<string, SavedCorrection>();
  #notes = new Map<number, SavedNote>();
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(disk: ReasoningDisk) {
    this.#disk = disk;
  }

  get isIdle(): boolean {
    return this.#isEmpty && this.#writing === null;
  }

  addTurn(turn: WaitingTurn): void {
    this.#turns.push(turn);
    this.#turnBytes += turnBytes(turn.turn);
    this.#dropTurns();
    if (this.#turns.length >= WRITE_AT_TURNS && this.#writing === null && this.#disk.restMs === 0) void this.write();
    else this.#writeSoon();
  }

  addUse(conversation: string): void {
    this.#used.add(conversation);
    this.#writeSoon();
  }

  addOwner(owner: SavedOwner): void {
    this.#owners.delete(owner.digest);
    this.#owners.set(owner.digest, owner);
    this.#writeSoon();
  }

  addCorrection(correction: SavedCorrection): void {
    const key = correctionKey(correction);
    this.#corrections.delete(key);
    this.#corrections.set(key, correction);
    this.#writeSoon();
  }

  addNote(note: SavedNote): void {
    this.#notes.delete(note.digest);
    this.#notes.set(note.digest, note);
    this.#writeSoon();
  }

  /** Writes all that waits now. Never rejects: what the disk does not take goes on waiting, as long as there is hope. */
  async write(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    this.#stopTimer();
    if (this.#isEmpty) return;
    if (this.#disk.restMs > 0) {
      this.#writeSoon();
      return;
    }
    this.#writing = this.#writeNow();
    await this.#writing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.write();
    this.#stopTimer();
  }

  get #isEmpty(): boolean {
    const others = this.#used.size + this.#owners.size + this.#corrections.size + this.#notes.size;
    return this.#turns.length + others === 0;
  }

  async #writeNow(): Promise<void> {
    const batch = this.#take();
    try {
      await this.#disk.ask('write', batch);
    } catch (error) {
      if (error instanceof DiskError && error.mayPass) this.#putBack(batch);
    } finally {
      this.#writing = null;
      if (!this.#isEmpty) this.#writeSoon();
    }
  }

  #take(): Batch {
    const batch: Batch = {
      turns: this.#turns,
      used: [...this.#used],
      owners: [...this.#owners.values()],
      corrections: [...this.#corrections.values()],
      notes: [...this.#notes.values()],
    };
    this.#turns = [];
    this.#turnBytes = 0;
    this.#used = new Set();
    this.#owners = new Map();
    this.#corrections = new Map();
    this.#notes = new Map();
    return batch;
  }

  #putBack({ turns, used, owners, corrections, notes }: Batch): void {
    this.#turns = [...turns, ...this.#turns];
    for (const { turn } of turns) this.#turnBytes += turnBytes(turn);
    this.#dropTurns();
    this.#used = new Set([...used, ...this.#used].slice(-MOST_OTHERS));
    this.#owners = new Map(
      [...owners, ...this.#owners.values()].slice(-MOST_OTHERS).map((owner) => [owner.digest, owner]),
    );
    this.#corrections = new Map(
      [...corrections, ...this.#corrections.values()]
        .slice(-MOST_OTHERS)
        .map((correction) => [correctionKey(correction), correction]),
    );
    this.#notes = new Map([...notes, ...this.#notes.values()].slice(-MOST_OTHERS).map((note) => [note.digest, note]));
  }

  #dropTurns(): void {
    let dropped = 0;
    while (this.#turns.length - dropped > MOST_TURNS || this.#turnBytes > MOST_TURN_BYTES) {
      const turn = this.#turns[dropped];
      if (turn === undefined) break;
      this.#turnBytes -= turnBytes(turn.turn);
      dropped++;
    }
    if (dropped > 0) this.#turns.splice(0, dropped);
  }

  #writeSoon(): void {
    const { restMs } = this.#disk;
    if (this.#timer !== null || this.#isClosed) return;
    if (restMs === Number.POSITIVE_INFINITY) {
      this.#take();
      return;
    }
    this.#timer = setTimeout(() => void this.write(), Math.max(WRITE_AFTER_MS, restMs));
    this.#timer.unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

const correctionKey = ({ provider, model }: SavedCorrection): string => `${provider}\n${model}`;
