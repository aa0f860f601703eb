import type { CountingCall, ProviderCodec } from '../protocols/codec.ts';

/** A provider's own counter of tokens, which may be missing there, or not answer. */
export class OwnCounter {
  /** The dialect in which it is asked. */
  readonly codec: ProviderCodec;
  readonly call: CountingCall;
  #restsUntil = 0;

  /** @throws Error where the dialect has no word for counting. */
  constructor(codec: ProviderCodec) {
    if (codec.counting === undefined) throw new Error(`nothing is counted in ${codec.protocol}`);
    this.codec = codec;
    this.call = codec.counting;
  }

  /** @param now a monotonic time in ms. */
  isUsable(now = performance.now()): boolean {
    return now >= this.#restsUntil;
  }

  /** Is not asked for a while: it is not there, or cannot answer. */
  rest(ms: number, now = performance.now()): void {
    this.#restsUntil = Math.max(this.#restsUntil, now + ms);
  }
}
