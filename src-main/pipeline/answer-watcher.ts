import type { StreamEvent } from '../protocols/canonical.ts';
import type { DecodeContext, ProviderCodec, StreamDecoder } from '../protocols/codec.ts';
import { type RecordedTurn, TurnRecorder } from '../protocols/turn-recorder.ts';

/**
 * Decodes an answer beside its pass-through, for what is to be remembered of it. What it cannot read is not remembered, and
 * nothing more: the client has the provider's own bytes, and may well be able to.
 */
export class AnswerWatcher {
  readonly #codec: ProviderCodec;
  readonly #context: DecodeContext;
  readonly #recorder: TurnRecorder;
  #decoder: StreamDecoder | null = null;
  #failed = false;

  constructor(codec: ProviderCodec, context: DecodeContext) {
    this.#codec = codec;
    this.#context = context;
    this.#recorder = new TurnRecorder(context.target);
  }

  get turn(): RecordedTurn | null {
    return this.#recorder.turn;
  }

  /** A piece of a stream. */
  push(chunk: Uint8Array): void {
    this.#record(() => {
      this.#decoder ??= this.#codec.createStreamDecoder(this.#context);
      return this.#decoder.push(chunk);
    });
  }

  /** The stream has ended. */
  end(): void {
    this.#record(() => this.#decoder?.end() ?? []);
  }

  /** A whole answer. */
  take(body: unknown): void {
    this.#record(() => this.#codec.decodeAnswer(body, this.#context));
  }

  #record(decode: () => readonly StreamEvent[]): void {
    if (this.#failed) return;
    try {
      for (const event of decode()) this.#recorder.take(event);
    } catch {
      // What was recorded before stands for itself.
      this.#failed = true;
    }
  }
}
