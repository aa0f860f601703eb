const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('\r\n0\r\n\r\n');

export interface MessageHandlers {
  /** Start line and headers, in lower case, without the empty line. */
  head(text: string): void;
  /** Bytes of the body as they stand on the wire, chunk framing included. */
  body(bytes: Buffer): void;
  end(): void;
}

/**
 * Finds where HTTP/1.1 messages begin and end in a socket's bytes, and nothing more: the load generator and the mock
 * upstream must cost less than what is measured between them. One message at a time (no pipelining). A chunked body ends
 * with its last chunk standing at the end of a read, which holds because the peer waits before it sends anything else.
 */
export class MessageReader {
  readonly #handlers: MessageHandlers;
  #pending: Buffer | null = null;
  #inBody = false;
  /** Bytes of the body still to come; null while it is chunked. */
  #remaining: number | null = 0;
  #tail: Buffer = Buffer.alloc(0);

  constructor(handlers: MessageHandlers) {
    this.#handlers = handlers;
  }

  push(bytes: Buffer): void {
    if (this.#inBody) this.#body(bytes);
    else this.#head(bytes);
  }

  #head(bytes: Buffer): void {
    const all = this.#pending === null ? bytes : Buffer.concat([this.#pending, bytes]);
    const at = all.indexOf(headEnd);
    if (at === -1) {
      this.#pending = all;
      return;
    }
    this.#pending = null;
    const head = all.toString('latin1', 0, at).toLowerCase();
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    const chunked = /\r\ntransfer-encoding: *chunked/.test(head);
    if (length === undefined && !chunked && head.startsWith('http/')) {
      throw new Error(`an answer without content-length or chunks: ${head.slice(0, 200)}`);
    }
    this.#remaining = chunked ? null : Number(length ?? 0);
    this.#inBody = true;
    // The line end before the body counts as the one before a last chunk, for bodies that have no other chunk.
    this.#tail = Buffer.from('\r\n');
    this.#handlers.head(head);
    this.#body(all.subarray(at + headEnd.length));
  }

  #body(bytes: Buffer): void {
    if (bytes.length > 0) this.#handlers.body(bytes);
    if (this.#remaining !== null) {
      this.#remaining -= bytes.length;
      if (this.#remaining <= 0) this.#end();
      return;
    }
    const tail = bytes.length >= lastChunk.length ? bytes : Buffer.concat([this.#tail, bytes]);
    this.#tail = tail.subarray(-lastChunk.length);
    if (this.#tail.equals(lastChunk)) this.#end();
  }

  #end(): void {
    this.#inBody = false;
    this.#handlers.end();
  }
}
