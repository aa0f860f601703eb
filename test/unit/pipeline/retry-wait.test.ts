import { describe, expect, it } from 'vitest';
import { backoffMs, pause } from '../../../src-main/pipeline/retry-wait.ts';

describe('the wait before a target is asked once more', () => {
  const settings = { waitMs: 500, longestWaitMs: 10_000 };

  it.each([
    [1, 500],
    [2, 1_000],
    [3, 2_000],
    [5, 8_000],
    [6, 10_000],
    [20, 10_000],
  ])('is after failure %i anything up to %i ms', (failures, most) => {
    expect(backoffMs(failures, settings, 0)).toBe(0);
    expect(backoffMs(failures, settings, 0.5)).toBe(most / 2);
    expect(backoffMs(failures, settings, 1)).toBe(most);
  });

  it('ends at once when the client leaves', async () => {
    const controller = new AbortController();
    const waited = pause(60_000, controller.signal);
    controller.abort();
    expect(await waited).toBe(false);
    expect(await pause(60_000, controller.signal)).toBe(false);
    expect(await pause(0, controller.signal)).toBe(false);
  });

  it('comes to its end otherwise', async () => {
    expect(await pause(1, new AbortController().signal)).toBe(true);
    expect(await pause(0, new AbortController().signal)).toBe(true);
  });
});
