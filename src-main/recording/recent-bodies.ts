import { BodyRoom, type RoomedBody } from './body-room.ts';
import { type HeardBody, mapBodies, type RequestBodies } from './request-bodies.ts';

export interface RecentLimits {
  /** How many of the newest are kept. */
  memory: number;
  /** Most that all of it takes, also what waits for the disk and what is being said just now. */
  memoryBytes: number;
  /** Of a larger body, the beginning is kept. */
  maxBodyBytes: number;
}

/** What a request takes besides its bodies. */
const OBJECTS_BYTES = 2048;

interface Kept {
  readonly bodies: RequestBodies<RoomedBody>;
  readonly bytes: number;
  /** Counts up. */
  readonly number: number;
}

/** Bodies of the newest requests in memory, and of those that wait for the disk: both together within one bound. */
export class RecentBodies {
  readonly #limits: () => RecentLimits;
  /** Both with the oldest first; a request may be in either, or both. */
  readonly #recent = new Map<string, Kept>();
  readonly #waiting = new Map<string, Kept>();
  readonly #room = new BodyRoom();
  #bytes = 0;
  /** Of answers that are under way. */
  #runningBytes = 0;
  #lastNumber = 0;
  #dropped = 0;

  constructor(limits: () => RecentLimits) {
    this.#limits = limits;
  }

  get counts(): { requests: number; bytes: number; waiting: number; dropped: number } {
    return {
      requests: this.#recent.size,
      bytes: this.#bytes + this.#runningBytes,
      waiting: this.#waiting.size,
      dropped: this.#dropped,
    };
  }

  /** Of an answer that is under way. @returns false where there is no room, even without all that has ended. */
  takeRoom(bytes: number): boolean {
    if (!this.#makeRoom(bytes)) return false;
    this.#runningBytes += bytes;
    return true;
  }

  /** An answer that had room has ended. */
  giveRoom(bytes: number): void {
    this.#runningBytes -= bytes;
  }

  /** @param waits for the disk. */
  add(bodies: RequestBodies<HeardBody>, waits: boolean): void {
    const { memory, memoryBytes, maxBodyBytes } = this.#limits();
    if (memory === 0 && !waits) return;
    const sizeOf = (said: RequestBodies<HeardBody>): number =>
      bodiesIn(said).reduce(
        (sum, body) => sum + BodyRoom.sizeOf(Math.min(lengthOf(body), maxBodyBytes)),
        OBJECTS_BYTES,
      );
    // What was translated may be more than all else.
    const fitting = sizeOf(bodies) <= memoryBytes ? bodies : { ...bodies, attempts: [] };
    const bytes = sizeOf(fitting);
    if (!this.#makeRoom(bytes)) {
      if (waits) this.#dropped += 1;
      return;
    }
    const roomed = mapBodies(fitting, (body) => this.#room.put(body, maxBodyBytes));
    const kept: Kept = { bodies: roomed, bytes, number: ++this.#lastNumber };
    this.#bytes += bytes;
    if (memory > 0) this.#recent.set(bodies.id, kept);
    if (waits) this.#waiting.set(bodies.id, kept);
    this.trim();
  }

  /** A copy. */
  get(id: string): RequestBodies | null {
    const kept = this.#recent.get(id) ?? this.#waiting.get(id);
    return kept === undefined ? null : mapBodies(kept.bodies, BodyRoom.read);
  }

  /** The oldest that wait, up to so many bytes, but at least one, as copies. They go on waiting until they are `written`. */
  nextToWrite(maxBytes: number): RequestBodies[] {
    const next: RequestBodies[] = [];
    let bytes = 0;
    for (const kept of this.#waiting.values()) {
      bytes += kept.bytes;
      if (next.length > 0 && bytes > maxBytes) break;
      next.push(mapBodies(kept.bodies, BodyRoom.read));
    }
    return next;
  }

  written(ids: readonly string[]): void {
    for (const id of ids) this.#take(this.#waiting, id);
  }

  /** The disk never takes what waits. */
  forgetWaiting(): void {
    this.written([...this.#waiting.keys()]);
  }

  clear(): void {
    this.forgetWaiting();
    for (const id of [...this.#recent.keys()]) this.#take(this.#recent, id);
  }

  /** Other limits may be in force. */
  trim(): void {
    const { memory, memoryBytes } = this.#limits();
    for (const id of this.#recent.keys()) {
      if (this.#recent.size <= memory) break;
      this.#take(this.#recent, id);
    }
    while (this.#bytes > 0 && this.#bytes + this.#runningBytes > memoryBytes) this.#dropOldest();
  }

  #makeRoom(bytes: number): boolean {
    const { memoryBytes } = this.#limits();
    if (bytes + this.#runningBytes > memoryBytes) return false;
    while (this.#bytes + this.#runningBytes + bytes > memoryBytes) this.#dropOldest();
    return true;
  }

  #dropOldest(): void {
    const [recent] = this.#recent;
    const [waiting] = this.#waiting;
    const isWaiting = waiting !== undefined && (recent === undefined || waiting[1].number <= recent[1].number);
    const id = isWaiting ? waiting[0] : recent?.[0];
    if (id === undefined) return;
    if (isWaiting) this.#dropped += 1;
    this.#take(this.#recent, id);
    this.#take(this.#waiting, id);
  }

  #take(from: Map<string, Kept>, id: string): void {
    const kept = from.get(id);
    if (kept === undefined) return;
    from.delete(id);
    if (this.#recent.has(id) || this.#waiting.has(id)) return;
    this.#bytes -= kept.bytes;
    for (const body of bodiesIn(kept.bodies)) this.#room.give(body);
  }
}

/** Of what there is of a body, which may be its beginning. */
const lengthOf = ({ pieces }: HeardBody): number => pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);

const bodiesIn = <Body>({ request, answer, attempts }: RequestBodies<Body>): Body[] =>
  [request, answer, ...attempts.flatMap(({ sent, refusal }) => [sent, refusal])].filter((body) => body !== null);
