import type { ErrorView } from './errors.ts';
import type { RequestClass } from './rules.ts';

/** Wire protocols a client may speak to us. */
export type ClientProtocol = 'anthropic' | 'openai-chat' | 'openai-responses';
/** Wire protocols we speak to providers. */
export type ProviderProtocol = ClientProtocol | 'ollama';

/** Token counts of one answer, in Anthropic's disjoint parts: total input = input + cacheRead + cacheWrite. */
export interface TokenUsage {
  input: number;
  cacheRead: number;
  cacheWrite: number;
  /** Part of `cacheWrite`: what stays for an hour and not for minutes. Absent: none of it. */
  cacheWrite1h?: number;
  output: number;
  /** Part of `output`; absent where the provider does not say. */
  reasoning?: number;
}

/** What a call costs. */
export interface Cost {
  /** US dollars. */
  usd: number;
  /** Who says so: the provider in its answer, or the prices of the model that held then. */
  source: 'provider' | 'prices';
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
  /** How long it waited for its turn before it started, in ms. */
  queuedMs: number;
  /** The first byte of the provider's answer. */
  firstByteMs: number | null;
  firstContentMs: number | null;
  endedMs: number | null;
  /** HTTP status the provider gave; null when it gave none. */
  status: number | null;
  outcome: 'running' | 'answered' | 'failed' | 'aborted';
  error: ErrorView | null;
  /** null: the provider reported none. Unknown is never shown as zero. */
  usage: TokenUsage | null;
  /** The answer did not come to its end: the provider counts more than it could still report. */
  usageIsPartial: boolean;
  /** null: not known, and never shown as zero. */
  cost: Cost | null;
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
  /** Name of the client token it came with; null without one. */
  client: string | null;
  /** Found out by the time it has ended; null where it is not known. */
  project: string | null;
  class: RequestClass | null;
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
  /** How long it waited for a limit to let it pass, in ms. */
  queuedMs: number;
  firstContentMs: number | null;
  endedMs: number | null;
  /** What of the time until its first content was CProxy's own, in ms; null until that is known. */
  overheadMs: number | null;
  /** Bytes of the answer that the client was given. */
  answerBytes: number;
  stopReason: string | null;
  /** Answered from the response cache, together with an identical request, or kept there for the next; null: none of it. */
  cache: 'hit' | 'shared' | 'stored' | null;
  /** The request that it repeats, where somebody asked for that. */
  replayOf: string | null;
}
