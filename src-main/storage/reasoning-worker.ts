import { parentPort, workerData } from 'node:worker_threads';
import type { DatabaseOptions } from './disk-calls.ts';
import { serveDatabase } from './serve-database.ts';

const port = parentPort;
if (port === null) throw new Error('this file is a thread, and is started as one');
port.on(
  'message',
  serveDatabase(workerData as DatabaseOptions, (message, moved) => port.postMessage(message, moved)),
);
