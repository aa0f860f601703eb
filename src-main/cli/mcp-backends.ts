import { unwatchFile, watchFile } from 'node:fs';
import { lockFilePath } from '../config/folders.ts';
import { findRunning, type LockContents } from '../config/lock-file.ts';
import { rpcCodes } from '../mcp/rpc-codes.ts';
import { type Backend, type Backends, NotTakenError } from '../mcp/stdio/backend.ts';
import { httpBackend } from '../mcp/stdio/http-backend.ts';

/** How often the lock is looked at, in ms. */
const LOOK_MS = 1_000;

/** The engine that runs on a data folder, where one does; else a process of its own. */
export function lockedBackends(dataFolder: string, alone: Backend): Backends {
  const locks = new WeakMap<Backend, LockContents>();
  return {
    async find(without) {
      const lock = await findRunning(dataFolder).catch((error: unknown) => {
        throw unreadable(error);
      });
      // One that starts has no endpoint yet; when it has, its lock changes.
      if (lock === null || lock.endpoint === null || lock.host === 'command') return alone;
      const backend = httpBackend({ ...lock, endpoint: lock.endpoint });
      locks.set(backend, lock);
      return without.has(backend.id) ? alone : backend;
    },
    async isThere(backend) {
      const known = locks.get(backend);
      return known === undefined || (await findRunning(dataFolder))?.secret === known.secret;
    },
  };
}

function unreadable(error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  return new NotTakenError(`CProxy's data folder cannot be read: ${error.message}`, rpcCodes.internalError, null);
}

/** Tells when an engine may have started, ended or moved. @returns what ends it */
export function watchLock(dataFolder: string, onChange: () => void): () => void {
  const file = lockFilePath(dataFolder);
  // By its times: some folders cannot be watched by the system, and one that is not there yet by none.
  watchFile(file, { interval: LOOK_MS, persistent: false }, onChange);
  return () => unwatchFile(file, onChange);
}
