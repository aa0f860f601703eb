import type { Usage } from '../canonical.ts';
import type { StreamTap, UpstreamError } from '../codec.ts';
import { FrameSplitter, frameObject, frameStartsWith } from '../frame-splitter.ts';
import { isObject } from '../is-object.ts';
import { errorIn } from '../upstream-error.ts';
import { mergeUsage } from './usage.ts';

const MESSAGE_STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';

/** Events that carry nothing to account for; they are most of a stream, so they are recognised without decoding. */
const UNREAD = ['event: content_block_delta', 'event: content_block_stop', 'event: ping'].map((line) =>
  Buffer.from(line),
);

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
  readonly signatures: string[] = [];
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
    for (const prefix of UNREAD) if (frameStartsWith(bytes, start, end, prefix)) return false;
    const event = frameObject(bytes, start, end);
    if (event === null) return false;
    this.#account(event);
    return true;
  }

  #account(event: Record<string, unknown>): void {
    switch (event.type) {
      case 'message_start':
        if (isObject(event.message)) this.usage = mergeUsage(this.usage, event.message.usage);
        break;
      case 'content_block_start':
        this.started = true;
        break;
      case 'message_delta':
        this.usage = mergeUsage(this.usage, event.usage);
        if (isObject(event.delta) && typeof event.delta.stop_reason === 'string') {
          this.stopReason = event.delta.stop_reason;
          this.finished = true;
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
}
