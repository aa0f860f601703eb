import { constants } from 'node:fs';
import {
  access,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** How long another writer is waited for, and how often it is looked, in ms. */
const WAIT_MS = 5_000;
const WAIT_STEP_MS = 10;
/** A write takes far less, in ms. */
const ABANDONED_MS = 3_000;

/** A file of the user's, as it was read. */
export interface UserFile {
  /** As it was named; absolute. */
  readonly file: string;
  /** What is written: where symbolic links lead, which stay. */
  readonly target: string;
  /** null: there is no such file yet. */
  readonly text: string | null;
  /** Permissions; null where there is no file. */
  readonly mode: number | null;
}

/** A file that cannot be read or written, in words for its owner. */
export class UserFileError extends Error {
  override readonly name: string = 'UserFileError';
}

/** Somebody has written to a file since it was read. Nothing was written. */
export class FileChangedError extends UserFileError {
  override readonly name = 'FileChangedError';
}

/**
 * Reads a file that may be a symbolic link, or not be there at all. A byte order mark is part of the text.
 * @throws UserFileError where it is no text file or may not be read
 */
export async function readUserFile(file: string): Promise<UserFile> {
  const target = await targetOf(file);
  try {
    const bytes = await readFile(target);
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { file, target, text, mode: (await stat(target)).mode & 0o7777 };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { file, target, text: null, mode: null };
    if (code === 'EISDIR') throw new UserFileError(`${file} is a folder, not a file.`);
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new UserFileError(`${file} is not text in UTF-8. Save it as UTF-8.`);
    throw new UserFileError(`${file} cannot be read: ${message}`);
  }
}

/**
 * Replaces what was read, unless somebody has written to it since. A crash at any moment leaves the old or the new text.
 * Links, permissions and owner stay; a new file is for its owner alone.
 * @throws FileChangedError, UserFileError
 */
export async function writeUserFile(read: UserFile, text: string): Promise<void> {
  const { file, target, mode } = read;
  const folder = path.dirname(target);
  // Always the same name, so that of several writers one is at work at a time; with the rename, it is the next one's turn.
  const temporary = path.join(folder, `.${path.basename(target)}.tmp`);
  let handle: FileHandle | null = null;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (mode !== null) await access(target, constants.W_OK);
    handle = await openWhenFree(temporary, file);
    try {
      await handle.writeFile(text);
      await takeOver(handle, target, mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await refuseChanged(read);
    await rename(temporary, target);
  } catch (error) {
    // On a disk that fails it may not go away, and the first error is the one to tell.
    if (handle !== null) await rm(temporary, { force: true }).catch(() => undefined);
    throw error instanceof UserFileError ? error : notWritable(file, target, error as NodeJS.ErrnoException);
  }
  await syncFolder(folder);
}

/** Waits for another writer. What one left that has died is taken away. */
async function openWhenFree(temporary: string, file: string): Promise<FileHandle> {
  for (let waited = 0; waited <= WAIT_MS; waited += WAIT_STEP_MS) {
    try {
      return await open(temporary, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isAbandoned(temporary)) await rm(temporary, { force: true });
    else await wait(WAIT_STEP_MS);
  }
  throw new UserFileError(`${file} is being written by another program. Nothing was changed. Try again.`);
}

async function isAbandoned(temporary: string): Promise<boolean> {
  const stats = await stat(temporary).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return stats !== null && Date.now() - stats.mtimeMs > ABANDONED_MS;
}

/**
 * Removes what was read, unless somebody has written to it since.
 * @throws FileChangedError, UserFileError
 */
export async function removeUserFile(read: UserFile): Promise<void> {
  await refuseChanged(read);
  try {
    await rm(read.target);
  } catch (error) {
    throw notWritable(read.file, read.target, error as NodeJS.ErrnoException);
  }
  await syncFolder(path.dirname(read.target));
}

/** Where links lead, also where the file at their end is not there yet. */
async function targetOf(file: string): Promise<string> {
  let target = path.resolve(file);
  // As many as Linux follows.
  for (let links = 0; links < 40; links += 1) {
    try {
      return await realpath(target);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT') throw new UserFileError(`${file} cannot be read: ${message}`);
    }
    const isLink = await lstat(target).then(
      (stats) => stats.isSymbolicLink(),
      () => false,
    );
    if (!isLink) return target;
    target = path.resolve(path.dirname(target), await readlink(target));
  }
  throw new UserFileError(`${file} is a symbolic link that leads nowhere.`);
}

async function refuseChanged({ file, target, text }: UserFile): Promise<void> {
  const now = await readUserFile(file);
  if (now.text !== text || now.target !== target)
    throw new FileChangedError(`${file} was changed by somebody else just now. Nothing was written. Try again.`);
}

async function takeOver(handle: FileHandle, target: string, mode: number | null): Promise<void> {
  if (mode === null || process.platform === 'win32') return;
  const { uid, gid } = await stat(target);
  const own = await handle.stat();
  if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid);
  await handle.chmod(mode);
}

function notWritable(file: string, target: string, { code, message }: NodeJS.ErrnoException): UserFileError {
  const where = file === target ? file : `${file} (which leads to ${target})`;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new UserFileError(`${where} was not written: the disk is full. It is as it was. Make room and try again.`);
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM')
    return new UserFileError(
      `${where} may not be written, nor its folder, by this user. It is as it was. If another program makes this file, such as one for dotfiles, make the change there.`,
    );
  return new UserFileError(`${where} was not written, and is as it was: ${message}`);
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
