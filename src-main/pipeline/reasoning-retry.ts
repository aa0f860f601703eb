import type { Quirks, ReasoningRefusal, WithoutReasoning } from '../protocols/codec.ts';
import { parseExact } from '../protocols/exact-json.ts';
import { isObject } from '../protocols/is-object.ts';
import { provesForeign, reasoningRefusal, refusalInWords, wantedQuirk } from '../protocols/refused-reasoning.ts';
import type { ProviderAnswer } from '../providers/base-provider.ts';
import type { AttemptContext } from './context.ts';
import type { ReasoningMemory } from './reasoning-memory.ts';
import type { UpstreamRequest } from './upstream-request.ts';

/** A target's error, and what it is about. */
export interface Refused {
  upstream: UpstreamRequest;
  received: ProviderAnswer;
  error: Buffer;
}

/**
 * The one time that a target is asked once more because of the reasoning in the conversation: without any, or, where it wants
 * its reasoning back, with it. What turns out to be refused is remembered, so that the next turn is right at once, and
 * begins with the same bytes.
 */
export class ReasoningRetry {
  readonly #context: AttemptContext;
  readonly #memory: ReasoningMemory;
  /** The refusal that it is asked once more after: the client gets this one where that does not help. */
  first: Refused | null = null;
  #leavesOut: ReasoningRefusal | null = null;
  #learned: Partial<Quirks> | null = null;
  #left: WithoutReasoning | null = null;

  constructor(context: AttemptContext, memory: ReasoningMemory) {
    this.#context = context;
    this.#memory = memory;
  }

  /** @returns whether the target is to be asked once more. */
  begin(refused: Refused): boolean {
    if (this.first !== null) return false;
    const { codec, call } = refused.upstream;
    const refusal = reasoningRefusal(refused.received.status, codec.decodeError(refused.error.toString()));
    if (refusal === null) return false;
    const { provider, model } = this.#context.target;
    const wanted = wantedQuirk(refusal, this.#quirks());
    if (wanted !== null) {
      provider.learned.add(model, wanted);
      this.#learned = wanted;
    } else if (this.#without(call.body, refusal, codec) === null) return false;
    else this.#leavesOut = refusal;
    this.first = refused;
    const how = wanted === null ? 'asked again without any of it' : 'asked again, and from now on, with all there is';
    this.#tell(`${provider.id}/${model} ${refusalInWords[refusal]}: ${how}`);
    return true;
  }

  /** The request as it is to be sent. */
  changed(upstream: UpstreamRequest): UpstreamRequest {
    if (this.#leavesOut === null) return upstream;
    const { call, codec } = upstream;
    this.#left = this.#without(call.body, this.#leavesOut, codec);
    return this.#left === null ? upstream : { ...upstream, call: { ...call, body: JSON.stringify(this.#left.body) } };
  }

  /** It has answered. */
  succeeded(): void {
    if (this.#left === null || this.#leavesOut === null || !provesForeign(this.#leavesOut)) return;
    const { signatures, unsigned } = this.#left;
    for (const signature of signatures) this.#memory.signatures.note(signature, null);
    const { provider, model } = this.#context.target;
    const isUnsigned = this.#leavesOut === 'not-its-own' && unsigned && signatures.length === 0;
    if (isUnsigned && this.#quirks().takesEmptySignature) provider.learned.add(model, { takesEmptySignature: false });
  }

  /** Whether it wants what it seemed to want has not been seen: its words may have been about something else. */
  unlearn(): void {
    const { provider, model } = this.#context.target;
    if (this.#learned !== null) provider.learned.remove(model, this.#learned);
  }

  /** It has refused that as well, or could not be asked. */
  failed(first: Refused): void {
    this.unlearn();
    this.#context.row.status = first.received.status;
    this.#tell('that did not help: the first refusal stands');
  }

  #without(
    body: Uint8Array | string,
    refusal: ReasoningRefusal,
    codec: UpstreamRequest['codec'],
  ): WithoutReasoning | null {
    const decoded = parseExact(typeof body === 'string' ? body : Buffer.from(body).toString());
    if (!isObject(decoded)) return null;
    return codec.withoutReasoning?.(decoded, refusal, this.#quirks()) ?? null;
  }

  #quirks(): Quirks {
    const { provider, model } = this.#context.target;
    return provider.quirksFor(model);
  }

  #tell(detail: string): void {
    this.#context.request.row.trace.push({ step: 'reasoning refused', detail });
  }
}
