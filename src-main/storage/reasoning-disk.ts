import { DatabaseLink, type DatabaseLinkOptions } from './database-link.ts';
import type { DatabaseOptions, DiskCalls } from './disk-calls.ts';
import { workerFile } from './worker-file.ts';

/** The database of what is remembered of conversations, in its worker. */
export type ReasoningDisk = DatabaseLink<DiskCalls>;

export interface ReasoningDiskOptions
  extends DatabaseOptions,
    Pick<DatabaseLinkOptions, 'onWarning' | 'now' | 'startWorker'> {}

export function openReasoningDisk({ onWarning, now, startWorker, ...workerData }: ReasoningDiskOptions): ReasoningDisk {
  return new DatabaseLink({
    worker: workerFile('reasoning-worker'),
    workerData: workerData satisfies DatabaseOptions,
    keeps: 'What is remembered of conversations',
    onWarning,
    now,
    ...(startWorker === undefined ? {} : { startWorker }),
  });
}
