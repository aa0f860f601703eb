import type { Usage } from '../canonical.ts';
import type { StreamTap, UpstreamError } from '../codec.ts';
import { isObject } from '../is-object.ts';

type CountName = 'input_tokens' | 'output_tokens' | 'cache_creation_input_tokens' | 'cache_read_input_tokens';

/** Merges a usage record of a stream: later numbers overwrite earlier ones where they are given. */
export function mergeUsage(before: Usage | null, given: unknown): Usage | null {
  if (!isObject(given)) return before;
  const number = (name: CountName): number => {
    const value = given[name];
    return typeof value === 'number' ? value : (before?.[name] ?? 0);
  };
  return {
    input_tokens: number('input_tokens'),
    output_tokens: number('output_tokens'),
    cache_creation_input_tokens: number('cache_creation_input_tokens'),
    cache_read_input_tokens: number('cache_read_input_tokens'),
  };
}

/** An event longer than any real one: a broken server must not fill the memory. Bytes. */
const FRAME_LIMIT = 32 * 1024 * 1024;

const MESSAGE_STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';

const LF = 0x0a;
const CR = 0x0d;
/** Events that carry nothing to account for; they are most of a stream, so they are recognised without decoding. */
const UNREAD = ['event: content_block_delta', 'event: content_block_stop', 'event: ping'].map((line) =>
  Buffer.from(line),
);

function startsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false;
  for (let index = 0; index < prefix.length; index += 1) if (bytes[start + index] !== prefix[index]) return false;
  return true;
}

/**
 * Watches an Anthropic stream that is passed through: tells when content has begun, whether it was finished, what it cost.
 * Only whole frames are let through, so that an error event can follow a stream that was cut inside one.
 */
export class AnthropicStreamTap implements StreamTap {
  started = false;
  finished = false;
  /** The protocol's own end has been seen: nothing more will come. */
  complete = false;
  error: UpstreamError | null = null;
  usage: Usage | null = null;
  stopReason: string | null = null;
  /** What has arrived of a frame that is incomplete. */
  #tail: Buffer | null = null;
  /** Where the tail grows, once a frame has taken more than one chunk. */
  #room: Buffer | null = null;

  /**
   * @returns the bytes that end with a whole frame; empty while a frame is incomplete.
   * @throws RangeError when a frame grows beyond all measure (32 MB).
   */
  push(chunk: Buffer): Buffer {
    const bytes = this.#tail === null ? chunk : this.#join(this.#tail, chunk);
    let frameStart = 0;
    // A frame ends at an empty line; the search starts a little before the new bytes, where its first line end may lie.
    let at = this.#tail === null ? 0 : Math.max(0, this.#tail.length - 3);
    for (let lineEnd = bytes.indexOf(LF, at); lineEnd !== -1; lineEnd = bytes.indexOf(LF, at)) {
      at = lineEnd + 1;
      let after = at;
      if (bytes[after] === CR) after += 1;
      if (bytes[after] !== LF) continue;
      this.#inspect(bytes, frameStart, lineEnd);
      frameStart = after + 1;
      at = frameStart;
    }
    this.#tail = frameStart === bytes.length ? null : bytes.subarray(frameStart);
    // What is given out must not be written over.
    if (frameStart > 0) this.#room = null;
    return frameStart === bytes.length ? bytes : bytes.subarray(0, frameStart);
  }

  /** Room doubles, so that a long frame in many chunks is not copied once more with each of them. */
  #join(tail: Buffer, chunk: Buffer): Buffer {
    const length = tail.length + chunk.length;
    if (length > FRAME_LIMIT) throw new RangeError('an event of the stream is longer than 32 MB');
    if (this.#room === null || this.#room.length < length) {
      const larger = Buffer.allocUnsafe(this.#room === null ? length : length * 2);
      tail.copy(larger);
      this.#room = larger;
    }
    chunk.copy(this.#room, tail.length);
    return this.#room.subarray(0, length);
  }

  /** A last frame without its empty line is whole if it can be read; half a frame is dropped. */
  end(): string {
    const tail = this.#tail;
    this.#tail = null;
    const rest = tail !== null && this.#inspect(tail, 0, tail.length) ? `${tail.toString()}\n\n` : '';
    // Clients wait for the protocol's own end, which some servers leave out.
    return this.finished && !this.complete && this.error === null ? `${rest}${MESSAGE_STOP}` : rest;
  }

  /** @returns whether it was an event that could be read. */
  #inspect(bytes: Buffer, start: number, end: number): boolean {
    for (const prefix of UNREAD) if (startsWith(bytes, start, end, prefix)) return false;
    const data: string[] = [];
    for (const line of bytes.toString('utf8', start, end).split(/\r?\n/))
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    if (data.length === 0) return false;
    let event: unknown;
    try {
      event = JSON.parse(data.join('\n'));
    } catch {
      // Not ours to judge: the client gets the provider's bytes. A stream of nothing but this never starts or finishes.
      return false;
    }
    if (!isObject(event)) return false;
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
      case 'error': {
        const error = isObject(event.error) ? event.error : {};
        this.error = {
          message: typeof error.message === 'string' ? error.message : 'an error without a message',
          code: typeof error.type === 'string' ? error.type : null,
        };
        break;
      }
    }
  }
}
