import { startHelper } from './ipc.ts';
import { type Load, type LoadReport, loadReportSchema } from './load-contract.ts';

export interface LoadGenerator {
  pid: number;
  start(load: Load): Promise<void>;
  /** What was seen since `start` or the last report. */
  report(): Promise<LoadReport>;
  /** Drops all connections. */
  stop(): Promise<void>;
  end(): Promise<void>;
}

/** Starts the load generator in a process of its own. */
export async function startGenerator(): Promise<LoadGenerator> {
  const helper = await startHelper('./load.ts');
  return {
    pid: helper.pid,
    start: async (load) => {
      await helper.call('start', load);
    },
    report: async () => loadReportSchema.parse(await helper.call('report')),
    stop: async () => {
      await helper.call('stop');
    },
    end: helper.stop,
  };
}
