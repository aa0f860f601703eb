import { parentPort, workerData } from 'node:worker_threads';
import type { FromDatabase } from '../storage/database-calls.ts';
import type { BodiesOptions } from './bodies-calls.ts';
import { serveBodies, serveCleaning } from './serve-bodies.ts';

const port = parentPort;
if (port === null) throw new Error('this file is a thread, and is started as one');
const { file } = workerData as BodiesOptions;
const send = (message: FromDatabase): void => port.postMessage(message);
port.on('message', file === null ? serveCleaning(send) : serveBodies(file, send));
