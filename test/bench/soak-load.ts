import { z } from 'zod';
import { serveCalls } from './ipc.ts';
import { type SoakAction, soakActions } from './soak-actions.ts';

/** The soak's load, a process of its own: workers that each do one action after the other. */

const startSchema = z.object({ port: z.number(), token: z.string(), workers: z.number() });

const schedule: SoakAction[] = soakActions.flatMap((action) => Array.from({ length: action.weight }, () => action));
const counts = new Map<string, number>();
const wrong = new Map<string, { count: number; first: string }>();
let running = false;
let workers: Promise<void>[] = [];

function note(action: SoakAction, fault: string | null): void {
  counts.set(action.name, (counts.get(action.name) ?? 0) + 1);
  if (fault === null) return;
  const entry = wrong.get(action.name) ?? { count: 0, first: fault };
  wrong.set(action.name, { ...entry, count: entry.count + 1 });
}

/** Goes through the schedule by a stride that shares no factor with its length, so that the kinds come well mixed. */
async function work(target: z.infer<typeof startSchema>, worker: number): Promise<void> {
  const stride = 37;
  for (let turn = worker * 13; running; turn++) {
    const action = schedule[(turn * stride) % schedule.length];
    if (action === undefined) return;
    const fault = await action.run(target).catch((error: unknown) => String(error));
    note(action, fault);
    // A server that is gone must not be asked in a tight loop.
    if (fault !== null) await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

serveCalls({
  start(argument) {
    const target = startSchema.parse(argument);
    running = true;
    workers = Array.from({ length: target.workers }, (_, index) => work(target, index));
  },
  report: () => ({ counts: Object.fromEntries(counts), wrong: Object.fromEntries(wrong) }),
  async stop() {
    running = false;
    await Promise.all(workers);
  },
});
