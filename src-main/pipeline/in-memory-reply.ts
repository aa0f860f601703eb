import type { AnswerHeaders, ClientReply } from './client-request.ts';

/** A client's side that is no connection: what would go out is handed on in this process. */
export class InMemoryReply implements ClientReply {
  readonly #onBytes: (bytes: Uint8Array) => void;
  #status: number | null = null;
  #headers: AnswerHeaders = {};

  /** @param onBytes given the body as it comes; it keeps up. */
  constructor(onBytes: (bytes: Uint8Array) => void) {
    this.#onBytes = onBytes;
  }

  /** Of the answer; null where there was none. */
  get status(): number | null {
    return this.#status;
  }

  /** First value of a header, by its lower-case name. */
  header(name: string): string | null {
    const value = this.#headers[name];
    return (typeof value === 'string' ? value : value?.[0]) ?? null;
  }

  begin(status: number, headers: AnswerHeaders): void {
    this.#status = status;
    this.#headers = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  }

  write(bytes: Uint8Array | string): boolean {
    this.#onBytes(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
    return true;
  }

  onDrain(callback: () => void): void {
    callback();
  }

  end(bytes?: Uint8Array | string): void {
    if (bytes !== undefined) this.write(bytes);
  }

  abandon(): void {
    // There is no connection to close; whoever waits looks at what came.
  }

  onClosed(callback: () => void): void {
    callback();
  }
}
