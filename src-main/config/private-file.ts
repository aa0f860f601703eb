import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/** Names of files that are being written: of one that died meanwhile, they stay. */
const TEMPORARY = /\.[0-9a-f]{12}\.tmp$/;
/** A write takes far less, in ms. */
const ABANDONED_MS = 60_000;

/**
 * Replaces a file that only its owner may read. A crash at any moment leaves the old or the new content; what it has left
 * besides is taken away by a later write to the same folder.
 * @throws the error of the file system
 */
export async function writePrivateFile(file: string, text: string): Promise<void> {
  const folder = path.dirname(file);
  await removeAbandoned(folder);
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** What cannot be taken away now is left to the next write: it is in nobody's way. */
async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!TEMPORARY.test(name)) continue;
    const file = path.join(folder, name);
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_MS) await rm(file, { force: true }).catch(() => undefined);
  }
}

/** The JSON of a private file; undefined where it is none, which no schema takes. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Makes the rename itself durable. Windows cannot open folders, and has it in its journal. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
