import type { RequestRow } from '../../src-shared/requests.ts';

export interface AwaitedRequest {
  /** The newest requests, newest first. */
  rows: () => Promise<readonly RequestRow[]>;
  isFrom: (userAgent: string | null) => boolean;
  /** Unix time in ms before which requests do not count. */
  since: number;
  timeoutMs: number;
  /** Ends the waiting. */
  signal: AbortSignal;
  now: () => number;
  /** @throws where the waiting was ended */
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** How often it is looked, in ms. */
const PACE_MS = 500;

/**
 * Waits for the next request of a client, and until it is known what became of it.
 * @returns null where none came in time, or the waiting was ended
 */
export async function waitForRequest(awaited: AwaitedRequest): Promise<RequestRow | null> {
  const { rows, isFrom, since, timeoutMs, signal, now, pause } = awaited;
  const limit = now() + timeoutMs;
  let seen: RequestRow | null = null;
  for (;;) {
    const own = (await rows()).filter((row) => row.startedAt >= since && isFrom(row.userAgent));
    seen = own.find(isDecided) ?? own.at(-1) ?? seen;
    if (seen !== null && isDecided(seen)) return seen;
    // What goes on longer than we wait has come nevertheless.
    if (now() >= limit) return seen;
    try {
      await pause(Math.min(PACE_MS, Math.max(1, limit - now())), signal);
    } catch (error) {
      if (signal.aborted) return seen;
      throw error;
    }
  }
}

const isDecided = ({ state, firstContentMs }: RequestRow): boolean => state !== 'running' || firstContentMs !== null;
