import type { Answer, AnswerTap } from '../pipeline/answer.ts';
import type { AnswerHeaders } from '../pipeline/client-request.ts';

/** How it ended for one that had the answer of another. */
export type ReaderEnd =
  /** It has all of it. */
  | 'given'
  /** It has none of it, and none will come: it may ask by itself. */
  | 'nothing'
  /** It broke off in the middle. */
  | 'cut'
  | 'left';

interface Reader {
  readonly answer: Answer;
  readonly stream: boolean;
  readonly end: (end: ReaderEnd) => void;
  /** The next piece it gets, counted from the first of all. */
  next: number;
  hasBegun: boolean;
  waits: boolean;
}

/**
 * An answer on its way, for one who asked and others who asked the same meanwhile. They get all of it from the beginning, each as
 * fast as it reads. Ends the asking once none of them is there any more.
 */
export class Flight implements AnswerTap {
  readonly #limitBytes: number;
  readonly #servedBy: () => AnswerHeaders;
  readonly #abort = new AbortController();
  readonly #readers = new Set<Reader>();
  readonly #pieces: Uint8Array[] = [];
  /** What is in `#pieces`, and the number of the first of them. */
  #heldBytes = 0;
  #first = 0;
  #head: { status: number; headers: AnswerHeaders } | null = null;
  #isComplete = false;
  #isSettled = false;
  #isTooLarge = false;
  #leader: Answer | null;

  /**
   * @param leader whose request is asked for; null for one that is given again.
   * @param limitBytes of what is held for who comes later, or reads slowly.
   * @param servedBy headers that tell who gives it, once that is known.
   */
  constructor(leader: Answer | null, limitBytes: number, servedBy: () => AnswerHeaders) {
    this.#leader = leader;
    this.#limitBytes = limitBytes;
    this.#servedBy = servedBy;
  }

  /** Aborted when nobody wants the answer any more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether one more can have all of it. */
  get isOpen(): boolean {
    return !this.#isTooLarge && !this.#isSettled && !this.#abort.signal.aborted;
  }

  /** All of it; null where it did not come to its end, or is larger than what is held. */
  get whole(): { head: { status: number; headers: AnswerHeaders }; bytes: Uint8Array } | null {
    if (this.#head === null || !this.#isComplete || this.#isTooLarge) return null;
    return { head: this.#head, bytes: Buffer.concat(this.#pieces, this.#heldBytes) };
  }

  begin(status: number, headers: AnswerHeaders): void {
    this.#head = { status, headers: { ...headers, ...this.#servedBy() } };
    this.#giveAll();
  }

  write(bytes: Uint8Array | string): boolean {
    if (this.#head === null) return false;
    const piece = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    this.#pieces.push(piece);
    this.#heldBytes += piece.length;
    this.#giveAll();
    if (this.#heldBytes > this.#limitBytes) this.#shed();
    return this.#readers.size > 0 && !this.#isTooLarge;
  }

  end(bytes: Uint8Array | string | undefined): void {
    if (this.#head === null) return;
    if (bytes !== undefined && bytes.length > 0) this.write(bytes);
    this.#isComplete = true;
  }

  /** Nothing more happens: the asking is over. */
  settle(): void {
    this.#isSettled = true;
    if (this.#isComplete) {
      this.#giveAll();
      return;
    }
    for (const reader of [...this.#readers]) this.#drop(reader, reader.hasBegun ? 'cut' : 'nothing');
  }

  /** The client that is asked for has left. @returns whether others want the answer, for whom it goes on. */
  leaderLeft(reason: unknown): boolean {
    this.#leader?.letGo();
    this.#leader = null;
    this.#abortIfAlone(reason);
    return this.#readers.size > 0;
  }

  /** Gives one more all of it. @param signal aborted when it leaves. */
  join(answer: Answer, stream: boolean, signal: AbortSignal): Promise<ReaderEnd> {
    return new Promise((resolve) => {
      const onLeft = (): void => {
        this.#drop(reader, 'left');
        this.#abortIfAlone(signal.reason);
      };
      const reader: Reader = {
        answer,
        stream,
        end: (end) => {
          signal.removeEventListener('abort', onLeft);
          resolve(end);
        },
        next: 0,
        hasBegun: false,
        waits: false,
      };
      this.#readers.add(reader);
      if (signal.aborted) {
        onLeft();
        return;
      }
      signal.addEventListener('abort', onLeft, { once: true });
      // The first may read slowly, and would hold up this one.
      this.#leader?.goOn();
      this.#give(reader);
    });
  }

  #giveAll(): void {
    for (const reader of [...this.#readers]) this.#give(reader);
  }

  #give(reader: Reader): void {
    if (this.#head === null || reader.waits || !this.#readers.has(reader)) return;
    const { answer } = reader;
    if (!reader.hasBegun) {
      reader.hasBegun = true;
      const { status, headers } = this.#head;
      answer.begin(status, headers, reader.stream);
    }
    for (;;) {
      const piece = this.#pieces[reader.next - this.#first];
      if (piece === undefined) break;
      reader.next += 1;
      if (answer.write(piece)) continue;
      reader.waits = true;
      answer.onDrain(() => {
        reader.waits = false;
        this.#give(reader);
      });
      return;
    }
    if (!this.#isComplete || !this.#isSettled) return;
    answer.end();
    this.#drop(reader, 'given');
  }

  /** More is held than may be: what all have goes, and then whoever is so far behind. */
  #shed(): void {
    this.#isTooLarge = true;
    for (;;) {
      const slowest = Math.min(this.#first + this.#pieces.length, ...[...this.#readers].map(({ next }) => next));
      const gone = this.#pieces.splice(0, slowest - this.#first);
      for (const piece of gone) this.#heldBytes -= piece.length;
      this.#first = slowest;
      if (this.#heldBytes <= this.#limitBytes) return;
      for (const reader of [...this.#readers])
        if (reader.next === slowest) {
          reader.answer.abandon();
          this.#drop(reader, 'cut');
        }
    }
  }

  #drop(reader: Reader, end: ReaderEnd): void {
    if (this.#readers.delete(reader)) reader.end(end);
  }

  #abortIfAlone(reason: unknown): void {
    if (this.#leader === null && this.#readers.size === 0) this.#abort.abort(reason);
  }
}
