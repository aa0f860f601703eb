import { appendFile, mkdir, rename, stat, truncate } from 'node:fs/promises';
import path from 'node:path';

export interface RotatingFileOptions {
  file: string;
  /** Length at which it is ended and another begun. */
  maxBytes: number;
  /** How many there are at most: the file itself, then `.1`, the one before it, and so on. */
  maxFiles: number;
  /** Told when it cannot be written: once, until it could be again. */
  onFailure: (error: unknown) => void;
  /** Unix time in ms. */
  now?: () => number;
}

/** After it could not be written, it is tried again with the first line after this time, in ms. Lines until then are lost. */
const REST_MS = 30_000;
/** Most that waits for a slow disk, in characters. */
const MOST_WAITING = 1_000_000;

/**
 * Lines in a file that only its owner can read, of which older ones are dropped. A disk that is full or gone fails nobody: it goes
 * on when it can. (Winston's own ends the process when its file cannot be opened.)
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #now: () => number;
  #waiting = '';
  #writing: Promise<void> | null = null;
  #restsUntil = 0;
  #hasFailed = false;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** @param line without its end. */
  write(line: string): void {
    if (this.#now() < this.#restsUntil || this.#waiting.length > MOST_WAITING) return;
    this.#waiting += `${line}\n`;
    this.#writing ??= this.#writeAll();
  }

  /** Once all is written, or could not be. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // What comes in the same turn is written with it.
    await Promise.resolve();
    try {
      while (this.#waiting !== '') {
        const text = this.#waiting;
        this.#waiting = '';
        await this.#rotate(Buffer.byteLength(text));
        await appendFile(this.#options.file, text, { mode: 0o600 });
        this.#hasFailed = false;
      }
    } catch (error) {
      this.#waiting = '';
      this.#restsUntil = this.#now() + REST_MS;
      if (!this.#hasFailed) this.#options.onFailure(error);
      this.#hasFailed = true;
    } finally {
      this.#writing = null;
    }
  }

  async #rotate(more: number): Promise<void> {
    const { file, maxBytes, maxFiles } = this.#options;
    const known = await stat(file).catch(orMissing);
    if (known === null) {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      return;
    }
    if (known.size + more <= maxBytes || known.size === 0) return;
    for (let number = maxFiles - 1; number > 0; number -= 1)
      await rename(number === 1 ? file : `${file}.${number - 1}`, `${file}.${number}`).catch(orMissing);
    if (maxFiles === 1) await truncate(file);
  }
}

function orMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}
