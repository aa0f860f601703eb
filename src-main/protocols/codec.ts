import type { ProxyError } from '../../src-shared/errors.ts';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import type { AnswerMessage, MessagesRequest, StreamEvent } from './canonical.ts';

/**
 * The two sides of a dialect. Codecs are pure: bytes and objects in, bytes and objects out. They know nothing of HTTP
 * connections, providers or configuration.
 */

/** What a front door's protocol looks like to its client. */
export interface ClientCodec {
  readonly protocol: ClientProtocol;
  /** Checks the fields that translation reads. Throws ProxyError `invalid_field` naming the field. */
  decodeRequest(body: unknown): MessagesRequest;
  /** A state machine that turns canonical events into the client's stream bytes; one per answer. */
  createStreamEncoder(): { encode(event: StreamEvent): string };
  encodeAnswer(message: AnswerMessage): string;
  encodeError(error: ProxyError, requestId: string): EncodedError;
  /** An error after the answer's headers have gone out. */
  encodeStreamError(error: ProxyError, requestId: string): string;
  /** Bytes that keep a silent stream alive. */
  readonly ping: string;
}

export interface EncodedError {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Ways in which servers of one dialect differ. Defaults suit an unknown compatible server. */
export interface Quirks {
  maxTokensField: 'max_tokens' | 'max_completion_tokens';
  /** Send `reasoning_effort`. Servers that do not know it mostly ignore it, some refuse it. */
  sendsReasoningEffort: boolean;
  /** Give the model its own earlier thinking back as `reasoning_content` (DeepSeek, Kimi, GLM require it). */
  returnsReasoningContent: boolean;
  /** Ask for usage in streams (`stream_options.include_usage`). */
  asksStreamUsage: boolean;
  /** Messages with `role: "system"` may stand in the middle of the conversation. */
  takesSystemAnywhere: boolean;
}

/** What a decoder must know of the request whose answer it reads. */
export interface DecodeContext {
  /** Model name shown to the client. */
  model: string;
  /** Estimate for `message_start`; the true numbers follow in `message_delta`. */
  estimatedInputTokens: number;
  /** Provider's tool name → the client's own, for names that had to be shortened. */
  toolNames: ReadonlyMap<string, string>;
}

export interface EncodedRequest {
  /** JSON, in UTF-8. */
  body: Uint8Array;
  toolNames: ReadonlyMap<string, string>;
  /** What was lost on the way, for the trace. */
  warnings: readonly string[];
}

/** Reads a provider's stream. Survives any chunk boundary. */
export interface StreamDecoder {
  push(chunk: Uint8Array): StreamEvent[];
  /**
   * The provider has said how the answer ends, and at most usage is to come. Some servers then keep the connection open
   * without their end mark: a caller may wait a moment and call `end`. Absent where the dialect's own end is certain.
   */
  readonly finished?: boolean;
  /**
   * The stream has ended. Gives what was held back, closes the message where the provider had finished it, and gives an
   * `error` event where it had not: an end without a finish is never a silent end_turn.
   */
  end(): StreamEvent[];
}

/** An error answer of a provider, read from its dialect's envelope. */
export interface UpstreamError {
  message: string;
  /** The vendor's own code or type, where it gives one. */
  code: string | null;
}

/** What a provider's protocol looks like to us. */
export interface ProviderCodec {
  readonly protocol: ProviderProtocol;
  /** Path below the version segment, such as `/chat/completions`. */
  readonly path: string;
  encodeRequest(request: MessagesRequest, model: string, quirks: Quirks): EncodedRequest;
  createStreamDecoder(context: DecodeContext): StreamDecoder;
  /** A whole JSON answer as the same events that its stream would have given. Throws an Error saying what is wrong. */
  decodeAnswer(body: unknown, context: DecodeContext): StreamEvent[];
  decodeError(body: string): UpstreamError;
}
