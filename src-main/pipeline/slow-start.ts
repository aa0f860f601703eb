import type { BlockDelta, StreamEvent } from '../protocols/canonical.ts';
import type { StreamDecoder } from '../protocols/codec.ts';

/** As good as any tokenizer where only fast and slow are to be told apart. */
const BYTES_PER_TOKEN = 4;

export interface SlowStartSettings {
  /** What is slower counts as slow. */
  tokensPerSecond: number;
  /** How long the beginning of an answer is held to find out. */
  holdMs: number;
}

/** It is judged by this part of the hold at least. */
const LEAST_PART = 0.5;

/**
 * Whether an answer begins slowly. What is thought counts as what is said; while a model thinks, or writes what a tool is called
 * with, and shows nothing of it, it is not judged.
 */
export class SlowStart {
  readonly settings: SlowStartSettings;
  readonly #decoder: StreamDecoder;
  readonly #enoughBytes: number;
  #bytes = 0;
  /** Since when what is being written shows itself as it comes. */
  #shownSince: number | null = null;

  /** @param decoder of its own, for the stream that it watches. */
  constructor(decoder: StreamDecoder, settings: SlowStartSettings) {
    this.#decoder = decoder;
    this.settings = settings;
    this.#enoughBytes = (settings.tokensPerSecond * settings.holdMs * BYTES_PER_TOKEN) / 1000;
  }

  /** It has given as much as a fast one would by the end of the hold. */
  get isFast(): boolean {
    return this.#bytes >= this.#enoughBytes;
  }

  /** @param now in ms, of any clock. */
  push(chunk: Uint8Array, now: number): void {
    for (const event of this.#decoder.push(chunk)) this.#take(event, now);
  }

  /** Tokens a second, where that is too slow; null where it is not, or nothing can be said of it. @param now of the same clock. */
  tooSlow(now: number): number | null {
    const { holdMs, tokensPerSecond } = this.settings;
    const ms = this.#shownSince === null ? 0 : now - this.#shownSince;
    if (ms < holdMs * LEAST_PART) return null;
    const speed = this.#bytes / BYTES_PER_TOKEN / (ms / 1000);
    return speed < tokensPerSecond ? speed : null;
  }

  #take(event: StreamEvent, now: number): void {
    if (event.type === 'content_block_start' && event.content_block.type === 'text') this.#shownSince ??= now;
    if (event.type !== 'content_block_delta') return;
    const bytes = bytesOf(event.delta);
    this.#bytes += bytes;
    if (bytes > 0) this.#shownSince ??= now;
  }
}

function bytesOf(delta: BlockDelta): number {
  switch (delta.type) {
    case 'text_delta':
      return Buffer.byteLength(delta.text);
    case 'thinking_delta':
      return Buffer.byteLength(delta.thinking);
    case 'input_json_delta':
      return Buffer.byteLength(delta.partial_json);
    default:
      return 0;
  }
}
