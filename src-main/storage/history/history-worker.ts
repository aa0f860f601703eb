import { parentPort, workerData } from 'node:worker_threads';
import type { HistoryOptions } from './history-calls.ts';
import { serveHistory } from './serve-history.ts';

const port = parentPort;
if (port === null) throw new Error('this file is a thread, and is started as one');
port.on(
  'message',
  serveHistory(workerData as HistoryOptions, (message) => port.postMessage(message)),
);
