import { z } from 'zod';
import { startHelper } from './ipc.ts';

const addressSchema = z.object({ port: z.number() });

export interface Upstream {
  pid: number;
  origin: string;
  /** Requests answered so far. */
  requests(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts the mock upstream in a process of its own. */
export async function startUpstream(): Promise<Upstream> {
  const helper = await startHelper('./upstream.ts');
  const { port } = addressSchema.parse(await helper.call('listen'));
  return {
    pid: helper.pid,
    origin: `http://127.0.0.1:${port}`,
    requests: async () => z.number().parse(await helper.call('requests')),
    stop: helper.stop,
  };
}
