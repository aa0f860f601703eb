import type { ProxyError } from '../../src-shared/errors.ts';
import type { ClientProtocol, ProviderProtocol } from '../../src-shared/requests.ts';
import type { AnswerMessage, MessagesRequest, StreamEvent, Tool, Usage } from './canonical.ts';
import type { ReasoningEffort } from './effort.ts';
import type { Recall } from './remembered-turn.ts';
import type { RequestBody, RequestFields } from './request-body.ts';
import type { BodyChanges, ChangedBody, ChangeTarget } from './request-changes.ts';

/**
 * The two sides of a dialect. Codecs are pure: bytes and objects in, bytes and objects out. They know nothing of HTTP
 * connections, providers or configuration.
 */

/** What a front door's protocol looks like to its client. */
export interface ClientCodec {
  readonly protocol: ClientProtocol;
  /** The header in which its clients look for the id of a request, to show it with errors. */
  readonly requestIdHeader: string;
  /** Checks the fields that translation reads. Throws ProxyError `invalid_field` naming the field. */
  decodeRequest(body: unknown): MessagesRequest;
  /** A request's bytes with what a rule changes about it, as far as the target takes that. */
  changed(raw: Buffer, changes: BodyChanges, target: ChangeTarget): ChangedBody;
  /**
   * How answers to one request are written.
   * @param body gives the decoded request, of which the encoder keeps no more than an answer needs.
   */
  answerEncoder(body: () => Readonly<Record<string, unknown>>): AnswerEncoder;
  encodeError(error: ProxyError, requestId: string): EncodedError;
  /** An error after the answer's headers have gone out, before any of the answer itself. */
  encodeStreamError(error: ProxyError, requestId: string): string;
  /** Bytes that keep a silent stream alive. */
  readonly ping: string;
}

export interface AnswerEncoder {
  createStream(): StreamEncoder;
  encodeAnswer(message: AnswerMessage): string;
}

/** A state machine that turns canonical events into the client's stream bytes; one per answer. */
export interface StreamEncoder {
  encode(event: StreamEvent): string;
  /** An error that ends the stream it has begun; where absent, the codec's own does. */
  encodeError?(error: ProxyError, requestId: string): string;
}

export interface EncodedError {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Ways in which servers of one dialect differ. Defaults suit an unknown compatible server. */
export interface Quirks {
  maxTokensField: 'max_tokens' | 'max_completion_tokens';
  /**
   * How Chat Completions is told how hard to think: `reasoning_effort` (OpenAI), `reasoning` (OpenRouter's object),
   * `thinking` (DeepSeek, GLM, Kimi: `{type}`), `enable_thinking` (Qwen's own API), `chat_template_kwargs` (vLLM, llama.cpp: the same in there), or not at all.
   */
  reasoningFormat: 'none' | 'reasoning_effort' | 'reasoning' | 'thinking' | 'enable_thinking' | 'chat_template_kwargs';
  /** Give the model its own earlier thinking back as `reasoning_content` (DeepSeek, Kimi, GLM require it). */
  returnsReasoningContent: boolean;
  /** Give the model its own `reasoning_details` back (OpenRouter). */
  returnsReasoningDetails: boolean;
  /** Ask for usage in streams (`stream_options.include_usage`). */
  asksStreamUsage: boolean;
  /** Messages with `role: "system"` may stand in the middle of the conversation. */
  takesSystemAnywhere: boolean;
  /** A user's message may follow the results of tools; else the assistant must have spoken between them (Mistral). */
  takesUserAfterTool: boolean;
  /** A conversation may end with the beginning of the answer. */
  takesPrefill: boolean;
  /** What of JSON Schema tools may use: nearly all, Gemini's subset, or what grammars are built of (llama.cpp). */
  toolSchema: 'full' | 'gemini' | 'grammar';
  /** Tool call ids: any text up to 40 characters, or exactly nine letters and digits (Mistral). */
  toolIds: 'any' | 'mistral';
  /** How many tools it takes; null: any number. */
  toolLimit: number | null;
  /** The tool that must be called may be named; else it is the only one that is offered, and some tool must be called. */
  takesNamedTool: boolean;
  /** How places for the prompt cache are marked. */
  cacheMarks: 'none' | 'cache_control' | 'prompt_cache_breakpoint';
  /** The content of a message that only calls tools may be null; else it is ''. */
  takesNullContent: boolean;
  /** Answers may hold thinking and tool calls as marked-up text (`<think>`, `<tool_call>`), which is read. */
  readsMarkup: boolean;
  /** Thinking blocks with an empty signature are taken back (Anthropic's own API refuses them). */
  takesEmptySignature: boolean;
  /** Searches the web itself: a client's `web_search` becomes the provider's own. */
  searchesWeb: boolean;
  /**
   * Takes what only OpenAI takes (`verbosity`, `prompt_cache_key`, `safety_identifier`, `store`, free-text tools, choices
   * among some tools, its file ids), and refuses what it refuses.
   */
  isOpenai: boolean;
}

/** What is known of a model; null where nothing is. Token counts. */
export interface ModelFacts {
  contextWindow: number | null;
  maxOutput: number | null;
  /** Whether it can think. */
  reasoning: boolean | null;
  /** Efforts it takes. */
  efforts: readonly ReasoningEffort[] | null;
  /** What it reads besides text. */
  images: boolean | null;
  documents: boolean | null;
  tools: boolean | null;
  /** Calls several tools in one answer. */
  parallelTools: boolean | null;
  /** Can be held to a JSON Schema. */
  structuredOutput: boolean | null;
  promptCaching: boolean | null;
  streaming: boolean | null;
}

/** Of a model that nobody knows. */
export const unknownModel: ModelFacts = {
  contextWindow: null,
  maxOutput: null,
  reasoning: null,
  efforts: null,
  images: null,
  documents: null,
  tools: null,
  parallelTools: null,
  structuredOutput: null,
  promptCaching: null,
  streaming: null,
};

/** What a request is encoded for. */
export interface EncodeTarget {
  /** Id of the provider. */
  provider: string;
  /** Name of the model there. */
  model: string;
  quirks: Quirks;
  facts: ModelFacts;
  /**
   * Parameters this model has refused before, by their names in the provider's dialect: a codec finds another way to say
   * them, or tells that they are lost. What it sends all the same is taken out of its bytes (refused-parameter.ts).
   */
  refused: ReadonlySet<string>;
  /** Names the conversation to prompt caches; null where the client does not say. */
  session: string | null;
  /** Estimate, from the size of the body. */
  estimatedInputTokens: number;
  /** Tokens a local server is to make room for; null: its own default. */
  window: number | null;
  /** How long a local server is to keep the model after its last use, in ms, -1 for ever; null: its own default. */
  keepAliveMs: number | null;
  /**
   * Whether a vendor's own signature (or encrypted content), which does not say whose it is, is known to be another
   * provider's; null where no other's is known, so that none need be looked up.
   */
  isForeign: ((signature: string) => boolean) | null;
}

/** What a decoder must know of the request whose answer it reads. */
export interface DecodeContext {
  /** Model name shown to the client. */
  model: string;
  /** Who answers, for reasoning state: id of the provider and name of the model there. */
  target: { provider: string; model: string };
  quirks: Quirks;
  /** Estimate for `message_start`; the true numbers follow in `message_delta`. */
  estimatedInputTokens: number;
  /** Provider's tool name → the client's own, for names that had to be shortened. */
  toolNames: ReadonlyMap<string, string>;
  /** The tools the client offers, by name, for reading tool calls from text. */
  offeredTools: ReadonlyMap<string, Tool>;
  /**
   * Ids of the tool uses in the conversation: some servers begin to count anew with each answer, and Anthropic refuses a
   * conversation in which one stands twice.
   */
  usedToolIds: ReadonlySet<string>;
  /** Whether stop sequences are to be found by us, since the provider has none; empty: no. */
  stopSequences: readonly string[];
}

export interface EncodedRequest {
  /** JSON, in UTF-8. */
  body: Uint8Array;
  toolNames: ReadonlyMap<string, string>;
  /** What was lost on the way, for the trace. */
  warnings: readonly string[];
  /** Alternating names and values besides the usual ones, such as `anthropic-version`. */
  headers?: readonly string[];
  /** Stop sequences that the provider cannot be told. */
  stopSequences?: readonly string[];
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
  /** The parameter it complains about, where it names one. */
  param?: string | null;
}

/** Watches a stream that is passed through. Only whole frames are let through, so that an error can follow a cut. */
export interface StreamTap {
  /** Content has begun. */
  readonly started: boolean;
  /** The provider has said why the answer ends. */
  readonly finished: boolean;
  /** The protocol's own end has been seen: nothing more will come. */
  readonly complete: boolean;
  readonly error: UpstreamError | null;
  readonly usage: Usage | null;
  readonly stopReason: string | null;
  /** The provider has refused to answer, before any content. */
  readonly refused: boolean;
  /** The vendor's own signatures and encrypted contents that have gone by. */
  readonly signatures: readonly string[];
  /**
   * @returns the bytes that end with a whole frame; empty while a frame is incomplete.
   * @throws RangeError when a frame grows beyond all measure.
   */
  push(chunk: Buffer): Buffer;
  /** @returns what was left, and the protocol's own end where the provider left that out. */
  end(): string;
  /** An error that ends what has been let through; where absent, the client codec's own does. */
  encodeError?(error: ProxyError, requestId: string): string;
}

/** A whole answer that is passed through, as far as we read it. */
export interface WholeAnswer {
  /** What it reports instead of an answer. */
  error: UpstreamError | null;
  usage: Usage | null;
  stopReason: string | null;
  /** The provider has refused to answer, and there is nothing else in it. */
  refused: boolean;
  /** The vendor's own signatures and encrypted contents in it. */
  signatures: readonly string[];
}

/**
 * Reasoning that other providers' answers have left in a conversation which is now passed through to one that refuses it.
 */
export interface ForeignState {
  /** A quick look at a request's bytes, which need not be decoded where it holds none. */
  mayBeIn(raw: Buffer, target: ForeignStateTarget): boolean;
  /**
   * The request without it; the same object where there is none.
   * @param warnings filled with what the model does otherwise for it.
   */
  remove(
    body: Readonly<Record<string, unknown>>,
    target: ForeignStateTarget,
    warnings?: Set<string>,
  ): Readonly<Record<string, unknown>>;
}

/** What a provider has against the reasoning in a conversation. */
export type ReasoningRefusal =
  /** Some of it is not what this provider has made. */
  | 'not-its-own'
  /** The same of Gemini's signatures of calls. */
  | 'bad-call-signature'
  /** The conversation ends with thinking, while thinking is off. */
  | 'thinking-off'
  /** An answer with calls must begin with its own thinking, and does not. */
  | 'no-thinking'
  /** Every answer must have the field for reasoning, be it empty. */
  | 'no-reasoning-field'
  /** Gemini's calls must be signed. */
  | 'no-call-signature';

/** A request from which all past reasoning has been taken, after the provider has refused some of it. */
export interface WithoutReasoning {
  body: Readonly<Record<string, unknown>>;
  /** What was taken out: the vendors' own signatures and encrypted contents, none twice. */
  signatures: readonly string[];
  /** Some of it had no signature. */
  unsigned: boolean;
}

export type ForeignStateTarget = Pick<EncodeTarget, 'provider' | 'model' | 'quirks' | 'isForeign'>;

/**
 * Reasoning that a provider wants back with its calls of tools, and that clients of its own dialect lose all the same: OpenAI's
 * SDKs drop `reasoning_content`, `reasoning_details` and `extra_content` from what they collect of a stream.
 */
export interface Restoration {
  /** Whether such a server wants any; where it does, its answers are remembered. */
  wantedBy(quirks: Quirks): boolean;
  /** A quick look at a request's bytes: whether there is an answer in it. */
  mayBeNeeded(raw: Buffer): boolean;
  /** The request with it, and how many turns got theirs back; the same object where none did. */
  restore(body: Readonly<Record<string, unknown>>, target: ForeignStateTarget, recall: Recall): RestoredBody;
}

export interface RestoredBody {
  body: Readonly<Record<string, unknown>>;
  turns: number;
}

/** How requests and answers of one dialect are watched when they are passed through. */
export interface PassThrough {
  readonly foreignState: ForeignState;
  /** Absent where clients of the dialect lose nothing that its servers want back. */
  readonly restoration?: Restoration;
  /**
   * What a request must say to have its stream end with the usage, which the client has not asked for; null where it asks
   * for it, or the server would not take that. Absent where streams always tell their usage.
   */
  streamUsage?(body: RequestBody, target: Pick<EncodeTarget, 'quirks' | 'refused'>): RequestFields | null;
  /** @param hidesUsage a frame that only tells the usage is kept from the client, which has not asked for it. */
  createTap(hidesUsage?: boolean): StreamTap;
  /** @throws Error saying why it is no answer. */
  readAnswer(body: Record<string, unknown>): WholeAnswer;
}

/** How a provider counts the tokens of a request without answering it. What it answers says `input_tokens`. */
export interface CountingCall {
  /** Path below the version segment. */
  readonly path: string;
  /** The fields that it takes of a request: others it refuses. */
  readonly fields: ReadonlySet<string>;
}

/** What a provider's protocol looks like to us. */
export interface ProviderCodec {
  readonly protocol: ProviderProtocol;
  /** Path below the version segment, such as `/chat/completions`; with `//` in front, below the base itself. */
  readonly path: string;
  /** Null where no client speaks it. */
  readonly passThrough: PassThrough | null;
  /** Absent where the dialect has no word for it. */
  readonly counting?: CountingCall;
  encodeRequest(request: MessagesRequest, target: EncodeTarget): EncodedRequest;
  /**
   * A request in this dialect, translated or not, as it can be asked once more; null where nothing of it would change. Absent
   * where no server of the dialect refuses reasoning.
   * @param refusal what the provider has refused.
   */
  withoutReasoning?(
    body: Readonly<Record<string, unknown>>,
    refusal: ReasoningRefusal,
    quirks: Quirks,
  ): WithoutReasoning | null;
  createStreamDecoder(context: DecodeContext): StreamDecoder;
  /** A whole JSON answer as the same events that its stream would have given. Throws an Error saying what is wrong. */
  decodeAnswer(body: unknown, context: DecodeContext): StreamEvent[];
  decodeError(body: string): UpstreamError;
}
