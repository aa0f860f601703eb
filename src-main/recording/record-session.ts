import { z } from 'zod';
import type { RecordMode } from '../../src-shared/recording.ts';

/** A recording for a while. */
export const recordSessionSchema = z.object({
  /** Unix time in ms. */
  until: z.number(),
  errorsOnly: z.boolean(),
});
export type RecordSession = z.output<typeof recordSessionSchema>;

/** In a file, so that it survives a restart; null: none is on. */
export const savedSessionSchema = z.object({ session: recordSessionSchema.nullable() });
export type SavedSession = z.output<typeof savedSessionSchema>;

/** What is to be recorded, of what the configuration and a session say: the more of both. */
export function recordMode(configured: RecordMode, session: RecordSession | null, now: number): RecordMode {
  const asked: RecordMode = session === null || session.until <= now ? 'off' : session.errorsOnly ? 'errors' : 'all';
  if (configured === 'all' || asked === 'all') return 'all';
  return configured === 'errors' || asked === 'errors' ? 'errors' : 'off';
}
