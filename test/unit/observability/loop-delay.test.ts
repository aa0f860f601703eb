import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LoopDelay } from '../../../src-main/observability/loop-delay.ts';
import { waitUntil } from '../../helpers/wait-until.ts';

test('a loop that is held up is seen to be late', async () => {
  const delay = new LoopDelay();
  await waitUntil('a late loop', async () => {
    await pause(60);
    const until = performance.now() + 200;
    while (performance.now() < until);
    await pause(60);
    return delay.view().max > 100;
  });
  expect(delay.view().p50).toBeLessThanOrEqual(delay.view().max);
  delay.close();
});
