import type { ContractRouterClient } from '@orpc/contract';
import type { ControlContract } from '../../src-shared/control.ts';
import type { McpConfig } from '../../src-shared/mcp-config.ts';
import type { AnswerMessage, StreamEvent } from '../protocols/canonical.ts';

/** The control API as a client has it, in this process or over HTTP. */
export type ControlCalls = ContractRouterClient<ControlContract>;

/** What may have changed. Told a little too often rather than not at all: whoever cares compares. */
export type EngineChange = 'providers' | 'models' | 'routing' | 'health' | 'usage' | 'requests' | 'config';

/** What a model made of a request. */
export interface Completion {
  /** Under which the request is logged. */
  requestId: string;
  /** `null`: there is no whole answer, and `error` says why. */
  message: AnswerMessage | null;
  /** `type` as in Anthropic's errors. `status`: HTTP; 200 for an error in mid stream. */
  error: { type: string; message: string; status: number } | null;
}

export interface CompletionOptions {
  /** Aborts the request, down to the provider. */
  signal: AbortSignal;
  /** For the log: the program that asks, such as `cproxy-mcp/1.0.0 (claude-code)`. */
  userAgent: string;
  /** Name of the client token; null without one. */
  client: string | null;
  /** Told of the answer as it comes. */
  onEvent?: (event: StreamEvent) => void;
}

export interface TokenCount {
  tokens: number;
  provider: string | null;
  model: string | null;
  /** `provider` where the model's own counter has counted; else how it was counted on this machine. */
  source: string;
}

/** A call about batches, as a client of the vendor would make it. */
export interface BatchCall {
  dialect: 'anthropic' | 'openai';
  method: 'GET' | 'POST';
  /** Below `/v1`, with the query: `/messages/batches/ID`. */
  path: string;
  /** Of the batch or file it is about; null for one that makes or lists them. */
  id: string | null;
  /** The provider that is meant, by its id; null where that follows from the rest. */
  provider: string | null;
  body: { contentType: string; bytes: Buffer } | null;
}

/** At most so much of an answer about batches is read. */
export const LARGEST_BATCH_ANSWER_BYTES = 8 * 1024 * 1024;

export interface BatchReply {
  status: number;
  text: string;
  /** Who has answered, by its id. */
  provider: string | null;
  /** There was more than is read. */
  isCut: boolean;
}

/**
 * All that the MCP server needs of an engine: one in this process (local-engine.ts), or one that is reached over HTTP.
 */
export interface McpEngine {
  readonly version: string;
  /** @throws ORPCError, with the code and message of the errors table. */
  control(): Promise<ControlCalls>;
  /**
   * Asks a model, as `POST /v1/messages` does.
   * @param body Anthropic's Messages request; it is streamed whether it says so or not.
   * @throws ProxyError where the request cannot be read; what else goes wrong is in what is returned.
   */
  complete(body: Readonly<Record<string, unknown>>, options: CompletionOptions): Promise<Completion>;
  /** Counts a request, as `POST /v1/messages/count_tokens` does. @throws ProxyError */
  countTokens(
    body: Readonly<Record<string, unknown>>,
    options: Pick<CompletionOptions, 'signal' | 'client' | 'userAgent'>,
  ): Promise<TokenCount>;
  /** @throws ProxyError `no_batches` and what sending throws; what a provider refuses is an answer. */
  batches(call: BatchCall, signal: AbortSignal): Promise<BatchReply>;
  /** @returns what ends the subscription. */
  onChange(listener: (changes: readonly EngineChange[]) => void): () => void;
  /** As the configuration in force has them. */
  settings(): McpConfig;
  /** Cuts secrets out of a text that is shown. */
  redact(text: string): string;
}
