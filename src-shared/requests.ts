import type { ErrorView } from './errors.ts';

/** Wire protocols a client may speak to us. */
export type ClientProtocol = 'anthropic' | 'openai-chat' | 'openai-responses';
/** Wire protocols we speak to providers. */
export type ProviderProtocol = ClientProtocol | 'ollama';

/** Token counts of one answer, in Anthropic's disjoint parts: total input = input + cacheRead + cacheWrite. */
export interface TokenUsage {
  input: number;
  cacheRead: number;
  cacheWrite: number;
  output: number;
}

/** One call of one target. Times are in ms since the request arrived. */
export interface AttemptRow {
  provider: string;
  model: string;
  /** Which of the provider's keys it was made with, by name; null where there is but one. */
  key: string | null;
  /** How the answer travels: the provider's own bytes, or decoded and encoded again. */
  mode: 'pass-through' | 'translated';
  startedMs: number;
  firstContentMs: number | null;
  endedMs: number | null;
  /** HTTP status the provider gave; null when it gave none. */
  status: number | null;
  outcome: 'running' | 'answered' | 'failed' | 'aborted';
  error: ErrorView | null;
  /** null: the provider reported none. Unknown is never shown as zero. */
  usage: TokenUsage | null;
  stopReason: string | null;
}

/** One step of the way a request took, in words a user can follow. */
export interface TraceStep {
  step: string;
  detail: string;
}

/** One client request as logs, the GUI and the control API show it. Holds no bodies and no secrets. */
export interface RequestRow {
  id: string;
  /** Unix time in ms. */
  startedAt: number;
  protocol: ClientProtocol;
  /** Path of the front door. */
  path: string;
  userAgent: string | null;
  sessionId: string | null;
  agentId: string | null;
  askedModel: string;
  stream: boolean;
  /** Bytes of the request body. */
  requestBytes: number;
  route: string | null;
  trace: TraceStep[];
  attempts: AttemptRow[];
  state: 'running' | 'answered' | 'failed' | 'aborted';
  /** HTTP status the client got; null while none was sent. */
  status: number | null;
  error: ErrorView | null;
  firstContentMs: number | null;
  endedMs: number | null;
}
