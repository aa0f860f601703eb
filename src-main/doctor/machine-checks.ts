import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Folders } from '../config/folders.ts';
import { amber, type Check, green, reasonOf, red } from './check.ts';

/** What CProxy is written for. */
const NODE_MAJOR = 24;
/** Below these, logs and conversations may soon not be written any more; in bytes. */
const LITTLE_SPACE = 500e6;
const NO_SPACE = 20e6;

/** The runtime. @param version as in `process.versions.node`. */
export function nodeCheck(version: string): Check {
  return Number.parseInt(version, 10) >= NODE_MAJOR
    ? green('Node', version)
    : red('Node', `${version} is too old.`, `Install Node ${NODE_MAJOR} or newer from https://nodejs.org.`);
}

/** Whether the folders can be used, are closed to others, and have room. */
export async function folderChecks(folders: Folders): Promise<Check[]> {
  const entries = Object.entries(folders) as [keyof Folders, string][];
  const checks = await Promise.all(
    entries.map(([use, folder]) => folderCheck(`${use} folder`, folder, use === 'data')),
  );
  return [...checks, await spaceCheck(folders.data)];
}

async function folderCheck(name: string, folder: string, isPrivate: boolean): Promise<Check> {
  const stats = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const place = stats === null ? await nearestFolder(folder) : folder;
  try {
    await access(place, constants.W_OK | constants.X_OK);
  } catch (error) {
    return red(
      name,
      `${place} cannot be written: ${reasonOf(error)}`,
      'Give it to your user, or set CPROXY_HOME to a folder of yours.',
    );
  }
  if (stats === null) return green(name, `${folder} (made when it is needed)`);
  if (!stats.isDirectory()) return red(name, `${folder} is a file.`, 'Move it away; CProxy makes the folder itself.');
  const isOpen = isPrivate && process.platform !== 'win32' && (stats.mode & 0o077) !== 0;
  return isOpen
    ? amber(name, `${folder} is open to other users of this machine.`, `Close it with \`chmod 700 ${folder}\`.`)
    : green(name, folder);
}

async function spaceCheck(folder: string): Promise<Check> {
  const place = await nearestFolder(folder);
  try {
    const { bavail, bsize } = await statfs(place);
    return spaceVerdict(place, bavail * bsize);
  } catch (error) {
    return amber('disk space', `It is not known how much is free at ${place}: ${reasonOf(error)}`);
  }
}

/** @param free bytes */
export function spaceVerdict(place: string, free: number): Check {
  const found = `${sizeOf(free)} free at ${place}`;
  const advice = 'Make room: without it, neither configuration nor conversations can be saved.';
  if (free < NO_SPACE) return red('disk space', found, advice);
  return free < LITTLE_SPACE ? amber('disk space', found, advice) : green('disk space', found);
}

const sizeOf = (bytes: number): string =>
  bytes >= 10e9
    ? `${Math.round(bytes / 1e9)} GB`
    : bytes >= 1e9
      ? `${(bytes / 1e9).toFixed(1)} GB`
      : `${Math.round(bytes / 1e6)} MB`;

/** The folder itself, or the nearest above it that is there. */
async function nearestFolder(folder: string): Promise<string> {
  const parent = path.dirname(folder);
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  return isThere || parent === folder ? folder : nearestFolder(parent);
}
