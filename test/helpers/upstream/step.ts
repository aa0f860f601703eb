/** What the scriptable upstream is told to do with one request. */
export type Step = AnswerStep | FramesStep | ErrorStep | RawStep | { kind: 'hang' } | { kind: 'close' };

/** A proper answer, given in the protocol of the request, streamed or whole as the request asks. */
export interface AnswerStep {
  kind: 'answer';
  content: Part[];
  /** Default: `tool_use` where tools are called, else `end_turn`. */
  stopReason?: string;
  /** null: no usage is reported at all. */
  usage?: PartialUsage | null;
  wire?: Wire;
}

/** Events of your own (of Ollama: lines), for dialects that differ. Strings are sent as they are, objects as JSON. */
export interface FramesStep {
  kind: 'frames';
  frames: (Frame | string | Record<string, unknown>)[];
  wire?: Wire;
}

/** An HTTP error with the protocol's own error body. */
export interface ErrorStep {
  kind: 'error';
  status: number;
  type?: string;
  message?: string;
  headers?: Record<string, string>;
}

/** Any status, headers and bytes. */
export interface RawStep {
  kind: 'raw';
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
  wire?: Wire;
}

export type Part = TextPart | ThinkingPart | ToolPart;

export interface TextPart {
  type: 'text';
  text: string;
  /** Responses: of the message it stands in. */
  phase?: 'commentary' | 'final_answer';
}

export interface ThinkingPart {
  type: 'thinking';
  /** Responses: each paragraph is a part of the summary. */
  text: string;
  /** What the provider wants back: Anthropic's `signature`, Responses' `encrypted_content`. */
  signature?: string;
  /** Responses: of its item. */
  id?: string;
}

export interface ToolPart {
  type: 'tool_use';
  id?: string;
  name: string;
  /** An object, or the argument text itself, which need not be valid JSON. */
  input: Record<string, unknown> | string;
}

/** Disjoint token counts, as Anthropic reports them. */
export interface PartialUsage {
  input?: number;
  cacheRead?: number;
  cacheWrite?: number;
  output?: number;
}

/** One server-sent event; of Ollama, one line. */
export interface Frame {
  event?: string;
  data: string;
}

/** How an answer travels. */
export interface Wire {
  /** Extra response headers. */
  headers?: Record<string, string>;
  /** Before the headers. */
  headerDelayMs?: number;
  /** Between the headers and the first byte. */
  firstDelayMs?: number;
  /** Between writes. */
  delayMs?: number;
  /** Bytes in one write: 1 splits every character of more than one byte. Default: one event in one write. */
  chunkBytes?: number;
  /** Writes of 1 to 40 bytes, always the same for the same seed. */
  randomChunks?: number;
  /** Lines end in CRLF. */
  crlf?: boolean;
  /** A comment line before every event. Ollama's lines have none. */
  comments?: boolean;
  /** A ping after every third event (Anthropic's ping event; elsewhere a comment; of Ollama, an empty line). */
  pings?: boolean;
  /** Characters in one delta of text, thinking or tool arguments. Default 24. */
  fragment?: number;
  /** Chat Completions: the deltas of several tool calls take turns. Responses: the events of all items do. */
  interleave?: boolean;
  /** Chat Completions: the field that thinking is in. Default `reasoning_content`. */
  reasoningField?: 'reasoning_content' | 'reasoning';
  /** Chat Completions: no `data: [DONE]`. */
  omitDone?: boolean;
  /** Responses: arguments come whole in their `done` events, without deltas before (LM Studio). */
  argumentsInDone?: boolean;
  /** Responses: nothing between `response.created` and `response.completed`. */
  onlyCompleted?: boolean;
  /** Responses: every item is announced and finished once more at the end. */
  echo?: boolean;
  /** Responses: the `output` of `response.completed` is empty. */
  omitOutput?: boolean;
  /** Responses: thinking is given as it was thought, in `reasoning_text`, and not summarized. */
  rawReasoning?: boolean;
  /** The stream ends without saying why it stopped. */
  omitFinish?: boolean;
  gzip?: boolean;
  /** An error in the stream after so many events; nothing follows it. `failed`: Responses says so with `response.failed`. */
  errorAfter?: { frames: number; type?: string; message?: string; failed?: boolean };
  /** The stream breaks off, after so many events or bytes. */
  breakAfter?: { frames?: number; bytes?: number; how: 'end' | 'reset' | 'hang' };
}

/** A text answer. */
export const say = (text: string, wire?: Wire): AnswerStep => answer([{ type: 'text', text }], { wire });

/** An answer that calls tools. */
export const callTools = (tools: Omit<ToolPart, 'type'>[], wire?: Wire): AnswerStep =>
  answer(
    tools.map((tool) => ({ type: 'tool_use' as const, ...tool })),
    { wire },
  );

/** Any answer. */
export function answer(
  content: Part[],
  options: { stopReason?: string; usage?: PartialUsage | null; wire?: Wire | undefined } = {},
): AnswerStep {
  const { wire, ...rest } = options;
  return { kind: 'answer', content, ...rest, ...(wire === undefined ? {} : { wire }) };
}

/** An HTTP error: `fail(529, { type: 'overloaded_error', headers: { 'retry-after': '2' } })` */
export const fail = (status: number, options: Omit<ErrorStep, 'kind' | 'status'> = {}): ErrorStep => ({
  kind: 'error',
  status,
  ...options,
});

/** No answer, not even headers, until the client leaves. */
export const hang = (): Step => ({ kind: 'hang' });

/** The connection is reset in answer to the request. */
export const close = (): Step => ({ kind: 'close' });

export const raw = (
  status: number,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
  wire?: Wire,
): RawStep => ({ kind: 'raw', status, headers, body, ...(wire === undefined ? {} : { wire }) });

export const empty = (): RawStep => raw(200, '', { 'content-type': 'text/event-stream' });
export const html = (): RawStep =>
  raw(200, '<!doctype html><title>Sign in</title>', { 'content-type': 'text/html; charset=utf-8' });
export const garbage = (): RawStep =>
  raw(200, Uint8Array.from([0xff, 0xfe, 0x00, 0x7b, 0x22, 0xc3, 0x28, 0x0a, 0x0a]), {
    'content-type': 'text/event-stream',
  });
export const redirect = (location: string): RawStep => raw(307, '', { location });

/** The worst that is still correct: everything in pieces, lines and fields in every allowed form. */
export const inPieces = (seed: number): Wire => ({
  randomChunks: seed,
  crlf: seed % 2 === 0,
  comments: true,
  pings: true,
  fragment: 1 + (seed % 5),
  interleave: true,
});
