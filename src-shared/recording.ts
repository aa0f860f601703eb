import { z } from 'zod';
import { requestFilterSchema } from './history.ts';
import type { RequestRow } from './requests.ts';

/** What was sent one way, with keys cut out. */
export interface BodyView {
  text: string;
  /** How `text` is written: base64 where it is no UTF-8. */
  encoding: 'utf8' | 'base64';
  /** Of all of it, before anything was cut. */
  bytes: number;
  /** Only its beginning was kept. */
  truncated: boolean;
}

/** What an attempt had besides what the client sent and got; null: nothing, or it is not kept. */
export interface AttemptBodiesView {
  /** Its place in the request's attempts, from 0. */
  attempt: number;
  /** What the provider was sent, where the request was translated. */
  sent: BodyView | null;
  /** What it said instead of an answer. */
  refusal: BodyView | null;
}

/** What was said in a request: headers that name no one, and bodies. */
export interface KeptBodiesView {
  state: 'kept';
  id: string;
  from: 'memory' | 'disk';
  /** With its query. */
  path: string;
  requestHeaders: Record<string, string>;
  request: BodyView;
  answerHeaders: Record<string, string>;
  /** As the client got it, of a stream all of its events; null where nothing was sent. */
  answer: BodyView | null;
  /** Whether the answer was sent to its end. */
  isComplete: boolean;
  attempts: AttemptBodiesView[];
}

/** null is never said without why, in words that say what to do. */
export type BodiesView = KeptBodiesView | { state: 'not_kept'; id: string; reason: string };

export type RecordMode = 'off' | 'errors' | 'all';

/** How it stands with the bodies of requests. */
export interface RecordingView {
  /** What gets to the disk now. */
  record: RecordMode;
  /** Unix time in ms at which a recording for a while ends; null where none is on. */
  until: number | null;
  /** What the configuration says, that goes on then. */
  configured: RecordMode;
  memory: { requests: number; bytes: number; maxRequests: number; maxBytes: number };
  disk: {
    /** Why it does not take anything at present, in words; null where it does, or was not asked to. */
    trouble: string | null;
    requests: number;
    bytes: number;
    /** Unix time in ms; null where there is none. */
    oldest: number | null;
    /** In memory, to be written; and forgotten because there was too much. */
    waiting: number;
    dropped: number;
  };
}

const DAY_MS = 86_400_000;

export const recordingStartSchema = z.object({
  /** For how long, in ms. */
  forMs: z.number().int().min(1_000).max(DAY_MS),
  /** Failed requests only. */
  errorsOnly: z.boolean().default(false),
});

export const exportFormats = ['jsonl', 'har'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const exportQuerySchema = z.strictObject({
  ...requestFilterSchema.shape,
  /** Only these, and no filter. */
  ids: z.array(z.string().min(1).max(200)).min(1).max(1_000).optional(),
  format: z.enum(exportFormats),
  bodies: z.boolean().default(false),
  /** From where the page before ended. */
  after: z.string().max(100).optional(),
});
export type ExportQuery = z.output<typeof exportQuerySchema>;

/** A piece of the file: all of them, one after the other, are the file. */
export interface ExportPage {
  text: string;
  requests: number;
  /** How many of them have bodies with them. */
  withBodies: number;
  /** To be given as `after` for the next; null: this is the last. */
  next: string | null;
}

export const replaySchema = z.object({
  id: z.string().min(1).max(200),
  /** What to ask for instead of the model that was asked for. */
  model: z.string().min(1).max(1_000).optional(),
});
export type ReplayQuestion = z.output<typeof replaySchema>;

/** A request that was made again. */
export interface ReplayView {
  request: RequestRow;
  /** The beginning of what a client would have got. */
  answer: BodyView;
}
