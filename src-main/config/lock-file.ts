import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { lockFilePath } from './folders.ts';
import { parseJson } from './private-file.ts';

export { lockFilePath };

const lockSchema = z.object({
  pid: z.number().int().positive(),
  /** Base URL of the engine; null while it starts and after it stopped listening. */
  endpoint: z.string().nullable(),
  /** Opens the control API to who can read this file. */
  secret: z.string().min(32),
  /** Unix time in ms. */
  startedAt: z.number(),
  /** What holds the data folder; `command` is a command line tool that changes it for a moment. */
  host: z.enum(['headless', 'desktop', 'command']),
});

export type LockContents = z.output<typeof lockSchema>;

export interface LockHandle {
  readonly contents: LockContents;
  /** Tells others where the engine can be reached. */
  update(changes: { endpoint: string | null }): void;
  /** Gives the data folder free. Does nothing where another process has taken it over. */
  release(): void;
}

/** Another process holds the data folder. */
export class LockHeldError extends Error {
  readonly pid: number;
  readonly endpoint: string | null;

  constructor({ pid, endpoint, host }: Pick<LockContents, 'pid' | 'endpoint' | 'host'>) {
    super(whoHolds({ pid, endpoint, host }));
    this.name = 'LockHeldError';
    this.pid = pid;
    this.endpoint = endpoint;
  }
}

function whoHolds({ pid, endpoint, host }: Pick<LockContents, 'pid' | 'endpoint' | 'host'>): string {
  if (host === 'command')
    return `A command of CProxy (process ${pid}) is changing the data folder. Try again in a moment.`;
  const where = endpoint === null ? ', starting or stopping' : ` at ${endpoint}`;
  const window = host === 'desktop' ? ', with a window' : '';
  return `CProxy runs already (process ${pid}${where}${window}) with the same data folder. Use that one; \`cproxy status\` shows it, and \`cproxy stop\` ends it. For a second one, set CPROXY_HOME to another folder and choose another port with --port.`;
}

/** How long a process that says nothing of its endpoint is believed to be starting or stopping, in ms. */
const endpointGraceMs = 120_000;
/** How long an answer of `/health` is waited for, in ms. An engine that is too busy to answer is there. */
const healthTimeoutMs = 2_000;
/** How long a writer may take from making a file to having filled it, in ms. */
const writeGraceMs = 2_000;

/** Secrets of the locks this process holds: after a restart in a container, an old lock may carry our own pid. */
const ownSecrets = new Set<string>();

/** The lock as it stands, without asking whether its process still lives; null where there is none. */
export function readLock(dataFolder: string): LockContents | null {
  const read = readLockFile(lockFilePath(dataFolder));
  return read.state === 'read' ? read.contents : null;
}

/** The lock of a process that lives; null where none does. */
export async function findRunning(dataFolder: string): Promise<LockContents | null> {
  const file = lockFilePath(dataFolder);
  for (;;) {
    const read = readLockFile(file);
    if (read.state === 'being-written') await wait(20);
    else return read.state === 'read' && (await isAlive(read.contents, read.changedAt)) ? read.contents : null;
  }
}

/**
 * Takes the data folder for one engine. Of several processes that try at once, one gets it. The lock of a process that is
 * gone is taken over.
 * @throws LockHeldError where a living process has it
 */
export async function acquireLock(
  dataFolder: string,
  { endpoint = null, host }: { endpoint?: string | null; host: LockContents['host'] },
): Promise<LockHandle> {
  const file = lockFilePath(dataFolder);
  const contents: LockContents = {
    pid: process.pid,
    endpoint,
    secret: randomBytes(32).toString('base64url'),
    startedAt: Date.now(),
    host,
  };
  for (;;) {
    if (createLock(file, contents)) return holdLock(file, contents);
    const read = readLockFile(file);
    if (read.state === 'being-written') await wait(20);
    else if (read.state === 'read' && (await isAlive(read.contents, read.changedAt)))
      throw new LockHeldError(read.contents);
    else if (read.state !== 'absent') await removeStale(file, read.text);
  }
}

/** For an engine that holds no data folder: nobody finds it. */
export function noLock(host: LockContents['host']): LockHandle {
  const secret = randomBytes(32).toString('base64url');
  return {
    contents: { pid: process.pid, endpoint: null, secret, startedAt: Date.now(), host },
    update: () => undefined,
    release: () => undefined,
  };
}

function holdLock(file: string, first: LockContents): LockHandle {
  let contents = first;
  let held = true;
  ownSecrets.add(first.secret);
  const release = () => {
    if (!held) return;
    held = false;
    process.off('exit', release);
    ownSecrets.delete(first.secret);
    const read = readLockFile(file);
    if (read.state === 'read' && read.contents.secret === first.secret) rmSync(file, { force: true });
  };
  process.once('exit', release);
  return {
    get contents() {
      return contents;
    },
    update(changes) {
      if (!held) throw new Error('The lock was released');
      contents = { ...contents, ...changes };
      const temporary = `${file}.tmp`;
      rmSync(temporary, { force: true });
      createLock(temporary, contents);
      renameSync(temporary, file);
    },
    release,
  };
}

/** @returns false where the file is there already */
function createLock(file: string, contents: LockContents): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'wx', 0o600);
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
  try {
    writeSync(descriptor, `${JSON.stringify(contents)}\n`);
  } finally {
    closeSync(descriptor);
  }
  return true;
}

type LockFile =
  | { state: 'absent' }
  | { state: 'being-written' }
  | { state: 'unreadable'; text: string }
  | { state: 'read'; text: string; contents: LockContents; changedAt: number };

function readLockFile(file: string): LockFile {
  try {
    const text = readFileSync(file, 'utf8');
    const changedAt = statSync(file).mtimeMs;
    const read = lockSchema.safeParse(parseJson(text));
    if (read.success) return { state: 'read', text, contents: read.data, changedAt };
    return Date.now() - changedAt < writeGraceMs ? { state: 'being-written' } : { state: 'unreadable', text };
  } catch (error) {
    if (isCode(error, 'ENOENT')) return { state: 'absent' };
    throw error;
  }
}

async function isAlive({ pid, endpoint, secret }: LockContents, changedAt: number): Promise<boolean> {
  if (pid === process.pid) return ownSecrets.has(secret);
  if (!processExists(pid)) return false;
  if (endpoint === null) return Date.now() - changedAt < endpointGraceMs;
  const health = await askHealth(endpoint);
  return health === 'silent' || (health !== 'another' && health.pid === pid);
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

const healthSchema = z.object({ name: z.literal('cproxy'), pid: z.number() });

/**
 * Which CProxy listens at an endpoint, if it is one: process ids are used again.
 * @param limitMs how long it is waited for.
 */
export function askHealth(
  endpoint: string,
  limitMs = healthTimeoutMs,
): Promise<{ pid: number } | 'another' | 'silent'> {
  return new Promise((resolve) => {
    // `agent: false`: neither kept alive nor sent through a proxy that the environment names. The guard against foreign
    // hosts lets `localhost` in, whatever address the listener has.
    const options = { agent: false, timeout: limitMs, headers: { host: 'localhost' } };
    const request = get(new URL('/health', endpoint), options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > 64 * 1024) request.destroy();
      });
      response.on('end', () => {
        const read = healthSchema.safeParse(parseJson(body));
        resolve(read.success ? { pid: read.data.pid } : 'another');
      });
      response.on('error', () => resolve('another'));
    });
    request.on('timeout', () => {
      resolve('silent');
      request.destroy();
    });
    request.on('error', () => resolve('another'));
  });
}

/**
 * Removes a lock that was judged stale, unless it has changed since. A second file guards this: else two processes
 * could judge one lock stale, and the slower of them remove the lock that the faster has just made.
 */
async function removeStale(file: string, judged: string): Promise<void> {
  const guard = `${file}.takeover`;
  try {
    closeSync(openSync(guard, 'wx', 0o600));
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    // Held for less than a millisecond, except by a process that died in it.
    await wait(20);
    if (ageOf(guard) > writeGraceMs) rmSync(guard, { force: true });
    return;
  }
  try {
    const read = readLockFile(file);
    if ((read.state === 'read' || read.state === 'unreadable') && read.text === judged) rmSync(file, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

/** In ms; 0 where there is no such file. */
function ageOf(file: string): number {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? 0 : Date.now() - stats.mtimeMs;
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
