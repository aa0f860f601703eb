import { readFileSync, renameSync } from 'node:fs';
import type { z } from 'zod';

export interface KeptFileOptions<Value> {
  file: string;
  /** One that does not fit it is moved aside. */
  schema: z.ZodType<Value>;
  /** Replaces a file as a whole; only its owner may read it. */
  write: (file: string, text: string) => Promise<void>;
  onWarning: (warning: string) => void;
}

/** A change is written after this time, with those that come meanwhile. */
const WRITE_AFTER_MS = 10_000;

/**
 * Something that was learned, in a JSON file: read once at the start, written behind whoever changes it. Losing it costs what
 * was learned, and never fails a request.
 */
export class KeptFile<Value> {
  readonly #options: KeptFileOptions<Value>;
  #changed: (() => Value) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  #hasWarned = false;
  #isClosed = false;

  constructor(options: KeptFileOptions<Value>) {
    this.#options = options;
  }

  /** null where there is none, or none that can be understood. */
  read(): Value | null {
    const { file, schema, onWarning } = this.#options;
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if (!isMissing(error)) onWarning(`${file} could not be read (${reasonOf(error)}). What was learned is not used.`);
      return null;
    }
    const read = schema.safeParse(jsonOf(text));
    if (read.success) return read.data;
    const aside = `${file}.unreadable-${Date.now()}`;
    try {
      renameSync(file, aside);
      onWarning(`${file} could not be understood and was moved to ${aside}. What was learned begins anew.`);
    } catch (error) {
      onWarning(`${file} could not be understood, nor moved aside (${reasonOf(error)}). What was learned begins anew.`);
    }
    return null;
  }

  /** It has changed, and is written soon. @param take gives what is to be written, when it is. */
  changed(take: () => Value): void {
    if (this.#isClosed) return;
    this.#changed = take;
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#write();
    }, WRITE_AFTER_MS);
    this.#timer.unref();
  }

  /** Writes at once what has not been written. Where that does not work, it is warned of, as ever. */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#write();
    await this.#writing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
  }

  #write(): void {
    const take = this.#changed;
    if (take === null) return;
    this.#changed = null;
    const { file, write, onWarning } = this.#options;
    this.#writing = this.#writing
      .then(() => write(file, `${JSON.stringify(take())}\n`))
      .then(
        () => {
          this.#hasWarned = false;
        },
        (error: unknown) => {
          if (!this.#hasWarned) onWarning(`${file} could not be written (${reasonOf(error)}).`);
          this.#hasWarned = true;
        },
      );
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** undefined where it is none, which no schema takes. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
