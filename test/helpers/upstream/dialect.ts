import type { AnswerStep, Frame, PartialUsage } from './step.ts';

/** What an answer takes from the request it answers. */
export interface Asked {
  /** Unique for each answer. */
  id: string;
  model: string;
  /** null: nothing is counted. */
  usage: PartialUsage | null;
  body: Record<string, unknown>;
}

/** An error in the middle of a stream. */
export interface StreamError {
  type: string;
  message: string;
  /** Frames before it. */
  place: number;
  /** Responses: as `response.failed`. */
  failed: boolean;
}

/** One protocol, as a server speaks it. */
export interface Dialect {
  /** Server-sent events, or one JSON value a line. */
  framing: 'sse' | 'ndjson';
  /** null: the framing's own, a comment or an empty line. */
  ping: Frame | null;
  frames(step: AnswerStep, asked: Asked): Frame[];
  /** The same answer as one JSON value. */
  whole(step: AnswerStep, asked: Asked): Record<string, unknown>;
  /** Of an HTTP error. */
  errorBody(type: string, message: string): Record<string, unknown>;
  errorFrame(error: StreamError, asked: Pick<Asked, 'id' | 'model'>): Frame;
}
