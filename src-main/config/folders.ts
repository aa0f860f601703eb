import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import envPaths from 'env-paths';

/** Where CProxy keeps its files; absolute paths. */
export interface Folders {
  /** The human-written configuration file. */
  config: string;
  /** What the engine keeps: token digests, the lock file, later its database. */
  data: string;
  logs: string;
  cache: string;
}

/** The operating system's usual folders for `cproxy`; `CPROXY_HOME` puts all under one, the configuration at its top. */
export function resolveFolders(env: NodeJS.ProcessEnv): Folders {
  const home = env.CPROXY_HOME?.trim();
  if (home !== undefined && home !== '') {
    const root = path.resolve(expandHome(home));
    return {
      config: root,
      data: path.join(root, 'data'),
      logs: path.join(root, 'logs'),
      cache: path.join(root, 'cache'),
    };
  }
  const { config, data, log, cache } = envPaths('cproxy', { suffix: '' });
  return { config, data, logs: log, cache };
}

/** The lock of the engine that runs on a data folder; see lock-file.ts. */
export function lockFilePath(dataFolder: string): string {
  return path.join(dataFolder, 'engine.lock');
}

/**
 * Makes the folders that are missing and closes the data folder to other users.
 * @returns warnings, where a folder could not be closed.
 */
export function ensureFolders(folders: Folders): string[] {
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32' || (statSync(folders.data).mode & 0o077) === 0) return [];
  try {
    chmodSync(folders.data, 0o700);
    return [];
  } catch (error) {
    return [`${folders.data} can be read by other users and could not be closed to them: ${(error as Error).message}`];
  }
}

/** `~/x` → `/home/me/x`: variables and files are not expanded by a shell. */
export function expandHome(file: string): string {
  return file === '~' || /^~[/\\]/.test(file) ? path.join(homedir(), file.slice(1)) : file;
}
