import { z } from 'zod';

/** What the load generator is asked, and what it answers. */
export const loadSchema = z.object({
  port: z.number(),
  /** Whole HTTP requests, sent in turn. */
  requests: z.array(z.string()).min(1),
  /** Connections kept busy; with `perSecond`, the most that are opened. */
  connections: z.number(),
  /** Requests a second, begun on time whether or not earlier ones are answered; null: each connection sends again at once. */
  perSecond: z.number().nullable(),
  /** Status that a good answer has. */
  status: z.number(),
});
export type Load = z.infer<typeof loadSchema>;

/** What was seen since the last report. Times in ms. */
export const loadReportSchema = z.object({
  completed: z.number(),
  failed: z.number(),
  /** The first thing that went wrong. */
  failure: z.string().nullable(),
  /** From the request's first byte to the answer's first body byte. */
  firstByteMs: z.array(z.number()),
  totalMs: z.array(z.number()),
  /** Age of a stream's chunks when they arrive; null for one that was not stamped. */
  chunkDelayMs: z.array(z.number()),
});
export type LoadReport = z.infer<typeof loadReportSchema>;
