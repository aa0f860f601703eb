/** Of all sessions together. */
const MOST_BYTES = 16 * 1024 * 1024;
const KEPT_MS = 5 * 60_000;

interface KeptEvent {
  session: string;
  stream: string;
  number: number;
  text: string;
  /** In ms. */
  at: number;
}

export interface KeptEventsOptions {
  mostBytes?: number;
  keptMs?: number;
  /** In ms. */
  now?: () => number;
}

/** What streams have sent last, for clients whose connection was cut; bounded in bytes and in time. */
export class KeptEvents {
  readonly #mostBytes: number;
  readonly #keptMs: number;
  readonly #now: () => number;
  /** Oldest first. */
  readonly #events = new Set<KeptEvent>();
  #bytes = 0;

  constructor({ mostBytes = MOST_BYTES, keptMs = KEPT_MS, now = () => performance.now() }: KeptEventsOptions = {}) {
    this.#mostBytes = mostBytes;
    this.#keptMs = keptMs;
    this.#now = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(session: string, stream: string, number: number, text: string): void {
    const at = this.#now();
    const event = { session, stream, number, text, at };
    this.#events.add(event);
    this.#bytes += Buffer.byteLength(text);
    for (const oldest of this.#events) {
      // The newest stays, however large it is: it may be the answer.
      if (oldest === event || (this.#bytes <= this.#mostBytes && oldest.at > at - this.#keptMs)) break;
      this.#drop(oldest);
    }
  }

  /** Those of a stream that came after one, as far as they are still there; of one that has ended, too. */
  after(session: string, stream: string, number: number): string[] {
    const tooOld = this.#now() - this.#keptMs;
    return [...this.#events]
      .filter((event) => event.session === session && event.stream === stream && event.number > number)
      .filter(({ at }) => at > tooOld)
      .map(({ text }) => text);
  }

  /** A session has ended. */
  forget(session: string): void {
    for (const event of this.#events) if (event.session === session) this.#drop(event);
  }

  #drop(event: KeptEvent): void {
    this.#events.delete(event);
    this.#bytes -= Buffer.byteLength(event.text);
  }
}
