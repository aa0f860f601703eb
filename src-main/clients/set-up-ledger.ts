import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { parseJson, writePrivateFile } from '../config/private-file.ts';
import { SetUpError } from './set-up-error.ts';

const pathSchema = z.array(z.union([z.string(), z.number()]));

const placeSchema = z.object({
  path: pathSchema,
  /** Only the line of the value that begins so is ours; null: the whole value. */
  line: z.string().nullable(),
  /** What the user had there; null: nothing. Of a line, the line. */
  before: z.object({ value: z.unknown() }).nullable(),
  /** What we have written there, the newest first: more than one while a change is on its way. */
  ours: z.array(z.unknown()).min(1),
});

const entrySchema = z.object({
  client: z.string().min(1),
  /** Absolute, as it was named. */
  file: z.string().min(1),
  format: z.enum(['json', 'yaml', 'toml']),
  /** Unix time in ms. */
  at: z.number(),
  endpoint: z.string(),
  /** What the user asked of it, which holds when it is made again. */
  options: z.record(z.string(), z.union([z.string(), z.boolean()])),
  /** Made for it, the newest first. */
  tokens: z.array(z.object({ id: z.string(), value: z.string() })),
  /** The whole text without the set-up; null: there was no file. */
  original: z.string().nullable(),
  /** SHA-256 of the text that was written. */
  written: z.string(),
  /** Sections that were not there before. */
  sections: z.array(pathSchema),
  places: z.array(placeSchema),
});

const ledgerSchema = z.object({ version: z.literal(1), setUps: z.array(entrySchema) });

/** One set-up that was made, with all it takes to take it back. Holds what the user had there, which may be secret. */
export type SetUpEntry = z.output<typeof entrySchema>;
export type OwnedPlace = z.output<typeof placeSchema>;

/** The set-ups that were made, in `set-ups.json` (0600) in the data folder. Written before a client's file, and after. */
export class SetUpLedger {
  readonly file: string;

  constructor(dataFolder: string) {
    this.file = path.join(dataFolder, 'set-ups.json');
  }

  /** @throws SetUpError where the file is there and cannot be understood: set-ups could not be taken back without it */
  async list(): Promise<SetUpEntry[]> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return [];
      throw new SetUpError(`${this.file} cannot be read: ${message}`);
    }
    const read = ledgerSchema.safeParse(parseJson(text));
    if (read.success) return read.data.setUps;
    throw new SetUpError(
      `${this.file} cannot be understood, and it holds what set-ups have replaced. Nothing was changed. Repair it, or move it away to begin anew.`,
    );
  }

  async find(client: string, file: string): Promise<SetUpEntry | null> {
    return (await this.list()).find((entry) => isOf(entry, client, file)) ?? null;
  }

  /**
   * Runs an action that changes the ledger while no other command does: one would forget what the other has set up.
   * @throws SetUpError where another takes too long
   */
  async exclusively<T>(action: () => Promise<T>): Promise<T> {
    const lock = `${this.file}.lock`;
    for (const end = Date.now() + LOCK_WAIT_MS; !(await takeLock(lock)); await wait(20)) {
      if (await isLeftBehind(lock)) await rm(lock, { force: true });
      else if (Date.now() > end) throw new SetUpError('Another set-up is being made. Try again when it is done.');
    }
    try {
      return await action();
    } finally {
      await rm(lock, { force: true });
    }
  }

  async put(entry: SetUpEntry): Promise<void> {
    const others = (await this.list()).filter(({ client, file }) => !isOf(entry, client, file));
    await this.#write([...others, entry]);
  }

  async remove({ client, file }: SetUpEntry): Promise<void> {
    await this.#write((await this.list()).filter((entry) => !isOf(entry, client, file)));
  }

  async #write(setUps: readonly SetUpEntry[]): Promise<void> {
    await writePrivateFile(this.file, `${JSON.stringify({ version: 1, setUps }, null, 2)}\n`);
  }
}

/** How long a command may take to write what it has prepared, in ms. */
const LOCK_WAIT_MS = 15_000;
/** From making the lock to having filled it, in ms. */
const WRITE_GRACE_MS = 2_000;
/** No command takes so long: the process that has the number of the lock's by now is another, in ms. */
const HELD_MS = 60_000;

async function takeLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether the process that made it is gone. */
async function isLeftBehind(lock: string): Promise<boolean> {
  try {
    const text = await readFile(lock, 'utf8');
    const ageMs = Date.now() - (await stat(lock)).mtimeMs;
    // Not written to its end.
    if (!text.endsWith('\n')) return ageMs > WRITE_GRACE_MS;
    process.kill(Number(text), 0);
    return ageMs > HELD_MS;
  } catch (error) {
    // ENOENT: it was given free just now.
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

const isOf = (entry: SetUpEntry, client: string, file: string): boolean =>
  entry.client === client && entry.file === file;
