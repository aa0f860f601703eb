import { z } from 'zod';
import type { RequestRow } from './requests.ts';
import { requestClasses } from './rules.ts';

const text = z.string().min(1).max(1_000);

/** Which requests: those that fit all that is said. */
export const requestFilterSchema = z.strictObject({
  state: z.enum(['answered', 'failed', 'aborted']).optional(),
  /** That was asked last: where others had failed before, the one that answered. */
  provider: text.optional(),
  /** The asked name, or the model of the last attempt. */
  model: text.optional(),
  route: text.optional(),
  session: text.optional(),
  project: text.optional(),
  client: text.optional(),
  class: z.enum(requestClasses).optional(),
  /** Unix times in ms: from the first, before the second. */
  from: z.coerce.number().int().optional(),
  to: z.coerce.number().int().optional(),
  /** A part of an asked name, a model or a project, or the beginning of an id. */
  text: text.optional(),
});
export type RequestFilter = z.output<typeof requestFilterSchema>;

export const requestQuerySchema = z.strictObject({
  ...requestFilterSchema.shape,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** From where an earlier page ended. */
  after: z.string().max(100).optional(),
});
export type RequestQuery = z.output<typeof requestQuerySchema>;

/** Requests, newest first; without their traces, which `requests.find` has. */
export interface RequestPage {
  rows: RequestRow[];
  /** To be given as `after` for the next page; null: there is none. */
  next: string | null;
  /** Where they come from: all there are, or the newest that memory holds. */
  source: 'disk' | 'memory';
}

/** How it stands with the log of requests. */
export interface HistoryView {
  state: 'disk' | 'memory';
  /** Why it is not on the disk, in words; null where it is, or was not asked for. */
  reason: string | null;
  /** On disk. */
  requests: number;
  bytes: number;
  /** Unix time in ms; null where there is none. */
  oldest: number | null;
  /** In memory, to be written; and forgotten because there were too many. */
  waiting: number;
  dropped: number;
}
