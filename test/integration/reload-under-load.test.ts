import { expect, it } from 'vitest';
import { median } from '../bench/statistics.ts';
import { reloadUnderLoad } from '../helpers/reload-under-load.ts';

it('no request fails while the configuration changes again and again, and nothing stays of what is gone', {
  timeout: 120_000,
}, async () => {
  const run = await reloadUnderLoad({ changes: 30, clients: 30, seed: 7 });
  expect(run.failures).toEqual([]);
  expect(run.failedRequests).toBe(0);
  expect(run).toMatchObject({ inForce: 25, refused: 5, rebound: 5 });
  expect(run.answered).toBeGreaterThan(300);
  // The goal is 300; the machine that tests is busy, and this is no measurement.
  expect(median(run.tookMs)).toBeLessThan(1_500);
  expect(run.held.configurations).toBe(1);
  // Those in force, the built-in one, and those of the start, which what watches them was made with.
  expect(run.held.providers).toBeLessThanOrEqual(run.configured + 1 + run.atFirst);
});
