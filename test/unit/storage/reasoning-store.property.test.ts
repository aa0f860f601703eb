import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FromDatabase, ToDatabase } from '../../../src-main/storage/database-calls.ts';
import type { DiskCalls } from '../../../src-main/storage/disk-calls.ts';
import { ReasoningStore } from '../../../src-main/storage/reasoning-store.ts';
import { serveDatabase } from '../../../src-main/storage/serve-database.ts';
import { turnOf } from '../../helpers/remembered-turns.ts';

const MOST_TURNS = 4;

/** What runs in the worker, without a thread of its own: to start one takes longer than all the rest. */
class NearWorker extends EventEmitter {
  readonly #serve: (message: ToDatabase<DiskCalls>) => void;
  readonly ref = (): void => undefined;
  readonly unref = (): void => undefined;
  readonly terminate = (): Promise<number> => Promise.resolve(0);
  readonly postMessage = (message: ToDatabase<DiskCalls>): void => this.#serve(structuredClone(message));

  constructor({ workerData }: WorkerOptions) {
    super();
    const send = (message: FromDatabase): boolean => this.emit('message', structuredClone(message));
    this.#serve = serveDatabase(workerData, (message) => setImmediate(send, message));
  }
}

type Step =
  | { do: 'remember'; conversation: string; key: string; text: string }
  | { do: 'recall'; conversation: string }
  | { do: 'restart' };

const conversation = fc.constantFrom('c1', 'c2', 'c3', 'c4', 'c5');
const key = fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5', 'k6');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('remember' as const), conversation, key, text: fc.string() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('recall' as const), conversation }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

test('whatever is remembered, recalled and restarted, it answers as a map of maps would', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60 }),
      // From a memory that holds a conversation or two to one that holds all.
      fc.constantFrom(1_500, 4_000, 1_000_000),
      async (steps, memoryBytes) => {
        const folder = mkdtempSync(path.join(tmpdir(), 'cproxy-store-'));
        const open = (): ReasoningStore =>
          ReasoningStore.open({
            folder,
            maxBytes: 64 * 1024 * 1024,
            keepDays: 30,
            memoryBytes,
            limits: { maxBytes: 1_000_000, maxTurns: MOST_TURNS },
            waitMs: 20_000,
            startWorker: (_, options) => new NearWorker(options) as unknown as Worker,
            onWarning: (text) => expect.unreachable(text),
          });
        let store = open();
        const model = new Map<string, Map<string, string>>();
        const check = async (name: string): Promise<void> => {
          const recall = await store.recall(name);
          const turns = model.get(name);
          for (const turn of ['k1', 'k2', 'k3', 'k4', 'k5', 'k6']) {
            const text = turns?.get(turn);
            expect(recall(turn)).toEqual(text === undefined ? undefined : turnOf(text));
          }
        };
        try {
          for (const one of steps) {
            if (one.do === 'remember') {
              store.remember(one.conversation, one.key, turnOf(one.text));
              const turns = model.get(one.conversation) ?? new Map<string, string>();
              model.set(one.conversation, turns);
              turns.delete(one.key);
              turns.set(one.key, one.text);
              for (const oldest of turns.keys()) if (turns.size > MOST_TURNS) turns.delete(oldest);
            } else if (one.do === 'recall') {
              await check(one.conversation);
            } else {
              await store.close();
              store = open();
            }
          }
          for (const name of ['c1', 'c2', 'c3', 'c4', 'c5']) await check(name);
        } finally {
          await store.close();
          rmSync(folder, { recursive: true, force: true });
        }
      },
    ),
    { numRuns: 60 },
  );
});
