import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long to wait before a target is asked once more, in ms: anything up to a limit that doubles with each failure, so that
 * requests which have failed together do not come back together ("full jitter",
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 * @param failures how often it has failed, from 1. @param random 0 (inclusive) to 1.
 */
export function backoffMs(
  failures: number,
  { waitMs, longestWaitMs }: { waitMs: number; longestWaitMs: number },
  random: number,
): number {
  return random * Math.min(longestWaitMs, waitMs * 2 ** (failures - 1));
}

/** Waits. @returns at once, and false, when the signal comes. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms <= 0) return !signal.aborted;
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
