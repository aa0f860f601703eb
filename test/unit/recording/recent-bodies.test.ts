import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecentBodies } from '../../../src-main/recording/recent-bodies.ts';
import { type HeardBody, heard, type RequestBodies } from '../../../src-main/recording/request-bodies.ts';

const bodies = (id: string, bytes: number): RequestBodies<HeardBody> => ({
  ...{ id, at: 0, protocol: 'anthropic', path: '/v1/messages', query: '' },
  ...{ requestHeaders: {}, request: heard(Buffer.alloc(bytes, id)) },
  ...{ answerHeaders: {}, answer: null, isComplete: true, attempts: [] },
});

type Command =
  | { do: 'add'; bytes: number; waits: boolean }
  | { do: 'run'; bytes: number }
  | { do: 'end' }
  | { do: 'write' }
  | { do: 'limit'; memory: number; memoryBytes: number };

const bytes = fc.integer({ min: 0, max: 40_000 });
const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), bytes, waits: fc.boolean() }),
  fc.record({ do: fc.constant('run' as const), bytes }),
  fc.record({ do: fc.constant('end' as const) }),
  fc.record({ do: fc.constant('write' as const) }),
  fc.record({
    do: fc.constant('limit' as const),
    memory: fc.nat(6),
    memoryBytes: fc.integer({ min: 20_000, max: 200_000 }),
  }),
);

describe('recent bodies', () => {
  test('never take more than they may, lose count of none, and forget the oldest first', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 80 }), (steps) => {
        let limits = { memory: 4, memoryBytes: 160_000, maxBodyBytes: 20_000 };
        const recent = new RecentBodies(() => limits);
        const running: number[] = [];
        let number = 0;
        let asked = 0;
        let written = 0;
        for (const step of steps) {
          if (step.do === 'add') {
            number += 1;
            if (step.waits) asked += 1;
            recent.add(bodies(String(number), step.bytes), step.waits);
          } else if (step.do === 'run') {
            if (recent.takeRoom(step.bytes)) running.push(step.bytes);
          } else if (step.do === 'end') {
            const ended = running.pop();
            if (ended !== undefined) recent.giveRoom(ended);
          } else if (step.do === 'write') {
            const batch = recent.nextToWrite(30_000);
            expect(batch.map(({ id }) => Number(id))).toEqual(batch.map(({ id }) => Number(id)).sort((a, b) => a - b));
            recent.written(batch.map(({ id }) => id));
            written += batch.length;
          } else {
            limits = { ...limits, memory: step.memory, memoryBytes: step.memoryBytes };
            recent.trim();
          }
          const { bytes: taken, requests, waiting, dropped } = recent.counts;
          const ofRunning = running.reduce((sum, one) => sum + one, 0);
          // What runs already is not taken back when the limit sinks.
          expect(taken).toBeLessThanOrEqual(Math.max(limits.memoryBytes, ofRunning));
          expect(requests).toBeLessThanOrEqual(limits.memory);
          expect(waiting + dropped + written).toBe(asked);
          for (let id = 1; id <= number; id += 1) {
            const content = recent.get(String(id))?.request.content;
            if (content === undefined) continue;
            expect(content.length).toBeLessThanOrEqual(limits.maxBodyBytes);
            expect(Buffer.from(content).equals(Buffer.alloc(content.length, String(id)))).toBe(true);
          }
        }
      }),
    );
  });

  test('keep what was translated only where there is room', () => {
    const recent = new RecentBodies(() => ({ memory: 4, memoryBytes: 30_000, maxBodyBytes: 1e6 }));
    const sent = heard('x'.repeat(9_000));
    recent.add({ ...bodies('a', 1_000), attempts: [{ attempt: 0, sent, refusal: null }] }, false);
    expect(recent.get('a')).toMatchObject({ attempts: [] });
  });
});
