import type { Usage } from '../canonical.ts';
import type { StreamTap, UpstreamError } from '../codec.ts';
import { FrameSplitter, frameObject, frameStartsWith } from '../frame-splitter.ts';
import { isObject } from '../is-object.ts';
import { errorIn } from '../upstream-error.ts';
import { nativeSignature } from './foreign-thinking.ts';
import { mergeUsage } from './usage.ts';

const MESSAGE_STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';

/** Events that carry nothing to account for; they are most of a stream, so they are recognised without decoding. */
const DELTA = Buffer.from('event: content_block_delta');
const UNREAD = [DELTA, Buffer.from('event: content_block_stop'), Buffer.from('event: ping')];
/** Only a name in the event itself looks so: inside of a text its quotes are escaped. */
const SIGNATURE = Buffer.from('"signature_delta"');

/**
 * Watches an Anthropic stream that is passed through: tells when content has begun, whether it was finished, what it cost.
 */
export class AnthropicStreamTap implements StreamTap {
  started = false;
  finished = false;
  /** The protocol's own end has been seen: nothing more will come. */
  complete = false;
  error: UpstreamError | null = null;
  usage: Usage | null = null;
  stopReason: string | null = null;
  refused = false;
  readonly signatures: string[] = [];
  /** The block that began last is one of thinking: a signature is to come. */
  #thinking = false;
  /** The bytes that have been searched for a signature, and where the next one is; -1: nowhere. */
  #searched: Buffer | null = null;
  #next = -1;
  readonly #frames = new FrameSplitter((bytes, start, end) => this.#inspect(bytes, start, end));

  push(chunk: Buffer): Buffer {
    return this.#frames.push(chunk);
  }

  end(): string {
    const rest = this.#frames.end();
    // Clients wait for the protocol's own end, which some servers leave out.
    return this.finished && !this.complete && this.error === null ? `${rest}${MESSAGE_STOP}` : rest;
  }

  /** A frame that cannot be read changes nothing: a stream of nothing but those never starts or finishes. */
  #inspect(bytes: Buffer, start: number, end: number): boolean {
    for (const prefix of UNREAD) {
      if (!frameStartsWith(bytes, start, end, prefix)) continue;
      if (this.#thinking && prefix === DELTA) this.#lookForSignature(bytes, start, end);
      return false;
    }
    const event = frameObject(bytes, start, end);
    if (event === null) return false;
    this.#account(event);
    return true;
  }

  #lookForSignature(bytes: Buffer, start: number, end: number): void {
    // Searched once for all frames that came together.
    if (bytes !== this.#searched || (this.#next !== -1 && this.#next < start)) {
      this.#searched = bytes;
      this.#next = bytes.indexOf(SIGNATURE, start);
    }
    if (this.#next === -1 || this.#next >= end) return;
    const event = frameObject(bytes, start, end);
    if (event !== null) this.#account(event);
  }

  #account(event: Record<string, unknown>): void {
    switch (event.type) {
      case 'message_start':
        if (isObject(event.message)) this.usage = mergeUsage(this.usage, event.message.usage);
        break;
      case 'content_block_start':
        this.started = true;
        this.#thinking = isObject(event.content_block) && event.content_block.type === 'thinking';
        this.#sign(nativeSignature(event.content_block));
        break;
      // Without a line that names the event.
      case 'content_block_delta':
        if (isObject(event.delta) && event.delta.type === 'signature_delta')
          this.#sign(nativeSignature({ ...event.delta, type: 'thinking' }));
        break;
      case 'message_delta':
        this.usage = mergeUsage(this.usage, event.usage);
        if (isObject(event.delta) && typeof event.delta.stop_reason === 'string') {
          this.stopReason = event.delta.stop_reason;
          this.finished = true;
          this.refused = !this.started && this.stopReason === 'refusal';
          // An answer without content that gives its reason (a refusal, a filled cache) is an answer.
          this.started = true;
        }
        break;
      case 'message_stop':
        this.finished = true;
        this.complete = true;
        break;
      case 'error':
        this.error = errorIn(event);
        break;
    }
  }

  #sign(signature: string | null): void {
    if (signature !== null) this.signatures.push(signature);
  }
}
