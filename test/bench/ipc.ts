import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const requestSchema = z.object({ id: z.number(), call: z.string(), argument: z.unknown().optional() });
const replySchema = z.object({ id: z.number(), result: z.unknown().optional(), error: z.string().nullable() });

export type Calls = Record<string, (argument: unknown) => unknown>;

/** In a helper process: answers the calls of the process that forked it, and ends when that one does. */
export function serveCalls(calls: Calls): void {
  process.on('message', async (message) => {
    const { id, call, argument } = requestSchema.parse(message);
    try {
      const handler = calls[call];
      if (handler === undefined) throw new Error(`no call named '${call}'`);
      process.send?.({ id, result: (await handler(argument)) ?? null, error: null });
    } catch (error) {
      process.send?.({ id, result: null, error: String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}

export interface HelperProcess {
  pid: number;
  /** Calls by name; rejects with what the helper threw, or when it has ended. */
  call(name: string, argument?: unknown): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts a file of this folder as a helper process that answers calls. */
export async function startHelper(file: string): Promise<HelperProcess> {
  const child: ChildProcess = fork(fileURLToPath(new URL(file, import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'spawn');
  if (child.pid === undefined) throw new Error(`${file} has no process id`);
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let nextId = 1;
  child.on('message', (message) => {
    const reply = replySchema.parse(message);
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error === null) caller?.resolve(reply.result);
    else caller?.reject(new Error(`${file}: ${reply.error}`));
  });
  child.on('exit', (code) => {
    for (const caller of waiting.values()) caller.reject(new Error(`${file} ended with code ${code}`));
    waiting.clear();
  });
  return {
    pid: child.pid,
    call(call, argument) {
      return new Promise((resolve, reject) => {
        if (!child.connected) {
          reject(new Error(`${file} has ended`));
          return;
        }
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        child.send({ id, call, argument });
      });
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
