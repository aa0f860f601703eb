import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WaitingClock } from '../../../src-main/pipeline/waiting-clock.ts';

test('the waits are what lies between a beginning and the next end', () => {
  const step = fc.record({ do: fc.constantFrom('begin' as const, 'end' as const), ms: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      let now = 0;
      let waited = 0;
      let isWaiting = false;
      const clock = new WaitingClock(() => now);
      for (const { do: action, ms } of steps) {
        clock[action]();
        isWaiting = action === 'begin';
        now += ms;
        if (isWaiting) waited += ms;
        expect(clock.waitedMs).toBe(waited);
      }
    }),
  );
});
