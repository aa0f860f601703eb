import type { ConfigInput } from '../../src-shared/config.ts';
import type { RequestRow } from '../../src-shared/requests.ts';
import type { CircuitView } from '../../src-shared/routing.ts';
import { startHelper } from './ipc.ts';

export interface EngineProcess extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** Requests that have ended since this was last asked. */
  rows(): Promise<RequestRow[]>;
  /** Processor time since the start, in ms; memory after a forced collection. */
  resources(): Promise<{ cpuMs: number; memoryBytes: number }>;
  /** Those that are not closed. */
  circuits(): Promise<CircuitView[]>;
}

/** Starts the real engine in a process of its own, so that who asks and who answers take no time from it. */
export async function startEngineProcess(
  config: ConfigInput,
  env: Readonly<Record<string, string>> = {},
): Promise<EngineProcess> {
  const helper = await startHelper('./engine-host.ts');
  const { url, token } = (await helper.call('start', { config, env })) as { url: string; token: string };
  return {
    url,
    token,
    rows: async () => (await helper.call('rows')) as RequestRow[],
    resources: async () => (await helper.call('resources')) as { cpuMs: number; memoryBytes: number },
    circuits: async () => (await helper.call('circuits')) as CircuitView[],
    [Symbol.asyncDispose]: async () => {
      await helper.call('stop');
      await helper.stop();
    },
  };
}
