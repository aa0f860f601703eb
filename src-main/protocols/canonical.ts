/**
 * The canonical form of a conversation: Anthropic's content blocks and stream events (Messages API, versions 2023-06-01
 * and 2026-10-21). Every dialect decodes to it and encodes from it. Only what we read is typed; unknown fields and
 * unknown block types travel along untouched.
 */

export interface CacheControl {
  type: 'ephemeral';
  ttl?: '5m' | '1h';
}

/** A place in a text that it quotes; of the many kinds only what other dialects can say is typed. */
export interface Citation {
  type: string;
  url?: string;
  title?: string | null;
  cited_text?: string;
  /** State of Anthropic's own search, which it wants back; '' in the answers of others. */
  encrypted_index?: string;
}

export interface TextBlock {
  type: 'text';
  text: string;
  cache_control?: CacheControl;
  citations?: Citation[] | null;
  /**
   * `phase` of the message it stood in (Responses); `refusal`: the model's own words for a refusal; `logprobs` of an answer's
   * tokens, where they were asked for.
   */
  openai?: { phase?: string; refusal?: true; logprobs?: readonly unknown[] };
}

export type ImageSource =
  | { type: 'base64'; media_type: string; data: string }
  | { type: 'url'; url: string }
  | { type: 'file'; file_id: string };

export interface ImageBlock {
  type: 'image';
  source: ImageSource;
  cache_control?: CacheControl;
  openai?: { detail?: string };
}

export type DocumentSource =
  | { type: 'base64'; media_type: string; data: string }
  | { type: 'text'; media_type: string; data: string }
  | { type: 'content'; content: string | ContentBlock[] }
  | { type: 'url'; url: string }
  | { type: 'file'; file_id: string };

export interface DocumentBlock {
  type: 'document';
  source: DocumentSource;
  title?: string | null;
  context?: string | null;
  cache_control?: CacheControl;
}

export interface SearchResultBlock {
  type: 'search_result';
  source: string;
  title: string;
  content: TextBlock[];
}

export interface ThinkingBlock {
  type: 'thinking';
  thinking: string;
  /** Anthropic's own, or another provider's reasoning state, packed (reasoning-state.ts), or '' where there is neither. */
  signature: string;
  /** Id of the reasoning item it came as (Responses): OpenAI binds the item's encrypted state to it. */
  openai?: { id?: string };
}

export interface RedactedThinkingBlock {
  type: 'redacted_thinking';
  /** Anthropic's own, or the state of a provider's reasoning that has no text, packed (reasoning-state.ts). */
  data: string;
}

export interface ToolUseBlock {
  type: 'tool_use';
  id: string;
  name: string;
  input: unknown;
  cache_control?: CacheControl;
  /**
   * `custom`: a call of a free-text tool, whose text is `input.input`; `arguments`: JSON of `input` as the client sent it, where
   * that is not what `JSON.stringify` gives. Most often it is what the model wrote, which prompt caches know.
   */
  openai?: { custom?: true; arguments?: string };
}

/** A call of a tool that ran at the provider, and what came of it. */
export interface ServerToolUseBlock {
  type: 'server_tool_use';
  id: string;
  name: string;
  input: unknown;
}

export interface WebSearchResultBlock {
  type: 'web_search_tool_result';
  tool_use_id: string;
  content:
    | { type: 'web_search_result'; url: string; title: string; encrypted_content: string; page_age: string | null }[]
    | { type: 'web_search_tool_result_error'; error_code: string };
}

export interface ToolResultBlock {
  type: 'tool_result';
  tool_use_id: string;
  content?: string | ContentBlock[];
  is_error?: boolean;
  cache_control?: CacheControl;
}

export interface ToolReferenceBlock {
  type: 'tool_reference';
  tool_name: string;
}

/** The blocks that dialects translate. Others (server tool results, betas) pass at run time: switch with a default. */
export type ContentBlock =
  | TextBlock
  | ImageBlock
  | DocumentBlock
  | SearchResultBlock
  | ThinkingBlock
  | RedactedThinkingBlock
  | ToolUseBlock
  | ToolResultBlock
  | ToolReferenceBlock
  | ServerToolUseBlock
  | WebSearchResultBlock;

export interface Message {
  /** `system` in the middle of a conversation is valid input; Claude Code sends it. */
  role: 'user' | 'assistant' | 'system';
  content: string | ContentBlock[];
}

export interface Tool {
  name: string;
  description?: string;
  /** Absent on Anthropic's typed tools (`bash_20250124`, `web_search_20250305`, …). */
  input_schema?: Record<string, unknown>;
  type?: string;
  cache_control?: CacheControl;
  /**
   * `custom`: a free-text tool with its grammar, if any; `builtin`: a tool that runs at OpenAI, as it was given, whose
   * `type` is `openai_builtin`.
   */
  openai?: { strict?: boolean | null; custom?: { format?: unknown }; builtin?: Readonly<Record<string, unknown>> };
}

export type ToolChoice =
  | { type: 'auto' | 'any'; disable_parallel_tool_use?: boolean }
  | { type: 'tool'; name: string; disable_parallel_tool_use?: boolean }
  | { type: 'none' };

export type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max';

/** How an answer must be written, as OpenAI's dialects say it. */
export type ResponseFormat =
  | { type: 'json_object' }
  | {
      type: 'json_schema';
      name: string;
      schema?: Readonly<Record<string, unknown>>;
      strict?: boolean | null;
      description?: string;
    };

/**
 * What OpenAI's dialects say and Anthropic's cannot, so that Chat Completions ↔ Responses loses nothing. Their client codecs
 * fill it beside the canonical fields, which say the same as well as they can; their provider codecs prefer it to those;
 * no other codec sends it.
 */
export interface OpenaiExtras {
  /** Fields that both dialects have under one name: `service_tier`, `metadata`, `prompt_cache_key`, `safety_identifier` … */
  shared?: Readonly<Record<string, unknown>>;
  /** Of Chat Completions only: `seed`, `n`, `logit_bias`, `logprobs`, `presence_penalty`, `frequency_penalty` … */
  chat?: Readonly<Record<string, unknown>>;
  /** Of Responses only: `truncation`, `include`, `max_tool_calls` … */
  responses?: Readonly<Record<string, unknown>>;
  /** `reasoning_effort`, `reasoning.effort` */
  effort?: string;
  /** `reasoning.summary` */
  summary?: string;
  verbosity?: string;
  format?: ResponseFormat;
  parallelToolCalls?: boolean;
  /** A choice among some of the tools (`allowed_tools`), by name. */
  allowedTools?: { mode: 'auto' | 'required'; names: readonly string[] };
}

export interface MessagesRequest {
  model: string;
  max_tokens?: number;
  messages: Message[];
  system?: string | TextBlock[];
  tools?: Tool[];
  tool_choice?: ToolChoice;
  stop_sequences?: string[];
  stream?: boolean;
  temperature?: number;
  top_p?: number;
  top_k?: number;
  thinking?: {
    type: 'enabled' | 'adaptive' | 'disabled' | 'between_tools';
    budget_tokens?: number;
    display?: 'summarized' | 'omitted';
  };
  output_config?: { effort?: Effort; format?: { type: 'json_schema'; schema: Record<string, unknown> } };
  metadata?: { user_id?: string | null };
  thread?: { type: 'create' } | { type: 'continue'; previous_message_id: string };
  /** Marks the end of the prompt for the provider's cache. */
  cache_control?: CacheControl;
  service_tier?: string;
  speed?: string;
  openai?: OpenaiExtras;
}

export type StopReason =
  | 'end_turn'
  | 'max_tokens'
  | 'stop_sequence'
  | 'tool_use'
  | 'pause_turn'
  | 'refusal'
  | 'model_context_window_exceeded';

/** As Anthropic reports it: three disjoint parts of the input. */
export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  /** What was written to the cache, by how long it stays. */
  cache_creation?: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number } | null;
  /** Part of `output_tokens`. */
  output_tokens_details?: { thinking_tokens: number } | null;
  /** US dollars, where the provider says what it charges for this. */
  cost_usd?: number;
}

/** A content block as an answer carries it. */
export type AnswerBlock =
  | TextBlock
  | ThinkingBlock
  | RedactedThinkingBlock
  | ToolUseBlock
  | ServerToolUseBlock
  | WebSearchResultBlock;

export interface StopDetails {
  type: 'refusal';
  category: string | null;
  explanation: string | null;
}

export interface AnswerMessage {
  id: string;
  type: 'message';
  role: 'assistant';
  model: string;
  content: AnswerBlock[];
  stop_reason: StopReason | null;
  stop_sequence: string | null;
  stop_details?: StopDetails | null;
  usage: Usage;
}

export type BlockDelta =
  | { type: 'text_delta'; text: string; openai?: { logprobs?: readonly unknown[] } }
  | { type: 'citations_delta'; citation: Citation }
  | { type: 'input_json_delta'; partial_json: string }
  | { type: 'thinking_delta'; thinking: string }
  | { type: 'signature_delta'; signature: string };

/**
 * Grammar: message_start, then for each block (index 0, 1, 2 …, never interleaved) content_block_start,
 * content_block_delta*, content_block_stop, then message_delta, message_stop. `ping` and `error` anywhere; nothing
 * follows an `error`.
 */
export type StreamEvent =
  /** `estimated`: the provider has counted nothing yet. */
  | { type: 'message_start'; message: AnswerMessage; estimated?: true }
  | { type: 'content_block_start'; index: number; content_block: AnswerBlock }
  | { type: 'content_block_delta'; index: number; delta: BlockDelta }
  | { type: 'content_block_stop'; index: number }
  | {
      type: 'message_delta';
      delta: { stop_reason: StopReason | null; stop_sequence: string | null; stop_details?: StopDetails | null };
      usage: Usage;
      /** The provider counted nothing: `usage` is our estimate, good for the client and not for the ledger. */
      estimated?: true;
    }
  | { type: 'message_stop' }
  | { type: 'ping' }
  /** `cut`: the provider reported nothing; its stream ended before the answer was finished. */
  | { type: 'error'; error: { type: string; message: string }; cut?: true };

/** What a decoder gives at the end of a stream that was not finished. */
export const cutEvent: StreamEvent = {
  type: 'error',
  error: { type: 'api_error', message: 'the stream ended before the answer was finished' },
  cut: true,
};
